// The form that asks who votes: to register, or to log in. What was refused is said beside what was entered.

import { login, register } from "./session.js";
import { Refused } from "./solver.js";

const MODES = {
  register: { button: "Register and vote", autocomplete: "new-password" },
  login: { button: "Log in and vote", autocomplete: "current-password" },
};
const SAID = {
  bad_credentials: "Username or password is wrong.",
  taken: "This username or e-mail is taken. If it is yours, choose “I have an account”.",
};
const TRYING = "The line is bad or busy: we keep trying, you can stay here.";

export class PersonForm {
  /** `say(text, state)` tells how it goes; `done()` is called once somebody is logged in. */
  constructor(form, say, done) {
    this.form = form;
    this.say = say;
    this.done = done;
    this.isBusy = false;
    for (const radio of form.elements.mode) radio.addEventListener("change", () => this.setMode(radio.value));
    form.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      this.submit();
    });
  }

  /** Shows the form; with a `reason` to people who were logged in before. */
  ask(showPart, reason = "") {
    showPart("person");
    this.say(reason, reason && "trying");
    if (reason) this.form.elements.mode.value = "login";
    this.setMode(this.form.elements.mode.value);
    this.refuse("");
    document.getElementById("person-title").focus();
  }

  setMode(mode) {
    document.getElementById("new-person").hidden = mode === "login";
    document.getElementById("password-hint").hidden = mode === "login";
    document.getElementById("enter").textContent = MODES[mode].button;
    this.form.elements.password.autocomplete = MODES[mode].autocomplete;
  }

  /** Says what is wrong, and goes to the field that it is about. */
  refuse(message, name = "") {
    const error = document.getElementById("person-error");
    error.textContent = message;
    for (const field of this.form.querySelectorAll("input:not([type=radio])")) {
      const isIt = field.name === name;
      field.removeAttribute("aria-describedby");
      field.setAttribute("aria-invalid", String(isIt));
      if (isIt) field.setAttribute("aria-describedby", "person-error");
      if (isIt) field.focus();
    }
  }

  async submit() {
    if (this.isBusy) return;
    const fields = this.form.elements;
    const isNew = fields.mode.value === "register";
    const wanted = ["username", ...(isNew ? ["email", "date_of_birth"] : []), "password"];
    const wrong = wanted.map((name) => fields[name]).find((field) => !field.checkValidity());
    if (wrong) return this.refuse(`${this.form.querySelector(`label[for="${wrong.id}"]`).textContent}: ${wrong.validationMessage}`, wrong.name);
    this.refuse("");
    this.isBusy = true;
    document.getElementById("enter").setAttribute("aria-disabled", "true");
    try {
      const given = Object.fromEntries(wanted.map((name) => [name, fields[name].value]));
      const refusal = await this.enter(isNew, given);
      if (refusal) return this.refuse(SAID[refusal.code] ?? `${refusal.message}.`, refusal.field);
      fields.password.value = "";
      this.done();
    } catch (error) {
      if (error instanceof Refused) this.refuse("That didn't work. Please try again.");
      else if (!window.isSecureContext) this.refuse("Registering needs a secure connection: an address that begins with https.");
      else throw error;
    } finally {
      this.isBusy = false;
      document.getElementById("enter").removeAttribute("aria-disabled");
    }
  }

  /** Null once logged in, or the refusal. */
  async enter(isNew, given) {
    const trying = () => this.say(TRYING, "trying");
    if (isNew) {
      this.say("Checking that you are a person …");
      const refusal = await register(given, trying);
      if (refusal) return this.said(refusal);
      this.form.elements.mode.value = "login"; // should the login fail, nobody registers twice
      this.setMode("login");
    }
    this.say("Logging in …");
    return this.said(await login(given.username, given.password, trying));
  }

  said(refusal) {
    if (refusal) this.say("");
    return refusal;
  }
}

// The forms by which staff get in: name and password, then a second factor where the server asks for one, which is set up
// here where it is missing.

import { refusalOf } from "/vote/assets/asking.js";
import { make } from "/vote/assets/element.js";
import { SignedOut, askAs, login, logout, renewed, who } from "/vote/assets/session.js";
import { hasPasskeys, madePasskey, shownPasskey } from "./passkey.js";

const SAID = { bad_credentials: "That is not right.", too_many: "Too many tries. Wait a moment." };
const TRYING = "The line is bad or busy: we keep trying.";
const SHOW = "/v1/auth/factors/show";
const STEPS = {
  show: { path: SHOW, title: "Your second factor", hint: "A code of your authenticator app, or a recovery code." },
  given: { path: SHOW, title: "Your first code", hint: "The code that you were given with your role, or ask for one." },
  new: {
    path: "/v1/auth/factors/totp/confirm",
    title: "Set up your second factor",
    hint: "From now on your app is asked for a code when you log in: enter its first one. Or make a passkey instead.",
  },
};
const PARTS = ["login", "factor", "recovery", "desk"];

const element = (id) => document.getElementById(id);

/** Shows one part of the page and nothing of the others. */
export function showPart(shown) {
  for (const part of PARTS) element(part).hidden = part !== shown;
  element("signed-in").hidden = shown !== "desk";
}

export class StaffLogin {
  /** `say(text, state)` tells how it goes; `done()` is called once somebody is in. */
  constructor(say, done) {
    this.say = say;
    this.done = done;
    this.isBusy = false;
    this.step = "show"; // of the second factor
    this.handle(element("login"), (fields) => login(fields.username.value, fields.password.value, this.trying));
    this.handle(element("factor"), (fields) => this.giveCode(fields.code.value.trim()));
    element("factor-passkey").onclick = () => this.run(element("factor"), () => (this.step === "new" ? this.makePasskey() : this.showPasskey()));
    element("recovery-noted").onclick = () => this.enter();
    element("factor-leave").onclick = async () => {
      await logout();
      this.ask();
    };
  }

  trying = () => this.say(TRYING, "trying");

  /** Asks who it is; with a reason to somebody who was in before. */
  ask(reason = "") {
    showPart("login");
    this.say(reason, reason && "trying");
    element("login-title").focus();
  }

  /** Lets in whoever is logged in, after the second factor if one is asked for. */
  enter() {
    const step = { needed: "show", missing: "given" }[who()?.secondFactor];
    return step ? this.askFactor(step) : this.done();
  }

  async askFactor(step) {
    this.step = step;
    showPart("factor");
    element("factor-title").textContent = STEPS[step].title;
    element("factor-hint").textContent = STEPS[step].hint;
    element("factor-passkey").hidden = step === "given" || !hasPasskeys();
    element("factor-passkey").textContent = step === "new" ? "Make a passkey" : "Use a passkey";
    element("factor-new").hidden = step !== "new";
    element("code").focus();
    if (step !== "new") return;
    const answer = await this.call("/v1/auth/factors/totp", {});
    if (answer.status !== 201) return this.refuse(element("factor"), refusalOf(answer));
    element("factor-secret").textContent = answer.content.secret;
    element("factor-link").href = answer.content.uri;
  }

  call(path, body) {
    return askAs(who().userId, path, { body, trying: this.trying });
  }

  async giveCode(code) {
    return this.afterFactor(await this.call(STEPS[this.step].path, { code }));
  }

  async showPasskey() {
    const asked = await this.call("/v1/auth/factors/show/options", {});
    if (asked.status !== 200) return refusalOf(asked);
    const { credential, refusal } = await shownPasskey(asked.content.options);
    return refusal ?? this.afterFactor(await this.call(SHOW, { credential }));
  }

  /** Adds a passkey of this device to whoever is logged in; the refusal, or null. */
  async makePasskey() {
    const asked = await this.call("/v1/auth/factors/passkey/options", {});
    if (asked.status !== 200) return refusalOf(asked);
    const { credential, refusal } = await madePasskey(asked.content.options);
    return refusal ?? this.afterFactor(await this.call("/v1/auth/factors/passkey", { credential }));
  }

  /** The same from the desk: shows what has to be noted, and calls `back(text)` when that is done, or nothing could be. */
  async addPasskey(back) {
    const refusal = await this.makePasskey();
    if (refusal || !element("recovery-codes").children.length) return back(refusal ? `${refusal.message}.` : "This device's passkey is added.");
    element("recovery-noted").onclick = () => {
      element("recovery-noted").onclick = () => this.enter();
      showPart("desk");
      back("");
    };
    this.showCodes();
  }

  /** The refusal, or null once the session has its roles. */
  async afterFactor(answer) {
    if (answer.status >= 400) return refusalOf(answer);
    await renewed(who().userId, this.trying);
    const codes = answer.content?.recovery_codes ?? [];
    element("recovery-codes").replaceChildren(...codes.map((code) => make("li", { textContent: code })));
    return null;
  }

  handle(form, give) {
    form.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      const wrong = [...form.querySelectorAll("input")].find((field) => !field.checkValidity());
      if (wrong) {
        this.refuse(form, { message: wrong.validationMessage });
        return wrong.focus();
      }
      return this.run(form, () => give(form.elements));
    });
  }

  /** One try: `give()` answers null or the refusal. */
  async run(form, give) {
    if (this.isBusy) return;
    this.isBusy = true;
    this.refuse(form, { message: "" });
    try {
      const refusal = await give();
      this.say("");
      if (refusal) return this.refuse(form, refusal);
      form.reset();
      if (form.id === "factor" && this.step === "given") await this.askFactor("new");
      else if (element("recovery-codes").children.length) this.showCodes();
      else await this.enter();
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error;
      this.ask("Your session has ended. Log in again.");
    } finally {
      this.isBusy = false;
    }
  }

  showCodes() {
    showPart("recovery");
    element("recovery-title").focus();
    element("recovery-noted").addEventListener("click", () => element("recovery-codes").replaceChildren(), { once: true });
  }

  refuse(form, { code, message }) {
    form.querySelector(".error").textContent = SAID[code] ?? (message && `${message}.`);
  }
}

/** What somebody may do: their roles. */
export async function rolesOf(userId, trying) {
  const answer = await askAs(userId, "/v1/auth/validate", { trying });
  return answer.content?.roles ?? [];
}

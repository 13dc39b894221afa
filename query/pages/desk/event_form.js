// The form of an event: to make one, and to edit one, of which only what has changed is sent.

import { refusalOf } from "/vote/assets/asking.js";
import { inTab } from "/vote/assets/kept.js";
import { ContestantRows } from "./contestant_rows.js";
import { LookFields } from "./look_fields.js";

const TEXTS = ["event_name", "event_description", "results_visibility", "assurance_min"];
const NUMBERS = ["expected_votes", "eligible_voters"];
const MOMENTS = ["opens_at", "closes_at"];
const FLAGS = ["captcha", "rehearsal", "two_person"];
const FIXED = ["rehearsal", "two_person", "assurance_min", ...NUMBERS]; // once it is made
const EMPTY = { results_visibility: "public", assurance_min: "password", contestants: [{}, {}] };
const DRAFT = "live-vote new event"; // what was entered of an event that isn't made yet

const element = (id) => document.getElementById(id);

/** A moment as a field of local time has it. */
function localOf(moment) {
  if (!moment) return "";
  const date = new Date(moment);
  return new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

export class EventForm {
  /** `clicks` sends; `done(event_id)` is called when all of it was answered, "" when it was discarded. */
  constructor(form, clicks, done) {
    this.form = form;
    this.clicks = clicks;
    this.done = done;
    this.rows = new ContestantRows(element("contestant-rows"));
    this.look = new LookFields(element("look"));
    this.event = null; // that is edited; null: a new one
    element("zone").textContent = `Times are of this device: ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`;
    element("add-contestant").onclick = () => this.rows.add().focus();
    element("discard").onclick = () => this.end("");
    form.oninput = () => !this.event && inTab.set(DRAFT, { ...this.values(), contestants: this.rows.values() });
    form.onsubmit = (submitted) => {
      submitted.preventDefault();
      this.submit();
    };
  }

  open(event) {
    this.event = event;
    const shown = event ?? inTab.get(DRAFT) ?? EMPTY;
    const fields = this.form.elements;
    for (const name of [...TEXTS, ...NUMBERS]) fields[name].value = shown[name] ?? "";
    for (const name of MOMENTS) fields[name].value = localOf(shown[name]);
    for (const name of FLAGS) fields[name].checked = Boolean(shown[name]);
    for (const part of this.form.querySelectorAll(".creating")) part.hidden = Boolean(event);
    this.look.show(shown.theme);
    element("contestants-part").hidden = Boolean(event) && !["draft", "scheduled"].includes(event.status);
    this.rows.show(shown.contestants);
    element("form-title").textContent = event ? `Edit “${event.event_name}”` : "New event";
    element("save").textContent = event ? "Save" : "Make the event";
    this.refuse("");
    this.setBusy(false);
    this.form.hidden = false;
    element("form-title").focus();
  }

  end(eventId) {
    if (!this.event) inTab.remove(DRAFT);
    this.form.hidden = true;
    this.done(eventId);
  }

  /** What is entered, without contestants. */
  values() {
    const fields = this.form.elements;
    const moment = (name) => (fields[name].value ? new Date(fields[name].value).toISOString() : null);
    return {
      ...Object.fromEntries(TEXTS.map((name) => [name, fields[name].value.trim() || null])),
      ...Object.fromEntries(MOMENTS.map((name) => [name, moment(name)])),
      ...Object.fromEntries(FLAGS.map((name) => [name, fields[name].checked])),
      ...Object.fromEntries(NUMBERS.map((name) => [name, fields[name].value ? Number(fields[name].value) : null])),
      theme: this.look.value(),
    };
  }

  async submit() {
    if (this.isBusy) return;
    this.rows.filled();
    const wrong = [...this.form.querySelectorAll("input")].find((field) => field.offsetParent && !field.checkValidity());
    if (wrong) return this.refuse(`${this.nameOf(wrong)}: ${wrongOf(wrong)}`, wrong);
    const lack = this.look.lack();
    if (lack) return this.refuse(`${lack.message}.`, lack.field);
    this.refuse("");
    this.setBusy(true);
    const answers = await (this.event ? this.saveChanges() : this.create());
    this.setBusy(false);
    const refused = answers.find((answer) => answer && answer.status >= 400);
    if (refused) this.sayRefusal(refusalOf(refused));
    else if (!answers.includes(null)) this.end(this.event?.event_id ?? answers[0].content.event_id);
  }

  async create() {
    const contestants = this.rows.values().map(({ contestant_id: _, ...contestant }) => contestant);
    const body = { user_id: this.clicks.userId, ...this.values(), contestants };
    return [await this.clicks.send({ label: `Make “${body.event_name}”`, path: "/v1/event/create", body })];
  }

  /** Sends each change as a click of its own, one after the other; what is refused ends it. All of it may be sent again. */
  async saveChanges() {
    const { event } = this;
    const base = { eventId: event.event_id, path: `/v1/event/${event.event_id}` };
    const changed = Object.entries(this.values()).filter(([name, value]) => !FIXED.includes(name) && !isSame(name, value, event[name]));
    const body = Object.fromEntries(changed);
    const own = changed.length ? [await this.clicks.send({ ...base, label: "Change the event", method: "PATCH", body })] : [];
    if (element("contestants-part").hidden || own.some(isBad)) return own;
    const answers = await Promise.all(this.saveContestants(base, event.contestants));
    if (answers.some(isBad)) return answers;
    return Promise.all(this.saveOrder(base, answers));
  }

  saveContestants(base, before) {
    const rows = this.rows.values();
    const path = (id) => `${base.path}/contestants/${id}`;
    const gone = before.filter(({ contestant_id: id }) => !rows.some((row) => row.contestant_id === id));
    const sent = gone.map(({ contestant_id: id, contestant_name: name }) =>
      this.clicks.send({ ...base, label: `Remove ${name}`, method: "DELETE", path: path(id) }),
    );
    for (const { contestant_id: id, ...body } of rows) {
      const old = before.find((each) => each.contestant_id === id);
      if (!old) sent.push(this.clicks.send({ ...base, label: `Add ${body.contestant_name}`, path: `${base.path}/contestants`, body }));
      else if (Object.keys(body).some((name) => (body[name] ?? "") !== (old[name] ?? "")))
        sent.push(this.clicks.send({ ...base, label: `Change ${body.contestant_name}`, method: "PATCH", path: path(id), body }));
    }
    return sent;
  }

  /** Puts them into the order of the rows: of those that are there, each that isn't at its place goes there. */
  saveOrder(base, answers) {
    const made = answers.map(({ content }) => content?.contestant_id).filter(Boolean);
    const rows = this.rows.values();
    const isKept = (id) => rows.some((row) => row.contestant_id === id);
    const added = made.filter((id) => !isKept(id));
    const wanted = rows.map((row) => row.contestant_id || added.shift());
    const order = [...this.event.contestants.map((each) => each.contestant_id).filter(isKept), ...made.filter((id) => !isKept(id))];
    const sent = [];
    wanted.forEach((id, index) => {
      if (order[index] === id) return;
      order.splice(order.indexOf(id), 1);
      order.splice(index, 0, id);
      const { contestant_name: name } = rows[index];
      const body = { order_no: index + 1 };
      sent.push(this.clicks.send({ ...base, label: `Move ${name}`, method: "PATCH", path: `${base.path}/contestants/${id}`, body }));
    });
    return sent;
  }

  setBusy(is) {
    this.isBusy = is;
    element("save").setAttribute("aria-busy", String(is));
  }

  nameOf(field) {
    return field.getAttribute("aria-label") ?? field.labels[0].textContent.trim();
  }

  sayRefusal({ message, field = "" }) {
    const [, row, name] = /^contestants\[(\d+)\]\.(\w+)$/.exec(field) ?? [];
    const within = row ? this.rows.filled()[row] : this.form;
    this.refuse(`${message}.`, within?.querySelector(`[name="${name ?? CSS.escape(field)}"]`));
  }

  /** Says what is wrong, and goes to the field that it is about. */
  refuse(message, field = null) {
    this.form.querySelector(".error").textContent = message;
    for (const each of this.form.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
    field?.setAttribute("aria-invalid", "true");
    field?.focus();
  }
}

/** Whether something wasn't done, or nobody knows. */
const isBad = (answer) => !answer || answer.status >= 400;

/** What is wrong with a field, in its own words if it has some for what doesn't fit its pattern. */
const wrongOf = ({ validity, validationMessage, dataset }) =>
  (validity.patternMismatch || validity.typeMismatch) && dataset.wrong ? `it ${dataset.wrong}.` : validationMessage;

/** Whether a field says what the event has; moments by the second, as the form shows them. */
function isSame(name, value, has) {
  if (MOMENTS.includes(name)) return localOf(value) === localOf(has);
  if (name === "theme") return Object.keys(has).every((each) => (value?.[each] ?? null) === has[each]);
  return (value ?? "") === (has ?? "");
}

// The desk: who is at it, which events there are, the one on the desk (in the address, so that a reload comes back to it),
// and what is asked all the time. Everything is asked each second, since another host's change must be here within one.

import { Clock } from "/live/assets/clock.js";
import { make } from "/vote/assets/element.js";
import { inTab } from "/vote/assets/kept.js";
import { SignedOut, askAs, logout, who } from "/vote/assets/session.js";
import { ClickLog, clockText } from "./click_log.js";
import { Clicks } from "./clicks.js";
import { EventForm } from "./event_form.js";
import { EventList } from "./event_list.js";
import { EventPanel, changeOf } from "./event_panel.js";
import { EventStream } from "./event_stream.js";
import { Line } from "./line.js";
import { hasPasskeys } from "./passkey.js";
import { Road } from "./road.js";
import { saveSheet } from "./sheet.js";
import { StaffLogin, rolesOf, showPart } from "./staff_login.js";

const EVERY_MS = 1_000;
const AUDIT_EVERY = 5; // rounds
const NAMES_EVERY = 60;
const NAMES_WITHIN_MS = 4_000;

const element = (id) => document.getElementById(id);
const clock = new Clock();

/** Says how it stands; a screen reader says each change once. */
function say(text, state = "") {
  element("said").dataset.state = state;
  if (element("said").textContent !== text) element("said").textContent = text;
}

class Desk {
  constructor(user, roles) {
    this.userId = user.userId;
    this.isAdmin = roles.includes("admin");
    this.names = new Map(); // of staff, by user_id
    this.mayAudit = roles.some((role) => ["admin", "auditor"].includes(role));
    this.log = new ClickLog(element("log"), (key) => this.clicks.withdraw(key));
    this.clicks = new Clicks(user.userId, (entries) => this.showClicks(entries), (entry, answer) => this.settled(entry, answer));
    this.line = new Line(user.userId, (said, isBad) => this.clicks.note(said, isBad));
    this.road = new Road(element("road"), element("watching"), (said, isBad) => this.clicks.note(said, isBad));
    this.list = new EventList(element("event-list"));
    this.panel = new EventPanel(this.clicks, (userId, role) => this.nameOf(userId, role));
    this.form = new EventForm(element("event-form"), this.clicks, (eventId) => this.endForm(eventId));
    this.eventId = "";
    this.event = null;
    this.stream = null;
    this.older = []; // pages of events behind the first
    this.cursor = null;
    this.isOver = false;
    this.hasLeft = false;
    element("me").textContent = user.username;
    this.listen();
  }

  listen() {
    window.onhashchange = () => this.choose();
    element("new-event").onclick = () => this.openForm(null);
    element("edit").onclick = () => this.openForm(this.event);
    element("sheet").onclick = () => this.saveSheet();
    element("more-events").onclick = () => this.showOlder();
    element("duplicate").onclick = () => this.makeAnew("duplicate", {});
    element("other-kind").onclick = () => this.makeAnew("duplicate", { rehearsal: !this.event.rehearsal });
    element("next-round").onsubmit = (submitted) => {
      submitted.preventDefault();
      const { event_name: name, places } = submitted.target.elements;
      const isGood = name.checkValidity() && places.checkValidity();
      submitted.target.querySelector(".error").textContent = isGood ? "" : "Give it a name, and say how many go on.";
      if (isGood) this.makeAnew("next-round", { event_name: name.value, contestant_ids: this.panel.leaders(Number(places.value)) });
    };
    element("add-passkey").hidden = !hasPasskeys();
    element("add-passkey").onclick = () => this.addPasskey();
    element("leave").onclick = () => this.leave();
    // Who leaves while a click is under way is asked: it is sent on only while this page is open.
    window.onbeforeunload = (leaving) => {
      if (this.clicks.pending().length) leaving.preventDefault();
    };
  }

  /** Shows the desk, sends on what waits, and asks until somebody else is to be let in. */
  async run() {
    showPart("desk");
    this.clicks.resume();
    this.choose();
    const ticking = setInterval(() => this.tick(), 250);
    try {
      for (let round = 0; !this.isOver; round += 1) {
        const pause = new Promise((resolve) => setTimeout(resolve, EVERY_MS));
        if (this.isAdmin && round % NAMES_EVERY === 0) this.askNames();
        await Promise.all([this.askRoad(), this.askEvents(), this.askEvent(), round % AUDIT_EVERY === 0 && this.askAudit()]);
        await pause;
      }
    } finally {
      clearInterval(ticking);
      this.line.stop();
      this.clicks.stop();
      this.stream?.stop();
      window.onhashchange = window.onbeforeunload = null;
    }
  }

  tick() {
    element("server-time").textContent = clockText(clock.now());
    this.panel.tick(clock.now());
  }

  showClicks(entries) {
    this.log.show(entries);
    this.panel?.showCues();
  }

  /** What was answered is shown at once; what was made is put on the desk. */
  settled({ path }, { status, content }) {
    if (status < 300 && /\/(create|duplicate|next-round|reset)$/.test(path)) location.hash = content.event_id;
    this.askEvent();
    this.askEvents();
  }

  choose() {
    this.stream?.stop();
    this.eventId = location.hash.slice(1);
    this.event = null;
    element("event").hidden = true;
    document.documentElement.dataset.rehearsal = "";
    this.panel.begin();
    say("");
    if (!this.eventId) return;
    element("event-form").hidden = true;
    this.stream = new EventStream(this.eventId, () => this.askTicket(), (standings) => this.showStandings(standings));
    this.askEvent();
    this.askAudit();
  }

  showStandings(standings) {
    this.panel.showStandings(standings);
    const { event } = this;
    const isNews = event && (event.status !== standings.status || Boolean(event.frozen) !== Boolean(standings.frozen));
    if (isNews) this.askEvent();
  }

  async askTicket() {
    const answer = await this.poll(`/v1/event/${this.eventId}/stream/ticket`, { body: {} });
    return answer?.status === 200 ? answer.content.ticket : null;
  }

  /** What a call answers now, null while nobody does; who isn't logged in any more is asked to be. */
  async poll(path, request) {
    try {
      return await this.line.poll(path, request);
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error;
      this.isOver = true;
      return null;
    }
  }

  async askRoad() {
    const sent = Date.now();
    const answer = await this.poll(`/v1/status/road${this.event ? `?event_id=${this.eventId}` : ""}`);
    if (answer?.status === 200) clock.take(sent, answer.content.now);
    this.road.show(answer?.status === 200 ? answer.content : null);
  }

  async askEvents() {
    const answer = await this.poll("/v1/events");
    if (answer?.status !== 200) return;
    if (!this.older.length) this.cursor = answer.content.next_cursor;
    element("more-events").hidden = !this.cursor;
    const newest = answer.content.events;
    const known = new Set(newest.map((event) => event.event_id));
    this.list.show([...newest, ...this.older.filter((event) => !known.has(event.event_id))], this.eventId);
  }

  async showOlder() {
    const answer = await this.poll(`/v1/events?cursor=${this.cursor}`);
    if (answer?.status !== 200) return;
    this.older.push(...answer.content.events);
    this.cursor = answer.content.next_cursor;
    this.askEvents();
  }

  async askEvent() {
    const { eventId } = this;
    if (!eventId) return;
    const answer = await this.poll(`/v1/event/${encodeURIComponent(eventId)}`);
    if (eventId !== this.eventId || !answer) return;
    if ([400, 404].includes(answer.status)) say("There is no event at this address.");
    if (answer.status !== 200) return;
    const change = this.event && changeOf(this.event, answer.content);
    if (change && !this.clicks.explains(eventId)) this.clicks.note(`${answer.content.event_name}: ${change}, by somebody else or the schedule`);
    this.event = answer.content;
    element("event").hidden = !element("event-form").hidden;
    this.panel.show(this.event);
  }

  async askAudit() {
    if (!this.mayAudit || !this.eventId) return;
    const answer = await this.poll(`/v1/audit/log?event_id=${encodeURIComponent(this.eventId)}`);
    if (answer?.status === 404) this.mayAudit = false; // there is no log to read here
    element("audit").hidden = answer?.status !== 200;
    if (answer?.status !== 200) return;
    const by = ({ actor, operator, role }) => {
      if (operator) return `operator ${operator}`;
      return actor === this.userId ? "you" : actor ? this.nameOf(actor, role) : "the schedule";
    };
    const lineOf = (entry) =>
      make(
        "li",
        {},
        make("time", { dateTime: entry.at, textContent: clockText(entry.at) }),
        make("span", { className: "what", textContent: `${entry.action.replace(/^event\./, "")}, by ${by(entry)}` }),
      );
    element("audit-list").replaceChildren(...answer.content.entries.map(lineOf));
  }

  /** Admins may know the names of staff; for others somebody is a role with the beginning of an id. Nobody waits for it. */
  async askNames() {
    const answer = await askAs(this.userId, "/v1/staff", { triesMax: 1, withinMs: NAMES_WITHIN_MS, trying() {} }).catch(() => null);
    if (answer?.status === 200) this.names = new Map(answer.content.staff.map((each) => [each.user_id, each.username]));
  }

  nameOf(userId, role) {
    return this.names.get(userId) ?? `${role ?? "somebody"} ${userId.slice(0, 8)}`;
  }

  openForm(event) {
    element("event").hidden = true;
    this.form.open(event);
  }

  endForm(eventId) {
    element("event").hidden = !this.event;
    if (eventId && eventId !== this.eventId) location.hash = eventId;
    else if (this.event) element("event-name").focus();
    else element("events-title").focus();
  }

  makeAnew(what, body) {
    const label = what === "duplicate" ? `Duplicate ${this.event.event_name}` : `Next round: ${body.event_name}`;
    this.clicks.send({ eventId: this.eventId, label, path: `/v1/event/${this.eventId}/${what}`, body });
  }

  async saveSheet() {
    const isSaved = await saveSheet(this.userId, this.eventId).catch(() => false);
    say(isSaved ? "" : "The result sheet can't be made now. Please try again.");
  }

  async addPasskey() {
    try {
      await door.addPasskey((text) => say(text));
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error;
      this.isOver = true;
    }
  }

  async leave() {
    if (this.clicks.pending().length) return say("A click isn't answered yet: wait, or stop trying it.", "trying");
    this.isOver = this.hasLeft = true;
    this.clicks.stop();
    inTab.remove(this.clicks.key);
    await logout();
  }
}

const door = new StaffLogin(say, enter);

async function enter() {
  const user = who();
  try {
    const roles = await rolesOf(user.userId, () => say("The line is bad or busy: we keep trying.", "trying"));
    say("");
    if (!roles.some((role) => ["host", "admin"].includes(role))) {
      await logout();
      return door.ask(`${user.username} runs no events. Log in as a host or admin.`);
    }
    const desk = new Desk(user, roles);
    await desk.run();
    document.documentElement.dataset.rehearsal = "";
    door.ask(desk.hasLeft ? "You are logged out." : "Your session has ended. Log in again: what waits is sent then.");
  } catch (error) {
    if (!(error instanceof SignedOut)) throw error;
    door.ask("Your session has ended. Log in again.");
  }
}

if (who()) door.enter();
else door.ask();

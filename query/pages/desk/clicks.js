// What a host has clicked, each from the click to a definite answer. It is written down before it is sent and is repeated
// as it is until somebody answers, after a reload too: the calls answer a repeat as the first time, and what makes
// something carries a key that says so.
//
//   sending ──► done | refused | asked (another person has to confirm it)
//      │  ▲
//      ▼  │ again, every two seconds or so
//   repeating ──► withdrawn: nobody repeats it any more, and it may have been carried out
//
// Clicks of one event go one after the other, in their order. What was answered stays as the log of this tab.

import { refusalOf } from "/vote/assets/asking.js";
import { inTab } from "/vote/assets/kept.js";
import { SignedOut, askAs } from "/vote/assets/session.js";

const WAIT_MAX_MS = 1_500;
const ANSWER_WITHIN_MS = 10_000; // then it is sent again, which does no harm
const KEPT_MAX = 200;
const OWN_CHANGE_MS = 10_000; // so long a change may be taken for what was just answered

const REASONS = { 0: "no answer", 429: "too many at once", 503: "busy, or a part is away" };

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Clicks {
  /** `changed(entries)` is called whenever something is to be shown; `settled(entry, answer)` once one is answered. */
  constructor(userId, changed, settled) {
    this.userId = userId;
    this.changed = changed;
    this.settled = settled;
    this.key = `live-vote clicks ${userId}`;
    this.entries = inTab.get(this.key) ?? [];
    this.last = new Map(); // event → the end of what was clicked before
    this.isOver = false;
  }

  /** Sends nothing any more; what waits does so for the next one who resumes. */
  stop() {
    this.isOver = true;
  }

  /** Sends on what waits since before a reload, or since the session ended. */
  resume() {
    for (const entry of this.pending()) this.queue(entry);
    this.changed(this.entries);
  }

  /** What isn't answered, of one event or of all. */
  pending(eventId) {
    return this.entries.filter(
      (entry) => ["sending", "repeating"].includes(entry.state) && (eventId === undefined || entry.eventId === eventId),
    );
  }

  /** Takes a click; the definite answer, or null when it was withdrawn or nobody is logged in any more. */
  send({ eventId = "", label, path, method = "POST", body = {} }) {
    const entry = { key: newKey(), at: Date.now(), eventId, label, path, method, body, state: "sending", said: "" };
    this.entries.push(entry);
    this.keep();
    return this.queue(entry);
  }

  /** Takes down what happened without a click here. */
  note(said, isBad = false) {
    this.entries.push({ key: newKey(), at: Date.now(), label: said, state: isBad ? "fault" : "noted", said: "" });
    this.keep();
  }

  /** Gives up a click that nobody answers. */
  withdraw(key) {
    const entry = this.entries.find((each) => each.key === key);
    if (this.pending().includes(entry)) this.set(entry, "withdrawn", "given up: it may have been carried out");
  }

  /** Whether something that was clicked here is what changed an event just now. */
  explains(eventId) {
    const isOwn = (entry) => entry.eventId === eventId && Date.now() - (entry.answeredAt ?? 0) < OWN_CHANGE_MS;
    return this.pending(eventId).length > 0 || this.entries.some(isOwn);
  }

  queue(entry) {
    const before = this.last.get(entry.eventId) ?? Promise.resolve();
    const end = before.then(() => this.carryOut(entry));
    this.last.set(entry.eventId, end);
    return end;
  }

  async carryOut(entry) {
    const isWanted = () => entry.state !== "withdrawn" && !this.isOver;
    const trying = ({ status }) => isWanted() && this.set(entry, "repeating", REASONS[status] ?? `error ${status}`);
    const { path, method, body, key } = entry;
    try {
      const sent = { method, body: method === "DELETE" ? undefined : body, key };
      const patience = { isWanted, trying, waitMaxMs: WAIT_MAX_MS, withinMs: ANSWER_WITHIN_MS };
      const answer = await askAs(this.userId, path, { ...sent, ...patience });
      if (answer.status === 0) return null; // it isn't wanted any more
      this.settle(entry, answer);
      return answer;
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error;
      if (isWanted()) this.set(entry, "repeating", "log in again, and it goes on");
      return null;
    }
  }

  settle(entry, answer) {
    entry.answeredAt = Date.now();
    if (answer.status >= 400) this.set(entry, "refused", refusalOf(answer).message);
    else if (answer.status === 202) this.set(entry, "asked", answer.content?.expires_at ?? "");
    else this.set(entry, "done", answer.content?.at ?? "");
    this.settled(entry, answer);
  }

  set(entry, state, said) {
    Object.assign(entry, { state, said });
    this.keep();
  }

  keep() {
    const pending = this.pending();
    const rest = this.entries.filter((entry) => !pending.includes(entry)).slice(-KEPT_MAX);
    this.entries = this.entries.filter((entry) => pending.includes(entry) || rest.includes(entry));
    inTab.set(this.key, this.entries);
    this.changed(this.entries);
  }
}

// One event on the desk: how it is, what may be clicked, the numbers as staff see them, its plan.

import { Board, number } from "/live/assets/board.js";
import { Rate } from "/live/assets/rate.js";
import { make } from "/vote/assets/element.js";
import { CueButtons } from "./cue_buttons.js";
import { askedOf, whatOf } from "./asked_change.js";
import { cuesOf } from "./cues.js";
import { countdownOf } from "./countdown.js";
import { statusOf } from "./event_list.js";

const VISIBILITY = { public: "all the time", after_close: "after the close", staff: "when they are revealed" };
const VOTERS = {
  password: "whoever has an account",
  mail: "whose mail address is confirmed, or who come from another service",
  federated: "who come from another service",
  attested: "whose identity another service has checked",
};
const OVER = ["closed", "cancelled"];

const element = (id) => document.getElementById(id);

function displayOf({ status, frozen, revealed, contestants, staff, results_visibility: visibility }) {
  if (staff?.void_reason) return `These votes have no result: ${staff.void_reason}`;
  if (status === "cancelled") return "";
  if (frozen && revealed) return `The public sees ${revealed} of ${contestants.length} places`;
  if (frozen) return "Frozen for the public";
  if (visibility === "staff" && !revealed) return "Hidden from the public";
  if (visibility === "staff" && revealed < contestants.length) return `The public sees ${revealed} of ${contestants.length} places`;
  if (visibility === "after_close" && status !== "closed") return "Hidden from the public until the close";
  return "";
}

/** What differs between two states of an event, in a host's words; "" for nothing that counts on air. */
export function changeOf(before, now) {
  const said = [];
  if (before.status !== now.status) said.push(statusOf(now).toLowerCase());
  if (Boolean(before.frozen) !== Boolean(now.frozen)) said.push(now.frozen ? "frozen" : "not frozen any more");
  if ((before.revealed ?? 0) !== (now.revealed ?? 0)) said.push(`${now.revealed} places revealed`);
  const asked = now.staff?.asked;
  if (asked && asked.expires_at !== before.staff?.asked?.expires_at) said.push(`a second person is wanted to ${whatOf(asked)}`);
  return said.join(", ");
}

export class EventPanel {
  /** `clicks` sends what is clicked; `nameOf(userId, role)` says who somebody is. */
  constructor(clicks, nameOf) {
    this.clicks = clicks;
    this.nameOf = nameOf;
    this.event = null;
    this.now = 0; // by the server's clock, Unix ms
    this.said = (text) => {
      element("cue-said").textContent = text;
    };
    this.cues = new CueButtons(element("cues"), this.said, (cue) => this.fire(cue), (cue) => this.lackOf(cue));
  }

  /** Begins with an event of which nothing is known yet. */
  begin() {
    this.event = null;
    this.beginBoard("");
    this.rate = new Rate();
    this.rate.begin();
    this.counts = [];
    element("rate").textContent = "–";
    element("stale").hidden = true;
    element("void-reason").value = "";
    this.isVoiding = false;
  }

  /** A new board for contestants in a new order: one that is there keeps everybody at their place. */
  beginBoard(order) {
    this.order = order;
    element("board").replaceChildren();
    this.board = new Board(element("board"), element("total"));
  }

  fire({ label, path, body, needsReason }) {
    const sent = needsReason ? { ...body, reason: element("void-reason").value.trim() } : body;
    this.clicks.send({ eventId: this.event.event_id, label: `${label} (${this.event.event_name})`, path, body: sent });
  }

  lackOf({ needsReason }) {
    if (!needsReason || element("void-reason").value.trim()) return "";
    this.isVoiding = true;
    element("void").hidden = false;
    element("void-reason").focus();
    return "Say first why this round is void.";
  }

  show(event) {
    this.event = event;
    element("event-name").textContent = event.event_name;
    this.write("event-status", statusOf(event));
    element("event-status").dataset.status = event.status;
    this.write("event-display", displayOf(event));
    element("rehearsal").hidden = !event.rehearsal;
    document.documentElement.dataset.rehearsal = event.rehearsal ? "Rehearsal" : "";
    const order = event.contestants.map((each) => each.contestant_id).join();
    if (order !== this.order) this.beginBoard(order);
    this.board.name(event.contestants.map(({ contestant_id, contestant_name: name, party }) => ({ contestant_id, name, party, votes: 0 })));
    this.board.show(this.counts.filter(({ contestant_id: id }) => event.contestants.some((each) => each.contestant_id === id)));
    this.showPlan(event);
    this.showLinks(event);
    element("sheet").hidden = !OVER.includes(event.status);
    element("edit").hidden = OVER.includes(event.status);
    element("other-kind").textContent = event.rehearsal ? "Make the real one of it" : "Make a rehearsal of it";
    element("next-round").hidden = event.status !== "closed";
    element("round-places").max = event.contestants.length;
    this.showCues();
  }

  showCues() {
    if (!this.event) return;
    const asked = askedOf(this.event, this.now, this.clicks.userId, this.nameOf);
    this.write("asked", asked?.said ?? "");
    element("asked").hidden = !asked;
    const pending = this.clicks.pending(this.event.event_id).map(({ path }) => path);
    const cues = cuesOf(this.event, asked);
    element("void").hidden = !this.isVoiding || !cues.some(({ needsReason }) => needsReason);
    this.cues.show(cues, (cue) => pending.includes(cue.path));
  }

  /** Takes what the stream says of the numbers. */
  showStandings({ total_votes: total, contestants, stale }) {
    this.counts = contestants;
    this.board.show(contestants);
    this.rate.take(total);
    element("stale").hidden = !stale || !this.event || ["draft", "scheduled"].includes(this.event.status);
  }

  /** Shows what runs by itself, at this moment of the server's clock (Unix ms). */
  tick(now) {
    this.now = now;
    if (this.event?.staff?.asked) this.showCues(); // what was asked expires
    const next = this.event && countdownOf(this.event, now);
    element("countdown").hidden = !next;
    this.write("countdown", next?.said ?? "");
    element("countdown").dataset.urgent = String(Boolean(next?.isUrgent));
    const perMinute = this.event?.status === "open" ? this.rate.perMinute() : null;
    this.write("rate", perMinute === null ? "–" : number.format(perMinute));
  }

  /** The ids of those who lead, so many, in the host's order: the next round tells nobody who was first. */
  leaders(places) {
    const votes = new Map(this.counts.map(({ contestant_id: id, total_votes: total }) => [id, total]));
    const ids = this.event.contestants.map(({ contestant_id: id }) => id);
    const best = new Set(ids.toSorted((a, b) => (votes.get(b) ?? 0) - (votes.get(a) ?? 0)).slice(0, places));
    return ids.filter((id) => best.has(id));
  }

  showPlan(event) {
    const count = (votes) => (votes ? number.format(votes) : "");
    const moment = (text) => (text ? new Date(text).toLocaleString() : "by hand");
    const plan = {
      Opens: moment(event.opens_at),
      Closes: moment(event.closes_at),
      "The public sees the results": VISIBILITY[event.results_visibility],
      "Against robots": event.captcha ? "each vote solves a challenge" : "nothing is asked",
      "To join": event.short_code ? `${location.host}/j/${event.short_code}` : "",
      "Who may vote": VOTERS[event.assurance_min] ?? event.assurance_min,
      "Expected votes": count(event.staff?.expected_votes),
      "Eligible voters": count(event.staff?.eligible_voters),
      "Two people": event.two_person ? "cancelling and voiding need another host or admin" : "",
    };
    const asText = JSON.stringify(plan);
    if (asText === this.plan) return;
    this.plan = asText;
    const lines = Object.entries(plan).filter(([, said]) => said);
    element("plan").replaceChildren(...lines.map(([term, said]) => make("div", {}, make("dt", { textContent: term }), make("dd", { textContent: said }))));
  }

  /** A draft has no pages yet. */
  showLinks({ event_id: id, status }) {
    element("links").hidden = status === "draft";
    for (const link of element("links").children) link.href = link.dataset.to.replace("{event_id}", id);
  }

  write(id, text) {
    if (element(id).textContent !== text) element(id).textContent = text;
  }
}

// The live page: finds its event in its own address, shows the standings as they come, and says how it stands.

import { Board, number } from "./board.js";
import { dress } from "./look.js";
import { Measure } from "./measure.js";
import { Rate } from "./rate.js";
import { watch } from "./standings.js";

const SPEAK_EVERY_MS = 20_000; // a screen reader is told the lead now and then, not each vote
const RATE_EVERY_MS = 1_000;

const SAID = {
  connecting: "Connecting …",
  live: "Live",
  paused: "Voting is paused",
  frozen: "Frozen",
  revealing: "The result, place by place",
  reconnecting: "Reconnecting …",
  stale: "Numbers may lag",
  closed: "Final result",
  cancelled: "Cancelled: no result",
  waiting: "Not open yet",
  hidden: "Results are hidden",
  missing: "No such event",
};
const NOTICES = {
  hidden: "The results of this event are not shown yet.",
  missing: "There is no event at this address.",
  cancelled: "This vote was cancelled: it has no result.",
};

const element = (id) => document.getElementById(id);
const eventId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const board = new Board(element("board"), element("total"));
const measure = new Measure(eventId);
const rate = new Rate();
let spokenAt = 0;
let isHeldBack = false; // the numbers stand still, or some of them are to come

function showState(state) {
  if (element("connection").dataset.state === state) return; // a screen reader says each change
  element("connection").dataset.state = state;
  element("connection").textContent = SAID[state];
  element("notice").textContent = NOTICES[state] ?? "";
  element("notice").hidden = !(state in NOTICES);
  for (const id of ["board", "numbers"]) element(id).hidden = state === "hidden"; // held back, so off the screen, too
  if (state === "hidden") tellIfCancelled();
}

/** What is hidden may be so for good, which no stream tells. */
async function tellIfCancelled() {
  const look = await dress(eventId);
  if (look?.status !== "cancelled" || element("connection").dataset.state !== "hidden") return;
  element("connection").textContent = SAID.cancelled;
  element("notice").textContent = NOTICES.cancelled;
}

function showEvent(event) {
  element("title").textContent = event.event_title;
  document.title = `${event.event_title} – live results`;
  board.name(event.totals);
}

function showStandings(standings, isFirst) {
  const wasHeldBack = isHeldBack;
  isHeldBack = standings.frozen || standings.revealed !== undefined;
  board.show(standings.contestants, standings.revealed !== undefined);
  if (isFirst || wasHeldBack) rate.begin();
  else measure.note(standings);
  rate.take(standings.total_votes);
  element("total-unit").textContent = standings.total_votes === 1 ? "vote" : "votes";
  const asOf = new Date(standings.as_of);
  element("as-of").textContent = asOf.getTime() ? `${standings.frozen ? "Numbers of" : "As of"} ${asOf.toLocaleTimeString()}` : "";
  speak(standings.type === "closed");
}

function showRate() {
  const isOver = ["closed", "cancelled"].includes(element("connection").dataset.state);
  const perMinute = isOver || isHeldBack ? null : rate.perMinute();
  element("rate").textContent = perMinute === null ? "" : `${number.format(perMinute)} a minute`;
}

function speak(isLast) {
  const now = Date.now();
  if (isLast || now - spokenAt > SPEAK_EVERY_MS) {
    spokenAt = now;
    element("spoken").textContent = board.summary();
  }
}

dress(eventId);
setInterval(showRate, RATE_EVERY_MS);
watch(eventId, { state: showState, event: showEvent, standings: showStandings });

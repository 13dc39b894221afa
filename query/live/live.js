// The live page: finds its event in its own address, shows the standings as they come, and says how it stands.

import { Board } from "./board.js";
import { watch } from "./standings.js";

const SPEAK_EVERY_MS = 20_000; // a screen reader is told the lead now and then, not each vote

const SAID = {
  connecting: "Connecting …",
  live: "Live",
  reconnecting: "Reconnecting …",
  stale: "Numbers may lag",
  closed: "Final result",
  cancelled: "Cancelled",
  waiting: "Not open yet",
  hidden: "Results are hidden",
  missing: "No such event",
};
const NOTICES = {
  hidden: "The results of this event are not shown yet.",
  missing: "There is no event at this address.",
};

const element = (id) => document.getElementById(id);
const board = new Board(element("board"), element("total"));
let spokenAt = 0;

function showState(state) {
  element("connection").dataset.state = state;
  element("connection").textContent = SAID[state];
  element("notice").textContent = NOTICES[state] ?? "";
  element("notice").hidden = !(state in NOTICES);
}

function showEvent(event) {
  element("title").textContent = event.event_title;
  document.title = `${event.event_title} – live results`;
  board.name(event.totals);
}

function showStandings(standings) {
  board.show(standings.contestants);
  element("total-unit").textContent = standings.total_votes === 1 ? "vote" : "votes";
  const asOf = new Date(standings.as_of);
  element("as-of").textContent = asOf.getTime() ? `As of ${asOf.toLocaleTimeString()}` : "";
  speak(standings.type === "closed");
}

function speak(isLast) {
  const now = Date.now();
  if (isLast || now - spokenAt > SPEAK_EVERY_MS) {
    spokenAt = now;
    element("spoken").textContent = board.summary();
  }
}

const eventId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
watch(eventId, { state: showState, event: showEvent, standings: showStandings });

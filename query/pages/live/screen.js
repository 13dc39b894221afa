// The projector's page: the board, how long people may still vote, and how they join.

import { Board } from "./board.js";
import { dress } from "./look.js";
import { watch } from "./standings.js";

const LOOK_EVERY_MS = 10_000; // a schedule may be changed
const CLOSED_WAIT_MS = 3_000;
const NOTICES = { hidden: "The results come later.", missing: "There is no event at this address." };
const OVER = ["closed", "cancelled"];

const element = (id) => document.getElementById(id);
const eventId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const board = new Board(element("board"), element("total"));
let look = null;
let status = "";

/** 75 s as 1:15, an hour more as 1:01:15. */
function clock(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, index) => (index ? String(part).padStart(2, "0") : part)).join(":");
}

function countdown() {
  if (status === "paused") return "Voting pauses";
  if (OVER.includes(status)) return status === "closed" ? "Voting has ended" : "Cancelled: no result";
  if (status === "open") return look?.closes_at ? clock(Date.parse(look.closes_at) - Date.now()) : "Voting is open";
  return look?.opens_at ? `Starts in ${clock(Date.parse(look.opens_at) - Date.now())}` : "";
}

function tick() {
  const text = countdown();
  if (element("countdown").textContent !== text) element("countdown").textContent = text;
  element("join").hidden = !look || OVER.includes(status);
}

async function lookAgain() {
  look = (await dress(eventId)) ?? look;
  if (!look) return;
  status ||= look.status;
  if (!element("qr").src) {
    element("qr").src = `/v1/event/${encodeURIComponent(eventId)}/qr.svg`;
    element("host").textContent = location.host;
    element("code").textContent = look.short_code;
    element("title").textContent = look.event_name;
  }
  if (element("notice").hidden === false) status = look.status; // no stream tells it
}

const show = {
  state: (state) => {
    element("notice").textContent = NOTICES[state] ?? "";
    element("notice").hidden = !(state in NOTICES);
    for (const id of ["board", "numbers"]) element(id).hidden = state === "hidden"; // held back, so out of the hall, too
  },
  event: (event) => {
    document.title = event.event_title;
    board.name(event.totals);
  },
  standings: (standings) => {
    status = standings.status;
    board.show(standings.contestants, standings.revealed !== undefined);
    tick();
  },
};
watch(eventId, show, { closedWaitMs: CLOSED_WAIT_MS });
setInterval(tick, 250);
setInterval(lookAgain, LOOK_EVERY_MS);
await lookAgain();
tick();

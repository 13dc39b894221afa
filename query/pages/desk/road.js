// How the road of a vote does, in words that a producer understands; what gets worse or well again goes into the log.

import { number } from "/live/assets/board.js";
import { make } from "/vote/assets/element.js";
import { clockText } from "./click_log.js";

const SILENT_MS = 3_000;
const BEHIND_BYTES = 4_000_000;
const WAITING_VOTES = 2_000;
const SLOW_MS = 1_000;
const PARTS = {
  votes: "taking votes",
  counting: "counting",
  streams: "showing the numbers",
  reads: "answering questions",
  people: "letting voters in",
};

const seconds = (ms) => `${number.format(Math.round(ms / 100) / 10)} s`;
const good = (said) => ({ state: "good", said });
const bad = (said) => ({ state: "bad", said });

function ofVotes({ processes, waiting, slow_ms: slow }) {
  if (!processes) return bad("No part that takes votes reports. Votes may be refused for now; nothing that was taken is lost.");
  if (waiting > WAITING_VOTES) return bad(`${number.format(waiting)} votes wait to be kept: voters wait for their answer.`);
  if (slow > SLOW_MS) return bad(`Voters wait ${seconds(slow)} for their answer.`);
  return good(slow === null ? "Ready for votes." : `Votes are kept within ${number.format(slow)} ms.`);
}

function ofCounting({ heard_ms_ago: heard, behind_bytes: behind }) {
  if (heard === null) return bad("Nobody knows how far the counting is. Votes are safe; the numbers come from the last backup.");
  if (heard > SILENT_MS) return bad(`The counting has stood still for ${seconds(heard)}. Votes are safe; the numbers lag.`);
  if (behind > BEHIND_BYTES) return bad(`The counting is behind by ${number.format(Math.round(behind / 1e6))} MB of votes; the numbers lag.`);
  return good("Every vote that is kept is counted.");
}

function ofStreams({ processes, slow_ms: slow }) {
  if (!processes) return bad("No part that shows the numbers reports: screens may stand still.");
  if (slow > SLOW_MS) return bad(`Screens are ${seconds(slow)} behind the votes.`);
  return good(slow === null ? "Screens are up to date." : `A vote is on the screens within ${number.format(slow)} ms.`);
}

function ofTrouble(trouble) {
  if (!trouble) return good("No fault so far.");
  return { state: "quiet", said: `Last fault at ${clockText(trouble.at)}, ${PARTS[trouble.part] ?? trouble.part}: ${trouble.message}.` };
}

export class Road {
  /** `note(said, isBad)` takes down what changes. */
  constructor(list, watching, note) {
    this.list = list;
    this.watching = watching;
    this.note = note;
    this.states = null; // by line, as they were said last
  }

  /** Shows what GET /v1/status/road says; null: nobody can be asked. */
  show(status) {
    const lines = status
      ? [ofVotes(status.votes), ofCounting(status.counting), ofStreams(status.streams), ofTrouble(status.last_trouble)]
      : [bad("Nobody can be asked how it goes.")];
    if (status) this.compare(lines);
    const texts = lines.map(({ said }) => said).join();
    if (texts !== this.texts) this.list.replaceChildren(...lines.map(({ state, said }) => this.line(state, said)));
    this.texts = texts;
    const { watching, watching_event: here } = status?.streams ?? {};
    this.watching.textContent = status ? `${number.format(here)} watching, ${number.format(watching)} in all` : "";
  }

  line(state, said) {
    const line = make("li", { textContent: said });
    line.dataset.state = state;
    return line;
  }

  compare(lines) {
    lines.forEach(({ state, said }, index) => {
      if (this.states && this.states[index] !== state && "quiet" !== state) this.note(said, state === "bad");
    });
    this.states = lines.map(({ state }) => state);
  }
}

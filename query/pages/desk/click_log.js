// The log on the page: every click with what became of it, and what happened without one; the newest first.

import { make } from "/vote/assets/element.js";

const SHOWN_MAX = 60;
const MARKS = { sending: "…", repeating: "…", done: "✓", refused: "✗", asked: "?", withdrawn: "?", noted: "·", fault: "!" };

/** A moment's time of day; with the day, unless that is today. */
export function clockText(moment) {
  const date = new Date(moment);
  return date.toDateString() === new Date().toDateString() ? date.toLocaleTimeString() : date.toLocaleString();
}

function saidOf({ state, said, answeredAt }) {
  const sentences = {
    sending: "sending …",
    repeating: `no definite answer yet (${said}): it is sent again until there is one`,
    done: `done at ${clockText(said || answeredAt)}`,
    refused: `refused: ${said}`,
    asked: `asked: another host or admin has to confirm it${said && ` until ${clockText(said)}`}`,
  };
  return sentences[state] ?? said;
}

export class ClickLog {
  /** `withdraw(key)` gives a click up. */
  constructor(list, withdraw) {
    this.list = list;
    this.withdraw = withdraw;
    this.lines = new Map();
  }

  show(entries) {
    const shown = entries.slice(-SHOWN_MAX).reverse();
    const lines = shown.map((entry) => this.lineOf(entry));
    this.lines = new Map(shown.map((entry, index) => [entry.key, lines[index]]));
    // Only what is new or gone is touched: a reader that speaks the log says each line once.
    for (const line of [...this.list.children]) if (!lines.includes(line)) line.remove();
    lines.forEach((line, index) => this.list.children[index] !== line && this.list.insertBefore(line, this.list.children[index] ?? null));
  }

  lineOf(entry) {
    const line = this.lines.get(entry.key) ?? this.newLine(entry);
    line.dataset.state = entry.state;
    this.write(line.querySelector(".mark"), MARKS[entry.state]);
    this.write(line.querySelector(".said"), saidOf(entry));
    line.querySelector("button").hidden = entry.state !== "repeating";
    return line;
  }

  write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  newLine(entry) {
    const stop = make("button", { type: "button", className: "quiet small", textContent: "Stop trying" });
    stop.setAttribute("aria-label", `Stop trying: ${entry.label}`);
    stop.onclick = () => this.withdraw(entry.key);
    return make(
      "li",
      {},
      make("span", { className: "mark", ariaHidden: "true" }),
      make("time", { dateTime: new Date(entry.at).toISOString(), textContent: clockText(entry.at) }),
      make("span", { className: "what" }, make("b", { textContent: entry.label }), " ", make("span", { className: "said" })),
      stop,
    );
  }
}

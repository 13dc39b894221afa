// The board: a row for each contestant. Bars grow, numbers count up, and rows glide to their new places.

const MOVE_MS = 600;
const COUNT_MS = 250; // a number may not lag behind what is known
const GOLDEN_ANGLE = 137.5; // neighbours get colours far apart, however many there are

export const number = new Intl.NumberFormat();
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

/** A number on the screen that runs to its new value instead of jumping. */
class Counter {
  constructor(element) {
    this.element = element;
    this.shown = 0;
    this.frame = 0;
  }

  runTo(value) {
    cancelAnimationFrame(this.frame);
    const from = this.shown;
    const started = performance.now();
    const step = (now) => {
      const done = calm.matches ? 1 : Math.min(1, Math.max(0, now - started) / COUNT_MS);
      this.shown = Math.round(from + (value - from) * (1 - (1 - done) ** 3));
      this.element.textContent = number.format(this.shown);
      if (done < 1) this.frame = requestAnimationFrame(step);
    };
    step(started);
    if (from !== value) this.frame = requestAnimationFrame(step);
  }
}

function make(tag, className, parent) {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

class Row {
  constructor(index) {
    this.element = document.createElement("li");
    this.element.className = "row";
    this.element.style.setProperty("--hue", String((index * GOLDEN_ANGLE + 210) % 360));
    const words = make("div", "words", this.element);
    this.rank = make("span", "rank", words);
    this.nameElement = make("span", "name", words);
    this.party = make("span", "party", words);
    this.share = make("span", "share", words);
    const votes = make("span", "votes", words);
    this.votes = new Counter(make("span", "number", votes));
    this.unit = make("span", "unit", votes);
    this.bar = make("div", "bar", make("div", "track", this.element));
    this.total = 0;
  }

  name(contestant) {
    this.nameElement.textContent = contestant.name;
    this.party.textContent = contestant.party ?? "";
  }

  show(rank, total, all, most) {
    this.total = total;
    this.rank.textContent = rank ? `${rank}.` : "";
    this.share.textContent = rank ? percent.format(all ? total / all : 0) : "";
    this.votes.runTo(total);
    this.unit.textContent = total === 1 ? " vote" : " votes";
    this.bar.style.transform = `scaleX(${most ? total / most : 0})`;
    this.element.dataset.votes = String(total);
  }
}

export class Board {
  constructor(list, totalElement) {
    this.list = list;
    this.total = new Counter(totalElement);
    this.rows = new Map();
    this.revealed = null; // whose places are shown while a result is revealed from the last one up; null: all
  }

  /** Takes who takes part, and shows their votes too while no stream has brought newer ones. */
  name(contestants) {
    const present = new Set(contestants.map((contestant) => contestant.contestant_id));
    for (const id of this.rows.keys()) if (!present.has(id)) this.rows.delete(id);
    for (const contestant of contestants) {
      const isNew = !this.rows.has(contestant.contestant_id);
      const row = this.row(contestant.contestant_id);
      row.name(contestant);
      if (isNew) row.total = contestant.votes;
      row.element.dataset.contestant = contestant.contestant_id;
    }
    this.arrange();
  }

  /** Takes new totals; in a reveal of so many places. */
  show(contestants, isReveal = false) {
    this.revealed = isReveal ? new Set(contestants.map((contestant) => contestant.contestant_id)) : null;
    for (const { contestant_id: id, total_votes: total } of contestants) this.row(id).total = total;
    this.arrange();
  }

  /** One sentence for those who listen. */
  summary() {
    const [first] = this.inOrder();
    if (!first || this.revealed) return "";
    return `${first.nameElement.textContent} leads with ${number.format(first.total)} votes, ${first.share.textContent}.`;
  }

  row(id) {
    if (!this.rows.has(id)) this.rows.set(id, new Row(this.rows.size));
    return this.rows.get(id);
  }

  /** Most votes first; who had a place before keeps it among equals, so that nothing jumps without a reason. */
  inOrder() {
    const place = new Map([...this.list.children].map((element, index) => [element, index]));
    const placeOf = (row) => place.get(row.element) ?? Number.MAX_SAFE_INTEGER;
    const shown = [...this.rows].filter(([id]) => this.revealed?.has(id) ?? true).map(([, row]) => row);
    return shown.sort((a, b) => b.total - a.total || placeOf(a) - placeOf(b));
  }

  arrange() {
    const before = new Map([...this.list.children].map((element) => [element, element.getBoundingClientRect().top]));
    const ordered = this.inOrder();
    const all = ordered.reduce((sum, row) => sum + row.total, 0);
    const most = ordered[0]?.total ?? 0;
    ordered.forEach((row, index) => row.show(this.revealed ? 0 : index + 1, row.total, all, most));
    this.total.runTo(all);
    const moved =
      this.list.children.length !== ordered.length ||
      ordered.some((row, index) => this.list.children[index] !== row.element);
    if (moved) {
      this.list.replaceChildren(...ordered.map((row) => row.element));
      this.glide(before);
    }
  }

  /** Lets each row start where it was and move to where it is. */
  glide(before) {
    if (calm.matches) return;
    for (const element of this.list.children) {
      const way = (before.get(element) ?? NaN) - element.getBoundingClientRect().top;
      if (way) element.animate([{ transform: `translateY(${way}px)` }, { transform: "none" }], { duration: MOVE_MS, easing: "ease-out" });
    }
  }
}

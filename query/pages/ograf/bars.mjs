// Bars for a picture: a line for each of the first places, over whatever is behind them. What moves are transforms and
// opacity only, so that a renderer composes each frame without laying out or painting anything anew; a number that
// changes is painted, in its own small box.

const number = new Intl.NumberFormat();
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

function make(className, parent) {
  const element = document.createElement("div");
  element.className = className;
  parent.append(element);
  return element;
}

class Line {
  constructor(parent, contestantId) {
    this.element = make("line", parent);
    this.element.dataset.contestant = contestantId;
    this.bar = make("bar", this.element);
    this.nameElement = make("name", this.element);
    this.figure = make("figure", this.element);
    this.votes = 0;
    this.place = Infinity; // until it has one
  }

  /** Goes to a place, from 0; one that isn't shown fades where it is. */
  show(place, isShown, figure, length) {
    this.place = place;
    if (isShown) this.element.style.transform = `translateY(${place * 100}%)`;
    this.element.style.opacity = isShown ? "1" : "0";
    this.element.dataset.votes = String(this.votes);
    if (this.figure.textContent !== figure) this.figure.textContent = figure;
    this.bar.style.transform = `scaleX(${length})`;
  }
}

export class Bars {
  /** In this element, at most so many places. */
  constructor(list, places) {
    this.list = list;
    this.places = places;
    this.lines = new Map();
  }

  /** Takes the names of contestants. */
  name(contestants) {
    for (const { contestant_id: id, name } of contestants) this.line(id).nameElement.textContent = name;
  }

  /** Takes standings. During a reveal those who aren't in them have no line, and shares would tell what is held back. */
  show({ contestants, revealed }) {
    const present = new Set(contestants.map((each) => each.contestant_id));
    for (const [id, line] of this.lines) if (!present.has(id)) line.show(Infinity, false, "", 0);
    for (const { contestant_id: id, total_votes: votes } of contestants) this.line(id).votes = votes;
    const ordered = [...present].map((id) => this.line(id)).sort((a, b) => b.votes - a.votes || a.place - b.place);
    const all = ordered.reduce((sum, line) => sum + line.votes, 0);
    const most = ordered[0]?.votes ?? 0;
    ordered.forEach((line, place) => {
      const figure = revealed === undefined ? percent.format(all ? line.votes / all : 0) : number.format(line.votes);
      line.show(place, place < this.places, figure, most ? line.votes / most : 0);
    });
  }

  line(id) {
    if (!this.lines.has(id)) this.lines.set(id, new Line(this.list, id));
    return this.lines.get(id);
  }
}

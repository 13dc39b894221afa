// The standings of one event as staff see them, as they come: a stream that is opened with a ticket, which is good once. So
// after an error it is opened anew with another one, instead of by the browser itself.

const PAUSE_MS = 1_000;
const SILENCE_MS = 25_000; // the server says something sooner, but heartbeats aren't told to pages: then it is opened anew

export class EventStream {
  /** `askTicket()` gives a ticket or null; `show(standings)` takes what comes. */
  constructor(eventId, askTicket, show) {
    this.url = `/v1/event/${eventId}/stream`;
    this.askTicket = askTicket;
    this.show = show;
    this.isOver = false;
    this.source = null;
    this.timer = 0;
    this.open();
  }

  stop() {
    this.isOver = true;
    this.source?.close();
    clearTimeout(this.timer);
  }

  async open() {
    const ticket = await this.askTicket();
    if (this.isOver) return;
    if (ticket === null) return this.openLater();
    this.source = new EventSource(`${this.url}?ticket=${encodeURIComponent(ticket)}`);
    this.source.onerror = () => this.openLater();
    const take = ({ data }) => {
      this.show(JSON.parse(data));
      this.doubtLater();
    };
    this.source.addEventListener("standings", take);
    this.source.addEventListener("closed", (message) => {
      take(message);
      this.stop();
    });
    this.doubtLater();
  }

  doubtLater() {
    clearTimeout(this.timer);
    if (!this.isOver) this.timer = setTimeout(() => this.openLater(), SILENCE_MS);
  }

  openLater() {
    this.source?.close();
    clearTimeout(this.timer);
    if (!this.isOver) this.timer = setTimeout(() => this.open(), PAUSE_MS * (0.5 + Math.random()));
  }
}

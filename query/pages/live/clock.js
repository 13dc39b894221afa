// How far the server's clock is ahead of this one: of all answers that tell its time, the quickest says best.

export class Clock {
  constructor() {
    this.best = null; // {trip, ahead}: how long an answer took, and how far the server's clock is ahead of ours, in ms
  }

  /** Takes an answer to what was sent at `sent` (Date.now() then), which says that it is `now` there. */
  take(sent, now) {
    const trip = Date.now() - sent;
    const ahead = Date.parse(now) - (sent + trip / 2);
    if (Number.isFinite(ahead) && trip <= (this.best?.trip ?? Infinity)) this.best = { trip, ahead };
  }

  /** The server's time in Unix milliseconds; ours until it has told. */
  now() {
    return Date.now() + (this.best?.ahead ?? 0);
  }
}

// What viewers really get: the time from the commit of the newest vote in standings to the first paint that has them,
// reported by a sample of viewers. The answer to a report tells the server's time, so a wrong clock here does no harm.

import { Clock } from "./clock.js";

const SAMPLED_SHARE = 0.01;
const CLOCK_ASKED = 3;
const REPORT_EVERY_MS = 30_000;
const DELAYS_MAX = 100;

export class Measure {
  constructor(eventId) {
    this.url = `/live/${encodeURIComponent(eventId)}/seen`;
    this.delays = [];
    this.asOf = "";
    this.clock = new Clock();
    if (Math.random() < SAMPLED_SHARE) this.begin();
  }

  async begin() {
    for (let asked = 0; asked < CLOCK_ASKED; asked += 1) await this.report();
    setInterval(() => this.delays.length && this.report(), REPORT_EVERY_MS);
    document.addEventListener("visibilitychange", () => document.hidden && this.delays.length && this.report());
  }

  /** Takes standings that came just now; older news and what nobody sees say nothing of the way here. */
  note(standings) {
    const isNews = standings.as_of > this.asOf;
    this.asOf = standings.as_of;
    if (!this.clock.best || !isNews || standings.stale || document.hidden) return;
    requestAnimationFrame(() => setTimeout(() => this.painted(Date.parse(standings.as_of))));
  }

  painted(committed) {
    if (this.delays.length === DELAYS_MAX) this.delays.shift();
    this.delays.push(Math.max(0, Math.round(this.clock.now() - committed)));
  }

  async report() {
    const body = JSON.stringify({ delays_ms: this.delays });
    this.delays = [];
    const sent = Date.now();
    try {
      const options = { method: "POST", headers: { "Content-Type": "application/json" }, body, keepalive: true };
      const answer = await (await fetch(this.url, options)).json();
      this.clock.take(sent, answer.now);
    } catch {
      // a measurement that is lost is no loss
    }
  }
}

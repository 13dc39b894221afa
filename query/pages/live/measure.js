// What viewers really get: the time from the commit of the newest vote in standings to the first paint that has them,
// reported by a sample of viewers. The answer to a report tells the server's time, so a wrong clock here does no harm.
// Besides, whoever has cast a traced vote in this browser reports when that very vote was painted.

import { inBrowser } from "/vote/assets/kept.js";
import { Clock } from "./clock.js";

const SAMPLED_SHARE = 0.01;
const CLOCK_ASKED = 3;
const REPORT_EVERY_MS = 30_000;
const DELAYS_MAX = 100;

export class Measure {
  constructor(eventId) {
    this.ownVote = `live-vote vote ${eventId}`; // as the vote page keeps it
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
    if (standings.traces && !document.hidden) this.noteOwn(standings.traces);
    const isNews = standings.as_of > this.asOf;
    this.asOf = standings.as_of;
    if (!this.clock.best || !isNews || standings.stale || document.hidden) return;
    requestAnimationFrame(() => setTimeout(() => this.painted(Date.parse(standings.as_of))));
  }

  /** Traceparents of votes that are new in what came just now; they are told only where there are several votes. */
  noteOwn(traces) {
    const own = inBrowser.get(this.ownVote)?.trace?.slice(3, 35);
    const traceparent = traces.find((each) => each.slice(3, 35) === own);
    if (!traceparent) return;
    const came = performance.now();
    requestAnimationFrame(() => setTimeout(() => this.report([{ traceparent, took_ms: Math.round(performance.now() - came) }])));
  }

  painted(committed) {
    if (this.delays.length === DELAYS_MAX) this.delays.shift();
    this.delays.push(Math.max(0, Math.round(this.clock.now() - committed)));
  }

  async report(paints = []) {
    const body = JSON.stringify({ delays_ms: this.delays, paints });
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

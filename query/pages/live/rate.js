// Votes a minute: what the total has grown by in the last minute, or since this page has been watching.

const WINDOW_MS = 60_000;
const SURE_AFTER_MS = 5_000; // before that, a single commit would look like a flood

export class Rate {
  constructor() {
    this.begin();
  }

  /** Forgets what was before: nobody watched until now. */
  begin() {
    this.samples = []; // oldest first
  }

  /** Takes a total as of now. */
  take(total) {
    this.samples.push({ total, now: performance.now() });
  }

  /** Votes a minute as of now, or null while nothing can be said. */
  perMinute() {
    const now = performance.now();
    while (this.samples.length > 1 && this.samples[1].now <= now - WINDOW_MS) this.samples.shift();
    const first = this.samples[0];
    if (!first || now - first.now < SURE_AFTER_MS) return null;
    const grown = this.samples[this.samples.length - 1].total - first.total;
    return Math.round((grown * 60_000) / Math.min(now - first.now, WINDOW_MS));
  }
}

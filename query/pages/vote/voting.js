// One vote, from the wish to a definite answer. It is written down before it is sent and stays so until the answer is
// definite, so that whatever happens to page, tab or network, it is this very vote that is sent again, never another:
//
//   (nothing) ──begin──► pending ──200──► counted
//                          │ └──already_voted──► already_voted
//                          └──any other refusal──► (nothing): nothing was counted, and one may choose again
//
// All tabs share what is written down. Should two of them write at once, the ledger still takes one vote of a person.

import { refusalOf } from "./asking.js";
import { inBrowser } from "./kept.js";
import { askAs, tokenOf } from "./session.js";
import { solved } from "./solver.js";

const CAPTCHAS_MAX = 3;
const MEASURED_SHARE = 0.01; // of all votes: how long the page waited for the answer
const ACK_MS_MAX = 60_000; // who was offline for longer measures no server
const TRACED_SHARE = 0.01; // of all votes: their way can be followed to the screen

const hex = (bytes) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (each) => each.toString(16).padStart(2, "0")).join("");

export class Voting {
  constructor(eventId) {
    this.eventId = eventId;
    this.key = `live-vote vote ${eventId}`;
  }

  /** {userId, contestantId, state: "pending" | "counted" | "already_voted", voteId, trace}, or null: what this browser knows. */
  get vote() {
    return inBrowser.get(this.key);
  }

  /** Writes the wish down, unless this person has one already: that one stands. */
  begin(userId, contestantId) {
    const trace = Math.random() < TRACED_SHARE ? `00-${hex(16)}-${hex(8)}-01` : undefined;
    if (this.vote?.userId !== userId) this.write({ userId, contestantId, state: "pending", trace });
    return this.vote;
  }

  forget() {
    inBrowser.remove(this.key);
  }

  write(vote) {
    inBrowser.set(this.key, vote);
  }

  /** Sends the pending vote until the answer is definite; the refusal, or null: then `vote` says what became of it. */
  async send(hasCaptcha, trying) {
    const vote = this.vote;
    this.sentAt = performance.now();
    if (hasCaptcha && !vote.captcha) await this.solve(vote, trying);
    for (let captchas = 1; ; captchas += 1) {
      const answer = await askAs(vote.userId, "/v1/vote/submit", { body: this.bodyOf(vote), trying, trace: vote.trace });
      const refusal = answer.status === 200 ? null : refusalOf(answer);
      if (!refusal?.code.startsWith("captcha_") || captchas === CAPTCHAS_MAX) return this.settle(vote, answer, refusal);
      await this.solve(vote, trying); // asked for since, or expired while nobody could be reached
    }
  }

  settle(vote, answer, refusal) {
    if (this.vote && this.vote.state !== "pending") return null; // another tab has had the answer
    if (!refusal) {
      this.write({ ...vote, state: "counted", voteId: answer.content.vote_id });
      this.tellAck(performance.now() - this.sentAt);
    } else if (refusal.code === "already_voted") this.write({ ...vote, state: "already_voted" });
    else this.forget();
    return this.vote ? null : refusal;
  }

  /** Tells a sample of what acks took, whole milliseconds from the first try on; one that is lost is no loss. */
  tellAck(tookMs) {
    if (Math.random() >= MEASURED_SHARE || tookMs > ACK_MS_MAX) return;
    const body = JSON.stringify({ delays_ms: [], acks_ms: [Math.round(tookMs)] });
    const headers = { "Content-Type": "application/json" };
    fetch(`/live/${encodeURIComponent(this.eventId)}/seen`, { method: "POST", headers, body, keepalive: true }).catch(() => {});
  }

  bodyOf({ userId, contestantId, captcha }) {
    return { user_id: userId, event_id: this.eventId, contestant_id: contestantId, captcha_token: captcha };
  }

  /** Solves a challenge for this person's vote in this event, and keeps the solution with the vote. */
  async solve(vote, trying) {
    const token = await tokenOf(vote.userId, "", trying);
    vote.captcha = await solved({ purpose: "vote", event_id: this.eventId }, { token, trying });
    if (this.vote?.state === "pending") this.write(vote);
    this.sentAt = performance.now(); // solving is no part of the vote's way
  }
}

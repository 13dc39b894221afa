// Where the numbers come from: names by one public call, then a stream, again and again while there is something to come.
//
//   connecting ──► live ◄──► stale
//        ▲           │ lost
//        └─ reconnecting (EventSource by itself; when it gives up, anew with growing, jittered waits)
//   closed, hidden and missing are ends; hidden is asked again now and then, since results may be shown later, and closed
//   seldom, since a closed round may still be declared void: by the call, which a CDN answers for a crowd, and by a stream
//   only once it is closed no longer. Hidden may also come in the midst of a stream. A freeze and a reveal are no ends: the
//   stream goes on beyond the close.
//
// A page that nobody sees keeps no stream: the server has room for others, and a browser opens only six to one origin
// without HTTP/2. When it is seen again, the first message of a new stream is the newest state.

const WAIT_MIN_MS = 1_000;
const WAIT_MAX_MS = 30_000;
const HIDDEN_WAIT_MS = 15_000;
const CLOSED_WAIT_MS = 300_000; // of a crowd's pages; the few that are on air ask sooner
const SILENCE_MS = 30_000; // then we look whether the stream is dead: nobody sees its heartbeats here
const ANSWER_WITHIN_MS = 10_000;
const STATE_OF_STATUS = { draft: "waiting", scheduled: "waiting", paused: "paused", cancelled: "cancelled", closed: "closed" };

const jittered = (ms) => ms * (0.5 + Math.random());
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, jittered(ms)));

/** Resolves when the page is seen. */
function seen() {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}

/**
 * Shows one event until it ends, or the signal is aborted; `show` has state(name), event(results) and
 * standings(data, isFirst), where the first of a stream may be old. `closedWaitMs`: how long a closed event is taken for good.
 */
export async function watch(eventId, show, { origin = "", signal = null, closedWaitMs = CLOSED_WAIT_MS } = {}) {
  const base = `${origin}/v1/event/${encodeURIComponent(eventId)}`;
  const newest = { epoch: -1, version: -1, total: 0, contestants: "", isFinal: false };
  let isOver = false; // the stream has said so
  for (let wait = WAIT_MIN_MS; ; wait = Math.min(wait * 2, WAIT_MAX_MS)) {
    await seen();
    if (signal?.aborted) return;
    const met = await meet(base, show, newest);
    const isStillOver = met === "known" && isOver && newest.isFinal;
    const end = isStillOver ? "closed" : met === "known" ? await follow(base, show, newest, signal) : met;
    if (isStillOver) show.state("closed"); // it may have said that nobody answers
    if (end !== "away") isOver = end === "closed";
    if (end === "missing" || end === "cancelled" || signal?.aborted) return;
    if (end === "hidden" || end === "closed") {
      await pause(end === "hidden" ? HIDDEN_WAIT_MS : closedWaitMs);
      wait = WAIT_MIN_MS;
      continue;
    }
    if (met === "known") {
      if (end !== "lost") wait = WAIT_MIN_MS;
      if (end === "unseen") {
        show.state("reconnecting");
        continue;
      }
    }
    show.state("reconnecting");
    await pause(wait);
  }
}

/** Asks who takes part; "known", "hidden", "missing", or "away" when the server can't be reached. */
async function meet(base, show, newest) {
  try {
    const answer = await fetch(`${base}/results`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (answer.ok) {
      const event = await answer.json();
      newest.contestants = idsOf(event.totals);
      newest.isFinal = event.status === "closed" && !event.frozen && event.revealed === undefined;
      show.event(event);
      return "known";
    }
    const refusals = { 400: "missing", 403: "hidden", 404: "missing" };
    const refusal = refusals[answer.status] ?? "away";
    if (refusal !== "away") show.state(refusal);
    return refusal;
  } catch {
    return "away";
  }
}

const idsOf = (contestants) => contestants.map((each) => each.contestant_id).sort().join();

/** Whether these are the contestants that we know; in a reveal, some of them. */
function areKnown({ contestants, revealed }, known) {
  if (revealed === undefined) return idsOf(contestants) === known;
  return contestants.every((each) => known.split(",").includes(each.contestant_id));
}

function stateOf({ stale, revealed, status, frozen }) {
  if (stale) return "stale";
  if (revealed !== undefined) return "revealing";
  return frozen && status !== "paused" ? "frozen" : STATE_OF_STATUS[status] ?? "live";
}

/** Whether votes are counted that no stream has brought here, or nobody can be asked. */
async function isBehind(base, newest) {
  try {
    const answer = await fetch(`${base}/live`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return !answer.ok || (await answer.json()).current_votes !== newest.total;
  } catch {
    return true;
  }
}

/**
 * Follows one stream until it ends for good: "closed", "cancelled", "hidden", "unseen" when nobody looks any more, "others" when it has other
 * contestants than we know, "heard" when it brought something before it was lost, else "lost".
 */
function follow(base, show, newest, signal) {
  return new Promise((resolve) => {
    const source = new EventSource(`${base}/stream`);
    let heard = false;
    let isFirst = true; // of this connection: EventSource makes others by itself
    let silence = 0;
    let isOver = false;

    const end = (how) => {
      isOver = true;
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("offline", lose);
      clearTimeout(silence);
      source.close();
      resolve(how);
    };
    const lose = () => end(heard ? "heard" : "lost");
    const look = () => document.hidden && end("unseen");
    const listen = () => {
      clearTimeout(silence);
      if (!isOver) silence = setTimeout(doubt, jittered(SILENCE_MS));
    };
    const doubt = async () => ((await isBehind(base, newest)) ? lose() : listen());
    document.addEventListener("visibilitychange", look);
    window.addEventListener("offline", lose);
    signal?.addEventListener("abort", () => end("closed"), { once: true });
    listen();

    const take = (message) => {
      const standings = JSON.parse(message.data);
      const [epoch, version] = message.lastEventId.split("-").map(Number);
      listen();
      if (epoch > newest.epoch || (epoch === newest.epoch && version >= newest.version)) {
        Object.assign(newest, { epoch, version, total: standings.total_votes });
        show.standings(standings, isFirst);
      }
      heard = true;
      isFirst = false;
      show.state(stateOf(standings));
      if (!areKnown(standings, newest.contestants)) end("others");
    };
    source.addEventListener("standings", take);
    source.addEventListener("closed", (message) => {
      take(message);
      end(JSON.parse(message.data).status === "cancelled" ? "cancelled" : "closed");
    });
    source.addEventListener("hidden", () => {
      show.state("hidden");
      end("hidden");
    });
    source.onopen = () => {
      isFirst = true;
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) lose();
      else show.state("reconnecting");
    };
  });
}

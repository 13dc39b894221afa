// Where the numbers come from: names by one public call, then a stream, again and again while there is something to come.
//
//   connecting ──► live ◄──► stale
//        ▲           │ lost
//        └─ reconnecting (EventSource by itself; when it gives up, anew with growing, jittered waits)
//   closed, hidden and missing are ends; hidden is asked again now and then, since results may be shown later.
//
// A page that nobody sees keeps no stream: the server has room for others, and a browser opens only six to one origin
// without HTTP/2. When it is seen again, the first message of a new stream is the newest state.

const WAIT_MIN_MS = 1_000;
const WAIT_MAX_MS = 30_000;
const HIDDEN_WAIT_MS = 15_000;
const STATE_OF_STATUS = { draft: "waiting", scheduled: "waiting", cancelled: "cancelled", closed: "closed" };

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
 * Shows one event until it ends; `show` has state(name), event(results) and standings(data, isFirst), where the first
 * of a stream may be old.
 */
export async function watch(eventId, show) {
  const base = `/v1/event/${encodeURIComponent(eventId)}`;
  const newest = { epoch: -1, version: -1 };
  for (let wait = WAIT_MIN_MS; ; wait = Math.min(wait * 2, WAIT_MAX_MS)) {
    await seen();
    const met = await meet(base, show);
    if (met === "missing") return;
    if (met === "hidden") {
      await pause(HIDDEN_WAIT_MS);
      wait = WAIT_MIN_MS;
      continue;
    }
    if (met === "known") {
      const end = await follow(base, show, newest);
      if (end === "closed") return;
      if (end === "unseen") {
        wait = WAIT_MIN_MS;
        continue;
      }
      if (end === "heard") wait = WAIT_MIN_MS;
    }
    show.state("reconnecting");
    await pause(wait);
  }
}

/** Asks who takes part; "known", "hidden", "missing", or "away" when the server can't be reached. */
async function meet(base, show) {
  try {
    const answer = await fetch(`${base}/results`);
    if (answer.ok) {
      show.event(await answer.json());
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

/**
 * Follows one stream until it ends for good: "closed", "unseen" when nobody looks any more, "heard" when it brought
 * something before it was lost, else "lost".
 */
function follow(base, show, newest) {
  return new Promise((resolve) => {
    const source = new EventSource(`${base}/stream`);
    let heard = false;

    const end = (how) => {
      document.removeEventListener("visibilitychange", look);
      source.close();
      resolve(how);
    };
    const look = () => document.hidden && end("unseen");
    document.addEventListener("visibilitychange", look);

    const take = (message) => {
      const standings = JSON.parse(message.data);
      const [epoch, version] = message.lastEventId.split("-").map(Number);
      if (epoch < newest.epoch || (epoch === newest.epoch && version < newest.version)) {
        if (standings.stale) show.state("stale"); // older than what is shown, which may lag by now
        return;
      }
      Object.assign(newest, { epoch, version });
      show.standings(standings, !heard);
      heard = true;
      show.state(standings.stale ? "stale" : STATE_OF_STATUS[standings.status] ?? "live");
    };
    source.addEventListener("standings", take);
    source.addEventListener("closed", (message) => {
      take(message);
      end("closed");
    });
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) end(heard ? "heard" : "lost");
      else show.state("reconnecting");
    };
  });
}

// Asks a call of the contract, again as it is while the answer is "not now": no network, 429, 5xx, or something that
// isn't this service's JSON (a hotel's login page, say), which tells nothing. Retry-After is honoured; waits grow and are
// jittered, so that a crowd that was cut off doesn't come back at once.

const ANSWER_WITHIN_MS = 25_000; // longer than the edge waits for a service
const WAIT_MIN_MS = 500;
const WAIT_MAX_MS = 20_000;

const NO_ANSWER = { status: 0, content: null, retryAfterMs: 0 };

/**
 * The first answer that is definite: {status, content, retryAfterMs}. `options`: `trying` is told each one that isn't; 429
 * is definite too with `isLimitDefinite`; after `triesMax` tries the last answer is it, whatever it is, and once
 * `isWanted` says no nothing is sent any more. All else is as `askOnce` takes it.
 */
export async function ask(path, options = {}) {
  const { trying = () => {}, isWanted = () => true, isLimitDefinite, waitMaxMs = WAIT_MAX_MS, triesMax, ...request } = options;
  for (let wait = WAIT_MIN_MS, tries = 1; isWanted(); wait = Math.min(wait * 2, waitMaxMs), tries += 1) {
    const answer = await askOnce(path, request);
    const isLimit = answer.status === 429;
    if (answer.status > 0 && answer.status < 500 && (!isLimit || isLimitDefinite)) return answer;
    trying(answer);
    if (tries === triesMax) return answer;
    await pause(Math.max(wait, answer.retryAfterMs), answer.status === 0);
  }
  return NO_ANSWER;
}

/**
 * One try; status 0 when nobody knows what became of it. It is a POST if there is a body, unless `method` says what it is;
 * `key` makes a repeat of a call that makes something the same call; `trace` is a traceparent to go on with.
 */
export async function askOnce(path, { body, token, method = body ? "POST" : "GET", key, trace, withinMs = ANSWER_WITHIN_MS } = {}) {
  const headers = {};
  if (trace) headers.traceparent = trace;
  if (key) headers["Idempotency-Key"] = key;
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    const signal = AbortSignal.timeout(withinMs);
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, cache: "no-store" });
    const retryAfterMs = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
    return { status: answer.status, content: answer.status === 204 ? null : await answer.json(), retryAfterMs };
  } catch {
    return NO_ANSWER;
  }
}

/** Waits up to twice as long, and never less; unless the network comes back that was missing. */
export function pause(ms, untilOnline = false) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, ms * (1 + Math.random()));
    if (untilOnline) window.addEventListener("online", end);
  });
}

/** What an answer was refused for: {code, message, field}. */
export const refusalOf = (answer) => answer.content?.error ?? { code: "unknown", message: "" };

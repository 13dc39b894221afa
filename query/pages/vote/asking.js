// Asks a call of the contract, again as it is while the answer is "not now": no network, 429, 5xx, or something that
// isn't this service's JSON (a hotel's login page, say), which tells nothing. Retry-After is honoured; waits grow and are
// jittered, so that a crowd that was cut off doesn't come back at once.

const ANSWER_WITHIN_MS = 25_000; // longer than the edge waits for a service
const WAIT_MIN_MS = 500;
const WAIT_MAX_MS = 20_000;

/**
 * The first answer that is definite: {status, content, retryAfterMs}. `trying` is called each time that there was none;
 * 429 is definite too where the caller says so.
 */
export async function ask(path, { body, token, trying = () => {}, isLimitDefinite = false } = {}) {
  for (let wait = WAIT_MIN_MS; ; wait = Math.min(wait * 2, WAIT_MAX_MS)) {
    const answer = await askOnce(path, body, token);
    const isLimit = answer.status === 429;
    if (answer.status > 0 && answer.status < 500 && (!isLimit || isLimitDefinite)) return answer;
    trying();
    await pause(Math.max(wait, answer.retryAfterMs), answer.status === 0);
  }
}

/** One try; status 0 when nobody knows what became of it. */
export async function askOnce(path, body, token) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const method = body ? "POST" : "GET";
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, cache: "no-store" });
    const retryAfterMs = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
    return { status: answer.status, content: answer.status === 204 ? null : await answer.json(), retryAfterMs };
  } catch {
    return { status: 0, content: null, retryAfterMs: 0 };
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

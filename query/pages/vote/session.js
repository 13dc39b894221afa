// Who votes. The access token lives in memory only. The refresh token lives in localStorage: a phone that ends a tab in
// the midst of a vote must be able to finish it, and two tabs must be one session, or the second to renew would be taken
// for a thief. What could steal it from there is a script of another's, which this page's policy doesn't let in; what
// was stolen is found out at its second use; and whoever shares the device can log out.

import { ask, askOnce, pause, refusalOf } from "./asking.js";
import { alone, inBrowser } from "./kept.js";
import { Refused, solved } from "./solver.js";

const KEY = "live-vote session";
const EARLY_MS = 30_000; // a token that ends sooner is renewed before it is used
const TRIES_MAX = 3;

let access = null; // {token, userId, until}
let registration = ""; // the Bearer of a solved challenge, until somebody has registered with it

/** Nobody is logged in any more. */
export class SignedOut extends Error {}

/**
 * {userId, username, secondFactor}, or null; of staff a second factor may be asked before their token says who they are:
 * "needed" (one is to be shown) or "missing" (set up).
 */
export const who = () => inBrowser.get(KEY);

function keep(session, username) {
  access = { token: session.token, userId: session.userId, until: Date.now() + 1000 * session.expires_in };
  const { userId, refresh_token: refreshToken, second_factor: secondFactor } = session;
  inBrowser.set(KEY, { userId, username, refreshToken, secondFactor });
}

/** Registers; null, or the refusal. A repeat after a lost answer has the same Bearer, so it is the same registration. */
export async function register(person, trying) {
  for (let tries = 1; ; tries += 1) {
    registration ||= await registrationToken(trying);
    const answer = await ask("/v1/auth/register", { body: person, token: registration, trying });
    if (answer.status === 201 || answer.status === 401) registration = "";
    if (answer.status === 201) return null;
    if (answer.status !== 401 || tries === TRIES_MAX) return refusalOf(answer);
  }
}

async function registrationToken(trying) {
  for (let tries = 1; ; tries += 1) {
    const payload = await solved({ purpose: "register" }, { trying });
    const answer = await ask("/v1/auth/challenge/solution", { body: { payload }, trying });
    if (answer.status === 200) return answer.content.token;
    if (tries === TRIES_MAX) throw new Refused(answer); // one that was used when its answer got lost is solved anew
  }
}

/** Logs in; null, or the refusal. At an account's limit a solved challenge lets its owner in; then it is waited for. */
export async function login(username, password, trying) {
  let challenge;
  for (let tries = 1; ; tries += 1) {
    const answer = await ask("/v1/auth/login", { body: { username, password, challenge }, trying, isLimitDefinite: true });
    if (answer.status === 200) return keep(answer.content, username) ?? null;
    if (answer.status === 429 && challenge) {
      trying();
      await pause(answer.retryAfterMs);
      challenge = undefined;
    } else if (answer.status === 429 || (refusalOf(answer).code === "challenge_invalid" && tries < TRIES_MAX)) {
      challenge = await solved({ purpose: "login" }, { trying });
    } else return refusalOf(answer);
  }
}

/** Asks a call as the person of `userId`, renewing the token where needed; `SignedOut` when that is nobody any more. */
export async function askAs(userId, path, request = {}) {
  for (let tries = 1, refused = ""; ; tries += 1) {
    const token = await tokenOf(userId, refused, request.trying);
    const answer = await ask(path, { ...request, token });
    if (answer.status !== 401 || refusalOf(answer).code === "bad_credentials") return answer; // that isn't about the token
    if (tries === TRIES_MAX) throw new SignedOut();
    refused = token;
  }
}

/** A token of this person that ends later than soon, and isn't the refused one. */
export async function tokenOf(userId, refused, trying) {
  const isGood = () => access?.userId === userId && access.token !== refused && access.until - EARLY_MS > Date.now();
  if (!isGood()) await alone(KEY, async () => isGood() || renew(trying));
  if (access?.userId !== userId || who()?.userId !== userId) throw new SignedOut();
  return access.token;
}

/** Renews the token now, since what it says of this person has changed. */
export function renewed(userId, trying) {
  return tokenOf(userId, access?.token, trying);
}

/** One tab at a time, with what the last one has left. */
async function renew(trying) {
  const session = who();
  if (!session) throw new SignedOut();
  const answer = await ask("/v1/auth/refresh", { body: { refresh_token: session.refreshToken }, trying });
  if (who()?.refreshToken !== session.refreshToken) return renew(trying); // logged in or out elsewhere meanwhile
  if (answer.status === 200) return keep(answer.content, session.username);
  inBrowser.remove(KEY);
  throw new SignedOut();
}

/** Forgets who it was, and tells the server if it can be reached. */
export async function logout() {
  const session = who();
  const token = session && (await Promise.race([tokenOf(session.userId, "").catch(() => ""), pause(2_000)]));
  inBrowser.remove(KEY);
  access = null;
  if (token) await askOnce("/v1/auth/logout", { body: {}, token });
}

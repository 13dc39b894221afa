// Gets challenges and lets a worker solve them, so that the page stays usable meanwhile.

import { ask } from "./asking.js";

/** A solved challenge as the contract takes it: base64 of JSON; `Refused` when none is handed out. */
export async function solved(wanted, { token, trying } = {}) {
  const answer = await ask("/v1/auth/challenge", { body: wanted, token, trying });
  if (answer.status !== 200) throw new Refused(answer);
  const challenge = answer.content;
  return btoa(JSON.stringify({ challenge, solution: await solutionOf(challenge.parameters) }));
}

/** A definite answer that isn't the one that was hoped for. */
export class Refused extends Error {
  constructor(answer) {
    super(`refused: ${answer.status}`);
    this.answer = answer;
  }
}

function solutionOf(parameters) {
  return new Promise((resolve, reject) => {
    const worker = new Worker("/vote/assets/solver_worker.js");
    worker.onmessage = ({ data }) => {
      worker.terminate();
      resolve(data);
    };
    worker.onerror = () => {
      worker.terminate();
      reject(new Error("the challenge can't be solved by this browser"));
    };
    worker.postMessage(parameters);
  });
}

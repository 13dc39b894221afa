// What outlives a page, as JSON: in the browser's storage, or, where that is forbidden, as long as the page lives.

class Kept {
  constructor(name) {
    this.name = name;
    this.here = new Map();
  }

  get(key) {
    try {
      return JSON.parse(window[this.name].getItem(key));
    } catch {
      return this.here.get(key) ?? null;
    }
  }

  set(key, value) {
    this.here.set(key, value);
    try {
      window[this.name].setItem(key, JSON.stringify(value));
    } catch {
      // forbidden or full: `here` has it
    }
  }

  remove(key) {
    this.here.delete(key);
    try {
      window[this.name].removeItem(key);
    } catch {
      // then it isn't there
    }
  }
}

export const inBrowser = new Kept("localStorage"); // all tabs see it
export const inTab = new Kept("sessionStorage");

const ALONE_WITHIN_MS = 10_000; // a phone may have put the other tab to sleep: then nobody waits for it

/** Runs `work` while no other tab runs work of this name; all the same where that takes too long or can't be told. */
export async function alone(name, work) {
  if (!navigator.locks) return work();
  let hasBegun = false;
  const begin = () => {
    hasBegun = true;
    return work();
  };
  try {
    return await navigator.locks.request(name, { signal: AbortSignal.timeout(ALONE_WITHIN_MS) }, begin);
  } catch (error) {
    if (hasBegun) throw error;
    return work();
  }
}

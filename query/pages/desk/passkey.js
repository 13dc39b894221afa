// Passkeys in this browser: one is made, or shown. The server's calls say what the browser's own calls are given.

/** Whether this browser can make and show passkeys as the calls have them. */
export const hasPasskeys = () => Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);

/** A new passkey, or the refusal of browser or person: {credential} or {refusal}. */
export function madePasskey(options) {
  return outcome(() => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }));
}

/** The same of a passkey that is shown. */
export function shownPasskey(options) {
  return outcome(() => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }));
}

const REASONS = {
  InvalidStateError: "This device has a passkey of yours already",
  NotAllowedError: "The passkey was not given, or not in time",
  SecurityError: "Passkeys belong to another address of this desk: open it there",
};

async function outcome(act) {
  try {
    return { credential: (await act()).toJSON() };
  } catch ({ name }) {
    return { refusal: { code: "no_passkey", message: REASONS[name] ?? "This browser gave no passkey" } };
  }
}

// Solves a challenge of ALTCHA's version 2: finds the counter that, after the nonce and through PBKDF2, makes a key that
// begins as the challenge's. Answers {counter, derivedKey}.

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function solve({ nonce, salt, cost, keyLength, keyPrefix }) {
  const password = new Uint8Array([...bytesOf(nonce), 0, 0, 0, 0]);
  const count = new DataView(password.buffer, password.length - 4);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt: bytesOf(salt), iterations: cost };
  for (let counter = 0; ; counter += 1) {
    count.setUint32(0, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const derivedKey = hexOf(new Uint8Array(await crypto.subtle.deriveBits(derivation, key, keyLength * 8)));
    if (derivedKey.startsWith(keyPrefix)) return { counter, derivedKey };
  }
}

self.onmessage = ({ data }) => {
  solve(data).then(postMessage, (error) => setTimeout(() => { throw error; })); // which the page hears of as an error
};

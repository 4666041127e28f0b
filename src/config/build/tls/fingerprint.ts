// SHA-256 fingerprints of certificates, as conditions and pins give them.
// Promises one way of writing each: that of Node.js, upper-case hex with colons.

/** Tools print them with and without colons, in either letter case. Undefined: `text` is none. */
export function parseFingerprint(text: string): string | undefined {
  const digits = text.replaceAll(':', '').toUpperCase();
  return /^[0-9A-F]{64}$/.test(digits) ? digits.replace(/..(?!$)/g, '$&:') : undefined;
}

export const NO_FINGERPRINT = 'must be a SHA-256 fingerprint: 64 hexadecimal digits, colons as you like';

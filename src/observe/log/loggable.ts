// Identifiers from messages, as logs and commands may show them.

/** Longest identifier that is logged whole; v2.9's MSH-10 has up to 199 characters, real ones rarely 50. */
export const MAX_IDENTIFIER = 64;

/** An identifier from a header as it may be logged: printable ASCII, the rest escaped, cut to a bound (F23). */
export function loggable(identifier: string): string {
  const cut = identifier.length > MAX_IDENTIFIER ? `${identifier.slice(0, MAX_IDENTIFIER)}…` : identifier;
  return cut.replace(/[^\x20-\x7e…]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

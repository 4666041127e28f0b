// Pseudonyms from a key: the same value gets the same one, and without the key nobody can tell which value it was, or try
// them all. Promises letters, digits, space and the punctuation of the original only; never the original.
import { createHmac, randomBytes } from 'node:crypto';

/** What HMAC-SHA-256 can use in full (RFC 2104 3). */
export const KEY_BYTES = 32;

const CONSONANTS = 'bdfgklmnprstvz';
const VOWELS = 'aeiou';
const DIGITS = '0123456789';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = UPPER.toLowerCase();

/** Shorter identifiers are made longer: of two digits there are not enough for everybody to have one of their own. */
const SHORTEST_ID = 8;
/** No id of a real system is longer (CX.1 has 15 in v2.5, EI.1 has 199); what is, is some text. */
const LONGEST_ID = 64;
/** The doctors and wards of a house, and its patients of the hour: made once, as an HMAC costs more than all the rest. */
const MAX_KEPT = 50_000;
/** That so many in a row hold the original does not happen. */
const MAX_TRIES = 50;
/** Dates are moved back by these many days: at least a week, at most a year and a week. */
const LEAST_SHIFT = 7;
const SHIFT_RANGE = 365;

export function randomKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

export class Pseudonyms {
  readonly #key: Buffer;
  readonly #made = new Map<string, string>();

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** For names of people and places: a word that nobody takes for a real one. An initial becomes an initial. */
  word(value: string): string {
    if (/^\p{L}\.?$/u.test(value)) return this.#other('initial', value, (pick) => pick(UPPER));
    const upper = value === value.toUpperCase() && value !== value.toLowerCase();
    return this.#other('word', value, (pick) => {
      let text = '';
      for (let i = 0; i < 4; i++) text += pick(CONSONANTS) + pick(VOWELS);
      return upper ? text.toUpperCase() : text.charAt(0).toUpperCase() + text.slice(1);
    });
  }

  /** In the form of the original: digits for digits, letters for letters. */
  id(value: string): string {
    const shape = value.slice(0, LONGEST_ID);
    const filler = /\d/.test(shape) || !/\p{L}/u.test(shape) ? DIGITS : UPPER;
    return this.#other('id', value, (pick) => {
      let text = shaped(shape, pick);
      while (text.length < SHORTEST_ID) text += pick(filler);
      return text;
    });
  }

  /** Telephone numbers and postal codes: of the same length. */
  digits(value: string): string {
    return this.#other('digits', value, (pick) => shaped(value.slice(0, LONGEST_ID), pick));
  }

  /** By how many days this patient's dates are moved; always the same. */
  shiftDays(patient: string): number {
    const number = this.#digest('shift', patient, 0).readUInt32BE(0);
    return -(LEAST_SHIFT + (number % SHIFT_RANGE));
  }

  #other(domain: string, value: string, make: (pick: (letters: string) => string) => string): string {
    const known = `${domain} ${value}`;
    let made = this.#made.get(known);
    if (made === undefined) {
      made = this.#anew(domain, value, make);
      if (this.#made.size >= MAX_KEPT) this.#made.clear();
      this.#made.set(known, made);
    }
    return made;
  }

  #anew(domain: string, value: string, make: (pick: (letters: string) => string) => string): string {
    const original = value.toUpperCase();
    for (let turn = 0; turn < MAX_TRIES; turn++) {
      const made = make(picker((block) => this.#digest(domain, value, turn * 1000 + block)));
      const upper = made.toUpperCase();
      const tells = original.length < 3 ? upper === original : upper.includes(original);
      if (!tells) return made;
    }
    return 'X';
  }

  /** Spaces around a value, case and the form of its accents make no other person of it. */
  #digest(domain: string, value: string, block: number): Buffer {
    const same = value.normalize('NFKC').trim().toUpperCase();
    return createHmac('sha256', this.#key).update(`${domain}\0${block}\0${same}`, 'utf8').digest();
  }
}

function picker(digest: (block: number) => Buffer): (letters: string) => string {
  let block = 0;
  let bytes = digest(block);
  let at = 0;
  return (letters) => {
    if (at + 2 > bytes.length) {
      bytes = digest(++block);
      at = 0;
    }
    const number = bytes.readUInt16BE(at);
    at += 2;
    return letters.charAt(number % letters.length);
  };
}

function shaped(shape: string, pick: (letters: string) => string): string {
  let text = '';
  for (const char of shape) {
    if (/\d/.test(char)) text += pick(DIGITS);
    else if (/[a-z]/.test(char)) text += pick(LOWER);
    else if (/[-./ ()+]/.test(char)) text += char;
    else text += pick(UPPER);
  }
  return text;
}

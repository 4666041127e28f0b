// How identifiers are shown in logs and spans: as they are (see `loggable` in log.ts), or as a hash that is the same for
// the same identifier. Promises that the hash says nothing to whoever has not the key.
import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { onOtherPlatform } from '../../platform/current.ts';
import { randomBytes } from '../../platform/random.ts';
import type { Prepared, Reconfigurable } from '../../reload/reconfigurable.ts';
import { loggable } from '../log/loggable.ts';

export interface IdentifierOptions {
  readonly controlIds: 'plain' | 'hash';
  /** Undefined: a key of this process, so that hashes of two processes, or of two runs, have nothing in common. */
  readonly hashKey: string | undefined;
}

/** 64 bits: no two of a billion identifiers are likely to meet, and a trace's page can show it. */
const HASH_DIGITS = 16;
/** Sticky keys come again and again. Some 100 bytes each; past this many all are forgotten. */
const MAX_REMEMBERED = 10_000;

let ownKey: Uint8Array | undefined;
onOtherPlatform(() => {
  ownKey = undefined;
});

/** Of this process; all processes of one gateway have the same. */
export function identifierKey(): Uint8Array {
  ownKey ??= randomBytes(32);
  return ownKey;
}

/** Before a config is taken up. */
export function shareIdentifierKey(key: Uint8Array): void {
  ownKey = key;
}

export class Identifiers {
  readonly hashesControlIds: boolean;
  readonly #hashKey: string | undefined;
  readonly #remembered = new Map<string, string>();

  constructor({ controlIds, hashKey }: IdentifierOptions) {
    this.hashesControlIds = controlIds === 'hash';
    this.#hashKey = hashKey;
  }

  /** MSH-10, MSA-2, BHS-11, as logs and spans may have it. */
  controlId(id: string): string {
    return this.hashesControlIds && id !== '' ? this.#digest(id) : loggable(id);
  }

  /** Never as it is: a sticky key may be made of any field. */
  stickyKey(key: string): string {
    let hash = this.#remembered.get(key);
    if (hash === undefined) {
      hash = this.#digest(key);
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(key, hash);
    }
    return hash;
  }

  #digest(text: string): string {
    return createHmac('sha256', this.#hashKey ?? identifierKey())
      .update(text, 'latin1')
      .digest('hex')
      .slice(0, HASH_DIGITS);
  }
}

/** Those of the config in force. What they remember outlives a reload that changes nothing of them. */
export class IdentifierSettings implements Reconfigurable<{ readonly identifiers: IdentifierOptions }> {
  #options: IdentifierOptions;
  #current: Identifiers;

  constructor(options: IdentifierOptions) {
    this.#options = options;
    this.#current = new Identifiers(options);
  }

  get current(): Identifiers {
    return this.#current;
  }

  prepare({ identifiers }: { readonly identifiers: IdentifierOptions }): Prepared {
    const commit = (): void => {
      if (isDeepStrictEqual(this.#options, identifiers)) return;
      this.#options = identifiers;
      this.#current = new Identifiers(identifiers);
    };
    return { commit, rollback: () => {} };
  }
}

export const PLAIN_IDENTIFIERS = new Identifiers({ controlIds: 'plain', hashKey: undefined });

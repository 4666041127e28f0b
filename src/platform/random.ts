// Chance, by the names that Node.js gives it.
import { platform } from './current.ts';

/** At least 0, less than 1; for what nobody gains by guessing. */
export function random(): number {
  return platform.random();
}

export function randomBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  platform.randomFill(bytes);
  return bytes;
}

export function randomFillSync<T extends Uint8Array>(bytes: T): T {
  platform.randomFill(bytes);
  return bytes;
}

export function randomUUID(): string {
  return platform.randomUUID();
}

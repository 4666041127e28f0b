// The few calls of the C library that Node.js has no words for: a socket with options that are set before it is connected. By
// node:ffi where it is there, else by koffi, which is an optional dependency. Promises that a call which fails says why, as Node.js'
// own do.
import { createRequire } from 'node:module';
import { constants } from 'node:os';

export interface Libc {
  /** Each as in its manual page (section 2); -1: `errno` says why. */
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Buffer, length: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  /** Of the call just before. */
  errno(): number;
}

/** `undefined`: not asked yet; null: there is none. */
let loaded: Libc | null | undefined;

/** Undefined: neither node:ffi nor koffi is there. */
export function libc(): Libc | undefined {
  loaded ??= byNode() ?? byKoffi() ?? null;
  return loaded ?? undefined;
}

/** What Node.js' own calls throw: `code` is the name of the error's number. */
export function systemError(call: string, errno: number): NodeJS.ErrnoException {
  const code =
    Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
  return Object.assign(new Error(`${call}: ${code}`), { code, errno: -errno, syscall: call });
}

/** @throws Error */
export function checked(c: Libc, call: string, result: number): number {
  if (result < 0) throw systemError(call, c.errno());
  return result;
}

function byNode(): Libc | undefined {
  const ffi = withoutWarning(() => process.getBuiltinModule('node:ffi'));
  if (ffi === undefined) return undefined;
  try {
    const { functions } = ffi.dlopen(null, {
      socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
      setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'uint32'], return: 'int32' },
      bind: { arguments: ['int32', 'buffer', 'uint32'], return: 'int32' },
      __errno_location: { arguments: [], return: 'pointer' },
    });
    const { socket, setsockopt, bind, __errno_location } = functions;
    return { socket, setsockopt, bind, errno: () => ffi.getInt32(__errno_location()) };
  } catch {
    // Of a system whose C library has other names.
    return undefined;
  }
}

/** That it is an experimental part of Node.js is of no use to who runs a gateway. */
function withoutWarning<T>(load: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** A part of koffi's. */
interface Koffi {
  load(path: null): { func(declaration: string): (...args: unknown[]) => number };
  errno(): number;
}

function byKoffi(): Libc | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const library = koffi.load(null);
    return {
      socket: library.func('int socket(int, int, int)'),
      setsockopt: library.func('int setsockopt(int, int, int, const void *, unsigned int)'),
      bind: library.func('int bind(int, const void *, unsigned int)'),
      errno: () => koffi.errno(),
    };
  } catch {
    // Not installed, or not for this system.
    return undefined;
  }
}

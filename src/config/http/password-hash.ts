// The form in which a config holds a password: `$scrypt$ln=15,r=8,p=1$SALT$HASH`, as in PHC string format.
// Promises bounds on what a hash may cost to check, whoever wrote it.

export interface PasswordHash {
  /** scrypt's N, a power of two. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{16,86})\$([A-Za-z0-9+/]{43,86})$/;

/** Undefined if it is none, too weak (N below 2^14, RFC 7914 gives that for interactive use), or would cost over 128 MiB. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln = '', r = '', p = '', salt = '', hash = ''] = FORM.exec(text) ?? [];
  const cost = 2 ** Number(ln);
  const blockSize = Number(r);
  const parallelization = Number(p);
  const good = cost >= 2 ** 14 && blockSize >= 8 && parallelization >= 1 && parallelization <= 4;
  if (!good || 128 * cost * blockSize > 128 * 2 ** 20) return undefined;
  const bytes = (part: string): Buffer => Buffer.from(part, 'base64');
  const parsed = { cost, blockSize, parallelization, salt: bytes(salt), hash: bytes(hash) };
  // What does not come out again was cut or changed at its end: no password would ever match.
  return formatPasswordHash(parsed) === text ? parsed : undefined;
}

export function formatPasswordHash({ cost, blockSize, parallelization, salt, hash }: PasswordHash): string {
  const text = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
  return `$scrypt$ln=${Math.log2(cost)},r=${blockSize},p=${parallelization}$${text(salt)}$${text(hash)}`;
}

// The key file of a spool: one key a line, 32 bytes in base64 or hex; the first encrypts, all decrypt, so that a new one is put before
// the old. Empty lines and those that begin with `#` do not count. Promises that no error holds a part of a key.
import { readFileSync } from 'node:fs';
import { causeCode, GatewayError } from '../../errors.ts';

const KEY_BYTES = 32;
const HEX = /^[0-9a-f]{64}$/i;
const BASE64 = /^[A-Za-z0-9+/]{43}=?$/;

/** @throws GatewayError GW_ERR_FILE */
export function readSpoolKeys(path: string): readonly Buffer[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new GatewayError('GW_ERR_FILE', { detail: `${path}: ${causeCode(thrown)}` });
  }
  const keys: Buffer[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const key = HEX.test(line)
      ? Buffer.from(line, 'hex')
      : BASE64.test(line)
        ? Buffer.from(line, 'base64')
        : undefined;
    if (key?.length !== KEY_BYTES)
      throw new GatewayError('GW_ERR_FILE', {
        detail: `${path}:${i + 1} is no key: 32 bytes in base64 or hex, as openssl rand -base64 32 makes them`,
      });
    keys.push(key);
  }
  if (keys.length === 0) throw new GatewayError('GW_ERR_FILE', { detail: `${path} holds no key` });
  return keys;
}

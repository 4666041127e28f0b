// A message as one run of bytes, to be sealed: what is in it stands for itself, so that a message can be had again from its body alone,
// and a body that has come to another row is noticed. Layout: SEAL_ROOM free bytes, length of the head, head (JSON), payload.
import { GatewayError } from '../../errors.ts';
import type { NewStoredMessage, StoredLabel } from '../spool-store.ts';
import { SEAL_ROOM } from './body-seal.ts';

const LENGTH_BYTES = 4;

export interface PackedHead {
  readonly pool: string;
  readonly orderingKey: string;
  readonly receivedAt: number;
  readonly label: StoredLabel;
}

export function headTextOf({ pool, orderingKey, receivedAt, label }: NewStoredMessage): string {
  return JSON.stringify({ pool, orderingKey, receivedAt, label });
}

export function packedBytesOf(headText: string, payload: Buffer): number {
  return SEAL_ROOM + LENGTH_BYTES + Buffer.byteLength(headText) + payload.length;
}

/** Writes it at `at`, and returns where it ends. */
export function packInto(bytes: Buffer, at: number, headText: string, payload: Buffer): number {
  const headAt = at + SEAL_ROOM + LENGTH_BYTES;
  const headBytes = bytes.write(headText, headAt);
  bytes.writeUInt32BE(headBytes, at + SEAL_ROOM);
  payload.copy(bytes, headAt + headBytes);
  return headAt + headBytes + payload.length;
}

/** Of what the seal has given back. @throws GatewayError GW_ERR_SPOOL_CORRUPT */
export function unpack(
  content: Buffer,
  name: string,
): { readonly head: PackedHead; readonly payload: Buffer } {
  try {
    const headEnd = LENGTH_BYTES + content.readUInt32BE(0);
    const head: PackedHead = JSON.parse(content.toString('utf8', LENGTH_BYTES, headEnd));
    return { head, payload: content.subarray(headEnd) };
  } catch {
    throw new GatewayError('GW_ERR_SPOOL_CORRUPT', { detail: `${name} is damaged` });
  }
}

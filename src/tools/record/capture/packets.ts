// Packets from a capture file: pcap and pcapng, written by either kind of machine (draft-ietf-opsawg-pcap,
// draft-ietf-opsawg-pcapng). Promises every whole packet of a file that is cut off, and then says that it was.
import { GatewayError } from '../../../errors.ts';
import type { ByteSource } from './byte-source.ts';

export interface Packet {
  /** LINKTYPE_…, what the packet begins with. */
  readonly linkType: number;
  /** Milliseconds since 1970, with fractions. */
  readonly timeMs: number;
  readonly bytes: Buffer;
}

/** What a damaged length must not make us read: no packet of any link is larger (tcpdump's limit is 256 KiB). */
const MAX_PACKET_BYTES = 16 * 1024 * 1024;

/** Returns, behind the last packet, why the file ended too early; undefined where it did not. */
export type Packets = Generator<Packet, string | undefined>;

const SECTION = 0x0a0d0d0a;

/** @throws GatewayError GW_ERR_FILE where it is no capture file */
export function packetsOf(source: ByteSource, path: string): Packets {
  const magic = source.take(4);
  const big = magic.length === 4 ? magic.readUInt32BE() : 0;
  if (big === SECTION) return nextGeneration(source);
  for (const [value, perSecond] of [
    [0xa1b2c3d4, 1e6],
    [0xa1b23c4d, 1e9],
  ] as const) {
    if (big === value) return classic(source, new Fields(false), perSecond);
    if (magic.length === 4 && magic.readUInt32LE() === value)
      return classic(source, new Fields(true), perSecond);
  }
  throw new GatewayError('GW_ERR_FILE', { detail: `${path}: it is neither pcap nor pcapng` });
}

/** Numbers in the byte order of the file. */
class Fields {
  readonly little: boolean;

  constructor(little: boolean) {
    this.little = little;
  }

  u16(bytes: Buffer, at: number): number {
    return this.little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  u32(bytes: Buffer, at: number): number {
    return this.little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }
}

const CUT = 'it ends in the middle of a packet';
const DAMAGED = 'a length in it cannot be right';

function* classic(source: ByteSource, fields: Fields, perSecond: number): Packets {
  const rest = source.take(20);
  if (rest.length < 20) return 'it ends in its header';
  // The upper bits say how long a frame check sequence is.
  const linkType = fields.u32(rest, 16) & 0xffff;
  for (;;) {
    const head = source.take(16);
    if (head.length === 0) return undefined;
    if (head.length < 16) return CUT;
    const size = fields.u32(head, 8);
    if (size > MAX_PACKET_BYTES) return DAMAGED;
    const bytes = source.take(size);
    if (bytes.length < size) return CUT;
    const timeMs = fields.u32(head, 0) * 1000 + (fields.u32(head, 4) * 1000) / perSecond;
    yield { linkType, timeMs, bytes };
  }
}

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly perSecond: number;
}

/** The section's block type has been read: it is the same in both byte orders. */
function* nextGeneration(source: ByteSource): Packets {
  let fields = new Fields(true);
  let interfaces: Interface[] = [];
  let type = SECTION;
  for (;;) {
    const length = source.take(4);
    if (length.length < 4) return CUT;
    let before = 8;
    if (type === SECTION) {
      const magic = source.take(4);
      if (magic.length < 4) return CUT;
      fields = new Fields(magic.readUInt32LE() === 0x1a2b3c4d);
      if (fields.u32(magic, 0) !== 0x1a2b3c4d) return DAMAGED;
      interfaces = [];
      before = 12;
    }
    const size = fields.u32(length, 0);
    if (size > MAX_PACKET_BYTES || size < before + 4 || size % 4 !== 0) return DAMAGED;
    const body = source.take(size - before);
    if (body.length < size - before) return CUT;
    if (type === 1) {
      if (body.length < 12) return DAMAGED;
      interfaces.push(interfaceIn(body, fields));
    } else {
      const packet = packetIn(type, body.subarray(0, -4), fields, interfaces);
      if (packet === 'damaged') return DAMAGED;
      if (packet !== undefined) yield packet;
    }
    const next = source.take(4);
    if (next.length === 0) return undefined;
    if (next.length < 4) return CUT;
    type = fields.u32(next, 0);
  }
}

function interfaceIn(body: Buffer, fields: Fields): Interface {
  let perSecond = 1e6;
  for (let at = 8; at + 4 <= body.length - 4; ) {
    const code = fields.u16(body, at);
    const length = fields.u16(body, at + 2);
    // if_tsresol: a power of ten, or of two where the highest bit is set.
    const value = code === 9 && length === 1 ? body[at + 4] : undefined;
    if (value !== undefined) perSecond = value & 0x80 ? 2 ** (value & 0x7f) : 10 ** value;
    if (code === 0) break;
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return { linkType: fields.u16(body, 0), snapLength: fields.u32(body, 4), perSecond };
}

/** Enhanced, simple and (withdrawn) packet blocks; undefined: a block that holds no packet. */
function packetIn(
  type: number,
  body: Buffer,
  fields: Fields,
  interfaces: readonly Interface[],
): Packet | 'damaged' | undefined {
  if (type === 3) {
    const [first] = interfaces;
    if (first === undefined || body.length < 4) return 'damaged';
    const original = fields.u32(body, 0);
    const size = first.snapLength === 0 ? original : Math.min(original, first.snapLength);
    if (size > body.length - 4) return 'damaged';
    return { linkType: first.linkType, timeMs: 0, bytes: body.subarray(4, 4 + size) };
  }
  if (type !== 6 && type !== 2) return undefined;
  if (body.length < 20) return 'damaged';
  const one = interfaces[type === 6 ? fields.u32(body, 0) : fields.u16(body, 0)];
  const size = fields.u32(body, 12);
  if (one === undefined || size > body.length - 20) return 'damaged';
  const ticks = fields.u32(body, 4) * 2 ** 32 + fields.u32(body, 8);
  return {
    linkType: one.linkType,
    timeMs: (ticks / one.perSecond) * 1000,
    bytes: body.subarray(20, 20 + size),
  };
}

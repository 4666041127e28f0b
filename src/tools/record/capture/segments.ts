// From a captured packet to its TCP segment: link layers, VLANs, IPv4 and IPv6 (RFC 791, 8200, 9293).
// Promises a reason for each packet that is none, so that it can be counted.
import type { Packet } from './packets.ts';

export interface Segment {
  /** `address:port` of both ends. */
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly sequence: number;
  /** What the sender of this segment has had of the other side; undefined without ACK. */
  readonly acknowledged: number | undefined;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  readonly payload: Buffer;
  /** Bytes of the payload that were on the wire and not captured. */
  readonly missing: number;
}

export type NoSegment = 'fragment' | 'not TCP' | 'unknown link' | 'damaged';

export function segmentOf({ linkType, bytes }: Packet): Segment | NoSegment {
  const at = networkAt(linkType, bytes);
  if (typeof at === 'string') return at;
  const packet = bytes.subarray(at);
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4) return inIpv4(packet);
  return version === 6 ? inIpv6(packet) : 'not TCP';
}

/** tcpdump.org/linktypes.html. Where the IP packet begins. */
function networkAt(linkType: number, bytes: Buffer): number | NoSegment {
  switch (linkType) {
    case 1: // Ethernet
      return behindType(bytes, 12);
    case 113: // Linux cooked
      return behindType(bytes, 14);
    case 276: // Linux cooked v2
      return bytes.length < 20 ? 'damaged' : isIp(bytes.readUInt16BE(0)) ? 20 : 'not TCP';
    case 0: // BSD loopback
    case 108:
      return 4;
    case 12: // Raw IP, by its numbers of several systems
    case 14:
    case 101:
    case 228:
    case 229:
      return 0;
    default:
      return 'unknown link';
  }
}

/** IEEE 802.1Q and 802.1ad: four bytes each, nested as deep as anybody nests them. */
function behindType(bytes: Buffer, typeAt: number): number | NoSegment {
  let at = typeAt;
  for (let tags = 0; tags < 4; tags++) {
    if (at + 2 > bytes.length) return 'damaged';
    const type = bytes.readUInt16BE(at);
    if (isIp(type)) return at + 2;
    if (type !== 0x8100 && type !== 0x88a8 && type !== 0x9100) return 'not TCP';
    at += 4;
  }
  return 'not TCP';
}

function isIp(type: number): boolean {
  return type === 0x0800 || type === 0x86dd;
}

function inIpv4(packet: Buffer): Segment | NoSegment {
  const header = ((packet[0] ?? 0) & 0x0f) * 4;
  if (header < 20 || packet.length < header) return 'damaged';
  // More fragments, or not the first one.
  if ((packet.readUInt16BE(6) & 0x3fff) !== 0) return 'fragment';
  if (packet[9] !== 6) return 'not TCP';
  // 0: the network card was to cut it (segmentation offload).
  const total = packet.readUInt16BE(2) || packet.length;
  const [from, to] = [12, 16].map((at) => packet.subarray(at, at + 4).join('.'));
  return inTcp(packet, header, total, from ?? '', to ?? '');
}

const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60, 135]);

function inIpv6(packet: Buffer): Segment | NoSegment {
  if (packet.length < 40) return 'damaged';
  const total = packet.readUInt16BE(4) === 0 ? packet.length : 40 + packet.readUInt16BE(4);
  const [from, to] = [8, 24].map((at) => `[${packet.toString('hex', at, at + 16)}]`);
  let next = packet[6] ?? 59;
  let at = 40;
  while (next !== 6) {
    // 4.5: a fragment of the whole (offset 0, no more) is none.
    if (next === 44) {
      if (packet.length < at + 8) return 'damaged';
      if ((packet.readUInt16BE(at + 2) & 0xfff9) !== 0) return 'fragment';
    } else if (!EXTENSIONS.has(next)) return 'not TCP';
    const length = next === 44 ? 8 : ((packet[at + 1] ?? 0) + 1) * 8;
    next = packet[at] ?? 59;
    at += length;
    if (at > packet.length) return 'damaged';
  }
  return inTcp(packet, at, total, from ?? '', to ?? '');
}

function inTcp(packet: Buffer, at: number, total: number, from: string, to: string): Segment | NoSegment {
  if (packet.length < at + 20) return 'damaged';
  const header = ((packet[at + 12] ?? 0) >> 4) * 4;
  const begin = at + header;
  if (header < 20 || total < begin) return 'damaged';
  const flags = packet[at + 13] ?? 0;
  const [fromPort, toPort] = [packet.readUInt16BE(at), packet.readUInt16BE(at + 2)];
  // Ethernet pads short packets; a capture may be cut at its snap length.
  const payload = packet.subarray(Math.min(begin, packet.length), Math.min(total, packet.length));
  return {
    from: `${from}:${fromPort}`,
    to: `${to}:${toPort}`,
    fromPort,
    toPort,
    sequence: packet.readUInt32BE(at + 4),
    acknowledged: (flags & 0x10) === 0 ? undefined : packet.readUInt32BE(at + 8),
    syn: (flags & 0x02) !== 0,
    fin: (flags & 0x01) !== 0,
    rst: (flags & 0x04) !== 0,
    payload,
    missing: total - begin - payload.length,
  };
}

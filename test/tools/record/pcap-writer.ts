// Writes captures by hand (no code of src/): pcap and pcapng of either byte order, several link layers, TCP connections
// segment by segment. For tests of the reader.
export type Link = 'ethernet' | 'vlan' | 'cooked' | 'cooked2' | 'loopback' | 'raw';

export interface WrittenPacket {
  readonly ms: number;
  /** An IP packet. */
  readonly ip: Buffer;
}

const LINK_TYPES: Readonly<Record<Link, number>> = {
  ethernet: 1,
  vlan: 1,
  cooked: 113,
  cooked2: 276,
  loopback: 0,
  raw: 101,
};

function linked(link: Link, ip: Buffer): Buffer {
  const type = Buffer.from((ip[0] ?? 0) >> 4 === 6 ? [0x86, 0xdd] : [0x08, 0x00]);
  switch (link) {
    case 'ethernet':
      // Short packets are padded by the card; here also those that need not be.
      return Buffer.concat([Buffer.alloc(12, 2), type, ip, Buffer.alloc(Math.max(0, 100 - ip.length), 0x0b)]);
    case 'vlan':
      return Buffer.concat([Buffer.alloc(12, 2), Buffer.from([0x88, 0xa8, 0, 7, 0x81, 0, 0, 5]), type, ip]);
    case 'cooked':
      return Buffer.concat([Buffer.alloc(14), type, ip]);
    case 'cooked2':
      return Buffer.concat([type, Buffer.alloc(18), ip]);
    case 'loopback':
      return Buffer.concat([Buffer.from([2, 0, 0, 0]), ip]);
    case 'raw':
      return ip;
  }
}

function numbers(little: boolean) {
  const u32 = (n: number): Buffer => {
    const b = Buffer.alloc(4);
    if (little) b.writeUInt32LE(n >>> 0);
    else b.writeUInt32BE(n >>> 0);
    return b;
  };
  const u16 = (n: number): Buffer =>
    little ? Buffer.from([n & 255, n >> 8]) : Buffer.from([n >> 8, n & 255]);
  return { u32, u16 };
}

export interface FileOptions {
  readonly link?: Link;
  readonly little?: boolean;
  readonly nanoseconds?: boolean;
  readonly snapLength?: number;
}

export function pcap(packets: readonly WrittenPacket[], options: FileOptions = {}): Buffer {
  const { link = 'ethernet', little = true, nanoseconds = false, snapLength = 65_535 } = options;
  const { u32, u16 } = numbers(little);
  const head = [u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4), u16(2), u16(4), u32(0), u32(0), u32(snapLength)];
  return Buffer.concat([
    ...head,
    u32(LINK_TYPES[link]),
    ...packets.flatMap(({ ms, ip }) => {
      const whole = linked(link, ip);
      const bytes = whole.subarray(0, snapLength);
      const fraction = Math.round((ms % 1000) * (nanoseconds ? 1e6 : 1e3));
      return [u32(Math.floor(ms / 1000)), u32(fraction), u32(bytes.length), u32(whole.length), bytes];
    }),
  ]);
}

export function pcapng(packets: readonly WrittenPacket[], options: FileOptions = {}): Buffer {
  const { link = 'ethernet', little = true, nanoseconds = false } = options;
  const { u32, u16 } = numbers(little);
  const block = (type: number, body: Buffer): Buffer => {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    const size = u32(padded.length + 12);
    return Buffer.concat([u32(type), size, padded, size]);
  };
  const section = block(
    0x0a0d0d0a,
    Buffer.concat([u32(0x1a2b3c4d), u16(1), u16(0), u32(0xffffffff), u32(0xffffffff)]),
  );
  const resolution = Buffer.concat([
    u16(9),
    u16(1),
    Buffer.from([nanoseconds ? 9 : 6, 0, 0, 0]),
    u16(0),
    u16(0),
  ]);
  const ports = block(1, Buffer.concat([u16(LINK_TYPES[link]), u16(0), u32(65_535), resolution]));
  // What no reader knows is to be skipped.
  const unknown = block(0x0bad, Buffer.from('nothing'));
  const all = packets.map(({ ms, ip }) => {
    const bytes = linked(link, ip);
    const ticks = BigInt(Math.round(ms * 1000)) * (nanoseconds ? 1000n : 1n);
    const [high, low] = [Number(ticks >> 32n), Number(ticks & 0xffffffffn)];
    return block(
      6,
      Buffer.concat([u32(0), u32(high), u32(low), u32(bytes.length), u32(bytes.length), bytes]),
    );
  });
  return Buffer.concat([section, ports, unknown, ...all]);
}

export interface TcpOptions {
  readonly version?: 4 | 6;
  /** Of the client. */
  readonly port?: number;
  readonly clientStart?: number;
  readonly serverStart?: number;
}

/** A connection from `client` to port 2575; each call makes one packet. */
export class TcpConversation {
  readonly #version: 4 | 6;
  readonly #port: number;
  readonly #sequence: { client: number; server: number };

  constructor({ version = 4, port = 40_000, clientStart = 1000, serverStart = 5000 }: TcpOptions = {}) {
    this.#version = version;
    this.#port = port;
    this.#sequence = { client: clientStart, server: serverStart };
  }

  open(): Buffer[] {
    const syn = this.#packet('client', 0x02, this.#sequence.client, Buffer.alloc(0));
    this.#sequence.client++;
    const both = this.#packet('server', 0x12, this.#sequence.server, Buffer.alloc(0));
    this.#sequence.server++;
    return [syn, both, this.ack('client')];
  }

  send(from: 'client' | 'server', payload: Buffer): Buffer {
    const packet = this.#packet(from, 0x18, this.#sequence[from], payload);
    this.#sequence[from] = (this.#sequence[from] + payload.length) >>> 0;
    return packet;
  }

  /** What was sent `back` bytes ago, again. */
  again(from: 'client' | 'server', payload: Buffer, back: number): Buffer {
    return this.#packet(from, 0x18, (this.#sequence[from] - back) >>> 0, payload);
  }

  ack(from: 'client' | 'server'): Buffer {
    return this.#packet(from, 0x10, this.#sequence[from], Buffer.alloc(0));
  }

  fin(from: 'client' | 'server'): Buffer {
    return this.#packet(from, 0x11, this.#sequence[from]++, Buffer.alloc(0));
  }

  #packet(from: 'client' | 'server', flags: number, sequence: number, payload: Buffer): Buffer {
    const tcp = Buffer.alloc(32);
    const ports = from === 'client' ? [this.#port, 2575] : [2575, this.#port];
    tcp.writeUInt16BE(ports[0] as number, 0);
    tcp.writeUInt16BE(ports[1] as number, 2);
    tcp.writeUInt32BE(sequence >>> 0, 4);
    tcp.writeUInt32BE(this.#sequence[from === 'client' ? 'server' : 'client'] >>> 0, 8);
    // Eight words: twelve bytes of options.
    tcp[12] = 0x80;
    tcp[13] = flags;
    return ipPacket(this.#version, from === 'client', Buffer.concat([tcp, payload]));
  }
}

export function ipPacket(version: 4 | 6, fromClient: boolean, tcp: Buffer, fragment = 0): Buffer {
  const [source, target] = fromClient ? [1, 2] : [2, 1];
  if (version === 4) {
    const ip = Buffer.alloc(24);
    ip[0] = 0x46;
    ip.writeUInt16BE(24 + tcp.length, 2);
    ip.writeUInt16BE(fragment, 6);
    ip[9] = 6;
    ip.set([10, 0, 0, source as number], 12);
    ip.set([10, 0, 0, target as number], 16);
    return Buffer.concat([ip, tcp]);
  }
  const ip = Buffer.alloc(48);
  ip[0] = 0x60;
  ip.writeUInt16BE(8 + tcp.length, 4);
  // Hop-by-hop options first.
  ip[6] = 0;
  ip[23] = source as number;
  ip[39] = target as number;
  ip[40] = 6;
  return Buffer.concat([ip, tcp]);
}

// PROXY protocol headers for tests, built by the text (haproxy.org, proxy-protocol.txt) and by none of the product's code.

export interface Ends {
  readonly source: string;
  readonly port: number;
}

/** To 192.0.2.1 or 2001:db8::1, port 2575. */
export function lineHeader({ source, port }: Ends): Buffer {
  const [family, destination] = source.includes(':') ? ['TCP6', '2001:db8::1'] : ['TCP4', '192.0.2.1'];
  return Buffer.from(`PROXY ${family} ${source} ${destination} ${port} 2575\r\n`);
}

export interface BinaryParts {
  /** Default 0x21: version 2, PROXY. 0x20: LOCAL. */
  readonly command?: number;
  /** Default 0x11: TCP over IPv4. */
  readonly family?: number;
  /** Addresses and ports. */
  readonly block?: Buffer;
  /** What follows them. */
  readonly tlvs?: Buffer;
  /** Instead of what there is. */
  readonly length?: number;
}

export function binaryHeader(parts: BinaryParts): Buffer {
  const { command = 0x21, family = 0x11, block = Buffer.alloc(0), tlvs = Buffer.alloc(0) } = parts;
  const length = parts.length ?? block.length + tlvs.length;
  const fixed = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
  return Buffer.concat([
    Buffer.from([...fixed, command, family, length >> 8, length & 0xff]),
    Buffer.concat([block, tlvs]),
  ]);
}

/** Source and destination of four or sixteen bytes each, and their ports. */
export function addressBlock(source: readonly number[], port: number): Buffer {
  const ports = [port >> 8, port & 0xff, 2575 >> 8, 2575 & 0xff];
  return Buffer.from([...source, ...source.map(() => 0), ...ports]);
}

export function tlv(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);
}

// A name server of the test's own, on loopback over UDP: A, AAAA and SRV records that may change at any time, and what a bad one
// does. Promises a record of what it was asked.
import dgram from 'node:dgram';
import { isIPv4 } from 'node:net';

export interface Service {
  readonly target: string;
  readonly port: number;
  readonly priority?: number;
  readonly weight?: number;
}

const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const;
type RecordType = keyof typeof TYPES;
/** RFC 1035 4.1.1. */
const CODES = { noSuchName: 3, failed: 2, refused: 5 } as const;

export class DnsServer implements AsyncDisposable {
  /** By name: addresses of either family. An empty list: the name is there and has none. */
  readonly addresses = new Map<string, readonly string[]>();
  readonly services = new Map<string, readonly Service[]>();
  ttlSeconds = 0;
  /** Instead of an answer. `silent`: none at all. */
  trouble: keyof typeof CODES | 'silent' | undefined;
  /** The same for this type alone. */
  readonly troubleOf = new Map<RecordType, keyof typeof CODES>();
  readonly asked: string[] = [];
  readonly #socket = dgram.createSocket('udp4');
  #waiting: (() => void)[] = [];

  async listen(): Promise<void> {
    this.#socket.on('message', (query, from) => {
      const answer = this.#answer(query);
      if (answer !== undefined) this.#socket.send(answer, from.port, from.address);
      for (const tell of this.#waiting.splice(0)) tell();
    });
    await new Promise<void>((resolve) => this.#socket.bind(0, '127.0.0.1', resolve));
  }

  /** For `discover.servers`. */
  get place(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** Resolves at the next question from now on. */
  nextQuestion(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(query: Buffer): Buffer | undefined {
    const { name, end } = nameIn(query);
    const number = query.readUInt16BE(end);
    const type = (Object.keys(TYPES) as RecordType[]).find((one) => TYPES[one] === number);
    this.asked.push(`${type ?? number} ${name}`);
    const question = query.subarray(12, end + 4);
    const trouble = this.trouble ?? (type && this.troubleOf.get(type));
    if (trouble === 'silent') return undefined;
    if (trouble !== undefined) return message(query, CODES[trouble], question, []);
    const addresses = this.addresses.get(name);
    const services = this.services.get(name);
    if (addresses === undefined && services === undefined)
      return message(query, CODES.noSuchName, question, []);
    const records =
      type === 'SRV'
        ? (services ?? []).map(serviceData)
        : (addresses ?? []).filter((one) => isIPv4(one) === (type === 'A')).map(addressData);
    return message(
      query,
      0,
      question,
      records.map((data) => this.#record(number, data)),
    );
  }

  /** RFC 1035 4.1.3; its name is that of the question. */
  #record(type: number, data: Buffer): Buffer {
    const head = Buffer.alloc(12);
    head.writeUInt16BE(0xc00c, 0);
    head.writeUInt16BE(type, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt32BE(this.ttlSeconds, 6);
    head.writeUInt16BE(data.length, 10);
    return Buffer.concat([head, data]);
  }
}

export async function startDnsServer(): Promise<DnsServer> {
  const server = new DnsServer();
  await server.listen();
  return server;
}

function message(query: Buffer, code: number, question: Buffer, records: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(query.readUInt16BE(0), 0);
  // An answer, with recursion as it was desired and there.
  head.writeUInt16BE(0x8580 | code, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, question, ...records]);
}

function nameIn(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase());
    at += length + 1;
  }
  return { name: labels.join('.'), end: at + 1 };
}

function nameData(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

function serviceData({ target, port, priority = 0, weight = 0 }: Service): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(priority, 0);
  head.writeUInt16BE(weight, 2);
  head.writeUInt16BE(port, 4);
  return Buffer.concat([head, nameData(target)]);
}

function addressData(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [before = '', after = ''] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((one) => Number.parseInt(one, 16));
  const [head, tail] = [groups(before), groups(after)];
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}

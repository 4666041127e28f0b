// What each listener refuses, as bytes that a client sends: the table of F115. Each is refused by the gateway itself, and
// ends its connection.
import { frame, message } from '../helpers/mllp.ts';
import { lineHeader } from '../helpers/proxy-header.ts';
import { encode, type Field, FLAG, FRAME } from '../helpers/raw-h2-client.ts';
import { DROPPED, HEADERS, post } from './http-h2-probes.ts';
import { PROBES } from './http-probes.ts';
import { request } from './http-room.ts';

export interface Refusal {
  readonly name: string;
  readonly bytes: Buffer;
  /** The gateway waits for more: the client has to end its side, or the connection ends with a deadline. */
  readonly clientEnds?: boolean;
}

const binary = (text: string): Buffer => Buffer.from(text, 'latin1');
const http = (name: string, start: string, lines: readonly string[] = [], body = ''): Refusal => ({
  name,
  bytes: binary(request(start, lines, body)),
});

const HL7_NAME = 'content-type';
const HL7_TYPE = 'application/hl7-v2';
const HL7 = `${HL7_NAME}: ${HL7_TYPE}`;

/** Beside `PROBES`: what is refused for another reason than its framing. */
export const HTTP_REFUSALS: readonly Refusal[] = [
  http('F60 a header that is too large', 'GET / HTTP/1.1', [`X: ${'a'.repeat(20_000)}`]),
  http(
    'F60 too many headers',
    'GET / HTTP/1.1',
    Array.from({ length: 300 }, (_, i) => `X${i}: y`),
  ),
  http('F62 an unknown expectation', 'POST / HTTP/1.1', ['Expect: fly', 'Content-Length: 5'], 'hello'),
  http('F62 an unknown expectation, its body missing', 'POST / HTTP/1.1', ['Expect: x', 'Content-Length: 5']),
  http('F72 a message over the limit', 'POST / HTTP/1.1', [HL7, 'Content-Length: 5000'], 'MSH|'),
  http(
    'F72 a message over the limit, in chunks',
    'POST / HTTP/1.1',
    [HL7, 'Transfer-Encoding: chunked'],
    `7d0\r\n${'x'.repeat(2000)}\r\n`,
  ),
  http('F73 an unknown charset', 'POST / HTTP/1.1', [`${HL7}; charset=klingon`, 'Content-Length: 4'], 'MSH|'),
  http(
    'a message whose body makes no sense',
    'POST / HTTP/1.1',
    [HL7, 'Transfer-Encoding: chunked'],
    '4\r\nMSH|\r\nzz\r\n',
  ),
  http('a route that rejects', 'GET /rejected HTTP/1.1', ['Connection: close']),
  http(
    'a route that rejects, an upload going on',
    'POST /rejected HTTP/1.1',
    ['Content-Length: 500000'],
    'x'.repeat(1000),
  ),
  http('no route', 'GET /nowhere HTTP/1.1', ['Connection: close']),
  http(
    'an upgrade that a route rejects',
    'GET /rejected HTTP/1.1',
    ['Connection: Upgrade', 'Upgrade: websocket'],
    'early',
  ),
  http(
    'an upgrade that the node refuses',
    'GET / HTTP/1.1',
    ['Connection: Upgrade', 'Upgrade: websocket'],
    'early',
  ),
  { name: 'too many requests at once', bytes: binary(request('GET /held HTTP/1.1').repeat(102)) },
  { name: 'a message over MLLP', bytes: frame(message()) },
  { name: 'TLS within', bytes: Buffer.from('16030100c8010000c40303', 'hex') },
  { name: 'HTTP/2 without an agreement', bytes: binary('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') },
];

export const HTTP_PROBES: readonly Refusal[] = PROBES.map(({ name, bytes }) => ({
  name,
  bytes: binary(bytes),
}));

export const MLLP_REFUSALS: readonly Refusal[] = [
  { name: 'F5 too many bytes before a frame', bytes: binary('x'.repeat(70_000)) },
  { name: 'F6 HTTP', bytes: binary(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(70_000)}\r\n\r\n`) },
  { name: 'F8 half a frame, then the end', bytes: frame(message()).subarray(0, 40), clientEnds: true },
  { name: 'F10 another start block within', bytes: binary('\x0bMSH|^~\\&|A\x0bB|\x1c\r'), clientEnds: true },
  {
    name: 'F16 a frame that is too large',
    bytes: binary(`\x0b${'MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5\r'.padEnd(5_000, 'x')}`),
  },
  { name: 'F16 one without a header', bytes: binary(`\x0b${'x'.repeat(5_000)}`) },
  { name: 'F20 no MSH', bytes: binary('\x0bPID|1\r\x1c\r') },
  { name: 'F20 nothing of HL7', bytes: binary('\x0b\x00\x01\x02\x1c\r') },
  { name: 'UTF-16', bytes: frame(Buffer.from('MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5\r', 'utf16le')) },
  { name: 'no route, answered by the end', bytes: frame(message({ app: 'NOBODY' })) },
];

/** To a listener with TLS: in clear. */
export const TLS_REFUSALS: readonly Refusal[] = [
  { name: 'F47 MLLP in clear', bytes: frame(message()) },
  { name: 'F47 HTTP in clear', bytes: binary(request('GET / HTTP/1.1')) },
  { name: 'F47 random bytes', bytes: binary('\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10'.repeat(20)) },
  { name: 'F47 a record that is none', bytes: Buffer.from('160301ffff0100', 'hex'), clientEnds: true },
  { name: 'F47 an alert', bytes: Buffer.from('15030100020228', 'hex') },
  { name: 'F47 half a handshake', bytes: Buffer.from('160301020001', 'hex'), clientEnds: true },
];

export const PROXY_REFUSALS: readonly Refusal[] = [
  { name: 'no header: MLLP', bytes: frame(message()) },
  { name: 'no header: HTTP', bytes: binary(request('GET / HTTP/1.1')) },
  { name: 'a header that is none', bytes: binary('PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n') },
  { name: 'a header without an end', bytes: binary(`PROXY ${'x'.repeat(500)}`) },
  {
    name: 'half a header, then the end',
    bytes: lineHeader({ source: '192.0.2.1', port: 1 }).subarray(0, 9),
    clientEnds: true,
  },
  { name: 'a binary header that is none', bytes: Buffer.from('0d0a0d0a000d0a515549540a31110000', 'hex') },
  {
    name: 'a header, then nonsense',
    bytes: Buffer.concat([
      lineHeader({ source: '192.0.2.1', port: 1 }),
      binary('\x16\x03\x00nonsense\r\n\r\n'.repeat(500)),
    ]),
    clientEnds: true,
  },
];

const PREFACE = Buffer.concat([binary('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), h2Frame(FRAME.settings, 0, 0)]);

function h2Frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function h2Head(fields: readonly Field[], flags = FLAG.endHeaders | FLAG.endStream): Buffer {
  return h2Frame(FRAME.headers, flags, 1, encode(fields));
}

/** What ends a stream leaves the connection to its client; what ends the connection does not. */
export const H2_PROBES: readonly Refusal[] = [...HEADERS, ...DROPPED].map(([name, fields]) => ({
  name,
  bytes: Buffer.concat([PREFACE, h2Head(fields)]),
  clientEnds: true,
}));

export const H2_REFUSALS: readonly Refusal[] = [
  ...(
    [
      [
        'a message over the limit',
        [
          [HL7_NAME, HL7_TYPE],
          ['content-length', '5000'],
        ],
      ],
      ['an unknown charset', [[HL7_NAME, `${HL7_TYPE}; charset=klingon`]]],
      ['an unknown expectation', [['expect', 'fly']]],
    ] as const
  ).map(([name, fields]) => ({
    name,
    bytes: Buffer.concat([
      PREFACE,
      h2Head(post(...fields), FLAG.endHeaders),
      h2Frame(FRAME.data, 0, 1, binary('MSH|')),
    ]),
    clientEnds: true,
  })),
  { name: 'no preface', bytes: binary(request('GET / HTTP/1.1')) },
  { name: 'half a preface', bytes: PREFACE.subarray(0, 10), clientEnds: true },
  {
    name: 'an unknown setting in a frame of a wrong length',
    bytes: Buffer.concat([PREFACE, h2Frame(FRAME.settings, 0, 0, Buffer.alloc(5))]),
  },
  { name: 'data on no stream', bytes: Buffer.concat([PREFACE, h2Frame(FRAME.data, 0, 0, binary('x'))]) },
  {
    name: 'data on a stream that never began',
    bytes: Buffer.concat([PREFACE, h2Frame(FRAME.data, 0, 1, binary('x'))]),
  },
  {
    name: 'a frame that is too large',
    bytes: Buffer.concat([PREFACE, h2Frame(FRAME.data, 0, 1, Buffer.alloc(20_000))]),
  },
  {
    name: 'headers that no HPACK decoder takes',
    bytes: Buffer.concat([PREFACE, h2Frame(FRAME.headers, 5, 1, binary('\xff\xff\xff\xff\xff\xff'))]),
  },
  {
    name: 'a continuation of nothing',
    bytes: Buffer.concat([PREFACE, h2Frame(FRAME.continuation, 4, 1, binary('x'))]),
  },
  {
    name: 'a window beyond its size',
    bytes: Buffer.concat([PREFACE, h2Frame(FRAME.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff]))]),
  },
];

// The reader of nodes' responses, without sockets: where reads cut the bytes makes no difference, Node.js's own parser reads the same
// in whatever it takes, and what two readers could take in two ways is refused (F51 to F66).
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResponseError } from '../../src/http/head-scanner.ts';
import { type ResponseEvents, ResponseParser } from '../../src/http/response-parser.ts';

const LIMITS = { maxBytes: 4096, maxFields: 20 };

interface Read {
  readonly interims: (readonly [number, readonly string[]])[];
  status: number | undefined;
  reason: string;
  fields: readonly string[];
  body: string;
  trailers: readonly string[] | undefined;
  /** Behind the response. */
  rest: number;
  keepsAlive: boolean;
  error: string | undefined;
}

/** Reads `pieces` one after the other; `ends`: then the connection ends in order. */
function read(pieces: readonly Buffer[], { method = 'GET', ends = false, limits = LIMITS } = {}): Read {
  const out: Read = {
    interims: [],
    status: undefined,
    reason: '',
    fields: [],
    body: '',
    trailers: undefined,
    rest: 0,
    keepsAlive: false,
    error: undefined,
  };
  const events: ResponseEvents = {
    onInterim: (status, fields) => out.interims.push([status, fields]),
    onHead: (status, fields, reason) => {
      out.status = status;
      out.fields = fields;
      out.reason = reason;
    },
    onData: (bytes, from, to) => {
      out.body += bytes.toString('latin1', from, to);
    },
    onEnd: (trailers) => {
      out.trailers = trailers;
    },
  };
  const parser = new ResponseParser(limits, events);
  parser.begin(method);
  // One buffer for all reads, as a connection has: nothing of an earlier read may still be looked at there.
  const buffer = Buffer.alloc(Math.max(1, ...pieces.map(({ length }) => length)) + 7);
  try {
    for (const piece of pieces) {
      buffer.fill('#');
      piece.copy(buffer, 7);
      const end = parser.read(buffer, 7, 7 + piece.length);
      out.rest += 7 + piece.length - end;
    }
    if (ends && parser.isDue) parser.end();
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    out.error = error.message;
  }
  out.keepsAlive = parser.keepsAlive;
  return out;
}

function readText(text: string, options?: Parameters<typeof read>[1]): Read {
  return read([Buffer.from(text, 'latin1')], options);
}

function cutAt(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const cuts = [0, ...[...new Set(positions)].sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((to, i) => bytes.subarray(cuts[i], to));
}

const WHOLE = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: \t a b\xe4 \t\r\nx-y:\r\n\r\nhello',
  'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 404 No such\r\ncontent-length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a="b;\\"c";d;e=f\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx',
];

describe('where reads cut', () => {
  it.each(WHOLE)('makes no difference at any place: %j', (text) => {
    const bytes = Buffer.from(text, 'latin1');
    const whole = read([bytes]);
    expect([whole.error, whole.rest]).toEqual([undefined, 0]);
    expect(whole.trailers).toBeDefined();
    for (let at = 0; at <= bytes.length; at++) expect(read(cutAt(bytes, [at]))).toEqual(whole);
    expect(read(cutAt(bytes, [...bytes.keys()]))).toEqual(whole);
  });

  it('makes none for whatever bytes come, right or wrong', () => {
    fc.assert(
      fc.property(anyResponse(), fc.array(fc.nat(400)), fc.boolean(), (text, positions, ends) => {
        const bytes = Buffer.from(text, 'latin1');
        const inside = positions.filter((at) => at < bytes.length);
        const one = readText(text, { ends });
        const other = read(cutAt(bytes, inside), { ends });
        // Of a refused one some of the body may have been told before.
        expect(other.error).toBe(one.error);
        if (one.error === undefined) expect(other).toEqual(one);
        else expect([other.status, other.interims]).toEqual([one.status, one.interims]);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('beside the parser of Node.js', () => {
  it('what is taken here is the same there, and what is refused there is not taken here', async () => {
    await fc.assert(
      fc.asyncProperty(anyResponse(), fc.constantFrom('GET', 'HEAD'), async (text, method) => {
        const mine = readText(text, { method, ends: true });
        if (mine.error !== undefined || mine.trailers === undefined) return;
        // What is behind it belongs to nothing, and its connection is not used again.
        const own = text.slice(0, text.length - mine.rest);
        const theirs = await readByNode(Buffer.from(own, 'latin1'), method);
        expect(theirs).toEqual({
          status: mine.status,
          fields: mine.fields,
          body: mine.body,
          trailers: mine.trailers,
        });
      }),
      { numRuns: 1_500 },
    );
  });

  it('finds most of the plain ones right, so that the above says something', () => {
    const texts = fc.sample(anyResponse(), { numRuns: 1_000, seed: 1 });
    const taken = texts.filter((text) => readText(text, { ends: true }).trailers !== undefined).length;
    expect(taken).toBeGreaterThan(300);
    expect(taken).toBeLessThan(950);
  });
});

describe('F65 what is refused', () => {
  it.each([
    ['HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok', /status line/],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok', /field/],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok', /name/],
    ['HTTP/1.1 200 OK\r\rContent-Length: 2\r\n\r\nok', /CR LF/],
    ['\r\nHTTP/1.1 200 OK\r\n\r\n', /begin/],
    ['\x0bMSH|^~\\&|\r\x1c\r', /begin/],
    ['HTTP/2.0 200 OK\r\n\r\n', /HTTP\/1/],
    ['HTTP/1.1  200 OK\r\n\r\n', /HTTP\/1/],
    ['HTTP/1.1 099 OK\r\n\r\n', /100/],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n', /ambiguous/],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t \r\n\r\n0\r\n\r\n', /ambiguous/],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\t\r\n\r\nok', /number/],
    ['HTTP/1.1 200 OK\r\n: x\r\n\r\n', /name/],
    ['HTTP/1.1 200 OK\r\nX Y: x\r\n\r\n', /name/],
    ['HTTP/1.1 200 OK\r\nX: \x7f\r\n\r\n', /field/],
    ['HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n', /Content-Length/],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456\r\n\r\n', /Content-Length/],
    ['HTTP/1.1 204 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n', /Content-Length/],
    ['HTTP/1.1 304 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n', /ambiguous/],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', /101/],
    ['HTTP/1.0 103 Early\r\n\r\n', /interim/],
    ...[
      '5 \r\nhello',
      '-5\r\nhello',
      '0x5\r\nhello',
      '\r\nhello',
      'g\r\n',
      '5\nhello',
      '5\r\nhello!',
      '5\r\nhello\n',
    ].map(
      (chunk) =>
        [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}\r\n0\r\n\r\n`, /chunk/] as const,
    ),
    [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'f'.repeat(14)}\r\n`, /too large/],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;\0\r\nx', /extension/],
    ...[';', ';=x', ';x=', ';x=y z', ';x="y', ';x="y"z', '; x', ';x=y;', ';x\ty'].map(
      (extension) =>
        [
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1${extension}\r\nx\r\n0\r\n\r\n`,
          /extension/,
        ] as const,
    ),
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 0\r\n\r\n', /trailers/],
    [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-encoding: chunked\r\n\r\n',
      /trailers/,
    ],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n\r\n', /name/],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n folded\r\n\r\n', /name/],
  ] as const)('%j', (text, why) => {
    expect(readText(text).error).toMatch(why);
  });

  it('a head or trailers beyond the limits, whether they come at once or byte by byte', () => {
    const long = `X: ${'y'.repeat(5000)}\r\n`;
    const many = 'X: y\r\n'.repeat(21);
    for (const lines of [long, many])
      for (const text of [
        `HTTP/1.1 200 OK\r\n${lines}\r\n`,
        `HTTP/1.1 103 Early\r\n${lines}\r\n`,
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${lines}\r\n`,
      ]) {
        const bytes = Buffer.from(text);
        expect(readText(text).error).toMatch(/too (long|many)/);
        expect(read(cutAt(bytes, [...bytes.keys()])).error).toMatch(/too (long|many)/);
      }
    const extension = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'f'.repeat(5000)}\r\nx`;
    expect(readText(extension).error).toMatch(/too long/);
    const justRight = `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${'X: y\r\n'.repeat(19)}\r\n`;
    expect(readText(justRight).trailers).toEqual([]);
  });
});

describe('the end of a body', () => {
  it.each([
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell'],
    ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n'],
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n'],
    ['GET', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ])('F66 is not that of a connection where it has one of its own: %s %j', (method, text) => {
    expect(readText(text, { method, ends: true }).trailers).toBeUndefined();
  });

  it('is that of a connection where it has none, which is not used again', () => {
    const { body, trailers, keepsAlive } = readText('HTTP/1.1 200 OK\r\n\r\nall of it', { ends: true });
    expect([body, trailers, keepsAlive]).toEqual(['all of it', [], false]);
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['HEAD', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
  ])('F64 is that of the head where there is none: %s %j', (method, text) => {
    const { body, trailers, rest, keepsAlive } = readText(`${text}hello`, { method });
    expect([body, trailers, rest, keepsAlive]).toEqual(['', [], 5, true]);
  });

  it.each([
    ['HTTP/1.1 200 OK\r\n', true],
    ['HTTP/1.1 200 OK\r\nConnection: close\r\n', false],
    ['HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: y, Close\r\n', false],
    ['HTTP/1.0 200 OK\r\n', false],
    ['HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n', true],
    ['HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n', false],
  ])('lets the connection be used again: %j %s', (head, expected) => {
    expect(readText(`${head}Content-Length: 0\r\n\r\n`).keepsAlive).toBe(expected);
  });
});

it('nothing is told of a response behind `stop`', () => {
  const told: string[] = [];
  const parser: ResponseParser = new ResponseParser(LIMITS, {
    onInterim: () => told.push('interim'),
    onHead: () => {
      told.push('head');
      parser.stop();
    },
    onData: () => told.push('data'),
    onEnd: () => told.push('end'),
  });
  for (const text of WHOLE.filter((one) => !one.includes(' 100 '))) {
    const bytes = Buffer.from(text, 'latin1');
    told.length = 0;
    parser.begin('GET');
    parser.read(bytes, 0, bytes.length);
    expect(told).toEqual(['head']);
    expect(parser.isDue).toBe(false);
  }
});

/** Responses by grammar, most of them with something in them that may not be there. */
function anyResponse(): fc.Arbitrary<string> {
  const line = fc.constantFrom(
    ...[
      'HTTP/1.1 200 OK',
      'HTTP/1.1 200 OK',
      'HTTP/1.1 404 Not Found',
      'HTTP/1.1 204 No Content',
      'HTTP/1.1 304',
    ],
    ...['HTTP/1.0 200 OK', 'HTTP/1.1 599 \xe4', 'HTTP/1.1 103 Early Hints'],
  );
  const field = fc.constantFrom(
    ...[
      'X: y',
      'X-Y:  z\t ',
      'x:',
      'Set-Cookie: a=b',
      'Connection: close',
      'Connection: keep-alive',
      'X: \xff',
    ],
  );
  const body = fc.string({
    unit: fc.constantFrom('a', 'b', '\r', '\n', '0', ' ', ':', '\xe4'),
    maxLength: 20,
  });
  const chunks = fc
    .array(
      body.filter(({ length }) => length > 0),
      { maxLength: 3 },
    )
    .map((parts) => parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join(''));
  const framed = fc.oneof(
    body.map((text) => [`Content-Length: ${text.length}`, text] as const),
    fc
      .tuple(chunks, fc.array(field, { maxLength: 2 }))
      .map(
        ([text, trailers]) =>
          [
            'Transfer-Encoding: chunked',
            `${text}0\r\n${trailers.map((one) => `${one}\r\n`).join('')}\r\n`,
          ] as const,
      ),
    body.map((text) => ['X-None: x', text] as const),
  );
  const plain = fc
    .tuple(fc.boolean(), line, fc.array(field, { maxLength: 3 }), framed)
    .map(
      ([hasInterim, start, fields, [framing, text]]) =>
        `${hasInterim ? 'HTTP/1.1 102 P\r\nX: y\r\n\r\n' : ''}${[start, ...fields, framing].join('\r\n')}\r\n\r\n${text}`,
    );
  const spice = fc.constantFrom(
    ...['\r\n', '\n', '\r', ' ', ':', '\0', '\t', ';', ',', '0', '5', 'f', '-', '\x7f', '\xff', '\x0b'],
    ...[
      'Content-Length: 3\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Transfer-Encoding: gzip\r\n',
      ' folded\r\n',
    ],
    ...['HTTP/1.1', '0\r\n\r\n', '1\r\nx\r\n', ';x=y', ';x="y"', ';x', '=', '"', '\\\\'],
    ...[
      'Connection: upgrade\r\nUpgrade: x\r\n',
      'Content-Length: 1\r\n',
      'Keep-Alive: x\r\n',
      'Trailer: X\r\n',
    ],
  );
  const spiced = fc.tuple(plain, fc.nat(300), spice, fc.nat(2)).map(([text, at, what, gone]) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + what + text.slice(place + gone);
  });
  return fc.oneof({ weight: 2, arbitrary: plain }, { weight: 3, arbitrary: spiced });
}

type NodesRead = Pick<Read, 'status' | 'fields' | 'body' | 'trailers'> | string;

/** What Node.js's client makes of these bytes and an end behind them; a text: why it refuses them. */
function readByNode(bytes: Buffer, method: string): Promise<NodesRead> {
  return new Promise((resolve) => {
    const line = new Duplex({
      read() {},
      write(_chunk, _encoding, done) {
        done();
      },
    });
    const outgoing = httpRequest({ createConnection: () => line, method });
    outgoing.on('error', (error) => resolve(`refused: ${error.message}`));
    outgoing.on('upgrade', () => resolve('upgrade'));
    outgoing.on('response', (response: IncomingMessage) => {
      let body = '';
      response.on('error', (error) => resolve(`broken off: ${error.message}`));
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString('latin1');
      });
      response.on('end', () => {
        if (!response.complete) return;
        const { statusCode, rawHeaders, rawTrailers } = response;
        resolve({ status: statusCode, fields: lower(rawHeaders), body, trailers: lower(rawTrailers) });
      });
    });
    outgoing.end();
    line.push(bytes);
    line.push(null);
  });
}

function lower(raw: readonly string[]): string[] {
  return raw.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
}

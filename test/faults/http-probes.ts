// Requests that two readers could take in two ways, each written byte by byte: framings, request lines, header lines.
// What the gateway says to each stands beside it; a request that is good in itself follows behind every one.
export interface Probe {
  readonly name: string;
  readonly bytes: string;
  readonly status: number;
}

/** Behind every probe: if it reaches a node, the gateway has found its beginning where no strict reader does. */
export const BEHIND = 'GET /behind HTTP/1.1\r\nHost: vip.test\r\n\r\n';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: vip.test\r\n\r\n';

function post(name: string, lines: readonly string[], body: string, status = 400): Probe {
  const head = ['POST /probe HTTP/1.1', 'Host: vip.test', ...lines].join('\r\n');
  return { name, bytes: `${head}\r\n\r\n${body}`, status };
}

function get(name: string, lines: readonly string[], status = 400): Probe {
  return {
    name,
    bytes: `${['GET /probe HTTP/1.1', 'Host: vip.test', ...lines].join('\r\n')}\r\n\r\n`,
    status,
  };
}

function line(name: string, startLine: string, status = 400): Probe {
  return { name, bytes: `${startLine}\r\nHost: vip.test\r\n\r\n`, status };
}

const CHUNKED = 'Transfer-Encoding: chunked';
const EMPTY = '0\r\n\r\n';

/** F49: Content-Length and Transfer-Encoding. */
export const LENGTHS: readonly Probe[] = [
  post('CL.TE', ['Content-Length: 6', CHUNKED], `${EMPTY}G`),
  post('CL.TE, smuggling', [`Content-Length: ${EMPTY.length + SMUGGLED.length}`, CHUNKED], EMPTY + SMUGGLED),
  post('TE.CL', [CHUNKED, 'Content-Length: 4'], `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n${EMPTY}`),
  post('CL: 0 and TE', ['Content-Length: 0', CHUNKED], EMPTY),
  post('two CL, equal', ['Content-Length: 1', 'Content-Length: 1'], 'x'),
  post('two CL, different', ['Content-Length: 1', 'Content-Length: 0'], 'x'),
  post('CL list', ['Content-Length: 1, 1'], 'x'),
  post('CL list of one', ['Content-Length: 1,'], 'x'),
  post('CL with +', ['Content-Length: +1'], 'x'),
  post('CL negative', ['Content-Length: -1'], 'x'),
  post('CL hex', ['Content-Length: 0x1'], 'x'),
  post('CL with underscore', ['Content-Length: 1_0'], '0123456789'),
  post('CL with a space within', ['Content-Length: 1 0'], '0123456789'),
  post('CL with a fraction', ['Content-Length: 1.0'], 'x'),
  post('CL exponent', ['Content-Length: 1e1'], '0123456789'),
  post('CL empty', ['Content-Length:'], ''),
  post('CL beyond 64 bits', ['Content-Length: 18446744073709551617'], 'x'),
  post('CL beyond what a double holds', ['Content-Length: 9007199254740993'], 'x'),
  post('CL in other digits', ['Content-Length: \xb2'], 'xx'),
  post('CL with vertical tab', ['Content-Length: \x0b1'], 'x'),
  post('CL quoted', ['Content-Length: "1"'], 'x'),
  post('CL with a semicolon', ['Content-Length: 1;x'], 'x'),
];

/** F49 to F51: what Transfer-Encoding may look like. */
export const ENCODINGS: readonly Probe[] = [
  ...[
    'chunked, chunked',
    'chunked,chunked',
    'chunked, identity',
    'identity, chunked',
    'identity',
    'xchunked',
    'x-chunked',
    'chunkedx',
    'chunk',
    'chunked;q=1',
    '"chunked"',
    "'chunked'",
    'chunked\x0b',
    '\x0bchunked',
    'chunked\x00',
    'chunked\x0c',
    'chunked\x7f',
    '\x85chunked',
    '\xa0chunked',
    'chunked, cow',
    'cow, chunked',
    'cow',
    '',
    ',chunked',
    'chunked,',
    'chunked ,',
    'gzip',
    'chunked, gzip',
  ].map((text) => post(`TE: ${JSON.stringify(text)}`, [`Transfer-Encoding: ${text}`], EMPTY)),
  post('F50 TE: gzip, chunked', ['Transfer-Encoding: gzip, chunked'], EMPTY, 501),
  post('F50 TE: gzip in a line of its own', ['Transfer-Encoding: gzip', CHUNKED], EMPTY, 501),
  post('TE twice', [CHUNKED, CHUNKED], EMPTY),
  post('TE twice, the first one empty', ['Transfer-Encoding:', CHUNKED], EMPTY),
  post('TE and TE: identity', [CHUNKED, 'Transfer-Encoding: identity'], EMPTY),
  post('TE with a space before the colon', ['Transfer-Encoding : chunked', 'Content-Length: 5'], EMPTY),
  post('TE with a tab before the colon', ['Transfer-Encoding\t: chunked', 'Content-Length: 5'], EMPTY),
  post('TE in a folded line', ['X: y', ' Transfer-Encoding: chunked'], ''),
  post('TE with a folded value', ['Transfer-Encoding:', ' chunked'], EMPTY),
  post('TE with a folded value, by tab', ['Transfer-Encoding:', '\tchunked'], EMPTY),
  post('TE behind a bare LF', ['X: y\nTransfer-Encoding: chunked'], EMPTY),
  post('TE behind a lone CR', ['X: y\rTransfer-Encoding: chunked'], EMPTY),
  post('TE behind a NUL', ['X: y\x00', 'Transfer-Encoding: chunked'], EMPTY),
  post('TE with a vertical tab before its name', ['\x0bTransfer-Encoding: chunked'], EMPTY),
  post('TE with a space before its name, first line', [' Transfer-Encoding: chunked'], EMPTY),
  {
    name: 'F51 HTTP/1.0 with TE',
    bytes: `POST /probe HTTP/1.0\r\nHost: vip.test\r\n${CHUNKED}\r\n\r\n${EMPTY}`,
    status: 400,
  },
  {
    name: 'F51 HTTP/1.0 with TE, kept alive',
    bytes: `POST /probe HTTP/1.0\r\nHost: vip.test\r\nConnection: keep-alive\r\n${CHUNKED}\r\n\r\n${EMPTY}`,
    status: 400,
  },
  {
    name: 'F51 HTTP/1.0 with TE and trailers, kept alive',
    bytes: `POST /probe HTTP/1.0\r\nHost: vip.test\r\nConnection: keep-alive\r\n${CHUNKED}\r\n\r\n0\r\nX: y\r\n\r\n`,
    status: 400,
  },
];

/** Chunks whose sizes or ends are none. */
export const CHUNKS: readonly Probe[] = [
  ...[
    '+1\r\nx\r\n0\r\n\r\n',
    '-1\r\nx\r\n0\r\n\r\n',
    '0x1\r\nx\r\n0\r\n\r\n',
    '1_0\r\n0123456789abcdef\r\n0\r\n\r\n',
    ' 1\r\nx\r\n0\r\n\r\n',
    '1 \r\nx\r\n0\r\n\r\n',
    '\t1\r\nx\r\n0\r\n\r\n',
    '1\nx\n0\n\n',
    '1\r\nx\n0\r\n\r\n',
    '1\n\nx\r\n0\r\n\r\n',
    '1\rx\r\n0\r\n\r\n',
    '1\r\nxy\r\n0\r\n\r\n',
    '2\r\nx\r\n0\r\n\r\n',
    'ffffffffffffffff1\r\nx\r\n0\r\n\r\n',
    '10000000000000000\r\nx\r\n0\r\n\r\n',
    'fffffffffffffffff\r\n',
    'g\r\nx\r\n0\r\n\r\n',
    '\r\nx\r\n0\r\n\r\n',
    '"1"\r\nx\r\n0\r\n\r\n',
    '1;\x00\r\nx\r\n0\r\n\r\n',
    '1;a\nb\r\nx\r\n0\r\n\r\n',
    '1;a\r\r\nx\r\n0\r\n\r\n',
    '0\n\r\n',
    '0\r\n\n',
    '0\r\rX: y\r\n\r\n',
    '0\r\nTrailer : x\r\n\r\n',
    '0\r\nX: y\nZ: 1\r\n\r\n',
    '1,\r\nx\r\n0\r\n\r\n',
    '1.0\r\nx\r\n0\r\n\r\n',
  ].map((body) => post(`chunks ${JSON.stringify(body)}`, [CHUNKED], body)),
  post('a chunk extension that is too long', [CHUNKED], `1;${'a'.repeat(20_000)}\r\nx\r\n0\r\n\r\n`),
];

/** Request lines. */
export const LINES: readonly Probe[] = [
  line('HTTP/1.2', 'GET /probe HTTP/1.2'),
  line('HTTP/1.9', 'GET /probe HTTP/1.9'),
  line('HTTP/2.0', 'GET /probe HTTP/2.0'),
  line('HTTP/0.9 with a version', 'GET /probe HTTP/0.9'),
  line('HTTP/01.1', 'GET /probe HTTP/01.1'),
  line('HTTP/1.10', 'GET /probe HTTP/1.10'),
  line('HTTP/1,1', 'GET /probe HTTP/1,1'),
  line('http/1.1', 'GET /probe http/1.1'),
  line('HTTPS/1.1', 'GET /probe HTTPS/1.1'),
  line('RTSP/1.0', 'DESCRIBE /probe RTSP/1.0'),
  { name: 'HTTP/0.9', bytes: 'GET /probe\r\n', status: 400 },
  line('a tab before the target', 'GET\t/probe HTTP/1.1'),
  line('a tab before the version', 'GET /probe\tHTTP/1.1'),
  line('a space behind the version', 'GET /probe HTTP/1.1 '),
  line('a space within the target', 'GET /pro be HTTP/1.1'),
  line('a space before the method', ' GET /probe HTTP/1.1'),
  line('a NUL in the target', 'GET /pro\x00be HTTP/1.1'),
  line('a lone CR in the target', 'GET /pro\rbe HTTP/1.1'),
  line('a DEL in the target', 'GET /pro\x7fbe HTTP/1.1'),
  line('a byte beyond ASCII in the target', 'GET /pr\xf6be HTTP/1.1'),
  line('a bare LF at its end', 'GET /probe HTTP/1.1\nX: y'),
  line('an unknown method', 'GIT /probe HTTP/1.1'),
  line('a method in small letters', 'get /probe HTTP/1.1'),
  line('a method with a colon', 'GET: /probe HTTP/1.1'),
  line('HTTP/2 preface', 'PRI * HTTP/2.0'),
  line('no target', 'GET HTTP/1.1'),
  line('F54 * for GET', 'GET * HTTP/1.1'),
  line('F54 * for OPTIONS', 'OPTIONS * HTTP/1.1'),
  line('F54 authority form', 'GET vip.test:80 HTTP/1.1'),
  line('F54 CONNECT', 'CONNECT vip.test:80 HTTP/1.1'),
  line('F54 CONNECT to a path', 'CONNECT /probe HTTP/1.1'),
  line('F54 a fragment', 'GET /probe#here HTTP/1.1'),
  line('F54 a fragment behind a query', 'GET /probe?a#here HTTP/1.1'),
  line('F54 another scheme', 'GET ftp://vip.test/probe HTTP/1.1'),
  line('F54 a scheme without authority', 'GET http:///probe HTTP/1.1'),
  line('F54 a user in the authority', 'GET http://me@vip.test/probe HTTP/1.1'),
  line('F54 a relative path', 'GET probe HTTP/1.1'),
  line('a backslash', 'GET /a\\b HTTP/1.1'),
  line('a percent sign without digits', 'GET /%zz HTTP/1.1'),
  line('an encoded NUL', 'GET /a%00b HTTP/1.1'),
  line('dot segments with parameters', 'GET /a/..;/b HTTP/1.1'),
];

/** Header lines. */
export const FIELDS: readonly Probe[] = [
  { name: 'no Host', bytes: 'GET /probe HTTP/1.1\r\n\r\n', status: 400 },
  { name: 'no Host, absolute form', bytes: 'GET http://vip.test/probe HTTP/1.1\r\n\r\n', status: 400 },
  get('F52 two Hosts', ['Host: other.test']),
  get('F52 two Hosts, the same', ['Host: vip.test']),
  get('F52 two Hosts, in another case', ['hOST: vip.test']),
  ...[
    'a b',
    'a,b',
    'a/b',
    'a?b',
    'a#b',
    'me@a',
    'a:b',
    'a:0',
    'a:99999',
    'a:80:80',
    '[::1',
    '[x]',
    'a\\b',
    'a%00',
    '<a>',
  ].map((host) => ({
    name: `F52 Host: ${host}`,
    bytes: `GET /probe HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    status: 400,
  })),
  get('a space before the colon', ['X : y']),
  get('a tab before the colon', ['X\t: y']),
  get('a name that is empty', [': y']),
  get('a line without a colon', ['X']),
  get('a folded line', ['X: y', ' z']),
  get('a folded line, by tab', ['X: y', '\tz']),
  get('a NUL in a value', ['X: y\x00z']),
  get('a lone CR in a value', ['X: y\rz']),
  get('a bare LF behind a value', ['X: y\nZ: 1']),
  get('a control byte in a value', ['X: y\x01']),
  get('a DEL in a value', ['X: y\x7f']),
  get('a NUL in a name', ['X\x00Y: z']),
  get('a byte beyond ASCII in a name', ['X\xe4: z']),
  ...['(', ')', '<', '>', '@', ',', ';', '\\', '"', '/', '[', ']', '?', '=', '{', '}', ' '].map((char) =>
    get(`${JSON.stringify(char)} in a name`, [`X${char}Y: z`]),
  ),
];

export const PROBES: readonly Probe[] = [...LENGTHS, ...ENCODINGS, ...CHUNKS, ...LINES, ...FIELDS];

// Heads of HTTP/2 requests that are malformed (RFC 9113 8.1.1), past every client's checks: pseudo-fields, names, values.
import type { Field } from '../helpers/raw-h2-client.ts';

/** A request's pseudo-fields, with these instead or away. */
export function pseudo(changes: Readonly<Record<string, string | undefined>> = {}): Field[] {
  const all = {
    ':method': 'GET',
    ':scheme': 'https',
    ':authority': 'vip.test',
    ':path': '/probe',
    ...changes,
  };
  return Object.entries(all).flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
}

export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: vip.test\r\n\r\n';
export const post = (...fields: Field[]): Field[] => [...pseudo({ ':method': 'POST' }), ...fields];
export const get = (...fields: Field[]): Field[] => [...pseudo(), ...fields];

export const HEADERS: readonly (readonly [name: string, fields: readonly Field[]])[] = [
  ['no :method', pseudo({ ':method': undefined })],
  ['no :scheme', pseudo({ ':scheme': undefined })],
  ['no :path', pseudo({ ':path': undefined })],
  ['an empty :path', pseudo({ ':path': '' })],
  ['an empty :method', pseudo({ ':method': '' })],
  ['a request line in :method', pseudo({ ':method': 'GET /smuggled HTTP/1.1\r\nX: y' })],
  ['a space in :method', pseudo({ ':method': 'GET /smuggled' })],
  ['a :method in small letters', pseudo({ ':method': 'get' })],
  ['an unknown :method', pseudo({ ':method': 'GIT' })],
  ['PRI', pseudo({ ':method': 'PRI' })],
  ['CONNECT', pseudo({ ':method': 'CONNECT', ':scheme': undefined, ':path': undefined })],
  ['CONNECT with a path', pseudo({ ':method': 'CONNECT' })],
  ['extended CONNECT', [...pseudo({ ':method': 'CONNECT' }), [':protocol', 'websocket']]],
  ['a line end in :path', pseudo({ ':path': '/a HTTP/1.1\r\nX: y' })],
  ['a LF in :path', pseudo({ ':path': '/a\nX: y' })],
  ['a NUL in :path', pseudo({ ':path': '/a\0b' })],
  ['a space in :path', pseudo({ ':path': '/a b' })],
  ['a tab in :path', pseudo({ ':path': '/a\tb' })],
  ['a byte beyond ASCII in :path', pseudo({ ':path': '/a\xe4' })],
  ['an absolute :path', pseudo({ ':path': 'http://other.test/a' })],
  ['a relative :path', pseudo({ ':path': 'a' })],
  [':path *', pseudo({ ':path': '*' })],
  ['a fragment in :path', pseudo({ ':path': '/a#b' })],
  ['a line end in :authority', pseudo({ ':authority': 'vip.test\r\nX: y' })],
  ['a space in :authority', pseudo({ ':authority': 'vip.test x' })],
  ['a user in :authority', pseudo({ ':authority': 'me@vip.test' })],
  ['a path in :authority', pseudo({ ':authority': 'vip.test/a' })],
  ['two :authority', [...pseudo(), [':authority', 'other.test']]],
  ['two :path', [...pseudo(), [':path', '/b']]],
  ['an unknown pseudo-field', [...pseudo(), [':smuggle', 'x']]],
  [':status', [...pseudo(), [':status', '200']]],
  ['a pseudo-field behind a field', [['x', 'y'], ...pseudo()]],
  ['another Host', get(['host', 'other.test'])],
  ['two Hosts', get(['host', 'vip.test'], ['host', 'vip.test'])],
  ['two Hosts alone', [...pseudo({ ':authority': undefined }), ['host', 'vip.test'], ['host', 'other.test']]],
  ['transfer-encoding', post(['transfer-encoding', 'chunked'])],
  ['transfer-encoding in capitals', post(['Transfer-Encoding', 'chunked'])],
  ['connection', get(['connection', 'close'])],
  ['connection: transfer-encoding', get(['connection', 'transfer-encoding'])],
  ['keep-alive', get(['keep-alive', 'timeout=1'])],
  ['proxy-connection', get(['proxy-connection', 'close'])],
  ['upgrade', get(['upgrade', 'websocket'])],
  ['te other than trailers', get(['te', 'gzip'])],
  ['a capital in a name', get(['Xy', 'z'])],
  ['two content-length', post(['content-length', '5'], ['content-length', '5'])],
  ['content-length list', post(['content-length', '5, 5'])],
  ['content-length with +', post(['content-length', '+5'])],
  ['content-length negative', post(['content-length', '-5'])],
  ['content-length hex', post(['content-length', '0x5'])],
  ['content-length empty', post(['content-length', ''])],
  ['content-length beyond 64 bits', post(['content-length', '18446744073709551621'])],
  ['an expectation that is none', post(['expect', 'fly'])],
];

/** nghttp2 takes such a field out and goes on; RFC 9113 8.2.1 would have it refuse the request. */
export const DROPPED: typeof HEADERS = [
  ['transfer-encoding, spelt oddly', post(['transfer-encoding ', 'chunked'])],
  ['a line end in a value', get(['x', 'y\r\nTransfer-Encoding: chunked'])],
  ['a CR in a value', get(['x', 'y\rz'])],
  ['a LF in a value', get(['x', 'y\nz'])],
  ['a NUL in a value', get(['x', 'y\0z'])],
  ['a control byte in a value', get(['x', 'y\x01z'])],
  ['a space before a value', get(['x', ' y'])],
  ['a space behind a value', get(['x', 'y '])],
  ['a line end in a name', get(['x\r\ny', 'z'])],
  ['a colon in a name', get(['x: y\r\nz', 'z'])],
  ['a space in a name', get(['x y', 'z'])],
  ['an empty name', get(['', 'z'])],
  ['a NUL in a name', get(['x\0', 'z'])],
];

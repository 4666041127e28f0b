// Patient data that is planted wherever an HTTP request or response can hold it, requests that hold it, and the search for it
// in what a gateway says. Promises: the names are nowhere else in the project's tests of HTTP, so a find is a leak.
import { expect } from 'vitest';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { type RawScript, startRawNode } from '../helpers/raw-http-node.ts';
import type { Response } from '../helpers/strict-http.ts';
import { until } from '../helpers/until.ts';

export const PATIENCE = { deadlineMs: 30_000 } as const;
export const LONG = { timeout: 120_000 } as const;

export const PLANTED = [
  'ZEBRAFINCH',
  'Quillon',
  '4711-0815-77',
  'Nightshade',
  '19431224',
  'melancholy',
  'open-sesame-17',
  // Of the user name and the password.
  Buffer.from('Quillon:open-sesame-17').toString('base64'),
] as const;
export const [FAMILY, GIVEN, ID, STREET, BORN, NOTE, PASSWORD, BASIC] = PLANTED;

export const SEGMENTS = [
  `PID|1||${ID}^^^HOSP^MR||${FAMILY}^${GIVEN}||${BORN}|M|||${STREET}^^TOWN`,
  `OBX|1|TX|NOTE||${NOTE}||||||F`,
];
export const TEXT = SEGMENTS.join('\r');
export const good = (app = 'SENDAPP'): Buffer => message({ controlId: 'PHI-1', app, segments: SEGMENTS });

export const HEADERS = [
  `X-Patient: ${FAMILY}^${GIVEN}`,
  `Cookie: patient=${ID}; name=${FAMILY}`,
  `Referer: http://vip.test/p/${ID}?name=${FAMILY}`,
  `User-Agent: ${NOTE}/1.0`,
  `Authorization: Basic ${BASIC}`,
];
const PATH = `/patients/${ID}/${FAMILY}?name=${GIVEN}&born=${BORN}`;

export interface Asking {
  readonly method?: string;
  readonly path?: string;
  readonly type?: string;
  readonly fields?: readonly string[];
  readonly body?: Buffer;
}

export function request({ method = 'POST', path = PATH, type, fields = HEADERS, body }: Asking): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${FAMILY}.test`, ...fields];
  if (type !== undefined) lines.push(`Content-Type: ${type}`);
  if (body !== undefined) lines.push(`Content-Length: ${body.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
}

/** Whatever the gateway can say: its log, with every error's text, and what it answered itself. */
export function expectNothingOf(
  gw: TestGateway,
  own: readonly Pick<Response, 'body' | 'fields' | 'reason'>[],
): void {
  const answers = own.map(({ reason, fields, body }) => [reason, fields.join('\n'), body.toString('latin1')]);
  const said = [JSON.stringify(gw.log), ...answers.flat()].join('\n').toLowerCase();
  for (const planted of PLANTED) expect(said).not.toContain(planted.toLowerCase());
}

/** The gateway has logged it: a message or a request that is over, or a fault. */
export async function loggedSomething(gw: TestGateway): Promise<void> {
  const isAbout = ({ msg, code }: Record<string, unknown>): boolean =>
    msg === 'message' || msg === 'request' || code !== undefined;
  await until(() => gw.log.some(isAbout), { ...PATIENCE, what: 'a line in the log' });
}

export const answer = (status: number, body: Buffer | string, fields = ''): Buffer => {
  const bytes = Buffer.from(body);
  const head = `HTTP/1.1 ${status} ${FAMILY}\r\nContent-Length: ${bytes.length}\r\n${fields}\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
};

export async function run(
  script: RawScript,
  asking: Asking,
  more: {
    listener?: Record<string, unknown>;
    pool?: Record<string, unknown>;
    routes?: readonly Record<string, unknown>[];
  } = {},
): Promise<{ gw: TestGateway; response: Response }> {
  await using node = await startRawNode(script);
  await using gw = await startGateway({
    nodes: [node.url],
    listener: { protocol: 'http', ...more.listener },
    pool: { health: { type: 'none' }, queue: { timeout: '100ms' }, retry: { budget: '100ms' }, ...more.pool },
    ...(more.routes && { routes: more.routes }),
  });
  await using client = await connectClient(gw.port());
  client.methods[0] = asking.method ?? 'POST';
  void client.send(request(asking));
  const response = await client.response(0, PATIENCE.deadlineMs);
  await loggedSomething(gw);
  return { gw, response };
}

export const HL7 = { type: 'application/hl7-v2', body: good() };
export const FORM = {
  type: 'application/x-www-form-urlencoded',
  body: Buffer.from(`name=${FAMILY}&id=${ID}`),
};
export const GET = { method: 'GET' };
export const KINDS: readonly (readonly [what: string, asking: Asking])[] = [
  ['a message', HL7],
  ['a form', FORM],
  ['a GET', GET],
];

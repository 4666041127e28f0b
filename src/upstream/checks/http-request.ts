// One request to a node's HTTP port for a check, on a connection of its own, with a limit on its time and on the answer's
// size.
import { causeCode, GatewayError } from '../../errors.ts';
import { clearTimeout, setTimeout } from '../../platform/time.ts';
import { HttpClient } from '../client/http-client.ts';
import type { DialOptions, DialTls } from '../dial.ts';

export interface HttpTarget {
  /** The node's name, for errors. */
  readonly node: string;
  /** Its path is where paths of requests begin. */
  readonly url: URL;
  readonly tls: DialTls | undefined;
  /** Where connections come from. Undefined: the system picks an address. */
  readonly source?: string | undefined;
  readonly proxyHeader?: DialOptions['proxyHeader'];
  readonly timeoutMs: number;
  /** Until the connection is there; undefined: as long as for all of it. */
  readonly connectMs?: number | undefined;
}

export interface HttpQuestion {
  readonly method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly cookies: readonly string[];
  readonly body: Buffer;
}

/** Why there is no answer; `reason` is a code or the gateway's own words. */
export class NoAnswer {
  readonly reason: string;
  /** `connect`: no connection in time. `answer`: the request was sent, and cut off when its time was over. */
  readonly late: 'connect' | 'answer' | undefined;

  constructor(reason: string, late?: 'connect' | 'answer') {
    this.reason = reason;
    this.late = late;
  }
}

export const NOT_IN_TIME = 'no answer in time';

/** Of undici's codes, those that people meet. */
const WORDS: Readonly<Record<string, string>> = {
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'the answer is too long',
  UND_ERR_SOCKET: 'closed without an answer',
};

/** Never rejects. */
export async function request(
  target: HttpTarget,
  question: HttpQuestion,
  signal: AbortSignal,
): Promise<HttpAnswer | NoAnswer> {
  const { url, timeoutMs, connectMs = timeoutMs } = target;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  let connected = false;
  const client = new HttpClient({
    ...target,
    ...addressOf(url),
    connectMs,
    maxAnswerBytes: question.maxBytes,
  });
  client.onceConnected(() => {
    connected = true;
  });
  try {
    const { method, path, headers } = question;
    const {
      statusCode,
      headers: fields,
      body,
    } = await client.request({
      method,
      path,
      headers,
      signal: AbortSignal.any([signal, late.signal]),
      // Nothing is kept open between checks: each shows that the node takes a connection.
      reset: true,
    });
    const cookies = [fields['set-cookie'] ?? []].flat();
    return { status: statusCode, cookies, body: Buffer.from(await body.arrayBuffer()) };
  } catch (thrown) {
    if (late.signal.aborted) return new NoAnswer(NOT_IN_TIME, connected ? 'answer' : 'connect');
    if (thrown instanceof GatewayError) {
      const late = thrown.code === 'GW_ERR_NODE_CONNECT_TIMEOUT' ? 'connect' : undefined;
      return new NoAnswer(thrown.detail ?? thrown.code, late);
    }
    const code = causeCode(thrown);
    if (code === 'HTTPParserError' || code.startsWith('HPE_')) return new NoAnswer('the answer is not HTTP');
    return new NoAnswer(WORDS[code] ?? code);
  } finally {
    clearTimeout(timer);
    client.close();
  }
}

function addressOf(url: URL): { host: string; port: number } {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

// One HTTP connection of a scenario's sender, for messages that it posts and for other requests, one at a time.
// Promises that each is over: by a response, the connection's end, or its time. By Node.js's own client, not by
// src/upstream/client: a scenario may send fields that undici refuses (Upgrade, Expect, Transfer-Encoding), behind a PROXY header.
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { clearTimeout, monotonicMs, setTimeout } from '../../../platform/time.ts';
import type { ScenarioSender } from '../scenario/scenario.ts';
import { type Connected, type Door, openSendLine } from './connect.ts';
import type { SentStep } from './sent.ts';

interface RequestLine {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer | undefined;
}

/** Cookies by name, as a browser keeps them for one host. */
export type CookieJar = Map<string, string>;

export class WebLine {
  readonly #agent: StageAgent;
  readonly #jar: CookieJar | undefined;

  constructor(door: Door, jar: CookieJar | undefined) {
    this.#agent = new StageAgent(door);
    this.#jar = jar;
  }

  post(sent: SentStep, { path, contentType, headers }: ScenarioSender, timeoutMs: number): Promise<void> {
    const own = new Map([['content-type', contentType], ...headers]);
    return this.#request(sent, { method: 'POST', path, headers: own, body: sent.payload }, timeoutMs);
  }

  ask(sent: SentStep, { headers }: ScenarioSender, timeoutMs: number): Promise<void> {
    const { step } = sent;
    if (step.kind !== 'request') return Promise.resolve();
    const { method, path, body } = step;
    const all = new Map([...headers, ...step.headers]);
    const bytes = body === undefined ? undefined : Buffer.from(body, 'utf8');
    return this.#request(sent, { method, path, headers: all, body: bytes }, timeoutMs);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #request(sent: SentStep, line: RequestLine, timeoutMs: number): Promise<void> {
    sent.sentAt = monotonicMs();
    const late = setTimeout(() => {
      sent.ended('late');
      request?.destroy();
    }, timeoutMs);
    let request: ClientRequest | undefined;
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request = this.#start(sent, line);
        request.once('response', resolve);
        request.once('error', reject);
        request.once('upgrade', (_, socket: Duplex) => {
          socket.destroy();
          reject(new Error('the protocol was switched'));
        });
        request.end(line.body);
      });
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      this.#keepCookies(response);
      const headers = new Map<string, string>();
      for (const [name, values = []] of Object.entries(response.headersDistinct))
        headers.set(name, values.join(', '));
      sent.response = { status: response.statusCode ?? 0, headers, body };
      sent.answered(body);
    } catch {
      sent.ended('closed');
    } finally {
      clearTimeout(late);
    }
  }

  #start(sent: SentStep, { method, path, headers, body }: RequestLine): ClientRequest {
    const fields: Record<string, string> = Object.fromEntries(headers);
    if (body !== undefined) fields['content-length'] = String(body.length);
    if (this.#jar !== undefined && this.#jar.size > 0)
      fields.cookie = [...this.#jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const request = http.request({ agent: this.#agent, host: 'localhost', method, path, headers: fields });
    request.once('socket', () => {
      sent.port = this.#agent.localPort;
    });
    return request;
  }

  #keepCookies({ headers }: IncomingMessage): void {
    for (const line of headers['set-cookie'] ?? []) {
      const [, name, value] = /^\s*([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (name === undefined || value === undefined) continue;
      if (/;\s*max-age=0\b/i.test(line)) this.#jar?.delete(name);
      else this.#jar?.set(name, value);
    }
  }
}

/** One connection that is kept, to the listener's door. */
class StageAgent extends http.Agent {
  readonly #door: Door;
  localPort = 0;

  constructor(door: Door) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#door = door;
  }

  override createConnection(
    _: http.ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    openSendLine(this.#door).then(
      ({ socket, localPort }: Connected) => {
        this.localPort = localPort;
        callback?.(null, socket);
      },
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
  }
}

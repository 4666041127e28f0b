// The simulated node's REST API (src/tools/simulation/api) over HTTPS on port 0, with a record of what it was asked.
// Promises: every request is on record; what it says may change at any time; closing it leaves nothing behind.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type tls from 'node:tls';
import { MirthState } from '../../src/tools/simulation/api/mirth-state.ts';
import { RestApi } from '../../src/tools/simulation/api/rest-api.ts';
import { SimulatedApi } from '../../src/tools/simulation/api/simulated-api.ts';

export interface ApiRequest {
  readonly path: string;
  /** When it came, in performance.now() milliseconds. */
  readonly at: number;
  readonly headers: IncomingMessage['headers'];
  /** What it was answered with. */
  status: number;
  /** It made a session. */
  readonly isLogin: boolean;
}

export class MirthApi implements AsyncDisposable {
  user = 'health';
  password = 'right';
  /** Answers XML whatever is asked for. */
  xml = false;
  /** Instead of all that: null answers nothing. */
  override: ((response: ServerResponse) => void) | undefined;
  readonly requests: ApiRequest[] = [];
  readonly #state = new MirthState({ phases: [], channels: [['ADT', 'STARTED']] });
  readonly #startRest: () => RestApi;
  #rest: RestApi;
  #cutOffBefore = 0;
  readonly #api: SimulatedApi;

  constructor(options: tls.TlsOptions, loginCostMs?: number) {
    const user = () => ({ user: this.user, password: this.password });
    this.#startRest = () => new RestApi(this.#state, user, true, loginCostMs);
    this.#rest = this.#startRest();
    const place = { host: '127.0.0.1', port: 0, tls: options };
    this.#api = new SimulatedApi(place, { serve: (request, response) => this.#serve(request, response) });
  }

  /** 0 OK, 1 unavailable, 2 engine starting, 3 initial deploy. */
  get status(): number {
    return this.#state.status;
  }

  set status(status: number) {
    this.#state.run([{ status, forMs: undefined }]);
  }

  /** Name to state. */
  set channels(channels: Readonly<Record<string, string>>) {
    for (const name of [...this.#state.channels.keys()]) this.#state.setChannel(name, null);
    for (const [name, state] of Object.entries(channels)) this.#state.setChannel(name, state);
  }

  get port(): number {
    return this.#api.port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#api.connections;
  }

  /** How many sessions were made. */
  get logins(): number {
    return this.requests.filter(({ isLogin }) => isLogin).length;
  }

  /** How long each answer takes. */
  set delayMs(ms: number) {
    this.#state.delayMs = ms;
  }

  /** Requests whose client did not wait for the answer. */
  get cutOff(): number {
    return this.#cutOffBefore + this.#rest.cutOff;
  }

  listen(): Promise<void> {
    return this.#api.start();
  }

  /** As after a restart. */
  forgetSessions(): void {
    this.#cutOffBefore = this.cutOff;
    this.#rest = this.#startRest();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#api.stop();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const record = {
      path: request.url ?? '',
      at: performance.now(),
      headers: { ...request.headers },
      status: 0,
      get isLogin() {
        return response.hasHeader('set-cookie');
      },
    };
    this.requests.push(record);
    response.on('finish', () => {
      record.status = response.statusCode;
    });
    if (this.xml) request.headers.accept = 'application/xml';
    if (this.override === undefined) this.#rest.serve(request, response);
    else this.override(response);
  }
}

export async function startMirthApi(options: tls.TlsOptions, loginCostMs?: number): Promise<MirthApi> {
  const api = new MirthApi(options, loginCostMs);
  await api.listen();
  return api;
}

// What a gateway does, told as it changes: server-sent events for browsers and `top`. Promises that nothing is done while nobody
// listens, that all who listen share what is made for one, and that whoever reads slowly gets the newest state and never what it missed.
import { GatewayError } from '../errors.ts';
import { clearInterval, setInterval } from '../platform/time.ts';
import type { LineSink, Lines } from './answer.ts';
import type { Control } from './control.ts';

/** As often as people look. */
const EVERY_MS = 1_000;
/** Of 250 connections that the API takes: the others are for questions. */
const MAX_LISTENERS = 60;
/** A line that says nothing (a comment) keeps a connection that would be taken for a silent one. */
const BEGIN = ': hl7-gateway\nretry: 2000\n\n';

interface Client {
  readonly sink: LineSink;
  /** What it has got of the nodes. */
  nodes: string;
}

export class OverviewStream {
  readonly #control: () => Control;
  readonly #clients = new Set<Client>();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #event = '';
  #nodes = '';

  constructor(control: () => Control) {
    this.#control = control;
  }

  get listeners(): number {
    return this.#clients.size;
  }

  /** @throws GatewayError GW_ERR_ADMIN_CONFLICT */
  open(): Lines {
    if (this.#clients.size >= MAX_LISTENERS)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', {
        detail: `${MAX_LISTENERS} listen already, which is as many as may`,
      });
    return (sink) => {
      const client: Client = { sink, nodes: '' };
      this.#clients.add(client);
      sink.onClosed(() => {
        this.#clients.delete(client);
        if (this.#clients.size > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      });
      if (!this.#clients.has(client)) return;
      sink.write(BEGIN);
      this.#timer ??= setInterval(() => void this.#tick(), EVERY_MS).unref();
      void this.#tick();
    };
  }

  /** One at a time: workers may take longer than a second to answer. */
  async #tick(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const { overview, nodes } = await this.#control().pulse();
      this.#event = `event: overview\ndata: ${JSON.stringify(overview)}\n\n`;
      this.#nodes = `event: nodes\ndata: ${JSON.stringify(nodes)}\n\n`;
    } catch {
      // What cannot be said now is said a second later; a client whose connection ends sees that.
      return;
    } finally {
      this.#isAsking = false;
    }
    for (const client of this.#clients) this.#tell(client);
  }

  #tell(client: Client): void {
    const { sink } = client;
    // It has not taken the last one yet.
    if (sink.waitingBytes > 0) return;
    // One write, and as text: a chunk of bytes costs three times as much here.
    sink.write(client.nodes === this.#nodes ? this.#event : `${this.#nodes}${this.#event}`);
    client.nodes = this.#nodes;
  }
}

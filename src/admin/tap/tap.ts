// The tap: copies of the messages that pass and of their answers, for a recording. One at a time, bounded in messages, bytes
// and time. Promises that the line never waits for it: a reader that is too slow loses messages, and is told how many.
import { GatewayError } from '../../errors.ts';
import { payloadOf } from '../../mllp/frame.ts';
import type { Log } from '../../observe/log/log.ts';
import type { Observer } from '../../observe/observer.ts';
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../../platform/time.ts';
import type { Message } from '../../relay/message.ts';
import type { LineSink, Lines } from '../answer.ts';
import type { By, TapRequest } from '../control.ts';

/**
 * What may wait for the reader. A second of 4,000 small messages; above it the copies, and not the messages, would be what
 * the gateway's memory is for. A single message whose copy is larger is not tapped.
 */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** An empty line, so that nothing between takes a line without messages for dead. */
const HEARTBEAT_MS = 15_000;

type End = 'count' | 'bytes' | 'time' | 'reader';

export class Tap implements Observer {
  readonly #log: Log;
  #open: OpenTap | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @throws GatewayError GW_ERR_ADMIN_CONFLICT where somebody has it */
  begin(request: TapRequest, by: By): Lines {
    if (this.#open !== undefined)
      throw new GatewayError('GW_ERR_ADMIN_CONFLICT', { detail: 'there is a tap already; one at a time' });
    const { listener, count, maxBytes, forMs } = request;
    this.#log.warn({ by, listener, count, maxBytes, forMs }, 'admin: tap begun');
    const open = new OpenTap(request, (end, messages, lost) => {
      if (this.#open === open) this.#open = undefined;
      this.#log.warn({ by, end, messages, lost }, 'admin: tap ended');
    });
    this.#open = open;
    return (sink) => open.attach(sink);
  }

  /** A message is over. Those of a batch that was split come as the batch did. */
  onMessage(message: Message): void {
    if (this.#open !== undefined && message.batch === undefined) this.#open.take(message);
  }
}

class OpenTap {
  readonly #request: TapRequest;
  readonly #onEnd: (end: End, messages: number, lost: number) => void;
  readonly #connections = new WeakMap<object, number>();
  readonly #timer: NodeJS.Timeout;
  #heartbeat: NodeJS.Timeout | undefined;
  #sink: LineSink | undefined;
  #seen = 0;
  #messages = 0;
  #bytes = 0;
  #lost = 0;
  #isOver = false;

  constructor(request: TapRequest, onEnd: (end: End, messages: number, lost: number) => void) {
    this.#request = request;
    this.#onEnd = onEnd;
    // From here on: whoever asked and went away would have it for ever.
    this.#timer = setTimeout(() => this.#end('time'), request.forMs);
    this.#timer.unref();
  }

  attach(sink: LineSink): void {
    this.#sink = sink;
    this.#heartbeat = setInterval(() => {
      if (sink.waitingBytes === 0) sink.write('\n');
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
    sink.onClosed(() => this.#end('reader'));
  }

  take(message: Message): void {
    const { listener, count, maxBytes } = this.#request;
    const sink = this.#sink;
    if (sink === undefined || this.#isOver) return;
    if (listener !== undefined && message.origin.listener !== listener) return;
    // Base64 is a third longer; checked before the copy is made.
    const answer = answerOf(message);
    const size = Math.ceil((message.payload.length + (answer?.length ?? 0)) * 1.4);
    if (sink.waitingBytes + size > MAX_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    if (this.#bytes + size > maxBytes) {
      this.#end('bytes');
      return;
    }
    const line = `${JSON.stringify(this.#copyOf(message, answer))}\n`;
    this.#bytes += line.length;
    this.#messages++;
    sink.write(line);
    if (this.#messages >= count) this.#end('count');
  }

  #copyOf(message: Message, answer: Buffer | undefined): object {
    const { origin, outcome, receivedAt, settledAt, payload } = message;
    let connection = this.#connections.get(origin);
    if (connection === undefined) {
      connection = ++this.#seen;
      this.#connections.set(origin, connection);
    }
    return {
      connection,
      listener: origin.listener,
      atMs: Math.round(performance.timeOrigin + receivedAt),
      message: payload.toString('base64'),
      answer: answer && payloadOf(answer).toString('base64'),
      code:
        outcome?.kind === 'answered'
          ? outcome.ack.code
          : outcome?.kind === 'gathered' || (outcome?.kind === 'stored' && outcome.code !== 'none')
            ? outcome.code
            : undefined,
      error: outcome?.kind === 'failed' ? outcome.error.code : undefined,
      answerMs: Math.round(((settledAt ?? receivedAt) - receivedAt) * 1000) / 1000,
    };
  }

  #end(end: End): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    this.#sink?.end(`${JSON.stringify({ end, messages: this.#messages, lost: this.#lost })}\n`);
    this.#onEnd(end, this.#messages, this.#lost);
  }
}

function answerOf({ outcome }: Message): Buffer | undefined {
  if (outcome?.kind === 'stored') return outcome.code === 'none' ? undefined : outcome.frame;
  return outcome?.kind === 'answered' || outcome?.kind === 'gathered' ? outcome.frame : undefined;
}

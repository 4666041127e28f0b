// A queue with nodes whose upstreams a test drives by hand: no sockets. What it was given is in `taken`.
import { NodeSelector } from '../../routing/node-selector.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type ErrorCode, GatewayError } from '../../src/errors.ts';
import { type Ack, readAck } from '../../src/hl7/ack.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { payloadOf } from '../../src/mllp/frame.ts';
import { Message, type Origin, type Outcome } from '../../src/relay/message.ts';
import { PoolQueue } from '../../src/relay/pool-queue.ts';
import type { Channel, Delivery } from '../../src/upstream/delivery.ts';
import { mayEject } from '../../src/upstream/health/ejection-floor.ts';
import { Node, type NodeOptions, type NodeWatcher } from '../../src/upstream/node.ts';
import type { Upstream, UpstreamOwner } from '../../src/upstream/upstream.ts';
import { simpleConfig } from '../helpers/gateway.ts';
import { ackFor, frame, message } from '../helpers/mllp.ts';

class FakeChannel implements Channel {
  pending: Delivery[] = [];
  open = true;
  readonly #pipelining: number;

  constructor(pipelining: number) {
    this.#pipelining = pipelining;
  }

  get hasRoom(): boolean {
    return this.open && this.pending.length < this.#pipelining;
  }

  takes(): boolean {
    return this.hasRoom;
  }
}

export class FakeUpstream implements Upstream {
  readonly owner: UpstreamOwner;
  /** Control ids in the order in which they were given to it. */
  readonly taken: string[] = [];
  isFull = false;
  #channels: FakeChannel[];
  readonly #limits: { readonly max: number; readonly pipelining: number };

  constructor(owner: UpstreamOwner, limits: { readonly max: number; readonly pipelining: number }) {
    this.owner = owner;
    this.#limits = limits;
    this.#channels = this.#fresh();
  }

  get inFlight(): number {
    return this.#channels.reduce((sum, { pending }) => sum + pending.length, 0);
  }

  get hasRoom(): boolean {
    return this.#channels.some((channel) => channel.hasRoom);
  }

  get openConnections(): number {
    return this.#channels.length;
  }

  send(delivery: Delivery, channel?: Channel): void {
    const chosen =
      channel instanceof FakeChannel && channel.hasRoom
        ? channel
        : this.#channels
            .filter(({ hasRoom }) => hasRoom)
            .sort((a, b) => a.pending.length - b.pending.length)[0];
    if (chosen === undefined) throw new Error('sent without room');
    chosen.pending.push(delivery);
    this.taken.push(delivery.header.controlId);
    delivery.assigned(chosen, 0);
  }

  close(): void {}

  /** Answers the oldest of the first channel that waits, or the message with this control id. */
  answer(controlId?: string, code = 'AA'): void {
    const channel = this.#channels.find(({ pending }) =>
      controlId === undefined ? pending.length > 0 : pending[0]?.header.controlId === controlId,
    );
    const delivery = channel?.pending.shift();
    if (delivery === undefined)
      throw new Error(`nothing to answer${controlId === undefined ? '' : ` as ${controlId}`}`);
    delivery.written();
    const answer = ackFor(delivery.payload, code);
    const ack = readAck(answer) as Ack;
    this.owner.onAnswered(ack.code);
    this.owner.onRoom();
    delivery.answered(ack, frame(answer));
  }

  /** Every connection breaks: what was written fails as `code`, all of it if `written` is not given. */
  break(code: ErrorCode, written = Number.POSITIVE_INFINITY): void {
    const channels = this.#channels;
    this.#channels = this.#fresh();
    for (const channel of channels) channel.open = false;
    for (const channel of channels) {
      channel.pending.splice(0).forEach((delivery, i) => {
        if (i < written) delivery.written();
        delivery.failed(new GatewayError(i < written ? code : 'GW_ERR_NODE_STALE'));
      });
    }
    this.owner.onRoom();
  }

  /** The oldest one is refused before anything was written. */
  refuse(code: ErrorCode = 'GW_ERR_NODE_CONNECT'): void {
    const channel = this.#channels.find(({ pending }) => pending.length > 0);
    channel?.pending.shift()?.failed(new GatewayError(code));
    this.owner.onRoom();
  }

  /** The oldest one fails, and the node hears of it, as of a connection that had this one only. */
  fail(code: ErrorCode): void {
    const delivery = this.#channels.find(({ pending }) => pending.length > 0)?.pending.shift();
    if (delivery === undefined) throw new Error('nothing to fail');
    const error = new GatewayError(code);
    if (error.resend === 'unsafe') delivery.written();
    this.owner.onFailure(error);
    delivery.failed(error);
    this.owner.onRoom();
  }

  #fresh(): FakeChannel[] {
    return Array.from({ length: this.#limits.max }, () => new FakeChannel(this.#limits.pipelining));
  }
}

/** A sender's connection, as the queue knows it. */
export class FakeSender implements Origin {
  readonly listener = 'in';
  readonly peer = { address: '192.0.2.1', port: 1 };
  readonly lanes: Origin['lanes'] = new WeakMap();
  readonly settledIds: string[] = [];
  readonly outcomes = new Map<string, Outcome>();
  onSettled: ((exchange: Message, outcome: Outcome) => void) | undefined;

  settled(exchange: Message, outcome: Outcome): void {
    this.settledIds.push(exchange.header.controlId);
    this.outcomes.set(exchange.header.controlId, outcome);
    this.onSettled?.(exchange, outcome);
  }

  partSettled(): null {
    return null;
  }

  hold(): void {}

  /** `answered`, or the code of what went wrong, or the kind of outcome. */
  outcome(controlId: string): string | undefined {
    const outcome = this.outcomes.get(controlId);
    return outcome?.kind === 'failed' ? outcome.error.code : outcome?.kind;
  }
}

export interface FakePool {
  readonly queue: PoolQueue;
  readonly nodes: Record<string, Node>;
  readonly at: Record<string, FakeUpstream>;
  send(sender: FakeSender, controlId: string, stickyKey?: string): Message;
}

export interface FakePoolOptions extends Partial<NodeOptions> {
  /** False: all nodes are primaries. */
  readonly backups?: boolean;
}

/** Nodes `a`, `b`, … that are all backups but the first, so that `a` is asked first. */
export function fakePool(
  count: number,
  pool: Record<string, unknown>,
  { backups = true, ...options }: FakePoolOptions = {},
): FakePool {
  const urls = Array.from({ length: count }, (_, i) => ({
    url: `mllp://192.0.2.1:${i + 1}`,
    ...(backups && i > 0 && { backup: true }),
  }));
  const config = parseConfig(simpleConfig({ nodes: urls, pool }), { env: {} }).config.pools[0];
  if (config === undefined) throw new Error('no pool');
  const at: Record<string, FakeUpstream> = {};
  const watcher: NodeWatcher = {
    onRoom: (node) => queue.onRoom(node),
    onUsable: (node) => queue.onUsable(node),
    onState: () => {},
    onStrayAnswer: () => {},
    onRepeatedId: () => {},
    onAlike: () => {},
    mayEject: (node) => mayEject(node, queue.pool.nodes, { share: 1 }),
  };
  const nodes = config.nodes.map(
    ({ name, weight, backup }) =>
      new Node(
        {
          name,
          pool: 'pool',
          weight,
          backup,
          fall: 1,
          rise: 1,
          initial: 'up',
          proof: { port: true, answer: false },
          ejection: config.ejection,
          slowStartMs: config.slowStartMs,
          answerless: false,
          ...options,
        },
        watcher,
        (owner) => {
          const upstream = new FakeUpstream(owner, config.connections);
          at[name] = upstream;
          return upstream;
        },
      ),
  );
  const queue: PoolQueue = new PoolQueue(config, new NodeSelector(config, nodes));
  return {
    queue,
    nodes: Object.fromEntries(nodes.map((node) => [node.name, node])),
    at,
    send: (sender, controlId, stickyKey) => {
      const bytes = frame(message({ controlId }));
      const exchange = new Message(payloadOf(bytes), sender, bytes);
      exchange.header = readHeader(exchange.payload);
      exchange.routed(undefined, stickyKey, 'answer', exchange.epoch);
      queue.take(exchange);
      return exchange;
    },
  };
}

// The gateway under test, over all objects that it has been: an operator who reloads, drains and restarts it. Promises: what of it did
// not go as it should is among `findings`; its log and what it holds at the end are there to be judged.
import { parseConfig } from '../../../src/config/load.ts';
import { GatewayError } from '../../../src/errors.ts';
import { Gateway } from '../../../src/gateway.ts';
import { createLog, type Log } from '../../../src/observe/log/log.ts';
import type { VirtualTime } from '../../../src/tools/world/virtual-time.ts';
import type { Handover } from '../../campaign/checks/ends.ts';
import { changeOf } from '../../campaign/peers/config-file.ts';
import { SHUTDOWN_MS } from '../day.ts';
import type { Operated } from '../judge/lived.ts';
import type { Clock } from './record.ts';

/** A timer of it may be early by as much. */
const TIMERS_EARLY_MS = 5;

const NO_MEMORY = { rss: 0, heapUsed: 0, external: 0 };

export class SimulatedGateway {
  /** Of its log, each with its time in microseconds. */
  readonly lines: { readonly t: number; readonly text: string }[] = [];
  readonly findings: string[] = [];
  /** Configs that it took up, and those before them. */
  readonly reloads: { readonly t: number; readonly before: object; readonly after: object }[] = [];
  /** What it still held at its end, in words. */
  readonly left: string[] = [];
  readonly operated: Operated[] = [];
  readonly handovers: Handover[] = [];
  readonly #time: VirtualTime;
  readonly #clock: Clock;
  readonly #config: object;
  readonly #log: Log;
  #gateway: Gateway;
  /** That there have been. */
  readonly #all: Gateway[] = [];
  #hasReloaded = false;
  #text: string;
  #changes: number;
  #leaving: Promise<unknown>[] = [];
  #isBusy = false;
  /** In force by the operator's word, by node. */
  readonly #wanted = new Map<string, 'drain' | 'maintenance'>();

  constructor(config: object, changes: number, time: VirtualTime, clock: Clock) {
    this.#config = config;
    this.#time = time;
    this.#clock = clock;
    this.#changes = changes;
    this.#text = JSON.stringify(config);
    this.#log = createLog(
      { level: 'info', format: 'json' },
      {
        write: (text) => void this.lines.push({ t: clock.now(), text }),
      },
    );
    this.#gateway = this.#make();
  }

  get current(): Gateway {
    return this.#gateway;
  }

  #make(): Gateway {
    const gateway = new Gateway(parseConfig(this.#text, { env: {} }).config, this.#log);
    this.#all.push(gateway);
    return gateway;
  }

  /** Messages that its metrics count; undefined: a reload may have taken some of their series away. */
  async counted(): Promise<number | undefined> {
    if (this.#hasReloaded) return undefined;
    let sum = 0;
    for (const gateway of this.#all)
      for (const family of await gateway.metrics.collect())
        if (family.name === 'hl7_gateway_messages_total' && family.kind === 'counter')
          for (const { value } of family.samples) sum += value;
    return sum;
  }

  start(): Promise<void> {
    return this.#gateway.start();
  }

  begin(act: 'drain' | 'maintenance', node: string): void {
    this.#over(node);
    this.#wanted.set(node, act);
    this.#tell(this.#gateway, node);
    const from = this.#clock.now();
    this.operated.push({ node, act, from, until: Number.POSITIVE_INFINITY });
  }

  end(node: string): void {
    this.#over(node);
    this.#wanted.delete(node);
    this.#tell(this.#gateway, node);
  }

  #over(node: string): void {
    const last = this.operated.findLast((one) => one.node === node);
    if (last?.until === Number.POSITIVE_INFINITY) last.until = this.#clock.now();
  }

  /** In whichever pools it is. */
  #tell(gateway: Gateway, name: string): void {
    const wanted = this.#wanted.get(name);
    for (const { nodes } of gateway.pools.runtimes.values()) {
      const node = nodes.find((one) => one.name === name);
      if (wanted === undefined) node?.ready('wanted by the operator');
      else node?.[wanted]('wanted by the operator');
    }
  }

  async reload(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#hasReloaded = true;
    const { good, what, text } = changeOf(this.#config, this.#changes++);
    try {
      const before = this.#gateway.config;
      await this.#gateway.reload(parseConfig(text, { env: {} }).config);
      this.reloads.push({ t: this.#clock.now(), before: JSON.parse(this.#text), after: JSON.parse(text) });
      this.#text = text;
      for (const node of this.#wanted.keys()) this.#tell(this.#gateway, node);
      if (!good) this.findings.push(`${what}: taken`);
      else if (this.#gateway.config === before) this.findings.push(`${what}: not in force`);
    } catch (thrown) {
      if (good) this.findings.push(`${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
    this.#isBusy = false;
  }

  /** Another takes over its port, and the old one ends at message boundaries. */
  async hotRestart(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const from = this.#clock.now();
    const beganAt = this.#time.nowMs;
    const old = this.#gateway;
    try {
      const next = this.#make();
      for (const node of this.#wanted.keys()) this.#tell(next, node);
      await next.start();
      this.#gateway = next;
      this.#leaving.push(
        old.stop().then((clean) => {
          // Nodes that are not well may keep it longer than it has time for; it must not cut anything before.
          const isLate = this.#time.nowMs - beganAt >= SHUTDOWN_MS - TIMERS_EARLY_MS;
          this.handovers.push({
            ...{ from, until: this.#clock.now(), memory: NO_MEMORY },
            exit: { code: clean || isLate ? 0 : 1, signal: null },
          });
          this.#checkEmpty(old, 'the one before');
        }),
      );
    } catch (thrown) {
      this.findings.push(`hot restart: ${thrown instanceof GatewayError ? thrown.message : String(thrown)}`);
    }
    this.#isBusy = false;
  }

  /** Resolves to whether nothing had to be cut. */
  async stop(): Promise<boolean> {
    const clean = await this.#gateway.stop();
    await Promise.all(this.#leaving);
    this.#checkEmpty(this.#gateway, 'it');
    return clean;
  }

  /** Nodes that it does not use, with every node and its way well; where more of something waits than may: both in words. */
  get notUp(): readonly string[] {
    return [...this.#gateway.pools.runtimes.values()].flatMap(({ name, nodes }) =>
      nodes.filter(({ usable }) => !usable).map((node) => `node ${name}/${node.name} is ${node.state}`),
    );
  }

  get beyond(): readonly string[] {
    const { listeners, heldBytes, maxHeldBytes } = this.#gateway;
    return [
      // A frame of several messages is taken whole.
      ...listeners
        .filter(({ config }) => config.batch !== 'split')
        .flatMap((listener) =>
          listener
            .senders()
            .filter(({ pending }) => pending > listener.config.limits.maxPending)
            .map(({ peer, pending }) => `${pending} messages of ${peer.address} wait for answers`),
        ),
      ...(heldBytes > maxHeldBytes ? [`${heldBytes} bytes are held`] : []),
    ];
  }

  /** Lines that say that the gateway itself has a fault. */
  get failures(): readonly string[] {
    return this.lines
      .filter(({ text }) => text.includes('"GW_ERR_INTERNAL"') || text.includes('this is a defect'))
      .map(({ text }) => text);
  }

  #checkEmpty(gateway: Gateway, who: string): void {
    const held = gateway.heldBytes;
    if (held > 0) this.left.push(`${who} holds ${held} bytes of messages at its end`);
    for (const [name, { queued: waiting }] of gateway.queues)
      if (waiting > 0) this.left.push(`${who} has ${waiting} messages waiting for pool ${name} at its end`);
    if (gateway.pools.isBusy && this.#time.nowMs > 0) this.left.push(`${who} is busy at its end`);
  }
}

// Plays a scenario on a stage of its own, step by step, and hands back all that came of it. Promises to end: every wait has
// a limit, and a play as a whole has one.
import { asGatewayError, GatewayError } from '../../../errors.ts';
import { clearTimeout, delay, monotonicMs, setTimeout } from '../../../platform/time.ts';
import { inWorld } from '../../world/in-world.ts';
import { faster } from '../config/speed.ts';
import type { TempCerts } from '../config/temp-certs.ts';
import type { RequestStep, Scenario, SendStep, Step } from '../scenario/scenario.ts';
import { Sending } from '../senders/sending.ts';
import { SentStep } from '../senders/sent.ts';
import type { PreparedScenario } from './prepare.ts';
import type { Received, StagedNode } from './staged-node.ts';
import { TestBed } from './test-bed.ts';

export interface Played {
  readonly scenario: Scenario;
  readonly speed: number;
  /** In the order in which they were to be sent. */
  readonly sent: readonly SentStep[];
  /** In the order in which they came, over all nodes. */
  readonly received: readonly Received[];
  /** By POOL/NODE. */
  readonly states: ReadonlyMap<string, string>;
  readonly faults: readonly string[];
  /** By the index of the step, what the gateway said has changed. */
  readonly changes: ReadonlyMap<number, readonly string[]>;
  /** What was replaced for the play, in words for people. */
  readonly notes: readonly string[];
  /** Of the scenario's own time. */
  readonly ms: number;
}

/**
 * Of real time, far above what a scenario of ten steps with real ACK timeouts of 30 s takes; of virtual time, which costs little, what may be
 * between an outage and its end.
 */
const LONGEST_PLAY_MS = { real: 10 * 60_000, virtual: 24 * 3_600_000 };
/** Then a stage in virtual time that does not end is left as it is. */
const LONGEST_END_MS = 600_000;

/** @throws GatewayError GW_ERR_LISTEN, GW_ERR_TLS_FILE, GW_ERR_USAGE where it does not end */
export function play(prepared: PreparedScenario, throwAway: TempCerts): Promise<Played> {
  return playWithin(new Player(prepared, throwAway), LONGEST_PLAY_MS.real);
}

/** As it is in real time, at speed 1. Undefined: the machine is in use by another stage. @throws as `play` */
export function playInWorld(prepared: PreparedScenario, throwAway: TempCerts): Promise<Played | undefined> {
  const longestMs = LONGEST_PLAY_MS.virtual;
  return inWorld(
    () => playWithin(new Player({ ...prepared, speed: 1 }, throwAway), longestMs),
    longestMs + LONGEST_END_MS,
  );
}

async function playWithin(player: Player, longestMs: number): Promise<Played> {
  const late = Promise.withResolvers<never>();
  const limit = setTimeout(
    () =>
      late.reject(
        new GatewayError('GW_ERR_USAGE', { detail: `the scenario takes longer than ${longestMs} ms` }),
      ),
    longestMs,
  );
  limit.unref();
  try {
    return await Promise.race([player.play(), late.promise]);
  } finally {
    clearTimeout(limit);
    await player.close();
  }
}

class Player {
  readonly #prepared: PreparedScenario;
  readonly #stage: TestBed;
  readonly #throwAway: TempCerts;
  readonly #sendings = new Map<string, Sending>();
  readonly #sent: SentStep[] = [];
  readonly #changes = new Map<number, readonly string[]>();
  readonly #known = new Set<StagedNode>();
  #background: Promise<unknown>[] = [];

  constructor(prepared: PreparedScenario, throwAway: TempCerts) {
    this.#prepared = prepared;
    this.#throwAway = throwAway;
    const [first] = prepared.config.config.listeners;
    const behindProxy = new Set(
      prepared.senders
        .filter(({ source }) => source !== undefined)
        .map(({ listener }) => listener ?? first?.name ?? ''),
    );
    this.#stage = new TestBed({ throwAway, speed: prepared.speed, behindProxy });
  }

  async play(): Promise<Played> {
    const startedAt = monotonicMs();
    const { scenario, config, senders, speed } = this.#prepared;
    const stage = this.#stage;
    await stage.open(config.config);
    for (const one of senders) {
      // Whoever comes to a listener behind a proxy has to say where from.
      const proxied = stage.gateway.listeners.find(
        ({ name }) => one.listener === undefined || name === one.listener,
      );
      const source = one.source ?? (proxied?.config.proxyProtocol === true ? '127.0.0.1' : undefined);
      this.#sendings.set(one.name, new Sending({ ...one, source }, stage, speed, this.#throwAway));
    }
    this.#setUp();
    for (const step of scenario.steps) await this.#do(step);
    await this.#finishBackground();
    await stage.recorded(this.#sent);
    const runtimes = [...stage.gateway.pools.runtimes.values()];
    return {
      scenario,
      speed,
      sent: this.#sent,
      received: [...stage.nodes.values()]
        .flatMap(({ received }) => received)
        .sort((a, b) => a.order - b.order),
      states: new Map(
        runtimes.flatMap((runtime) =>
          runtime.nodes.map(({ name, state }) => [`${runtime.name}/${name}`, state]),
        ),
      ),
      faults: stage.faults,
      changes: this.#changes,
      notes: [...this.#replaced(), ...stage.notes],
      ms: monotonicMs() - startedAt,
    };
  }

  /** A scenario's own config may name certificates that nobody has: that is how it asks for throw-away ones. */
  #replaced(): readonly string[] {
    const { scenario, config, reloads } = this.#prepared;
    if (scenario.config !== undefined) return [];
    return [config, ...reloads.values()].flatMap(({ notes }) => notes);
  }

  async close(): Promise<void> {
    for (const sending of this.#sendings.values()) sending.disconnect();
    await this.#stage.close();
  }

  /** Nodes behave from their own start as the scenario says, also those that a reload brings. */
  #setUp(): void {
    for (const { nodes, behaviour } of this.#prepared.scenario.nodes) {
      for (const node of nodes.flatMap((name) => this.#stage.find(name))) {
        if (this.#known.has(node)) continue;
        this.#known.add(node);
        node.behave(behaviour);
      }
    }
  }

  async #do(step: Step): Promise<void> {
    const stage = this.#stage;
    switch (step.kind) {
      case 'send':
      case 'request':
        return this.#send(step);
      case 'wait':
        if (step.ms === 'answers') return this.#finishBackground();
        return delay(faster(step.ms, this.#prepared.speed));
      case 'node':
        for (const name of step.nodes) for (const node of stage.find(name)) node.behave(step.behaviour);
        return;
      case 'kill':
      case 'start':
        for (const name of step.nodes) for (const node of stage.find(name)) await node[step.kind]();
        return;
      case 'drain':
      case 'maintenance':
      case 'ready':
        for (const name of step.nodes) for (const node of stage.known(name)) node[step.kind]();
        return;
      case 'disconnect':
        for (const name of step.senders) this.#sendings.get(name)?.disconnect();
        return;
      case 'reload': {
        const next = this.#prepared.reloads.get(step.index);
        if (next === undefined) return;
        try {
          this.#changes.set(step.index, await stage.reload(next.config));
          this.#setUp();
        } catch (thrown) {
          const { code, detail } = asGatewayError(thrown);
          this.#changes.set(step.index, [`refused: ${detail ?? code}`]);
        }
        return;
      }
    }
  }

  async #send(step: SendStep | RequestStep): Promise<void> {
    const name = step.sender ?? this.#prepared.senders[0]?.name ?? '';
    const sending = this.#sendings.get(name);
    if (sending === undefined) return;
    const sent =
      step.kind === 'send'
        ? step.messages.map(({ label, payload }, i) => new SentStep(step, sending.sender, i, label, payload))
        : Array.from({ length: step.times }, (_, i) => {
            const label = `${step.method} ${step.path}`;
            return new SentStep(step, sending.sender, i, label, Buffer.alloc(0));
          });
    this.#sent.push(...sent);
    const all = sending.send(sent);
    if (!step.background) return all;
    // Waited for later; until then it is nobody's.
    all.catch(() => {});
    this.#background.push(all);
  }

  async #finishBackground(): Promise<void> {
    const waiting = this.#background;
    this.#background = [];
    await Promise.all(waiting);
  }
}

// `hl7-gateway/testing`: a gateway on a config with simulated nodes behind it, for tests of a config in any test runner.
// Promises that nothing of it is left when it is disposed of, and that the process is never ended from here.

import { readHeader } from '../../hl7/header.ts';
import { readMessageFile } from '../../hl7/message-file.ts';
import { delay } from '../../platform/time.ts';
import { useMachine } from '../world/in-world.ts';
import { formatDifference, type ScenarioDifference } from './check/difference.ts';
import { deliveriesOf, factsOf, fieldOf, type MessageFacts } from './check/facts.ts';
import { collectScenarios } from './collect.ts';
import { type ConfigContext, type GivenConfig, readGivenFile, readGivenText } from './config/given-config.ts';
import { faster } from './config/speed.ts';
import { TempCerts } from './config/temp-certs.ts';
import { runScenarios } from './run.ts';
import { labelOf } from './scenario/messages.ts';
import type { Behaviour, Doing, ScenarioSender } from './scenario/scenario.ts';
import { senderNamed, sendingOf } from './scenario/sender.ts';
import { Sending } from './senders/sending.ts';
import { SentStep } from './senders/sent.ts';
import type { StagedNode } from './stage/staged-node.ts';
import { TestBed } from './stage/test-bed.ts';

export interface StageSettings {
  /** The config: a file, or its text. Its listeners are moved to loopback and its nodes replaced by simulated ones. */
  readonly config: string | { readonly text: string };
  /** Variables for `${NAME}` in it; default: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How many times faster its durations pass; default 1. */
  readonly speed?: number;
}

/** Who sends, and how; the same settings as in a scenario's `senders`. */
export type SenderSettings = Partial<
  Pick<
    ScenarioSender,
    'listener' | 'connections' | 'pipeline' | 'timeoutMs' | 'path' | 'contentType' | 'headers' | 'servername'
  >
> & { readonly certificate?: { readonly cn: string; readonly dns: readonly string[] } };

export interface NodeSettings {
  readonly does?: Doing;
  readonly answers?: Behaviour['answers'];
  readonly delayMs?: number;
  readonly messages?: number;
}

/** What came of a message; `none` where there is no route, pool, node or answer. */
export interface SentMessage extends Omit<MessageFacts, 'nodes' | 'ms'> {
  readonly controlId: string;
  readonly node: string;
  /** Of the answer: `MSA-3`, `ERR-8`. */
  field(path: string): string | undefined;
  /** HTTP status, where it went over HTTP. */
  readonly status: number | undefined;
}

export class TestStage implements AsyncDisposable {
  readonly #stage: TestBed;
  readonly #around: ConfigContext;
  readonly #speed: number;
  readonly #given: GivenConfig;
  readonly #leave: () => void;
  readonly #sendings: Sending[] = [];

  /** Use `openStage`. `leave`: for when it needs the machine no more. */
  constructor(stage: TestBed, given: GivenConfig, around: ConfigContext, speed: number, leave: () => void) {
    this.#stage = stage;
    this.#given = given;
    this.#around = around;
    this.#speed = speed;
    this.#leave = leave;
  }

  /** What could not be read and was replaced, in words. */
  get notes(): readonly string[] {
    return [...this.#given.notes, ...this.#stage.notes];
  }

  /** Where its throw-away certificates lie until it is closed; undefined: it has none. */
  get folder(): string | undefined {
    return this.#around.throwAway.folder;
  }

  /** Of a listener, for a sender of your own. */
  portOf(listener: string): number {
    const found = this.#stage.gateway.listeners.find(({ name }) => name === listener);
    if (found === undefined) throw new Error(`the config has no listener "${listener}"`);
    return found.port;
  }

  /**
   * Sends all messages of a file, or one message, and waits for their answers.
   *
   * @throws GatewayError GW_ERR_FILE
   */
  async send(message: string | Buffer, settings: SenderSettings = {}): Promise<SentMessage[]> {
    const payloads = typeof message === 'string' ? readMessageFile(message) : [message];
    const { certificate, ...rest } = settings;
    const shown = certificate && ({ kind: 'throw-away', ...certificate } as const);
    const sender: ScenarioSender = { ...senderNamed('sender'), ...rest, certificate: shown };
    const sending = new Sending(sender, this.#stage, this.#speed, this.#around.throwAway);
    this.#sendings.push(sending);
    const step = sendingOf(payloads.map((payload) => ({ label: labelOf(payload), payload })));
    const sent = step.messages.map(({ label, payload }, i) => new SentStep(step, sender, i, label, payload));
    await sending.send(sent);
    await this.#stage.recorded(sent);
    return sent.map((one) => this.#outcomeOf(one));
  }

  /** `NODE`, or `POOL/NODE` where several pools have one of that name. */
  async kill(node: string): Promise<void> {
    await this.#node(node).kill();
  }

  async start(node: string): Promise<void> {
    await this.#node(node).start();
  }

  /** From now on, or for `messages` messages. */
  behave(node: string, { does = 'ok', answers = 'AA', delayMs = 0, messages }: NodeSettings): void {
    this.#node(node).behave({ does, answers, delayMs, messages });
  }

  /** The bytes of every message that a node has received, in order. */
  received(node: string): readonly Buffer[] {
    return this.#node(node).received.map(({ payload }) => payload);
  }

  /** Durations as the config has them: `wait(3000)` is 300 ms at ten times the speed. */
  async wait(ms: number): Promise<void> {
    await delay(faster(ms, this.#speed));
  }

  /** Takes up another config; resolves to what the gateway says has changed. @throws ConfigError, GatewayError */
  async reload(config: StageSettings['config']): Promise<readonly string[]> {
    return this.#stage.reload(read(config, this.#around).config);
  }

  async close(): Promise<void> {
    for (const sending of this.#sendings) sending.disconnect();
    try {
      await this.#stage.close();
    } finally {
      this.#leave();
    }
    this.#around.throwAway.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #node(name: string): StagedNode {
    const [node, another] = this.#stage.find(name);
    if (node === undefined) throw new Error(`the config has no node "${name}"`);
    if (another !== undefined) throw new Error(`two pools have a node "${name}": say which as POOL/NODE`);
    return node;
  }

  #outcomeOf(sent: SentStep): SentMessage {
    const received = [...this.#stage.nodes.values()].flatMap((node) => node.received);
    const { nodes, ms: _, ...facts } = factsOf(sent, deliveriesOf(received), this.#speed);
    return {
      ...facts,
      node: nodes.join(', '),
      controlId: controlIdOf(sent.payload),
      field: (path) => fieldOf(sent.answer, path),
      status: sent.response?.status,
    };
  }
}

/** @throws ConfigError with every problem; GatewayError GW_ERR_LISTEN, GW_ERR_TLS_FILE */
export async function openStage({ config, env = process.env, speed = 1 }: StageSettings): Promise<TestStage> {
  const throwAway = new TempCerts();
  const around = { env, throwAway };
  const given = read(config, around);
  const stage = new TestBed({ throwAway, speed, behindProxy: new Set() });
  const opened = new TestStage(stage, given, around, speed, await useMachine());
  try {
    await stage.open(given.config);
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
  return opened;
}

export interface PlayedScenario {
  readonly name: string;
  readonly file: string;
  readonly verdict: 'good' | 'different' | 'new' | 'broken';
  /** `virtual`: its waits cost no time. */
  readonly clock: 'virtual' | 'real';
  /** One line each, with file, line and column; why it is broken, where it is. */
  readonly problems: readonly string[];
  readonly differences: readonly ScenarioDifference[];
}

export interface PlaySettings {
  /** For scenarios without a config of their own. */
  readonly config?: StageSettings['config'];
  readonly env?: StageSettings['env'];
  /** On the machine's own clock and network; so does a `speed`. Default: in virtual time, where nothing has TLS. */
  readonly realTime?: boolean;
  /** How many times faster the durations pass in real time. */
  readonly speed?: number;
  /** In real time: scenarios at the same time. */
  readonly jobs?: number;
}

/** Folders, scenarios and message files, as `replay` takes them. @throws ConfigError, GatewayError GW_ERR_FILE */
export async function playScenarios(
  paths: readonly string[],
  { config, env = process.env, realTime, ...options }: PlaySettings = {},
): Promise<PlayedScenario[]> {
  const throwAway = new TempCerts();
  const around = { env, throwAway };
  try {
    const file = typeof config === 'string' ? config : config && 'config.yaml';
    const scenarios = collectScenarios(paths, { env, config: file });
    const given = config === undefined ? undefined : read(config, around);
    const results = await runScenarios(scenarios, { ...around, ...options, isRealTime: realTime, given });
    return results.map(({ scenario, verdict, clock, differences, error }) => ({
      name: scenario.name,
      file: scenario.file,
      verdict,
      clock,
      problems: error === undefined ? differences.map(formatDifference) : [error],
      differences,
    }));
  } finally {
    throwAway.remove();
  }
}

function read(config: StageSettings['config'], around: ConfigContext): GivenConfig {
  return typeof config === 'string'
    ? readGivenFile(config, around)
    : readGivenText(config.text, 'config.yaml', around);
}

function controlIdOf(payload: Buffer): string {
  try {
    return readHeader(payload).controlId;
  } catch {
    return '';
  }
}

// A simulated node on the stage: it does what the scenario says, dies and comes back on the same port, and keeps a record
// of every message that it has received.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { NodeConfig } from '../../../config/config.ts';
import { platform } from '../../../platform/current.ts';
import type { ScriptedAnswer } from '../../simulation/mirth-channel.ts';
import { MIRTH_DEFAULTS, MIRTH_HTTP_DEFAULTS } from '../../simulation/mirth-defaults.ts';
import { SimulatedHttpNode } from '../../simulation/simulated-http-node.ts';
import { SimulatedNode } from '../../simulation/simulated-node.ts';
import { faster } from '../config/speed.ts';
import type { TempCerts } from '../config/temp-certs.ts';
import { labelOf } from '../scenario/messages.ts';
import type { Behaviour } from '../scenario/scenario.ts';

export interface Received {
  readonly node: StagedNode;
  readonly payload: Buffer;
  readonly label: string;
  /** Over all nodes of the stage. */
  readonly order: number;
}

const OK: Behaviour = { does: 'ok', answers: 'AA', delayMs: 0, messages: undefined };

const HOST = '127.0.0.1';

/** Simulated nodes look at their options for each message and connection. */
interface Options {
  maxConnections: number;
  port: number;
}

export interface NodeSurroundings {
  readonly throwAway: TempCerts;
  readonly speed: number;
  nextOrder(): number;
}

export class StagedNode {
  readonly pool: string;
  readonly name: string;
  readonly received: Received[] = [];
  readonly #around: NodeSurroundings;
  readonly #options: Options;
  readonly #usualConnections: number;
  readonly #server: SimulatedNode | SimulatedHttpNode;
  #behaviour = OK;
  #usual = OK;
  #left = Number.POSITIVE_INFINITY;
  #hold: PortHold | undefined;
  #up = false;

  constructor(pool: string, { name, protocol, tls }: NodeConfig, around: NodeSurroundings) {
    this.pool = pool;
    this.name = name;
    this.#around = around;
    const isHttp = protocol === 'http' || protocol === 'https';
    const defaults = isHttp ? MIRTH_HTTP_DEFAULTS : MIRTH_DEFAULTS;
    this.#usualConnections = defaults.maxConnections;
    const script = (payload: Buffer): ScriptedAnswer => this.#turn(payload);
    const secured = tls === undefined ? undefined : tlsOptions(around.throwAway);
    const own = { script, tls: secured, name };
    if (isHttp) {
      const options = { ...MIRTH_HTTP_DEFAULTS, ...own };
      this.#options = options;
      this.#server = new SimulatedHttpNode(options);
    } else {
      const options = { ...MIRTH_DEFAULTS, ...own };
      this.#options = options;
      this.#server = new SimulatedNode(options);
    }
  }

  /** `POOL/NODE`. */
  get path(): string {
    return `${this.pool}/${this.name}`;
  }

  get port(): number {
    return this.#options.port;
  }

  async start(): Promise<void> {
    if (this.#up) return;
    this.#up = true;
    await this.#server.start();
    this.#options.port = this.#server.port;
    await this.#hold?.release();
    this.#hold = undefined;
  }

  /** Its connections end, what it has in work is not answered, and its port is refused. */
  async kill(): Promise<void> {
    if (!this.#up) return;
    this.#up = false;
    await this.#server.stop();
    // A world gives no port twice.
    if (!platform.hasOnlyPlainServers) this.#hold = await holdPort(HOST, this.port);
  }

  async stop(): Promise<void> {
    await this.#hold?.release();
    if (this.#up) await this.#server.stop();
    this.#up = false;
  }

  behave(behaviour: Behaviour): void {
    this.#usual = behaviour.messages === undefined ? behaviour : this.#behaviour;
    this.#behaviour = behaviour;
    this.#left = behaviour.messages ?? Number.POSITIVE_INFINITY;
    this.#options.maxConnections = behaviour.does === 'full' ? 0 : this.#usualConnections;
  }

  #turn(payload: Buffer): ScriptedAnswer {
    const { nextOrder, speed } = this.#around;
    this.received.push({ node: this, payload, label: labelOf(payload), order: nextOrder() });
    const { does, answers, delayMs } = this.#behaviour;
    this.#left--;
    if (this.#left === 0) this.behave(this.#usual);
    const verdict = does === 'ok' || does === 'full' ? answers : VERDICTS[does];
    return { verdict, delayMs: faster(delayMs, speed) };
  }
}

const VERDICTS = { hang: 'hang', 'drop-ack': 'close', garble: 'garbled', 'wrong-id': 'mismatch' } as const;

/** It asks for the gateway's certificate, and takes any. */
function tlsOptions({ server }: TempCerts): TlsOptions {
  return {
    cert: readFileSync(server.certFile),
    key: readFileSync(server.keyFile),
    requestCert: true,
    rejectUnauthorized: false,
  };
}

interface PortHold {
  release(): Promise<void>;
}

/**
 * Keeps a killed node's port refused but taken, so that no other listener of the process is given it meanwhile.
 * By an outgoing connection that is bound to the port: a bound port is not given out again, one without a listener refuses,
 * and SO_REUSEADDR (libuv sets it) still lets its owner listen there. Undefined: it could not be had.
 */
async function holdPort(host: string, port: number): Promise<PortHold | undefined> {
  const anchor = net.createServer((socket) => socket.on('error', () => {}));
  anchor.listen(0, host);
  await once(anchor, 'listening');
  const address = anchor.address();
  if (address === null || typeof address === 'string') return undefined;
  const accepted = once(anchor, 'connection');
  accepted.catch(() => {});
  const socket = net.connect({ host, port: address.port, localAddress: host, localPort: port });
  try {
    await once(socket, 'connect');
  } catch {
    anchor.close();
    return undefined;
  }
  const [peer] = await accepted;
  return {
    release: async () => {
      const gone = once(anchor, 'close');
      anchor.close();
      socket.destroy();
      if (peer instanceof net.Socket) peer.destroy();
      await gone;
    },
  };
}

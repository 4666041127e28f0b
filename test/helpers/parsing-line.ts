// A gateway whose routes ask for OBX-5, so that large messages are read in the parse pool: two nodes, a worker that
// does what a message says, and a hold on it.
import { FAULTY_WORKER, Hold } from '../hl7/hold.ts';
import { type FaultyNode, type Script, startFaultyNode } from './faulty-node.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { message } from './mllp.ts';

/** Messages of `large` are above this, those of `small` below. */
const INLINE_LIMIT = '2KiB';
const LARGE_BYTES = 4096;

export interface ParsingLineOptions {
  readonly parsing?: Record<string, unknown>;
  readonly listener?: Record<string, unknown>;
  readonly script?: Script;
  /** What is asked for URGENT. Default OBX-5. */
  readonly path?: string;
}

export class ParsingLine implements AsyncDisposable {
  readonly gw: TestGateway;
  /** Gets what is not urgent. */
  readonly node: FaultyNode;
  /** Gets what has URGENT in OBX-5 (or another path). */
  readonly urgent: FaultyNode;
  readonly hold = new Hold();

  constructor(gw: TestGateway, node: FaultyNode, urgent: FaultyNode) {
    this.gw = gw;
    this.node = node;
    this.urgent = urgent;
  }

  /** How many messages went each way so far. */
  get ways(): { inline: number; offloaded: number } {
    const { inline, offloaded } = this.gw.gateway.parsing.stats;
    return { inline, offloaded };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hold[Symbol.dispose]();
    await this.gw[Symbol.asyncDispose]();
    await this.node.close();
    await this.urgent.close();
  }
}

export async function startParsingLine({
  parsing,
  listener,
  script,
  path = 'OBX-5',
}: ParsingLineOptions = {}): Promise<ParsingLine> {
  const node = await startFaultyNode(script);
  const urgent = await startFaultyNode(script);
  const health = { interval: '1h' };
  const config = {
    listeners: { in: { bind: '127.0.0.1:0', ...listener } },
    pools: {
      routine: { nodes: { a: { url: node.url } }, health },
      urgent: { nodes: { b: { url: urgent.url } }, health },
    },
    routes: [
      { name: 'queries', when: { 'MSH-9.1': 'QRY' }, to: 'routine' },
      { name: 'urgent', when: { [path]: '/URGENT/' }, to: 'urgent' },
      { name: 'routine', to: 'routine' },
    ],
    shutdown: { timeout: '3s' },
    parsing: { inlineLimit: INLINE_LIMIT, ...parsing },
    telemetry: { log: { level: 'debug' } },
  };
  const gw = await startGateway(JSON.stringify(config), { parseWorker: FAULTY_WORKER });
  return new ParsingLine(gw, node, urgent);
}

/** To be read in the pool; `text` is OBX-5. */
export function large(controlId: string, text = '', type = 'ORU^R01'): Buffer {
  return message({ controlId, type, segments: [`OBX|1|TX|||${text}`], size: LARGE_BYTES });
}

export function small(controlId: string, text = ''): Buffer {
  return message({ controlId, type: 'ORU^R01', segments: [`OBX|1|TX|||${text}`] });
}

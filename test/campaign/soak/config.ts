// The gateway's config of a soak, and how it changes. Promises: each change is another config, and none promises less.
import { renameSync, writeFileSync } from 'node:fs';
import { isHttp, isTls, type Wire } from '../peers/orders.ts';
import type { TlsFiles } from '../wire/tls.ts';

export interface SoakAddresses {
  readonly nodes: readonly (readonly [name: string, url: string])[];
  readonly listeners: ReadonlyMap<Wire, string>;
  readonly tls: TlsFiles;
}

export class SoakConfig {
  readonly path: string;
  readonly #addresses: SoakAddresses;
  changes = 0;

  constructor(path: string, addresses: SoakAddresses) {
    this.path = path;
    this.#addresses = addresses;
    this.#write();
  }

  change(): void {
    this.changes++;
    this.#write();
  }

  #write(): void {
    const { nodes, listeners, tls } = this.#addresses;
    const n = this.changes;
    const config = {
      listeners: Object.fromEntries(
        [...listeners].map(([wire, bind]) => [
          `in-${wire}`,
          { bind, ...(isHttp(wire) ? { protocol: 'http' } : {}), ...(isTls(wire) ? { tls } : {}) },
        ]),
      ),
      pools: {
        pool: {
          nodes: Object.fromEntries(
            nodes.map(([name, url], i) => [name, { url, weight: 1 + ((n + i) % 2) }]),
          ),
          persistence: { by: ['MSH-3'] },
          connections: { max: 8, pipelining: 2 },
          queue: { timeout: `${10 + (n % 3)}s` },
          timeouts: { connect: '2s', ack: '10s' },
          retry: { attempts: 3, budget: '15s', onAmbiguous: 'other-node' },
          health: { interval: '500ms', timeout: '2s', rise: 1, fall: 2 },
          ejection: { base: '500ms', max: '2s' },
        },
      },
      routes: [
        { name: `none ${n}`, when: { 'MSH-9.1': 'NONE' }, reject: { code: 'AR' } },
        { name: 'all', to: 'pool' },
      ],
      telemetry: { log: { messages: false } },
      shutdown: { timeout: '10s' },
    };
    writeFileSync(`${this.path}.new`, JSON.stringify(config));
    renameSync(`${this.path}.new`, this.path);
  }
}

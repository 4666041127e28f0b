// nginx.conf as a draft of our config: `stream` blocks as MLLP or TCP, `http` blocks as HTTP.
// Promises one listener for each address, and a server's names as conditions where it shares one.
import {
  type ConfigDraft,
  type DraftListener,
  type DraftMap,
  type DraftProtocol,
  emptyDraft,
} from '../draft.ts';
import { type GuessOptions, whyMllp } from '../hl7-guess.ts';
import type { ImportLedger } from '../ledger.ts';
import { matchTest } from '../match.ts';
import type { DraftTest } from '../requirement.ts';
import { type NginxDirective, nginxBlocks, Surroundings } from './blocks.ts';
import { NginxListeners } from './listeners.ts';
import { NginxPools } from './pools.ts';
import { NginxRoutes, type RouteCondition } from './routes.ts';
import { needsNothing, whyNginxLeft } from './vocabulary.ts';

export function translateNginx(text: string, options: GuessOptions, ledger: ImportLedger): ConfigDraft {
  return new NginxTranslation(options, ledger).translate(nginxBlocks(text, ledger));
}

class NginxTranslation {
  readonly #options: GuessOptions;
  readonly #ledger: ImportLedger;
  readonly #draft = emptyDraft();
  readonly #listeners: NginxListeners;
  readonly #routes: NginxRoutes;

  constructor(options: GuessOptions, ledger: ImportLedger) {
    this.#options = options;
    this.#ledger = ledger;
    this.#listeners = new NginxListeners(ledger, this.#draft);
    this.#routes = new NginxRoutes(ledger, this.#draft);
  }

  translate(root: readonly NginxDirective[]): ConfigDraft {
    // A file of conf.d has servers and upstreams without a block around them.
    const loose = root.filter(({ name }) => name === 'server' || name === 'upstream');
    const blocks = root.filter(({ name }) => name === 'stream' || name === 'http');
    for (const block of blocks) {
      this.#ledger.translated(block);
      this.#block(block.children ?? [], block.name === 'http');
    }
    if (loose.length > 0) this.#block(loose, loose.some(isOfHttp));
    this.#listeners.close(
      new Set(
        this.#draft.routes.flatMap(
          ({ value }) => [(value.when as DraftMap).listener ?? []].flat() as string[],
        ),
      ),
    );
    this.#sweep(root);
    return this.#draft;
  }

  #block(children: readonly NginxDirective[], isHttp: boolean): void {
    const around = new Surroundings([children]);
    const upstreams = children.filter(({ name }) => name === 'upstream');
    for (const upstream of upstreams) this.#ledger.translated(upstream);
    const pools = new NginxPools(upstreams, this.#ledger, this.#draft);
    const servers = children.filter(({ name }) => name === 'server');
    const late: (() => void)[] = [];
    const read = servers.map((server) => {
      this.#ledger.translated(server);
      const own = around.within(server.children ?? []);
      const protocol: { name: DraftProtocol; guess?: string } = isHttp
        ? { name: 'http' }
        : this.#protocol(own, pools);
      const name = this.#nameOf(server, own, protocol);
      const listeners = this.#listeners.listen(server, name, protocol.name, own);
      if (protocol.guess !== undefined && listeners[0]?.comments.length === 0)
        listeners[0].comments.push(`MLLP by a guess: ${protocol.guess}.`);
      return { server, own, protocol: protocol.name, listeners };
    });
    for (const { server, own, protocol, listeners } of read) {
      if (listeners.length === 0) {
        for (const directive of server.children ?? [])
          if (this.#ledger.isOpen(directive)) this.#ledger.left(directive, 'its server listens nowhere here');
        continue;
      }
      const main = listeners.filter((listener) => this.#listeners.isMain(server, listener));
      const others = listeners.filter((listener) => !main.includes(listener));
      const host = isHttp && others.length > 0 ? this.#hosts(own) : undefined;
      if (others.length > 0 && host !== undefined)
        this.#routes.add(server, own, protocol, pools, { ...namesOf(others), host });
      else if (others.length > 0)
        this.#ledger.left(server, 'another server has its address, and it has no names');
      else for (const directive of own.all('server_name')) this.#ledger.translated(directive);
      if (main.length > 0) late.push(() => this.#routes.add(server, own, protocol, pools, namesOf(main)));
    }
    for (const make of late) make();
    pools.close();
  }

  #protocol(own: Surroundings, pools: NginxPools): { name: DraftProtocol; guess?: string } {
    const target = own.last('proxy_pass')?.args[0] ?? '';
    const ports = own
      .all('listen')
      .flatMap(
        ({ args: [address = ''] }) => Number(/(\d{1,5})(-\d+)?$/.exec(address)?.[1] ?? Number.NaN) || [],
      );
    const guess = whyMllp([target], [...ports, ...pools.portsOf(target)], this.#options);
    return guess === undefined ? { name: 'tcp' } : { name: 'mllp', guess };
  }

  #nameOf(server: NginxDirective, own: Surroundings, { name: protocol }: { name: DraftProtocol }): string {
    const name = protocol === 'http' ? own.last('server_name')?.args[0] : own.last('proxy_pass')?.args[0];
    return name === undefined || name === '_' || name === '' ? `line-${server.line}` : name;
  }

  /** Undefined: none of its names is one that a condition can have. */
  #hosts(own: Surroundings): DraftTest | undefined {
    const tests: DraftTest[] = [];
    for (const directive of own.all('server_name')) {
      let isWhole = true;
      for (const name of directive.args) {
        const test = hostTest(name);
        if (test === undefined) isWhole = false;
        else tests.push(test);
      }
      if (isWhole) this.#ledger.translated(directive);
      else this.#ledger.left(directive, 'one of its names is none that a condition can have');
    }
    return tests.length === 0 ? undefined : tests.length === 1 ? tests[0] : tests;
  }

  /** Whatever nothing has read. */
  #sweep(directives: readonly NginxDirective[]): void {
    for (const directive of directives) {
      const { name, children } = directive;
      const isOpen = this.#ledger.isOpen(directive);
      if (isOpen && (needsNothing(name) || isOfTypes(directive))) {
        this.#ledger.inherent(directive);
        // Nor does what is in it.
        for (const inner of children ?? []) this.#ledger.inherent(inner);
      } else if (isOpen) this.#ledger.left(directive, whyNginxLeft(name));
      if (children !== undefined) this.#sweep(children);
    }
  }
}

function isOfTypes({ name, args: [file = ''] }: NginxDirective): boolean {
  return name === 'include' && /mime\.types$/.test(file);
}

function isOfHttp({ name, children }: NginxDirective): boolean {
  return (
    name === 'server' &&
    children?.some((inner) => /^(location|server_name|root|return)$/.test(inner.name)) === true
  );
}

function namesOf(listeners: readonly DraftListener[]): RouteCondition {
  const names = listeners.map(({ name }) => name);
  return { listener: names.length === 1 ? (names[0] ?? '') : names };
}

function hostTest(name: string): DraftTest | undefined {
  if (name.startsWith('~')) return matchTest('host', 'regex', name.slice(1), false);
  if (name.startsWith('*.')) return matchTest('host', 'ends', name.slice(1), false);
  if (name.endsWith('.*')) return matchTest('host', 'begins', name.slice(0, -1), false);
  if (name.startsWith('.'))
    return [
      matchTest('host', 'exact', name.slice(1), false) ?? '',
      matchTest('host', 'ends', name, false) ?? '',
    ];
  return name === '_' || name === '' ? undefined : matchTest('host', 'exact', name, false);
}

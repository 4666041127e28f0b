// The routes of a `server`: what is refused by `allow` and `deny`, each location, and where it leads.
// Promises to refuse what nginx answered by itself, or let in by a password only: it must not reach a server by another way.
import { isRange } from '../../../addresses.ts';
import type { Block, ConfigDraft, DraftMap, DraftProtocol } from '../draft.ts';
import type { ImportLedger } from '../ledger.ts';
import type { DraftTest } from '../requirement.ts';
import type { NginxDirective, Surroundings } from './blocks.ts';
import { applyHttp, type NginxLocation, orderedLocations, routeName } from './locations.ts';
import type { NginxPools } from './pools.ts';

/** `listener` and `host` of a server's routes. */
export type RouteCondition = Readonly<Record<string, DraftTest>>;

export class NginxRoutes {
  readonly #ledger: ImportLedger;
  readonly #draft: ConfigDraft;

  constructor(ledger: ImportLedger, draft: ConfigDraft) {
    this.#ledger = ledger;
    this.#draft = draft;
  }

  /** Of a server, for who meets the condition. */
  add(
    server: NginxDirective,
    own: Surroundings,
    protocol: DraftProtocol,
    pools: NginxPools,
    when: RouteCondition,
  ): void {
    const children = server.children ?? [];
    if (this.#refuseSources(children, when)) return;
    if (this.#refusedWhole(children, server, when)) return;
    if (protocol !== 'http') {
      this.#lead(server, own, protocol, pools, when, undefined);
      return;
    }
    for (const location of orderedLocations(server, this.#ledger)) {
      const inner = location.block.children ?? [];
      const condition = location.path === undefined ? when : { ...when, path: location.path };
      for (const nested of inner)
        if (nested.name === 'location') this.#ledger.left(nested, 'locations within locations are not read');
      if (this.#refuseSources(inner, condition)) continue;
      if (this.#refusedWhole(inner, location.block, condition)) continue;
      this.#lead(location.block, own.within(inner), protocol, pools, condition, location);
    }
  }

  /** `allow` and `deny`, from the top. True: everybody is refused. */
  #refuseSources(children: readonly NginxDirective[], when: RouteCondition): boolean {
    const allowed: string[] = [];
    for (const directive of children) {
      const { name, args } = directive;
      if (name !== 'allow' && name !== 'deny') continue;
      const [range = ''] = args;
      if (range !== 'all' && !isRange(range)) {
        this.#ledger.left(
          directive,
          name === 'deny'
            ? 'that is no range of addresses; what it kept out comes in'
            : 'that is no range of addresses',
        );
        continue;
      }
      this.#ledger.translated(directive);
      if (name === 'allow') {
        if (range === 'all') return false;
        allowed.push(range);
        continue;
      }
      const but = allowed.map((one): DraftTest => one);
      const source: DraftTest | undefined =
        range === 'all'
          ? but.length === 0
            ? undefined
            : { not: but }
          : but.length === 0
            ? range
            : { not: [{ not: range }, ...but] };
      this.#add(
        { when: { ...when, ...(source !== undefined && { source }) } as DraftMap, reject: {} },
        `refused by ${name} of line ${directive.line}`,
      );
      if (range === 'all') return source === undefined;
    }
    return false;
  }

  /** Where nginx answers by itself, or asks for a password. */
  #refusedWhole(children: readonly NginxDirective[], block: NginxDirective, when: RouteCondition): boolean {
    // A server's `return` is asked before its locations.
    const answer = children.find(
      ({ name, args }) =>
        /^(return|auth_basic|internal|empty_gif|stub_status)$/.test(name) && args[0] !== 'off',
    );
    if (answer === undefined) return false;
    for (const directive of children)
      if (directive.name === 'proxy_pass') this.#ledger.left(directive, 'what comes here is refused');
    if (answer.name === 'return' && answer.args[0] === '403') this.#ledger.translated(answer);
    else
      this.#ledger.left(
        answer,
        'the gateway answers 403 here: it redirects nobody, has no pages and asks for no passwords',
      );
    this.#add({ when: { ...when } as DraftMap, reject: {} }, `refused, ${block.what} of line ${block.line}`);
    return true;
  }

  #lead(
    block: NginxDirective,
    around: Surroundings,
    protocol: DraftProtocol,
    pools: NginxPools,
    when: RouteCondition,
    location: NginxLocation | undefined,
  ): void {
    const pass = around.last('proxy_pass');
    if (pass === undefined) {
      this.#ledger.left(block, 'it leads to no server; what comes is refused');
      this.#add(
        { when: { ...when } as DraftMap, reject: {} },
        `refused, ${block.what} of line ${block.line}`,
      );
      return;
    }
    const [, scheme, rest = ''] = /^(?:(https?):\/\/)?(.*)$/s.exec(pass.args[0] ?? '') ?? [];
    const [host = ''] = rest.split('/');
    const isSecured = protocol === 'http' ? scheme === 'https' : around.last('proxy_ssl')?.args[0] === 'on';
    const pool = pools.pool(host, protocol, isSecured, around);
    if (typeof pool === 'string') {
      this.#ledger.left(pass, pool);
      this.#add(
        { when: { ...when } as DraftMap, reject: {} },
        `refused, ${block.what} of line ${block.line}`,
      );
      return;
    }
    this.#ledger.translated(pass);
    const ssl = around.last('proxy_ssl');
    if (ssl !== undefined) this.#ledger.translated(ssl);
    const route: DraftMap = { when: { ...when } as DraftMap, to: pool.name };
    if (location !== undefined) applyHttp(route, around, location, rest, this.#ledger);
    this.#add(route, `line ${block.line} to ${pool.name}`);
  }

  #add({ when, ...rest }: DraftMap, name: string): void {
    const block: Block = {
      name: '',
      comments: [],
      value: { name: routeName(name, this.#draft), when, ...rest },
    };
    this.#draft.routes.push(block);
  }
}

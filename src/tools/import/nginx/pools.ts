// `upstream` blocks, and addresses that stand in `proxy_pass` itself, as pools. nginx says how servers are spoken to where it leads to
// them: an upstream that is spoken to in two ways becomes two pools.
import { isAddress } from '../../../addresses.ts';
import { isHost, isToken } from '../../../config/formats.ts';
import type { ConfigDraft, DraftMap, DraftPool, DraftProtocol } from '../draft.ts';
import { put } from '../draft.ts';
import type { ImportLedger } from '../ledger.ts';
import { countOf, durationOf, freshName, milliseconds } from '../spelling.ts';
import type { NginxDirective, Surroundings } from './blocks.ts';
import { needsNothing, whyNginxLeft } from './vocabulary.ts';

export class NginxPools {
  readonly #upstreams: ReadonlyMap<string, NginxDirective>;
  readonly #made = new Map<string, DraftPool>();
  readonly #names: Set<string>;
  readonly #ledger: ImportLedger;
  readonly #draft: ConfigDraft;

  constructor(upstreams: readonly NginxDirective[], ledger: ImportLedger, draft: ConfigDraft) {
    this.#upstreams = new Map(upstreams.map((block) => [block.args[0] ?? '', block]));
    this.#ledger = ledger;
    this.#draft = draft;
    // Of blocks before this one.
    this.#names = new Set(draft.pools.map(({ name }) => name));
  }

  /** Ports of the servers that are meant. */
  portsOf(target: string): number[] {
    const block = this.#upstreams.get(target);
    const addresses = block?.children?.flatMap(({ name, args: [address = ''] }) =>
      name === 'server' ? [address] : [],
    );
    return (addresses ?? [target]).flatMap(
      (address) => Number(/:(\d{1,5})$/.exec(address)?.[1] ?? Number.NaN) || [],
    );
  }

  /** `target`: the name of an upstream, or an address. A text: why there is no pool. */
  pool(
    target: string,
    protocol: DraftProtocol,
    isSecured: boolean,
    around: Surroundings,
  ): DraftPool | string {
    const value: DraftMap = { nodes: {} };
    const told: (() => void)[] = [];
    this.#connection(value, protocol, isSecured, around, told);
    const key = JSON.stringify([target, protocol, isSecured, value]);
    const before = this.#made.get(key);
    if (before !== undefined) return before;
    const block = this.#upstreams.get(target);
    const pool: DraftPool = { name: '', comments: [], value, protocol };
    const defaultPort = protocol === 'http' ? (isSecured ? ':443' : ':80') : '';
    const scheme =
      { mllp: ['mllp', 'mllps'], http: ['http', 'https'], tcp: ['tcp', 'tls'] }[protocol][
        isSecured ? 1 : 0
      ] ?? '';
    const tls = value.tls as DraftMap | undefined;
    value.tls = undefined;
    const addNode = (address: string, more: DraftMap): boolean => {
      const url = nodeAddress(address, defaultPort);
      if (url === undefined) return false;
      const nodes = value.nodes as DraftMap;
      const [host = ''] = address.split(':');
      nodes[freshName(host, new Set(Object.keys(nodes)))] = {
        url: `${scheme}://${url}`,
        ...more,
        ...(tls && { tls: structuredClone(tls) }),
      };
      return true;
    };
    if (block === undefined) {
      if (target.includes('$')) return 'where it leads to is known with each request only';
      if (!addNode(target, {})) return 'that is no host and port of TCP';
    } else this.#upstream(block, pool, addNode);
    if (Object.keys(value.nodes as DraftMap).length === 0) return 'that upstream has no servers';
    for (const tell of told) tell();
    if (value.balance === undefined) value.balance = 'round-robin';
    const named = { ...pool, name: freshName(target, this.#names) };
    this.#made.set(key, named);
    this.#draft.pools.push(named);
    return named;
  }

  /** Upstreams that nothing leads to. */
  close(): void {
    for (const block of this.#upstreams.values())
      for (const directive of block.children ?? [])
        if (this.#ledger.isOpen(directive)) this.#ledger.left(directive, 'nothing leads to this upstream');
  }

  #upstream(
    block: NginxDirective,
    pool: DraftPool,
    addNode: (address: string, more: DraftMap) => boolean,
  ): void {
    const { value } = pool;
    const ledger = this.#ledger;
    for (const directive of block.children ?? []) {
      const { name, args } = directive;
      const subject = name === 'hash' ? hashSubject(args[0] ?? '') : undefined;
      if (name === 'server') this.#server(directive, pool, addNode);
      else if (name === 'least_conn' || name === 'random') {
        put(value, 'balance', 'least-in-flight');
        ledger.translated(directive);
      } else if (
        name === 'ip_hash' ||
        (subject !== undefined && (subject === 'source' || pool.protocol === 'http'))
      ) {
        put(value, 'balance', 'hash');
        put(value, 'persistence.by', [subject ?? 'source']);
        ledger.translated(directive);
      } else if (name === 'sticky' && args[0] === 'cookie' && pool.protocol === 'http' && isToken(args[1])) {
        put(value, 'persistence.cookie', args[1] ?? '');
        ledger.translated(directive);
      } else if (needsNothing(name)) ledger.inherent(directive);
      else ledger.left(directive, whyNginxLeft(name), pool);
    }
    if (
      value.persistence !== undefined &&
      (value.persistence as DraftMap).cookie !== undefined &&
      value.balance === 'hash'
    ) {
      value.balance = 'round-robin';
      (value.persistence as DraftMap).by = undefined;
    }
  }

  #server(
    directive: NginxDirective,
    pool: DraftPool,
    addNode: (address: string, more: DraftMap) => boolean,
  ): void {
    const [address = '', ...options] = directive.args;
    const node: DraftMap = {};
    const left: string[] = [];
    const { value } = pool;
    for (const option of options) {
      const [key, text] = option.split('=');
      const number = countOf(text, 0, 10_000);
      const time = durationOf(milliseconds(text, 's'));
      if (key === 'weight' && number !== undefined) node.weight = Math.min(256, number);
      else if (key === 'backup') node.backup = true;
      else if (key === 'down') node.weight = 0;
      else if (key === 'max_conns' && number !== undefined && number > 0)
        put(value, 'connections.max', number);
      else if (key === 'max_fails' && number !== undefined)
        put(value, 'health.fall', Math.max(1, Math.min(1000, number)));
      else if (key === 'fail_timeout' && time !== undefined) put(value, 'ejection.base', time);
      else if (key === 'slow_start' && time !== undefined) put(value, 'slowStart', time);
      else if (key !== 'resolve') left.push('one of its options has no counterpart');
    }
    if (!addNode(address, node)) left.push('its address is no host and port of TCP');
    this.#ledger.translated(directive);
    for (const why of left) this.#ledger.left(directive, why, pool);
  }

  /** What `proxy_…` says of connections to servers. */
  #connection(
    value: DraftMap,
    protocol: DraftProtocol,
    isSecured: boolean,
    around: Surroundings,
    told: (() => void)[],
  ): void {
    const ledger = this.#ledger;
    const say = (name: string, use: (text: string, directive: NginxDirective) => boolean): void => {
      const directive = around.last(name);
      if (directive === undefined) return;
      const isGood = use(directive.args[0] ?? '', directive);
      told.push(() =>
        isGood ? ledger.translated(directive) : ledger.left(directive, 'it has no counterpart here'),
      );
    };
    const duration =
      (key: string) =>
      (text: string): boolean => {
        const time = durationOf(milliseconds(text, 's'));
        if (time !== undefined) put(value, key, time);
        return time !== undefined;
      };
    say('proxy_connect_timeout', duration('timeouts.connect'));
    if (protocol === 'http') say('proxy_read_timeout', duration('timeouts.ack'));
    say('proxy_bind', (text, { args }) => {
      if (args.includes('transparent') && /^\$(binary_)?remote_addr$/.test(text))
        put(value, 'source', 'client');
      else if (isAddress(text)) put(value, 'source', text);
      else return text === 'off';
      return true;
    });
    say('proxy_protocol', (text) => {
      if (text === 'on' && protocol === 'tcp') put(value, 'proxyProtocol', 'v1');
      return text === 'off' || protocol === 'tcp';
    });
    if (!isSecured) return;
    const file =
      (key: string) =>
      (text: string): boolean => {
        if (text !== '' && !text.includes('$')) put(value, `tls.${key}`, text);
        return !text.includes('$');
      };
    say('proxy_ssl_trusted_certificate', file('ca'));
    say('proxy_ssl_certificate', file('cert'));
    say('proxy_ssl_certificate_key', file('key'));
    say('proxy_ssl_crl', file('crl'));
    say('proxy_ssl_name', (text) => {
      if (isHost(text)) put(value, 'tls.servername', text);
      return isHost(text) || text.startsWith('$');
    });
    say('proxy_ssl_server_name', () => true);
    say('proxy_ssl_verify_depth', () => true);
    say('proxy_ssl_verify', (text) => text === 'on' || text === 'off');
    // nginx looks at no certificate of a server unless it is told to.
    if (around.last('proxy_ssl_verify')?.args[0] !== 'on') put(value, 'tls.insecure', true);
  }
}

function nodeAddress(address: string, defaultPort: string): string | undefined {
  const [, host = '', port = defaultPort] = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]*)(:\d{1,5})?$/.exec(address) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const isGood = host.startsWith('[') ? isAddress(bare) : isHost(bare);
  const number = Number(port.slice(1));
  return isGood && port !== '' && number >= 1 && number <= 65_535 ? `${host}${port}` : undefined;
}

function hashSubject(variable: string): string | undefined {
  if (/^\$(binary_)?remote_addr$/.test(variable)) return 'source';
  if (/^\$(request_uri|uri|document_uri)$/.test(variable)) return 'path';
  if (/^\$(host|http_host)$/.test(variable)) return 'host';
  const name = /^\$http_(\w{1,80})$/.exec(variable)?.[1];
  return name === undefined ? undefined : `header.${name.replaceAll('_', '-').toLowerCase()}`;
}

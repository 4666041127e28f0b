// The whole config, from its top section to the typed result: listeners, pools, routes.
// Promises that names which refer to each other do; cross-checks.ts looks at how the parts go together.
import { resolve } from 'node:path';
import { buildAdmin } from './build-admin.ts';
import { buildAudit } from './build-audit.ts';
import { buildMetrics } from './build-metrics.ts';
import { buildPool, checkName } from './build-pool.ts';
import { buildTraces } from './build-traces.ts';
import { readAllow, readConditions } from './conditions.ts';
import type { Condition, GatewayConfig, ListenerConfig, RouteConfig } from './config.ts';
import { parseBind } from './formats.ts';
import { buildListenerHttp, readTrustedProxies } from './http/listener-http.ts';
import { buildRouteHttp } from './http/route-http.ts';
import { readSection, type Section } from './section.ts';
import { suggestion } from './source/closest.ts';
import { newFileTrouble } from './source/files.ts';
import { quoted } from './source/problem.ts';
import { described, type Entry, type ReadContext, type Tree } from './source/value.ts';
import { buildListenerTls } from './tls/listener-tls.ts';
import { readValidate } from './validate.ts';

export function build(top: Section, file: string | undefined, reading: ReadContext): GatewayConfig {
  const reusePort = top.flag('hotRestart');
  const listeners = top
    .entries('listeners')
    .map((entry) => ({ ...buildListener(entry, reading), reusePort }));
  const pools = top.entries('pools').map((entry) => buildPool(entry, reading));
  const routes = top.tree('routes');
  const names = { listeners: listeners.map(({ name }) => name), pools: pools.map(({ name }) => name) };
  return {
    file,
    listeners,
    pools,
    routes: routes?.kind === 'list' ? buildRoutes(routes.items, names, reading) : [],
    parsing: {
      workers: top.text('parsing.workers') === 'auto' ? 'auto' : top.number('parsing.workers'),
      offload: top.word('parsing.offload'),
      inlineLimitBytes: top.number('parsing.inlineLimit'),
      queue: top.number('parsing.queue'),
      timeoutMs: top.number('parsing.timeout'),
    },
    log: {
      level: top.word('telemetry.log.level'),
      format: top.word('telemetry.log.format'),
      messages: top.flag('telemetry.log.messages'),
    },
    metrics: buildMetrics(top, reading),
    identifiers: {
      controlIds: top.word('telemetry.controlIds'),
      hashKey: top.optionalText('telemetry.hashKey'),
    },
    traces: buildTraces(top, names.listeners, reading),
    state: buildState(top, reading),
    shutdown: { timeoutMs: top.number('shutdown.timeout') },
    watchConfig: top.flag('reload.watch'),
    maxBufferedBytes: top.number('limits.maxBuffered'),
    watchCertificates: top.flag('certificates.watch'),
    admin: buildAdmin(top, reading),
    audit: buildAudit(top, reading),
  };
}

function buildState(top: Section, reading: ReadContext): GatewayConfig['state'] {
  const given = top.optionalText('state.file');
  if (given === undefined) return undefined;
  const file = resolve(reading.folder, given);
  const trouble = newFileTrouble(file);
  if (trouble !== undefined) top.error('state.file', trouble);
  return { file };
}

function buildListener(entry: Entry, reading: ReadContext): Omit<ListenerConfig, 'reusePort'> {
  const key = `listeners.${entry.key}`;
  checkName(entry, key, reading);
  const listener = readSection(entry.value, { key, pattern: 'listeners.NAME', place: entry.place }, reading);
  const tlsTree = listener.tree('tls');
  const where = { key: `${key}.tls`, pattern: 'listeners.NAME.tls', place: listener.at('tls') } as const;
  return {
    name: entry.key,
    protocol: listener.word('protocol'),
    bind: parseBind(listener.text('bind')) ?? { host: '', port: 0 },
    tls: tlsTree && buildListenerTls(readSection(tlsTree, where, reading), reading),
    limits: {
      maxConnections: listener.number('limits.maxConnections'),
      maxConnectionsPerSource: listener.optionalNumber('limits.maxConnectionsPerSource'),
      maxFrameBytes: listener.number('limits.maxFrame'),
      frameTimeoutMs: listener.number('limits.frameTimeout'),
      idleTimeoutMs: listener.number('limits.idleTimeout'),
      writeTimeoutMs: listener.number('limits.writeTimeout'),
      maxPending: listener.number('limits.maxPending'),
      maxJunkBytes: listener.number('limits.maxJunk'),
      maxBatch: listener.number('limits.maxBatch'),
    },
    framing: {
      strayEndByte: listener.word('framing.strayEndByte'),
      missingCr: listener.word('framing.missingCr'),
    },
    batch: listener.word('batch'),
    utf16: listener.word('utf16'),
    missingControlId: listener.word('missingControlId'),
    onUnavailable: listener.word('onUnavailable'),
    onRejected: listener.word('onRejected'),
    allow: readAllow(listener, reading),
    trustedProxies: readTrustedProxies(listener, reading),
    proxyProtocol: listener.flag('proxyProtocol'),
    http: buildListenerHttp(listener, reading),
  };
}

interface Names {
  readonly listeners: readonly string[];
  readonly pools: readonly string[];
}

function buildRoutes(items: readonly Tree[], names: Names, reading: ReadContext): RouteConfig[] {
  const taken = new Set<string>();
  return items.map((item, index) => {
    const key = `routes[${index}]`;
    const section = readSection(item, { key, pattern: 'routes[]', place: item.place }, reading);
    const name = section.optionalText('name') ?? `route ${index + 1}`;
    if (taken.has(name)) section.error('name', 'another route before this one has the same name');
    taken.add(name);
    const when = readConditions(section.entries('when'), `${key}.when`, {
      ...reading,
      listeners: names.listeners,
    });
    if (item.kind === 'map' && section.has('to') === section.has('reject')) {
      section.error(section.has('to') ? 'reject' : '', 'a route has either "to" or "reject"');
    }
    const action = buildAction(section, when, names, reading);
    const tree = section.tree('http');
    const where = { key: `${key}.http`, pattern: 'routes[].http', place: section.at('http') } as const;
    const http = tree && buildRouteHttp(readSection(tree, where, reading), reading);
    return { name, when, action, http, validate: readValidate(section, reading) };
  });
}

function buildAction(
  route: Section,
  when: readonly Condition[],
  { pools }: Names,
  reading: ReadContext,
): RouteConfig['action'] {
  const tree = route.tree('reject');
  const where = {
    key: `${route.key}.reject`,
    pattern: 'routes[].reject',
    place: route.at('reject'),
  } as const;
  const reject = tree && readSection(tree, where, reading);
  const [to] = route.scalars('to');
  // Without any pool, that there is none is the one thing to say.
  if (to !== undefined && pools.length > 0 && !pools.includes(to.text)) {
    const inFile = to.written === undefined;
    const name = inFile ? quoted(to.text) : `that ${described(to)}`;
    route.error('to', `no pool has the name ${name}${inFile ? suggestion(to.text, pools) : ''}`);
  }
  if (reject === undefined) return { kind: 'pool', pool: to?.text ?? '' };
  const chosen = reject.text('condition');
  const condition = chosen === 'auto' ? conditionOf(when) : Number(chosen);
  return { kind: 'reject', code: reject.word('code'), text: reject.text('text'), condition };
}

/** F91, table 0357: a route that looks at a field of the header rejects what that field says. */
function conditionOf(when: readonly Condition[]): number {
  const paths = when.flatMap(({ subject }) => (subject.kind === 'field' ? [subject.path] : []));
  const named = (field: number): (typeof paths)[number] | undefined =>
    paths.find((path) => path.segment === 'MSH' && path.field === field);
  if (named(11) !== undefined) return 202;
  if (named(12) !== undefined) return 203;
  const type = named(9);
  if (type === undefined) return 207;
  return type.component === 1 ? 200 : 201;
}

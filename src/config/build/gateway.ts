// The whole config, from its top section to the typed result: listeners, pools, routes.
// Promises that names which refer to each other do; check/cross-checks.ts looks at how the parts go together.
import { resolve } from 'node:path';
import type { GatewayConfig, ListenerConfig } from '../config.ts';
import type { TOP_KEYS } from '../keys/top.ts';
import type { Section } from '../read/section.ts';
import { newFileTrouble } from '../source/files.ts';
import type { ReadContext } from '../source/value.ts';
import { buildAdmin } from './admin.ts';
import { buildAudit } from './audit.ts';
import { buildCluster } from './cluster.ts';
import { buildListener } from './listener.ts';
import { buildMetrics } from './metrics.ts';
import { buildPool } from './pool.ts';
import { buildRoutes } from './route.ts';
import { buildTraces } from './traces.ts';

export type TopSection = Section<typeof TOP_KEYS>;

export function buildGateway(top: TopSection, file: string | undefined, reading: ReadContext): GatewayConfig {
  const { hotRestart, parsing, telemetry, shutdown, reload, limits, certificates, workers } = top.values;
  const listeners = top.entries('listeners').map((entry) => buildListener(entry, hotRestart, reading));
  const pools = top.entries('pools').map((entry) => buildPool(entry, reading));
  const names = { listeners: listeners.flatMap(namesOf), pools: pools.map(({ name }) => name) };
  return {
    file,
    listeners,
    pools,
    routes: buildRoutes(top.tree('routes'), names, reading),
    parsing,
    log: telemetry.log,
    metrics: buildMetrics(top, reading),
    identifiers: { controlIds: telemetry.controlIds, hashKey: telemetry.hashKey },
    traces: buildTraces(top, names.listeners, reading),
    state: buildState(top, reading),
    shutdown,
    workers,
    watchConfig: reload.watch,
    maxBufferedBytes: limits.maxBufferedBytes,
    watchCertificates: certificates.watch,
    admin: buildAdmin(top, reading),
    audit: buildAudit(top, reading),
    cluster: buildCluster(top, reading),
  };
}

/** Those of its ports too, so that a condition may be on one of them. */
function namesOf({ name, binds = [] }: ListenerConfig): string[] {
  return [name, ...binds.map((one) => one.name)];
}

function buildState(top: TopSection, reading: ReadContext): GatewayConfig['state'] {
  const given = top.values.state.file;
  if (given === undefined) return undefined;
  const file = resolve(reading.folder, given);
  const trouble = reading.isElsewhere ? undefined : newFileTrouble(file);
  if (trouble !== undefined) top.error('state.file', trouble);
  return { file };
}

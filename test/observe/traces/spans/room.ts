// What tests of traces set up again and again: a collector, a gateway that sends to it at once, and nodes behind it.
import { type FaultyNode, startFaultyNode } from '../../../helpers/faulty-node.ts';
import { type SimpleConfig, simpleConfig, startGateway, type TestGateway } from '../../../helpers/gateway.ts';
import type { OtlpCollector } from '../../../helpers/otlp-collector.ts';
import { until } from '../../../helpers/until.ts';

export interface TracedConfig extends SimpleConfig {
  readonly traces?: Record<string, unknown>;
  /** More keys of `telemetry`. */
  readonly telemetry?: Record<string, unknown>;
}

export function tracedConfig(
  collector: Pick<OtlpCollector, 'url'>,
  { traces, telemetry, ...rest }: TracedConfig,
): string {
  const config = JSON.parse(simpleConfig(rest)) as Record<string, object>;
  return JSON.stringify({
    ...config,
    telemetry: {
      log: { level: 'debug' },
      traces: { endpoint: collector.url, queue: { delay: '10ms' }, ...traces },
      ...telemetry,
    },
  });
}

export function startTraced(
  collector: Pick<OtlpCollector, 'url'>,
  config: TracedConfig,
): Promise<TestGateway> {
  return startGateway(tracedConfig(collector, config));
}

export interface Failover extends AsyncDisposable {
  readonly gw: TestGateway;
  /** Node `a`: it refuses connections. */
  readonly dead: FaultyNode;
  /** Its backup, node `b`: it answers. */
  readonly alive: FaultyNode;
}

export async function startFailover(
  collector: Pick<OtlpCollector, 'url'>,
  config: Omit<TracedConfig, 'nodes'> = {},
): Promise<Failover> {
  const dead = await startFaultyNode();
  const alive = await startFaultyNode();
  await dead.refuse();
  const nodes = [dead.url, { url: alive.url, backup: true } as { url: string }];
  const gw = await startTraced(collector, { ...config, nodes });
  return {
    ...{ gw, dead, alive },
    [Symbol.asyncDispose]: async () => {
      await gw[Symbol.asyncDispose]();
      await dead.close();
      await alive.close();
    },
  };
}

/** The first line of the log with this message, once there is one. */
export async function lineOf(gw: TestGateway, msg: string): Promise<Record<string, unknown>> {
  const find = () => gw.log.find((line) => line.msg === msg);
  await until(() => find() !== undefined, { deadlineMs: 30_000, what: msg });
  return find() as Record<string, unknown>;
}

// The gateway under test with a `parsing` of its own, as a child process; asked over its channel how its event loop does.
import type { LoopReport } from '../processes/loop-watch.ts';
import { freePort, nodesConfig, type ProxyProcess, spawnGateway } from '../proxies.ts';

export interface ParsingGatewayOptions {
  readonly name: string;
  /** Ports of the nodes. */
  readonly pools: Readonly<Record<string, readonly number[]>>;
  readonly routes: readonly object[];
  readonly parsing: object;
  readonly limits?: object;
  readonly maxBuffered?: string;
}

export interface WatchedProcess extends ProxyProcess {
  /** Of the event loop, since the last time. */
  report(): Promise<LoopReport>;
}

export async function startParsingGateway(
  folder: string,
  { name, pools, routes, parsing, limits, maxBuffered = '1GiB' }: ParsingGatewayOptions,
): Promise<WatchedProcess> {
  const port = await freePort();
  const config = {
    listeners: { in: { bind: `127.0.0.1:${port}`, ...(limits !== undefined && { limits }) } },
    pools: Object.fromEntries(
      Object.entries(pools).map(([pool, ports]) => [
        pool,
        { nodes: nodesConfig('mllp', ports), connections: { max: 2, pipelining: 256 } },
      ]),
    ),
    routes,
    parsing,
    limits: { maxBuffered },
    telemetry: { log: { level: 'warn', messages: false } },
  };
  const { watch, ...proxy } = await spawnGateway(name, folder, port, config, { watched: true });
  if (watch === undefined) throw new Error('its event loop is not watched');
  await watch(true);
  return { ...proxy, report: () => watch(true) };
}

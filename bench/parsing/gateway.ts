// The gateway under test with a `parsing` of its own, as a child process; asked over its channel how its event loop does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoopReport } from '../processes/loop-watch.ts';
import { freePort, MAIN, type ProxyProcess, started } from '../proxies.ts';

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
        {
          nodes: Object.fromEntries(ports.map((at, i) => [`n${i}`, { url: `mllp://127.0.0.1:${at}` }])),
          connections: { max: 2, pipelining: 256 },
        },
      ]),
    ),
    routes,
    parsing,
    limits: { maxBuffered },
    telemetry: { log: { level: 'warn', messages: false } },
  };
  const file = join(folder, `gateway-${port}.yaml`);
  writeFileSync(file, JSON.stringify(config));
  const watch = new URL('../processes/loop-watch.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', watch, MAIN, 'run', '-c', file], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const proxy = await started(name, child, port);
  return {
    ...proxy,
    report: async () => {
      const answer = once(child, 'message');
      child.send('report');
      const [value] = (await answer) as [LoopReport];
      return value;
    },
  };
}

// How long a start takes, from the process to the first connection that is accepted: the package as it is installed, the sources, Node.js
// alone, and the balancers. Promises: the package is built for it, and has started once, so that its compile cache is there.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PIPELINED } from '../mllp-proxies.ts';
import { hasNginxStream, startNginxStream } from '../nginx.ts';
import { type Entry, type Part, rangeColumn, TARGET_COLUMN } from '../part.ts';
import {
  freePort,
  hasHaproxy,
  type ProxyProcess,
  started,
  startedEachRound,
  startGateway,
  startHaproxy,
} from '../proxies.ts';
import type { Room } from '../room.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What the package's bin names. */
const PACKAGE = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export function startPart(room: Room): Part {
  return {
    name: 'start',
    title: 'From the start of the process to the first connection accepted',
    labels: [],
    comparisons: [],
    columns: [rangeColumn('ms', 'ms', 0), TARGET_COLUMN],
    groups: () => {
      // A check that only runs through takes the package that is there.
      if (room.scale !== 'smoke' || !existsSync(PACKAGE)) build();
      return [{ entries: entriesOf(room) }];
    },
  };
}

/** What no gateway on Node.js can be faster than. */
async function startBareServer(): Promise<ProxyProcess> {
  const port = await freePort();
  const script = `require('node:net').createServer().listen(${port}, '127.0.0.1');
    process.on('SIGTERM', () => process.exit());`;
  return started('a bare server', spawn(process.execPath, ['-e', script], { stdio: 'ignore' }), port);
}

function build(): void {
  const { status, stderr } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm run build: ${stderr}`);
}

function entriesOf(room: Room): Entry[] {
  const { folder } = room;
  const entry = (
    id: string,
    start: (nodes: readonly number[], ...more: Parameters<Entry['start']>) => Promise<ProxyProcess>,
  ): Entry => ({
    id,
    proxy: id,
    labels: [],
    start: async (options) => {
      const nodes = (await room.nodes).ports.slice(0, 2);
      return startedEachRound(() => start(nodes, options));
    },
    measure: async ({ fresh }) => {
      const from = performance.now();
      const proxy = await fresh?.();
      const ms = performance.now() - from;
      await proxy?.stop();
      return { ms };
    },
  });
  const packaged = entry('gateway, package', (nodes) =>
    startGateway(PIPELINED, nodes, folder, { main: PACKAGE }),
  );
  const sources = entry('gateway, sources', (nodes, options) =>
    startGateway(PIPELINED, nodes, folder, options),
  );
  return [
    { ...packaged, targets: [{ of: 'ms', most: 150 }] },
    { ...sources, isGateway: true },
    entry('Node.js, a server of two lines', startBareServer),
    ...(hasHaproxy ? [entry('HAProxy, TCP mode', (nodes) => startHaproxy(nodes, folder))] : []),
    ...(hasNginxStream ? [entry('nginx stream', (nodes) => startNginxStream(nodes, folder))] : []),
  ];
}

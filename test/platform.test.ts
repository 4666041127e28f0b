// What carries messages has time, chance, the network and threads from src/platform/ alone, so that all of it runs in a simulated world.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { productFiles, ROOT } from './helpers/product-files.ts';

const HELD = [
  'listeners/',
  'routing/',
  'src/relay/',
  'src/spool/',
  'src/upstream/',
  'src/pools/',
  'src/hl7/',
  'src/mllp/',
  'src/http/',
  'src/observe/log/',
  'src/observe/traces/',
  'src/observe/audit/',
  'src/reload/',
  'src/state/',
  'src/cluster/',
  'src/gateway.ts',
  'src/turn.ts',
  'src/tools/replay/stage/',
  'src/tools/replay/senders/',
  'src/tools/simulation/mirth-channel.ts',
  'src/tools/simulation/http-reply.ts',
  'src/tools/simulation/simulated-',
];

const TIMERS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
];

/** A pattern, and what is to be used in its place. */
const FORBIDDEN: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bperformance\.now\b|node:perf_hooks/, 'monotonicMs'],
  [/\bDate\.now\b|new Date\(\)/, 'wallMs'],
  [/\bprocess\.hrtime\b/, 'monotonicMs'],
  [/AbortSignal\.timeout/, 'abortAfter'],
  [/node:timers/, 'src/platform/time.ts'],
  [/\bMath\.random\b/, 'random'],
  [/\brandom(Bytes|UUID|FillSync|Int)\b.*from 'node:crypto'/, 'src/platform/random.ts'],
  [/\b(net|tls)\.(connect|createConnection|createServer)\(/, 'platform.connect, createServer'],
  [/import \{[^}]*\b(connect|createConnection|createServer)\b[^}]*\} from 'node:(net|tls)'/, 'platform'],
  [/\b(await|return) fetch\(/, 'an HTTP client'],
  [/node:dns/, 'platform.connect'],
  [/node:worker_threads/, 'platform.createThreads'],
];

/** Why they may: each is outside of what a simulated world plays. */
const ALLOWED: Readonly<Record<string, string>> = {
  'src/state/hand-over.ts': 'two processes of one machine, by a socket in the file system',
  'src/spool/store/store-link.ts':
    'a thread that holds a file of this machine; simulated days spool into test/helpers/memory-store.ts',
  'src/spool/store/store-worker.ts': 'that thread',
  'src/tools/replay/stage/staged-node.ts':
    'holds a port of the machine, which a simulated network does not give twice',
  'src/tools/simulation/simulated-node.ts': 'tls.createServer, for what is in real time',
  'listeners/accept/half-open-server.ts': 'tls.createServer, which has no port where hasOnlyPlainServers',
};

/** Comments name what is forbidden. */
function codeOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
}

/** Those of Node.js' timers that a file calls without importing them from the platform. */
function globalTimersIn(code: string): string[] {
  const imported = /import \{([^}]*)\} from '[./]*(?:src\/)?platform\/time\.ts'/.exec(code)?.[1] ?? '';
  const known = imported.split(',').map((name) => name.trim());
  return TIMERS.filter((name) => new RegExp(`(?<![.\\w])${name}\\(`).test(code) && !known.includes(name));
}

it('nothing that carries messages reaches for the global clock, timers, chance, network or threads', () => {
  const files = productFiles().filter((file) => HELD.some((place) => file.startsWith(place)));
  expect(files.length).toBeGreaterThan(250);
  const wrong = files.flatMap((file) => {
    const code = codeOf(file);
    const words = [
      ...globalTimersIn(code).map((name) => `${name}: import it from src/platform/time.ts`),
      ...FORBIDDEN.filter(([pattern]) => pattern.test(code)).map(
        ([pattern, instead]) => `${pattern.exec(code)?.[0]}: use ${instead}`,
      ),
    ];
    return file in ALLOWED ? [] : words.map((word) => `${file}: ${word}`);
  });
  expect(wrong).toEqual([]);
});

it('each exception is needed', () => {
  for (const file of Object.keys(ALLOWED)) {
    const code = codeOf(file);
    expect(FORBIDDEN.some(([pattern]) => pattern.test(code)) || globalTimersIn(code).length > 0, file).toBe(
      true,
    );
  }
});

// The script "A day at night" of docs/runbook.md, run as it stands there: it prints what the page says, the traces are those of the
// page, and the alerts are those that ask for what it shows.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OtlpCollector, startCollector } from '../helpers/otlp-collector.ts';
import { COMMAND } from '../helpers/product-command.ts';
import { ALERTS } from '../observe/metrics/gateway/deployed.ts';

const page = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const night = page.slice(page.indexOf('## A day at night'));
const [, script = ''] = /^```bash\n(.*?)^```$/ms.exec(night) ?? [];
/** It takes 15 s where nothing else runs; every command is a process of its own. */
const LIMIT_MS = 240_000;

interface Step {
  readonly title: string;
  readonly text: string;
  readonly trace: string | undefined;
  readonly alert: string | undefined;
}

const steps: readonly Step[] = night
  .split(/^### /m)
  .slice(1)
  .map((section) => {
    const block = (name: string): string | undefined =>
      new RegExp(`^\`\`\`${name}\\n(.*?)\\n\`\`\`$`, 'ms').exec(section)?.[1];
    const title = section.slice(0, section.indexOf('\n'));
    return { title, text: block('text') ?? '', trace: block('trace'), alert: block('alert') };
  });

/** What differs from run to run, as words; columns of tables by what is in them. */
function steady(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '(time)')
    .replace(/\b\d{14}\.\d{3}\b/g, '(time)')
    .replace(/"trace_id":"[0-9a-f]{32}"/g, '"trace_id":"(id)"')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:(port)')
    .replace(/("(?:client\.)?port"):\d+/g, '$1:(port)')
    .replace(/("(?:connect|queue|ack|total)Ms"):[\d.]+/g, '$1:(ms)')
    .replace(/("days"):-\d+/g, '$1:(days)')
    .replace(/ended \d+ days ago/g, 'ended (days) ago')
    .replace(/\/\S+\/vip\.crt\.pem/g, '(folder)/vip.crt.pem')
    .replace(/[\d.]+ ms\b/g, '(ms)')
    .replace(/[\d.]+\/s\b/g, '(rate)')
    .replace(/\b\d+[smh]( \d+[smh])*\b/g, '(since)')
    .replace(/(expiry_seconds\{[^}]*\}) -[\d.]+/g, '$1 (negative)')
    .replace(/("(?:spans|count)"):\d+/g, '$1:(number)')
    .replace(/(result="dropped"\}) [1-9]\d*/g, '$1 (number)')
    .replace(/(audit_queued) \d+/g, '$1 (number)')
    .replace(/ {2,}/g, '  ')
    .trimEnd();
}

let collector: OtlpCollector;
let printed = new Map<string, string>();
let folder = '';

beforeAll(async () => {
  collector = await startCollector();
  folder = await mkdtemp(path.join(tmpdir(), 'night-'));
  const command = path.join(folder, 'hl7-gateway');
  await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${COMMAND}" "$@"\n`);
  await chmod(command, 0o755);
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    TMPDIR: folder,
    HOME: folder,
    COLLECTOR: collector.url,
    NO_COLOR: '1',
  };
  const bash = spawn('bash', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => bash.kill(), LIMIT_MS - 10_000);
  const [out, err, code] = await Promise.all([
    bash.stdout.setEncoding('utf8').toArray(),
    bash.stderr.setEncoding('utf8').toArray(),
    new Promise<number | null>((resolve) => bash.once('close', resolve)),
  ]);
  clearTimeout(timer);
  const text = out.join('');
  if (code !== 0) throw new Error(`the script ended with ${code}\n${text}\n${err.join('')}`);
  const parts = text.split(/^=== (.+)$/m);
  printed = new Map(
    parts.flatMap((title, i) => (i % 2 === 1 ? [[title, (parts[i + 1] ?? '').trim()] as const] : [])),
  );
}, LIMIT_MS);
afterAll(async () => {
  await collector?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('there are six, and the script has no other', () => {
  expect(steps).toHaveLength(6);
  expect([...printed.keys()]).toEqual(steps.map(({ title }) => title));
});

test('it needs no checkout: bash, curl, openssl and the product', () => {
  expect(script).not.toMatch(/(^|[|;&(] *)(node|npm|npx|jq|python3?|docker) /m);
});

describe.each(steps)('$title', ({ title, text, trace, alert }) => {
  test('prints what the page says', () => {
    expect(text.length).toBeGreaterThan(100);
    expect(steady(printed.get(title) ?? '')).toBe(steady(text));
  });

  test.skipIf(trace === undefined)('has the trace of the page', async () => {
    const last = trace?.split('\n')[0]?.replace(/^server | !.*$/g, '');
    const traces = await collector.traces(3);
    expect(traces.filter(({ root }) => root.name === last).map(({ tree }) => tree.join('\n'))).toEqual([
      trace,
    ]);
  });

  test.skipIf(alert === undefined)('raises the alert of the page', () => {
    const [name = '', ...summary] = alert?.split(': ') ?? [];
    const rule = ALERTS.find((one) => one.alert === name);
    // The series that the rule asks for is the one that was shown, and the words are those of its labels.
    const lines = [...text.matchAll(/^(\w+)\{(.*)\} (\S+)$/gm)].filter(([, metric = '']) =>
      rule?.expr.includes(metric),
    );
    const series = lines.filter(([, , labels = '']) =>
      [...(rule?.expr.matchAll(/(\w+)="(\w+)"/g) ?? [])].every(([match]) => labels.includes(match)),
    );
    expect(series.length, rule?.expr).toBeGreaterThan(0);
    const labels = Object.fromEntries(
      [...(series[0]?.[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    );
    const words = rule?.annotations.summary.replace(
      /\{\{ \$labels\.(\w+) \}\}/g,
      (_, key) => labels[key] ?? '',
    );
    expect(summary.join(': ')).toBe(words);
  });
});

// Pictures of a real Jaeger for docs/: a failover, the search for what failed, the map of services. Not a test: it needs a Jaeger.
//   node test/observe/traces/spans/screenshots.ts --jaeger http://127.0.0.1:16686 [--otlp http://127.0.0.1:4318] [--out docs/jaeger]
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { chromiumPath } from '../../../e2e/browser.ts';
import { startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { startTraced } from './room.ts';

const CONTROL_ID = 'SHOT-FAILOVER';
/** Jaeger shows what it was given a moment ago. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 500;

class Missing extends Error {}

async function ask(jaeger: string, page: string): Promise<unknown> {
  const found = await fetch(`${jaeger}${page}`).catch(() => undefined);
  const type = found?.headers.get('content-type') ?? '';
  if (found?.ok !== true || !type.includes('json')) {
    await found?.body?.cancel();
    throw new Missing(`there is no Jaeger at ${jaeger}`);
  }
  return await found.json();
}

/** A failover, a message that is taken, one that a route refuses: all are there once the gateway has stopped. */
async function makeTraces(otlp: string): Promise<void> {
  await using dead = await startFaultyNode();
  await using alive = await startFaultyNode();
  await dead.refuse();
  await using gw = await startTraced(
    { url: otlp },
    {
      nodes: [dead.url, { url: alive.url, backup: true } as { url: string }],
      routes: [
        { name: 'no test messages', when: { 'MSH-11': 'T' }, reject: { code: 'AR' } },
        { name: 'admissions', to: 'pool' },
      ],
      traces: { nodes: 'services' },
    },
  );
  await using sender = await connectSender(gw.port());
  await sender.exchange(message({ app: 'LAB', controlId: CONTROL_ID }));
  await sender.exchange(message({ app: 'LAB', controlId: 'SHOT-ACCEPTED' }));
  await sender.exchange(message({ app: 'WARD', controlId: 'SHOT-REFUSED', processingId: 'T' }));
}

async function failoverIn(jaeger: string): Promise<string> {
  const tags = encodeURIComponent(JSON.stringify({ 'hl7.message.control_id': CONTROL_ID }));
  const query = `/api/traces?service=hl7-gateway&lookback=1h&limit=1&tags=${tags}`;
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await setTimeout(PAUSE_MS)) {
    const { data } = (await ask(jaeger, query)) as { data?: readonly { readonly traceID: string }[] | null };
    const [first] = data ?? [];
    if (first !== undefined) return first.traceID;
  }
  throw new Missing(`the trace of ${CONTROL_ID} did not come to ${jaeger}: is --otlp its collector?`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      jaeger: { type: 'string' },
      otlp: { type: 'string', default: 'http://127.0.0.1:4318' },
      out: { type: 'string', default: 'docs/jaeger' },
    },
  });
  const jaeger = values.jaeger?.replace(/\/+$/, '');
  if (jaeger === undefined) throw new Missing('--jaeger URL is missing: the address of its page');
  await ask(jaeger, '/api/services');
  if (chromiumPath === undefined) throw new Missing('there is no Chromium on the path');
  await makeTraces(values.otlp);
  const traceId = await failoverIn(jaeger);
  await mkdir(values.out, { recursive: true });
  const tags = encodeURIComponent(JSON.stringify({ error: 'true' }));
  const pages = {
    failover: `/trace/${traceId}`,
    failed: `/search?service=hl7-gateway&lookback=1h&limit=20&tags=${tags}`,
    services: '/dependencies',
  };
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    for (const [name, at] of Object.entries(pages)) {
      await page.goto(`${jaeger}${at}`, { waitUntil: 'networkidle', timeout: PATIENCE_MS });
      const file = path.join(values.out, `${name}.png`);
      await page.screenshot({ path: file });
      console.log(file);
    }
  } finally {
    await browser.close();
  }
}

try {
  await main();
} catch (thrown) {
  if (!(thrown instanceof Missing)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 1;
}

// docs/metrics.md, the catalogue and a running gateway have the same metrics with the same types, labels and words; what
// the alerts and the dashboard ask for is there.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { OUTCOMES } from '../../src/metrics/message-counts.ts';
import { METRICS, type MetricInfo } from '../../src/telemetry/metrics/catalogue.ts';
import { expectClosedUnanswered, said } from '../helpers/expect-relay.ts';
import { startFaultyNode } from '../helpers/faulty-node.ts';
import { startGateway, type TestGateway } from '../helpers/gateway.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { namesIn } from './promql.ts';
import { type Scrape, scrape } from './scrape.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('docs/metrics.md');
const catalogue = new Map<string, MetricInfo>(Object.entries(METRICS));

let running: Scrape;
let resources: AsyncDisposableStack;

/** Whoever finds no node is told so at once. */
const atOnce = { queue: { timeout: '1ms' }, retry: { budget: '0' } };

/** Every kind of series once: a message that is answered, one that is not, a frame that is none, a batch, a request. */
beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const folder = resources.use(createTlsFolder());
  const node = resources.use(await startFaultyNode());
  const gw: TestGateway = resources.use(
    await startGateway(
      JSON.stringify({
        listeners: {
          in: { bind: '127.0.0.1:0', batch: 'split', onUnavailable: 'AE' },
          tls: { bind: '127.0.0.1:0', tls: { ...folder.files.good } },
          web: { protocol: 'http', bind: '127.0.0.1:0' },
        },
        pools: {
          adt: { nodes: { a: { url: node.url } } },
          gone: { nodes: { g: { url: 'mllp://127.0.0.1:1' } }, ...atOnce },
          web: { nodes: { w: { url: 'http://127.0.0.1:1' } }, ...atOnce },
        },
        routes: [
          { name: 'web', when: { listener: 'web' }, to: 'web' },
          { name: 'none', when: { 'MSH-9.1': 'ORU' }, reject: { code: 'AR' } },
          { name: 'gone', when: { 'MSH-9.1': 'MDM' }, to: 'gone' },
          { name: 'all', to: 'adt' },
        ],
      }),
    ),
  );
  await using sender = await connectSender(gw.port('in'));
  expect(said(await sender.exchange(message({ controlId: '1' })))).toBe('AA 1');
  expect(said(await sender.exchange(message({ controlId: '2', type: 'ORU^R01' })))).toBe('AR 2');
  expect(said(await sender.exchange(message({ controlId: '4', type: 'MDM^T02' })))).toBe('AE 4');
  const batch = Buffer.concat([
    Buffer.from('BHS|^~\\&\r'),
    message({ controlId: '3' }),
    Buffer.from('BTS|1\r'),
  ]);
  await sender.exchange(batch);
  await using stranger = await connectSender(gw.port('in'));
  await stranger.write('GET / HTTP/1.1\r\n'.repeat(100));
  await expectClosedUnanswered(stranger);
  await using plain = await connectSender(gw.port('tls'));
  await plain.write('no handshake at all\r\n');
  await plain.closed;
  expect((await fetch(`http://127.0.0.1:${gw.port('web')}/`)).status).toBe(503);
  await until(() => gw.proxied.length > 0 && gw.codes.includes('GW_ERR_SENDER_TLS'));
  running = await scrape(gw);
});
afterAll(() => resources.disposeAsync());

/** Without what a histogram's samples have behind their name. */
function familyOf(name: string): string {
  return catalogue.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
}

describe('docs/metrics.md', () => {
  const rows = [
    ...page.matchAll(/^\| `([a-z][a-z0-9_]+)` \| (counter|gauge|histogram) \| (.+?) \| (.+) \|$/gm),
  ].map(([, name = '', kind = '', labels = '', help = '']) => ({
    name,
    kind,
    labels: labels === 'none' ? [] : labels.split(', ').map((one) => one.replaceAll('`', '')),
    help,
  }));

  test('documents each metric once, with its type, labels and words, and no other', () => {
    const wanted = [...catalogue].map(([name, { kind, labels, help }]) => ({ name, kind, labels, help }));
    const byName = (a: { name: string }, b: { name: string }): number => a.name.localeCompare(b.name);
    expect(rows.toSorted(byName)).toEqual(wanted.toSorted(byName));
  });

  test('documents each outcome', () => {
    const outcomes = [...page.matchAll(/^\| `([a-z]+)` \| [^|]+ \|$/gm)].map(([, name]) => name);
    expect(outcomes).toEqual([...OUTCOMES]);
  });
});

describe('a running gateway', () => {
  test('has every metric of the catalogue, described once, and no other', () => {
    expect([...running.types.keys()].toSorted()).toEqual([...catalogue.keys()].toSorted());
    for (const [name, { kind, help }] of catalogue) {
      expect(running.types.get(name), name).toBe(kind);
      expect(running.helps.get(name), name).toBe(help);
    }
  });

  test('has a sample of each, with exactly its labels', () => {
    const seen = new Set(running.samples.map(({ name }) => familyOf(name)));
    expect([...catalogue.keys()].filter((name) => !seen.has(name))).toEqual([]);
    for (const { name, labels } of running.samples) {
      const own = Object.keys(labels).filter((label) => !(label === 'le' && name.endsWith('_bucket')));
      expect(own.toSorted(), name).toEqual(catalogue.get(familyOf(name))?.labels.toSorted());
    }
  });

  test('writes _total exactly once, behind counters and nothing else', () => {
    for (const [name, kind] of running.types) {
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      expect(name, name).not.toMatch(/_total.*_total/);
    }
  });
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const alerts: readonly Rule[] = parse(read('deploy/prometheus/alerts.yaml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);

function expressionsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(expressionsOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    (key === 'expr' || key === 'query') && typeof one === 'string' ? [one] : expressionsOf(one),
  );
}

const dashboard = JSON.parse(read('deploy/grafana/hl7-gateway.json'));

describe.each([
  // `up` is Prometheus' own, of every target; `prometheus` the kind of the data source.
  ['alerts.yaml', alerts.map(({ expr }) => expr).filter((expr) => !expr.startsWith('up{'))],
  ['the dashboard', expressionsOf(dashboard).filter((expr) => expr !== 'prometheus')],
])('%s', (_, expressions) => {
  test.each(expressions)('%s', (expression) => {
    const { metrics, labels, values } = namesIn(expression);
    expect(metrics.length).toBeGreaterThan(0);
    for (const metric of metrics) {
      const info = catalogue.get(familyOf(metric));
      expect(info, metric).toBeDefined();
      const histogram = info?.kind === 'histogram';
      expect(/_(bucket|sum|count)$/.test(metric), metric).toBe(histogram);
    }
    const known = new Set(metrics.flatMap((one) => catalogue.get(familyOf(one))?.labels ?? []));
    for (const label of labels) expect([...known, 'le', 'instance', 'job'], expression).toContain(label);
    for (const [metric, label, value] of values) {
      if (['instance', 'job'].includes(label)) continue;
      // What the test's own gateway says of it: states, outcomes, results.
      const there = running.samples.filter(({ name }) => name === metric).map((one) => one.labels[label]);
      const matches = there.some((one) => new RegExp(`^(?:${value})$`).test(one ?? ''));
      expect(matches, `${metric} ${label}=${value}`).toBe(true);
    }
  });
});

test('the alerts are those that are wanted, each with words for people', () => {
  expect(alerts.map(({ alert }) => alert)).toEqual([
    'Hl7GatewayGone',
    'Hl7GatewayNodeDown',
    'Hl7GatewayPoolWithoutNode',
    'Hl7GatewayNodeFull',
    'Hl7GatewayQueueGrowing',
    'Hl7GatewayAckSlow',
    'Hl7GatewayMessagesRefused',
    'Hl7GatewayMessagesUnavailable',
    'Hl7GatewayMessagesAmbiguous',
    'Hl7GatewayFramesRejected',
    'Hl7GatewayHandshakesFail',
    'Hl7GatewayConnectionsRefused',
    'Hl7GatewayHoldsTooMuch',
    'Hl7GatewayCertificateExpiring',
    'Hl7GatewayCertificateExpired',
    'Hl7GatewayParsePoolFull',
    'Hl7GatewayEventLoopSlow',
    'Hl7GatewayReloadFailed',
    'Hl7GatewayTracesDropped',
    'Hl7GatewayAuditDropped',
  ]);
  for (const { labels, annotations } of alerts) {
    expect(['info', 'warning', 'critical']).toContain(labels.severity);
    expect(annotations.summary).toMatch(/^.{10,100}$/);
    expect(annotations.description).toMatch(/^.{20,}$/s);
  }
});

test('the dashboard has a query in each panel', () => {
  const panels: { type: string; title: string }[] = dashboard.panels;
  expect(panels.filter(({ type }) => type !== 'row').length).toBeGreaterThan(15);
  for (const panel of panels.filter(({ type }) => type !== 'row'))
    expect(expressionsOf(panel).length, panel.title).toBeGreaterThan(0);
});

// The alerts and the dashboard in deploy/ ask for what a running gateway has; promtool takes the rules, their unit tests and
// the gateway's text. Promises that the unit tests leave no alert out. What Prometheus answers: prometheus.test.ts.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { METRICS, type MetricInfo } from '../../../../src/observe/metrics/catalogue.ts';
import { hasPrometheus } from '../../../helpers/prometheus.ts';
import { ALERT_TESTS_FILE, ALERTS, ALERTS_FILE, PANELS, VARIABLES } from './deployed.ts';
import { type EverySeries, startEverySeries } from './every-series.ts';
import { namesIn } from './promql.ts';
import { type Scrape, scrape } from './scrape.ts';

const catalogue = new Map<string, MetricInfo>(Object.entries(METRICS));

let series: EverySeries | undefined;
let running: Scrape;
let text: string | undefined;

beforeAll(async () => {
  series = await startEverySeries();
  await series.round();
  running = await scrape(series.gw);
  text = await series.gw.gateway.metrics.text('prometheus');
});
afterAll(() => series?.[Symbol.asyncDispose]());

test('the alerts are those that are wanted, each with words for people', () => {
  expect(ALERTS.map(({ alert }) => alert)).toEqual([
    'Hl7GatewayGone',
    'Hl7GatewayNodeDown',
    'Hl7GatewayPoolWithoutNode',
    'Hl7GatewayNodeFlapping',
    'Hl7GatewayNodeFull',
    'Hl7GatewayQueueLong',
    'Hl7GatewayAckSlow',
    'Hl7GatewayMessagesRefused',
    'Hl7GatewayMessagesUnavailable',
    'Hl7GatewayMessagesAmbiguous',
    'Hl7GatewayRepliesUndelivered',
    'Hl7GatewayFramesRejected',
    'Hl7GatewayHandshakesFail',
    'Hl7GatewayConnectionsRefused',
    'Hl7GatewayHoldsTooMuch',
    'Hl7GatewayCertificateExpiring',
    'Hl7GatewayCertificateExpired',
    'Hl7GatewayParsePoolFull',
    'Hl7GatewayEventLoopSlow',
    'Hl7GatewayWorkersEnd',
    'Hl7GatewayReloadFailed',
    'Hl7GatewayStateNotStored',
    'Hl7GatewaySplitBrain',
    'Hl7GatewayNoMaster',
    'Hl7GatewayMembersDiffer',
    'Hl7GatewaySharedStateAway',
    'Hl7GatewayDiscoveryStale',
    'Hl7GatewaySpoolWaiting',
    'Hl7GatewaySpoolDeadLetters',
    'Hl7GatewaySpoolFilling',
    'Hl7GatewayLogLinesDropped',
    'Hl7GatewayTracesDropped',
    'Hl7GatewayAuditDropped',
  ]);
  for (const { labels, annotations } of ALERTS) {
    expect(['info', 'warning', 'critical']).toContain(labels.severity);
    expect(annotations.summary).toMatch(/^.{10,100}$/);
    expect(annotations.description).toMatch(/^.{20,}$/s);
  }
});

test('each alert has a unit test in which it fires, one in which it is silent, and is silent at a healthy gateway', () => {
  interface Unit {
    readonly name: string;
    readonly alert_rule_test: readonly { alertname: string; exp_alerts?: readonly unknown[] }[];
  }
  const [healthy, ...units]: Unit[] = parse(readFileSync(ALERT_TESTS_FILE, 'utf8')).tests;
  expect(healthy?.alert_rule_test.map(({ alertname, ...rest }) => [alertname, Object.keys(rest)])).toEqual(
    ALERTS.map(({ alert }) => [alert, ['eval_time']]),
  );
  const checks = units.flatMap((unit) => unit.alert_rule_test);
  for (const { alert } of ALERTS) {
    const own = checks.filter(({ alertname }) => alertname === alert);
    const fires = own.map(({ exp_alerts }) => exp_alerts !== undefined && exp_alerts.length > 0);
    expect(new Set(fires), alert).toEqual(new Set([true, false]));
  }
});

test('the dashboard has a query in each panel, and tables ask for the last value alone', () => {
  expect(PANELS.length).toBeGreaterThan(15);
  expect(new Set(PANELS.map(({ id }) => id)).size).toBe(PANELS.length);
  for (const { type, title, targets } of PANELS) {
    expect(targets.length, title).toBeGreaterThan(0);
    for (const { instant = false, format } of targets)
      expect([instant, format], title).toEqual(type === 'table' ? [true, 'table'] : [false, undefined]);
  }
});

/** The unit tests take it a second of CPU time. */
const PROMTOOL_MS = 60_000;

describe.skipIf(!hasPrometheus)('promtool (skipped where Prometheus is not installed)', () => {
  /** What it prints, if it is content; throws what it printed if it is not. */
  async function promtool(args: readonly string[], input = ''): Promise<string> {
    const told = promisify(execFile)('promtool', args, { timeout: PROMTOOL_MS });
    told.child.stdin?.end(input);
    const { stdout, stderr } = await told.catch(({ stdout, stderr }) => {
      throw new Error(`promtool ${args.join(' ')}\n${stdout}${stderr}`);
    });
    return stdout + stderr;
  }

  test('takes the rules', async () => {
    const said = await promtool(['check', 'rules', '--lint=all', '--lint-fatal', ALERTS_FILE]);
    expect(said).toContain(`${ALERTS.length} rules found`);
  });

  test('finds that each alert fires when it should, and not otherwise', {
    timeout: PROMTOOL_MS,
  }, async () => {
    expect(await promtool(['test', 'rules', ALERT_TESTS_FILE])).toContain('SUCCESS');
  });

  test('finds no fault with the gateway’s text', async () => {
    expect(text?.split('\n').length).toBeGreaterThan(500);
    expect(await promtool(['check', 'metrics'], text)).toBe('');
  });
});

/** Without what a histogram's samples have behind their name. */
function familyOf(name: string): string {
  return catalogue.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
}

// Where Prometheus is installed its answers to the same expressions say more; this takes milliseconds anywhere.
test.each([
  // `up` is Prometheus' own, of every target.
  ['alerts.yaml', ALERTS.map(({ expr }) => expr).filter((expr) => !expr.startsWith('up{'))],
  ['the dashboard', [...VARIABLES, ...PANELS.flatMap(({ targets }) => targets.map(({ expr }) => expr))]],
])('%s asks for metrics, labels and values that there are', (_, expressions) => {
  expect(expressions.length).toBeGreaterThan(15);
  for (const expression of expressions) {
    const { metrics, labels, values } = namesIn(expression);
    expect(metrics.length, expression).toBeGreaterThan(0);
    for (const metric of metrics) {
      const info = catalogue.get(familyOf(metric));
      expect(info, `${metric} in ${expression}`).toBeDefined();
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
  }
});

// A real Prometheus scrapes a real gateway under load: what it makes of each metric, and what it answers to every query of
// the alerts and of the dashboard. Promises that a query which Prometheus does not take, or that finds nothing, fails.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { METRICS } from '../../../../src/observe/metrics/catalogue.ts';
import { hasPrometheus, type Series } from '../../../helpers/prometheus.ts';
import { until } from '../../../helpers/until.ts';
import { ALERTS, grafanaQuery, PANELS, VARIABLES } from './deployed.ts';
import { type PrometheusRoom, SCRAPE_MS, startPrometheusRoom } from './prometheus-room.ts';

type Texts = Readonly<Record<string, string>>;

describe.skipIf(!hasPrometheus)('Prometheus (skipped where it is not installed)', () => {
  let room: PrometheusRoom;
  beforeAll(async () => {
    room = await startPrometheusRoom();
  }, 60_000);
  // There is none of a start that failed.
  afterAll(() => room?.[Symbol.asyncDispose]());

  /** As the dashboard asks it, of this gateway alone. */
  const grafana = (expression: string): string =>
    grafanaQuery(expression, { instances: [room.instance], scrapeMs: SCRAPE_MS });

  test('takes each scrape whole, as OpenMetrics', async () => {
    const { prometheus, instance } = room;
    interface Targets {
      readonly activeTargets: readonly Readonly<Record<string, unknown>>[];
    }
    // One that comes too late on a busy machine is an error too, but not the last one.
    await until(
      async () => {
        const { activeTargets } = await prometheus.ask<Targets>('targets');
        const good = { health: 'up', lastError: '', labels: { instance, job: 'hl7-gateway' } };
        expect(activeTargets).toMatchObject([good]);
        return true;
      },
      { deadlineMs: 15_000, what: 'a good scrape' },
    );
    expect(new Set(room.scrapes)).toEqual(new Set(['openmetrics']));
    expect(prometheus.log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    // What is wrong within a scrape is told at this level, and nowhere in the API once a better one has come.
    const debug = prometheus.log.filter(({ level }) => level === 'debug').map(({ msg }) => String(msg));
    expect(debug.filter((msg) => /append|exemplar|out.of.order|duplicate/i.test(msg))).toEqual([]);
    const text = await prometheus.text('/metrics');
    const refused = [...text.matchAll(/^prometheus_target_scrapes_(?:sample|exemplar|exceed)\w+ (\d+)$/gm)];
    expect(refused.length).toBeGreaterThan(4);
    for (const [line, count] of refused) expect(count, line).toBe('0');
  });

  test('has every metric, and what the gateway says of it', async () => {
    const { prometheus, own, at } = room;
    const names = await prometheus.ask<readonly string[]>('label/__name__/values');
    const stored = names.filter((name) => !/^(up|scrape_\w+|ALERTS\w*)$/.test(name));
    expect(stored.toSorted()).toEqual([...new Set(own.samples.map(({ name }) => name))].toSorted());
    for (const name of ['hl7_gateway_messages_total', 'hl7_gateway_ack_seconds_bucket']) {
      const found = await prometheus.query(name, at);
      const told = found.map(({ metric: { __name__, instance, job, ...labels }, value }) =>
        sample(labels, Number(value[1])),
      );
      const said = own.all(name).map(({ labels, value }) => sample(labels, value));
      expect(told.toSorted(), name).toEqual(said.toSorted());
    }
  });

  test('shows the type and the words of every metric', async () => {
    type Metadata = Readonly<Record<string, readonly { type: string; help: string; unit: string }[]>>;
    const wanted = Object.entries(METRICS).map(([name, { kind, help }]) => [
      // In OpenMetrics a counter is called by its name without what its samples have behind it.
      kind === 'counter' ? name.replace(/_total$/, '') : name,
      [{ type: kind, help, unit: '' }],
    ]);
    expect(await room.prometheus.ask<Metadata>('metadata')).toEqual(Object.fromEntries(wanted));
  });

  test('finds the gateways that the dashboard lets choose from', async () => {
    const { prometheus, instance, at } = room;
    expect(VARIABLES).toHaveLength(1);
    for (const variable of VARIABLES) {
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(variable) ?? [];
      expect(await prometheus.ask(`label/${label}/values`, { 'match[]': selector })).toEqual([instance]);
    }
    const several = { instances: [instance, 'gw.example(2):9600'], scrapeMs: SCRAPE_MS };
    const query = grafanaQuery(PANELS[0]?.targets[0]?.expr ?? '', several);
    expect(await prometheus.query(query, at)).not.toEqual([]);
  });

  test.each(PANELS.flatMap(({ title, targets }) => targets.map((target) => ({ title, ...target }))))(
    'has data for the panel $title: $expr',
    async ({ expr, legendFormat, exemplar }) => {
      const found = await room.prometheus.query(grafana(expr), room.at);
      // Not a number: a quantile of a node that has answered nothing.
      expect(found.filter(({ value }) => value[1] !== 'NaN')).not.toEqual([]);
      expectLabels(found, legendFormat.matchAll(/\{\{(\w+)\}\}/g));
      if (exemplar === true) await expectTraces(expr);
    },
  );

  async function expectTraces(expr: string): Promise<void> {
    const { prometheus, instance, gw, at } = room;
    interface Found {
      readonly seriesLabels: Texts;
      readonly exemplars: readonly { readonly labels: Texts; readonly value: string }[];
    }
    const traces = [...gw.messages, ...gw.proxied].map(({ trace }) => trace.traceId);
    const all = await prometheus.ask<readonly Found[]>('query_exemplars', {
      query: grafana(expr),
      start: String(at / 1000 - 60),
      end: String(at / 1000),
    });
    expect(all).not.toEqual([]);
    for (const { seriesLabels, exemplars } of all) {
      expect(seriesLabels.instance).toBe(instance);
      for (const { labels, value } of exemplars) {
        expect(Object.keys(labels)).toEqual(['trace_id']);
        expect(traces).toContain(labels.trace_id);
        expect(Number(value)).toBeLessThanOrEqual(boundIn(seriesLabels));
      }
    }
  }

  test.each(ALERTS)('takes $alert, and finds all that it looks at', async ({ expr, annotations }) => {
    const { prometheus, at } = room;
    await prometheus.query(expr, at);
    // With `bool` a comparison tells what it came to and drops nothing: each series that it looks at is in the answer.
    const comparisons = expr.replaceAll(/ (==|!=|<=|>=|<|>) /g, ' $1 bool ');
    expect(comparisons).not.toBe(expr);
    const found = await prometheus.query(comparisons, at);
    expect(found).not.toEqual([]);
    expectLabels(
      found,
      Object.values(annotations)
        .join()
        .matchAll(/\$labels\.(\w+)/g),
    );
    for (const [, list = ''] of expr.matchAll(/\bby \(([^)]+)\)/g))
      expectLabels(found, list.replace(/, le\b/, '').matchAll(/(\w+)/g));
  });

  test('evaluates the alerts: what is wrong is about to fire, and nothing else', async () => {
    const { prometheus, instance } = room;
    interface Rule {
      readonly name: string;
      readonly health: string;
      readonly lastError?: string;
      readonly alerts: readonly { readonly labels: Texts }[];
    }
    const rules = async (): Promise<readonly Rule[]> => {
      const { groups } = await prometheus.ask<{ groups: readonly { rules: readonly Rule[] }[] }>('rules');
      return groups.flatMap((group) => group.rules);
    };
    const limit = { deadlineMs: 15_000, what: 'an evaluation of all rules' };
    await until(async () => (await rules()).every(({ health }) => health !== 'unknown'), limit);
    const all = await rules();
    expect(all.map(({ name }) => name)).toEqual(ALERTS.map(({ alert }) => alert));
    expect(all.filter(({ health, lastError }) => health !== 'ok' || lastError !== undefined)).toEqual([]);
    const raised = (alert: string, label: string): string[] => {
      const labels = all.find(({ name }) => name === `Hl7Gateway${alert}`)?.alerts.map((one) => one.labels);
      for (const one of labels ?? []) expect(one.instance).toBe(instance);
      return (labels ?? []).map((one) => one[label] ?? '').toSorted();
    };
    expect(raised('NodeDown', 'node')).toEqual(['g']);
    expect(raised('PoolWithoutNode', 'pool')).toEqual(['gone']);
    expect(raised('NodeFull', 'node')).toEqual(['f']);
    expect(raised('MessagesUnavailable', 'pool')).toEqual(['full', 'gone']);
    for (const alert of ['Gone', 'QueueLong', 'MessagesAmbiguous', 'HoldsTooMuch', 'ReloadFailed'])
      expect(raised(alert, 'instance'), alert).toEqual([]);
  });
});

/** As a line: Prometheus keeps no label that is empty, and writes bounds in its own way. */
function sample(labels: Texts, value: number): string {
  const { le, ...rest } = labels;
  const kept = Object.entries(rest).filter(([, one]) => one !== '');
  return `${JSON.stringify(kept.toSorted())} ${le === undefined ? '' : boundIn(labels)} ${value}`;
}

function boundIn({ le = '' }: Texts): number {
  return Number(le.replace('Inf', 'Infinity'));
}

/** What each match names is a label of some of them: one that does not apply is empty, which to Prometheus is none. */
function expectLabels(found: readonly Series[], matches: Iterable<readonly string[]>): void {
  const there = [...new Set(found.flatMap(({ metric }) => Object.keys(metric)))];
  for (const [, label] of matches) expect(there).toContain(label);
}

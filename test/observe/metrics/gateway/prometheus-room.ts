// A gateway with every series, its admin API, and a real Prometheus that has scraped it under load. Promises that what is
// asked for the time `at` does not depend on how long the asking takes.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { AdminServer } from '../../../../src/admin/admin-server.ts';
import { GatewayControl } from '../../../../src/admin/gateway-control.ts';
import { createLog } from '../../../../src/observe/log/log.ts';
import type { MetricsFormat } from '../../../../src/observe/metrics/text.ts';
import type { TestGateway } from '../../../helpers/gateway.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { type Prometheus, startPrometheus } from '../../../helpers/prometheus.ts';
import { until } from '../../../helpers/until.ts';
import { ALERTS_FILE } from './deployed.ts';
import { startEverySeries } from './every-series.ts';
import { type Scrape, scrape } from './scrape.ts';

/** Short, and still ten times what a scrape takes. */
export const SCRAPE_MS = 250;
/** Each with a scrape behind it: a rate needs two that differ, a busy machine may not get to more in a window of 5 s. */
const ROUNDS = 5;
/** Prometheus 2.42 begins to scrape 5 s after its start, 10 s if its timers run the wrong way round. */
const FIRST_SCRAPE_MS = 30_000;

/** The admin API's control of a gateway, which knows who has scraped. */
class ScrapedControl extends GatewayControl {
  readonly scrapes: MetricsFormat[] = [];

  override metrics(format: MetricsFormat): Promise<string | undefined> {
    this.scrapes.push(format);
    return super.metrics(format);
  }
}

/** As docs/metrics.md has it, for this gateway and in a hurry. */
function prometheusConfig(port: number): object {
  const page = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8');
  const documented = parse(/```yaml\n(.*?)```/s.exec(page)?.[1] ?? '');
  const interval = `${SCRAPE_MS}ms`;
  const [job] = documented.scrape_configs;
  return {
    ...documented,
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: documented.rule_files.map(() => ALERTS_FILE),
    scrape_configs: [{ ...job, static_configs: [{ targets: [`127.0.0.1:${port}`] }] }],
  };
}

export interface PrometheusRoom extends AsyncDisposable {
  readonly gw: TestGateway;
  readonly prometheus: Prometheus;
  /** The gateway's, as Prometheus calls it. */
  readonly instance: string;
  /** In which formats it was scraped, until now. */
  readonly scrapes: readonly MetricsFormat[];
  /** When the load had ended, and the last of it been scraped; milliseconds since 1970. */
  readonly at: number;
  /** What the gateway itself said then. */
  readonly own: Scrape;
}

/** When the first good scrape after this moment began, once what it brought can be asked for. */
function storedAfter(prometheus: Prometheus, moment: number): Promise<number> {
  return until(
    async () => {
      const [up] = await prometheus.query('timestamp(up) and up == 1', Date.now());
      const begun = Math.round(Number(up?.value[1]) * 1000);
      if (begun > moment) return begun;
      const { activeTargets } = await prometheus.ask<{ activeTargets: { lastError: string }[] }>('targets');
      throw new Error(`none yet; of the last: ${activeTargets.map(({ lastError }) => lastError).join()}`);
    },
    { deadlineMs: FIRST_SCRAPE_MS, what: 'a good scrape' },
  );
}

export async function startPrometheusRoom(): Promise<PrometheusRoom> {
  await using resources = new AsyncDisposableStack();
  const collector = resources.use(await startCollector());
  const series = resources.use(await startEverySeries({ traces: { endpoint: collector.url } }));
  const { gw } = series;
  const quiet = createLog({ level: 'silent', format: 'json' }, { write: () => {} });
  const control = new ScrapedControl(() => gw.gateway, '{}', quiet);
  const unwatched = { onRefused: () => {}, onFailed: () => {} };
  const open = { host: '127.0.0.1', port: 0, token: undefined, tls: undefined };
  const admin = new AdminServer(open, control, unwatched);
  await admin.start();
  resources.defer(() => admin.stop());
  await series.round();
  const prometheus = resources.use(await startPrometheus(prometheusConfig(admin.port)));
  const scraped = async (count: number): Promise<void> => {
    const wanted = control.scrapes.length + count;
    const limit = { deadlineMs: FIRST_SCRAPE_MS, what: `${wanted} scrapes` };
    await until(() => control.scrapes.length >= wanted, limit);
  };
  await scraped(1);
  for (let i = 0; i < ROUNDS; i++) {
    await series.round();
    await scraped(1);
  }
  const at = await storedAfter(prometheus, Date.now());
  const own = await scrape(gw);
  const instance = `127.0.0.1:${admin.port}`;
  const all = resources.move();
  return {
    gw,
    prometheus,
    instance,
    scrapes: control.scrapes,
    at,
    own,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

// What is deployed beside the gateway: its alerts and its dashboard, read from deploy/, and a query with the dashboard's
// variables put in as Grafana does it.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const ALERTS_FILE = fileURLToPath(
  new URL('../../../../deploy/prometheus/alerts.yaml', import.meta.url),
);
export const ALERT_TESTS_FILE = ALERTS_FILE.replace(/\.yaml$/, '.test.yaml');

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
}

const groups: readonly { readonly rules: readonly Alert[] }[] = parse(
  readFileSync(ALERTS_FILE, 'utf8'),
).groups;
export const ALERTS: readonly Alert[] = groups.flatMap(({ rules }) => rules);

export interface Target {
  readonly expr: string;
  readonly legendFormat: string;
  readonly exemplar?: boolean;
  readonly instant?: boolean;
  readonly format?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly targets: readonly Target[];
}

interface Dashboard {
  readonly panels: readonly (Omit<Panel, 'targets'> & Partial<Pick<Panel, 'targets'>>)[];
  readonly templating: { readonly list: readonly { readonly type: string; readonly query: string }[] };
}

const dashboard: Dashboard = JSON.parse(
  readFileSync(new URL('../../../../deploy/grafana/hl7-gateway.json', import.meta.url), 'utf8'),
);

/** Without the rows that they stand in. */
export const PANELS: readonly Panel[] = dashboard.panels
  .filter(({ type }) => type !== 'row')
  .map((panel) => ({ ...panel, targets: panel.targets ?? [] }));
/** The queries behind the dashboard's variables. */
export const VARIABLES: readonly string[] = dashboard.templating.list
  .filter(({ type }) => type === 'query')
  .map(({ query }) => query);

/** Of a range of an hour on a panel of some 700 pixels. */
const STEP_MS = 5_000;

/**
 * As Grafana puts its variables in: one that takes several values becomes a regex of them, with what is special in a regex
 * escaped once for it and once more for PromQL's strings; $__rate_interval is never less than four scrapes.
 */
export function grafanaQuery(
  expression: string,
  { instances, scrapeMs }: { readonly instances: readonly string[]; readonly scrapeMs: number },
): string {
  const escaped = instances.map((one) => one.replaceAll(/[\\^$*+?.()|{}[\]']/g, '\\\\$&'));
  const instance = escaped.length === 1 ? escaped.join() : `(${escaped.join('|')})`;
  const query = expression
    .replaceAll('$__rate_interval', () => `${Math.max(STEP_MS + scrapeMs, 4 * scrapeMs)}ms`)
    .replaceAll('$instance', () => instance);
  if (query.includes('$')) throw new Error(`a variable that nobody has: ${query}`);
  return query;
}

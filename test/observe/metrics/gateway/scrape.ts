// Reads metrics as Prometheus does, and stricter: every line is one that the format has, each metric is described once, and
// no sample comes twice. Promises to throw at anything else.
import type { MetricsFormat } from '../../../../src/observe/metrics/text.ts';
import type { TestGateway } from '../../../helpers/gateway.ts';

export interface Scraped {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: { readonly traceId: string; readonly value: number; readonly at: number } | undefined;
}

export class Scrape {
  /** By the name after `# TYPE`. */
  readonly types = new Map<string, string>();
  readonly helps = new Map<string, string>();
  readonly samples: Scraped[] = [];

  constructor(text: string) {
    if (!text.endsWith('\n')) throw new Error('the last line has no end');
    const seen = new Set<string>();
    for (const line of text.split('\n').slice(0, -1)) {
      if (line === '# EOF') {
        if (!text.endsWith(`${line}\n`)) throw new Error('# EOF in the middle');
      } else if (line.startsWith('#')) this.#describe(line);
      else {
        const sample = sampleIn(line);
        const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).toSorted())}`;
        if (seen.has(key)) throw new Error(`twice: ${line}`);
        seen.add(key);
        this.samples.push(sample);
      }
    }
  }

  /** Of the one sample with these labels; undefined: there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.all(name, labels);
    if (found.length > 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`);
    return found[0]?.value;
  }

  all(name: string, labels: Readonly<Record<string, string>> = {}): Scraped[] {
    return this.samples.filter(
      (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
    );
  }

  #describe(line: string): void {
    const [, what, name = '', rest = ''] = /^# (TYPE|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? [];
    if (what === undefined) throw new Error(`no line of the format: ${line}`);
    const into = what === 'TYPE' ? this.types : this.helps;
    if (into.has(name)) throw new Error(`twice: ${line}`);
    into.set(name, rest);
  }
}

const NUMBER = String.raw`[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN`;
const LABELS = String.raw`\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\}`;
const SAMPLE = new RegExp(
  String.raw`^([a-zA-Z_:]\w*)(?:${LABELS})? (${NUMBER})(?: # ${LABELS} (${NUMBER}) (\d+(?:\.\d+)?))?$`,
);

function sampleIn(line: string): Scraped {
  const match = SAMPLE.exec(line);
  if (match === null) throw new Error(`no line of the format: ${line}`);
  const [, name = '', labels = '', value = '', example, exampleValue, at] = match;
  const exemplar =
    example === undefined
      ? undefined
      : { traceId: labelsIn(example).trace_id ?? '', value: Number(exampleValue), at: Number(at) };
  return { name, labels: labelsIn(labels), value: numberIn(value), exemplar };
}

function labelsIn(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', value = '']) => [
      key,
      value.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char)),
    ]),
  );
}

function numberIn(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

export async function scrape(
  { gateway }: TestGateway,
  format: MetricsFormat = 'prometheus',
): Promise<Scrape> {
  const text = await gateway.metrics.text(format);
  if (text === undefined) throw new Error('no metrics are served');
  return new Scrape(text);
}

// `npm run soak -- --minutes 30`: a constant load at 60 % of what was measured just before, while nodes die, configs are reloaded and
// clients leave; then a verdict and a picture. Promises: exit 0 only where memory and descriptors are flat, and every message that a
// sender was told of is at a node and was answered as itself.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { plotSvg } from './plot.ts';
import { Soak, type SoakResult } from './soak.ts';
import { growthOf, percentile, verdictOf } from './verdict.ts';

const MIB = 1024 * 1024;
/** Of the capacity. */
const SHARE = 0.6;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    /** Messages a second, instead of a share of what is measured. */
    rate: { type: 'string' },
    svg: { type: 'string' },
    note: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('../../../node_modules/.cache/compiled', import.meta.url),
);

function positive(name: string, given: string): number {
  const number = Number(given);
  if (!(number > 0)) throw new Error(`--${name} takes a number above 0`);
  return number;
}

const minutes = positive('minutes', values.minutes);
const rate = values.rate === undefined ? undefined : positive('rate', values.rate);
const folder = mkdtempSync(join(tmpdir(), 'soak-'));
const startedOn = new Date();
const soak = await Soak.start(folder);
let result: SoakResult;
try {
  const capacity = rate === undefined ? await soak.capacity() : undefined;
  if (capacity !== undefined) console.log(`capacity: ${capacity.toFixed(0)} messages a second`);
  const perSecond = Math.max(1, Math.round(rate ?? (capacity ?? 0) * SHARE));
  console.log(`load: ${perSecond} messages a second for ${minutes} min`);
  result = await soak.run(perSecond, minutes * 60_000, (line) => console.log(line));
} finally {
  await soak.kill();
}
report(result);
if (values.keep || process.exitCode === 1) console.log(`logs in ${folder}`);
else rmSync(folder, { recursive: true });

function report({ samples, marks, totals, perSecond }: SoakResult): void {
  const verdict = verdictOf(samples, totals);
  const p99s = samples.map(({ p99 }) => p99);
  const rss = samples.map((one) => one.rss / MIB);
  const counted = (kind: string): number => marks.filter((mark) => mark.kind === kind).length;
  const figures = [
    `${totals.messages} messages at ${perSecond} a second over ${minutes} min; acknowledged ${totals.acknowledged}, lost ${totals.lost}, misattributed ${totals.misattributed}, unanswered ${totals.unanswered}; at nodes again ${totals.again}`,
    `RSS ${rss[0]?.toFixed(0)} → ${rss.at(-1)?.toFixed(0)} MiB, most ${Math.max(...rss).toFixed(0)}, growth from the second to the last quarter ${growthOf(rss).toFixed(1)} MiB; descriptors ${samples[0]?.descriptors} → ${samples.at(-1)?.descriptors}`,
    `p99 of each interval: median ${percentile(p99s, 0.5).toFixed(1)} ms, worst ${Math.max(...p99s).toFixed(0)} ms; ${counted('node killed')} nodes killed, ${counted('reload')} reloads, ${counted('clients leave')} times clients left`,
    verdict.length === 0
      ? 'verdict: flat, nothing lost, nothing misattributed'
      : `verdict: ${verdict.join('; ')}`,
  ];
  for (const line of figures) console.log(line);
  if (values.svg !== undefined) {
    const notes = values.note === undefined ? figures : [...figures, values.note];
    const title = `hl7-gateway: ${minutes} min at ${perSecond} messages a second, ${startedOn.toISOString().slice(0, 10)}`;
    writeFileSync(
      values.svg,
      plotSvg({ title, notes, times: samples.map(({ t }) => t), panels: panelsOf(), marks }),
    );
    console.log(`written: ${values.svg}`);
  }
  if (verdict.length > 0) process.exitCode = 1;

  function panelsOf(): Parameters<typeof plotSvg>[0]['panels'] {
    return [
      { title: 'RSS of the gateway, MiB', values: rss },
      { title: 'open descriptors', values: samples.map(({ descriptors }) => descriptors) },
      { title: 'p99 from sending to acknowledgement, ms', values: p99s, logarithmic: true },
      { title: 'acknowledged a second', values: samples.map(({ answers }) => answers) },
    ];
  }
}

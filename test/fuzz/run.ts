// `npm run fuzz -- --target mllp-sender --inputs 100000 --seed 1`. Prints seed, figures and what was found; exit 1 if anything was.
// Promises: a finding is printed with the command that runs its input again.
import { parseArgs } from 'node:util';
import { runFuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seed: { type: 'string' },
    inputs: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    concurrency: { type: 'string', default: '48' },
    findings: { type: 'string', default: '20' },
    root: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

function count(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} takes a whole number`);
  return Number(text);
}

const chosen = TARGETS.filter(
  ({ name }) => values.target === undefined || values.target.split(',').includes(name),
);
if (chosen.length === 0) {
  console.error(`--target is one of ${TARGETS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const seed = count('seed', values.seed ?? String(Math.floor(Math.random() * 1_000_000)));
const seconds = values.seconds === undefined ? undefined : count('seconds', values.seconds);
const inputs =
  values.inputs === undefined
    ? seconds === undefined
      ? 10_000
      : Number.POSITIVE_INFINITY
    : count('inputs', values.inputs);
const only = values.only?.split(',').map((one) => count('only', one));

for (const target of chosen) {
  const result = await runFuzz(target, {
    seed,
    inputs,
    seconds,
    only,
    root: values.root,
    concurrency: count('concurrency', values.concurrency),
    maxFindings: count('findings', values.findings),
    onProgress: (done, found) => {
      if (process.stdout.isTTY)
        process.stdout.write(`\r${target.name}: ${done} inputs, ${found.length} findings `);
      else if (done % 10_000 === 0)
        console.log(`${target.name}: ${done} inputs, ${found.length} findings ${found.at(-1)?.text ?? ''}`);
    },
  });
  if (process.stdout.isTTY) process.stdout.write('\r');
  const { findings, codes, ...figures } = result;
  if (values.json) console.log(JSON.stringify({ target: target.name, seed, ...result }));
  else {
    const [before, after] = figures.rss;
    console.log(
      `${target.name}, seed ${seed}: ${figures.inputs} inputs and ${figures.probes} probes in ${Math.round(figures.seconds)} s, ` +
        `RSS ${before} → ${after} MiB, ${findings.length} findings`,
    );
    console.log(
      `  ${Object.entries(codes)
        .map(([code, times]) => `${code} ${times}`)
        .join(', ')}`,
    );
    for (const { kind, index, text } of findings) {
      console.log(`  ${kind}: ${text}`);
      if (index !== undefined)
        console.log(`    npm run fuzz -- --target ${target.name} --seed ${seed} --only ${index}`);
    }
  }
  if (findings.length > 0) process.exitCode = 1;
}
// A node's script may still wait for a gateway that has ended.
process.exit();

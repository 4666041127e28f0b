/**
 * Counts what the test steps of `.ci/run` reported, and gives a few failed tests one more run by themselves.
 *
 *     node .ci/results.ts [--again FILE=STEP…] | [--count FILE…]
 *
 * Thousands of tests share two cores with real processes there. A test that fails in that crowd and passes alone is a defect
 * of the test: it is named as such in the output, but is not the fault of the change at hand. More than {@link FEW} are.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/** So many failed tests, at most, are run again. */
const FEW = 3;
/** Lines of a failed test's message that are printed. */
const MESSAGE_LINES = 25;

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    /** Absolute path of the test file. */
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

interface Failed {
  readonly file: string;
  /** Of the test; of a file that could not be loaded, that it could not. */
  readonly name: string;
  readonly message: string;
}

const read = (file: string): Report => JSON.parse(readFileSync(file, 'utf8')) as Report;

function failedIn({ testResults }: Report): Failed[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    const failed = assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => ({ file, name: test.fullName, message: (test.failureMessages ?? []).join('\n') }));
    const broken = status === 'failed' && failed.length === 0;
    return broken ? [{ file, name: 'the file as a whole', message: message ?? '' }] : failed;
  });
}

const shown = (message: string): string =>
  message
    .split('\n')
    .slice(0, MESSAGE_LINES)
    .map((line) => `    ${line}`)
    .join('\n');

/**
 * Runs the files of failed tests by the npm script that they failed in, where there are few.
 * Exits with 0 if all pass now. The report of the second run is left beside the first, as `FILE.again`.
 */
function again(steps: readonly (readonly [report: string, script: string])[]): number {
  const failures = steps.map(([report, script]) => ({ report, script, failed: failedIn(read(report)) }));
  for (const { script, failed } of failures)
    for (const { file, name, message } of failed)
      console.log(`failed: ${script}: ${file}: ${name}\n${shown(message)}`);
  const count = failures.reduce((sum, { failed }) => sum + failed.length, 0);
  if (count === 0) {
    console.log('no test failed, so the error is one that belongs to none of them: see above');
    return 1;
  }
  if (count > FEW) {
    console.log(`${count} tests failed: more than ${FEW}, so none is run again`);
    return 1;
  }
  for (const { report, script, failed } of failures) {
    if (failed.length === 0) continue;
    const files = [...new Set(failed.map(({ file }) => file))];
    // An npm script takes more files, but would still run all of its own: vitest is called as the script calls it.
    const run = spawnSync(
      'npx',
      ['vitest', 'run', ...files, '--reporter=json', `--outputFile.json=${report}.again`],
      {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: script === 'test:streams' ? { ...process.env, HL7_GATEWAY_WIRE: 'streams' } : process.env,
      },
    );
    const left = existsSync(`${report}.again`) ? failedIn(read(`${report}.again`)) : failed;
    for (const { file, name, message } of left)
      console.log(`failed again: ${file}: ${name}\n${shown(message)}`);
    if (run.status !== 0 || left.length > 0) return 1;
    for (const { file, name } of failed) console.log(`failed among others, passed alone: ${file}: ${name}`);
    writeFileSync(`${report}.alone`, String(failed.length));
  }
  return 0;
}

/** Prints what was skipped, what failed, and the sums. Exits with 1 if no test passed. */
function count(reports: readonly string[]): number {
  let [passed, failed, skipped, alone] = [0, 0, 0, 0];
  for (const file of reports) {
    const report = read(file);
    const mended = existsSync(`${file}.alone`) ? Number(readFileSync(`${file}.alone`, 'utf8')) : 0;
    const failures = failedIn(report);
    for (const { assertionResults } of report.testResults)
      for (const test of assertionResults) {
        if (test.status === 'passed') passed += 1;
        if (test.status !== 'pending' && test.status !== 'skipped') continue;
        skipped += 1;
        console.log(`skipped: ${test.fullName}`);
      }
    for (const { file: at, name } of failures)
      console.log(`${mended > 0 ? 'failed among others, passed alone' : 'failed'}: ${at}: ${name}`);
    passed += mended;
    alone += mended;
    failed += failures.length - mended;
  }
  const more = [
    skipped > 0 ? `, ${skipped} skipped` : '',
    alone > 0 ? `, ${alone} of the passed only when run alone` : '',
  ];
  console.log(`${passed} passed, ${failed} failed${more.join('')}`);
  return passed === 0 ? 1 : 0;
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === '--again') process.exitCode = again(rest.map((step) => step.split('=') as [string, string]));
else if (mode === '--count') process.exitCode = count(rest);
else {
  console.error('usage: node .ci/results.ts --again FILE=SCRIPT… | --count FILE…');
  process.exitCode = 2;
}

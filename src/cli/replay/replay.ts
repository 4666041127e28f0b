// `replay`: fixtures and scenarios against a config, with simulated nodes, in this process; what differs from what was
// expected, field by field.
import { writeFileSync } from 'node:fs';
import { causeCode, GatewayError } from '../../errors.ts';
import { collectScenarios } from '../../tools/replay/collect.ts';
import { readGivenFile } from '../../tools/replay/config/given-config.ts';
import { TempCerts } from '../../tools/replay/config/temp-certs.ts';
import { jsonLine, jsonSum } from '../../tools/replay/report/json.ts';
import { junitXml } from '../../tools/replay/report/junit.ts';
import { reportLines, sumLine } from '../../tools/replay/report/table.ts';
import { runScenarios, type ScenarioResult } from '../../tools/replay/run.ts';
import { updatedSource } from '../../tools/replay/update.ts';
import { EXIT, sayFaults, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';

export interface ReplayOptions {
  readonly config?: string | undefined;
  readonly listener?: string | undefined;
  readonly realTime?: boolean | undefined;
  readonly speed?: number | undefined;
  readonly jobs?: number | undefined;
  readonly compare?: readonly string[] | undefined;
  readonly update?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly junit?: string | undefined;
}

/** Exit codes as a shell has them: 128 and the signal's number. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Good if everything came out as expected. */
export async function replay(
  paths: readonly string[],
  options: ReplayOptions,
  terminal: Terminal,
  progress: (text: string) => void = () => {},
): Promise<number> {
  const throwAway = new TempCerts();
  // Left to itself a signal ends the process without its `exit`, and keys would stay behind.
  const exits = Object.entries(SIGNALS).map(([name, code]) => [name, () => process.exit(code)] as const);
  for (const [name, exit] of exits) process.once(name, exit);
  const around = { env: process.env, throwAway };
  try {
    const faults: GatewayError[] = [];
    const scenarios = collectScenarios(paths, {
      ...options,
      env: process.env,
      config: options.config,
      onFault: (fault) => void faults.push(fault),
      wholeFiles: options.update === true,
    });
    const given = options.config === undefined ? undefined : readGivenFile(options.config, around);
    const { listener } = options;
    if (given !== undefined && listener !== undefined)
      if (!given.config.listeners.some(({ name }) => name === listener))
        throw usage(`the config has no listener "${listener}"`);
    let done = 0;
    const results = await runScenarios(scenarios, {
      ...around,
      given,
      isRealTime: options.realTime,
      speed: options.speed,
      // What is written down for good does not come of fast time.
      usualSpeed: options.update === true ? 1 : undefined,
      jobs: options.jobs,
      compare: options.compare,
      onDone: ({ scenario }) => progress(`${++done}/${scenarios.length} ${scenario.name}`),
    });
    progress('');
    if (results.length > 0) report(results, options, terminal);
    const isFaulty = sayFaults(faults, terminal);
    const updated = options.update === true ? update(results, options, terminal) : undefined;
    if (isFaulty) return EXIT.usage;
    if (updated !== undefined) return updated;
    const bad = results.some(({ verdict }) => verdict === 'different' || verdict === 'broken');
    return bad ? EXIT.failed : EXIT.good;
  } finally {
    for (const [name, exit] of exits) process.off(name, exit);
    throwAway.remove();
  }
}

function report(
  results: readonly ScenarioResult[],
  { json, junit }: ReplayOptions,
  terminal: Terminal,
): void {
  if (json === true) {
    for (const result of results) terminal.out(jsonLine(result));
    terminal.out(jsonSum(results));
  } else
    for (const line of results.length > 0 ? reportLines(results) : [sumLine(results)]) terminal.out(line);
  if (junit === undefined) return;
  write(junit, junitXml(results));
}

/** Good if nothing is left that has to be put right by hand. */
function update(results: readonly ScenarioResult[], { json }: ReplayOptions, terminal: Terminal): number {
  let left = 0;
  for (const result of results) {
    if (result.verdict === 'broken') {
      left++;
      continue;
    }
    const updated = updatedSource(result);
    left += updated.left.length;
    if (updated.text === undefined) continue;
    write(result.scenario.file, updated.text);
    terminal.out(
      json === true ? JSON.stringify({ updated: result.scenario.file }) : `updated ${result.scenario.file}`,
    );
  }
  if (left > 0 && json !== true) terminal.out(`${left} differences have to be put right by hand`);
  return left > 0 ? EXIT.failed : EXIT.good;
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new GatewayError('GW_ERR_FILE', {
      detail: `${file}: cannot be written: ${causeCode(cause)}`,
      cause,
    });
  }
}

/** One line that is written over, on a terminal only. */
export function progressOf(): (text: string) => void {
  const { stderr } = process;
  if (!stderr.isTTY) return () => {};
  return (text) => void stderr.write(`\r\x1b[K${text.slice(0, Math.max(10, stderr.columns - 1))}`);
}

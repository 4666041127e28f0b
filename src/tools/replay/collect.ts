// What `replay` is given: folders, scenarios, plain message files. Promises one scenario for each, and one error with
// everything that is wrong in any of them.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ConfigError, type Problem } from '../../config/load.ts';
import { readText } from '../../config/source/files.ts';
import type { Environment } from '../../config/source/interpolate.ts';
import { causeCode, GatewayError } from '../../errors.ts';
import { examineMessageFile, type FileMessage } from '../../hl7/message-file.ts';
import { loadScenario, parseScenario } from './scenario/load.ts';
import { labelOf } from './scenario/messages.ts';
import type { Scenario } from './scenario/scenario.ts';

export interface CollectOptions {
  readonly env: Environment;
  /** The user's config: no scenario, where it lies in a folder. Undefined: message files of a folder are left out. */
  readonly config: string | undefined;
  /** Where message files without a scenario are sent to; undefined: the first listener. */
  readonly listener?: string | undefined;
  /** What is bad in a message file does not hide what is good (F112); without it, it is thrown. */
  readonly onFault?: ((fault: GatewayError) => void) | undefined;
  /** Leave out a message file that is bad in part: expectations that are made of it would be of another file. */
  readonly wholeFiles?: boolean | undefined;
}

/** @throws ConfigError, GatewayError GW_ERR_FILE */
export function collectScenarios(paths: readonly string[], options: CollectOptions): Scenario[] {
  let isFaulty = false;
  const onFault = (fault: GatewayError): void => {
    if (options.onFault === undefined) throw fault;
    options.onFault(fault);
    isFaulty = true;
  };
  const files = paths.flatMap((path) => {
    try {
      return filesOf(path, options);
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      onFault(thrown);
      return [];
    }
  });
  const problems: Problem[] = [];
  const seen = new Set<string>();
  const scenarios = files.flatMap((file): Scenario[] => {
    const scenarioFile = expectationFile(file);
    if (seen.has(resolve(scenarioFile))) return [];
    seen.add(resolve(scenarioFile));
    const isPlain = isMessages(file) && !existsSync(scenarioFile);
    // Here it is the file itself that is wrong, and not a scenario that names it.
    const read = isPlain ? examineMessageFile(file) : undefined;
    for (const fault of read?.faults ?? []) onFault(fault);
    const isBad = read !== undefined && read.faults.length > 0;
    if (isBad && (read.messages.length === 0 || options.wholeFiles === true)) return [];
    try {
      if (read === undefined) return [loadScenario(scenarioFile, options.env)];
      return [isBad ? partly(file, read.messages, options) : plain(file, options)];
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      problems.push(...thrown.problems);
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems, []);
  if (scenarios.length === 0 && !isFaulty)
    throw new GatewayError('GW_ERR_FILE', {
      detail: `${paths.join(', ')}: no scenario and no message in it`,
    });
  return scenarios;
}

/** Where the expectations of a message file stand; a scenario is its own. */
function expectationFile(file: string): string {
  return file.replace(/\.hl7$/, '.expect.yaml');
}

function isMessages(file: string): boolean {
  return file.endsWith('.hl7');
}

/** A message file that nothing is expected of yet. */
function plain(
  file: string,
  { env, listener, config }: CollectOptions,
  step = `send: ${JSON.stringify(basename(file))}`,
): Scenario {
  if (config === undefined)
    throw new GatewayError('GW_ERR_USAGE', {
      detail: `${file}: messages are played through a config (--config FILE), or sent to a live target (--to URL)`,
    });
  const sender =
    listener === undefined ? '' : `senders:\n  sender: { listener: ${JSON.stringify(listener)} }\n`;
  const text = `${sender}steps:\n  - ${step}\n`;
  return parseScenario(text, expectationFile(file), env);
}

/** The good messages of a file that has bad ones too. */
function partly(file: string, messages: readonly FileMessage[], options: CollectOptions): Scenario {
  const scenario = plain(file, options, 'message: "MSH|^~\\\\&"');
  const good = messages.map(({ bytes }) => ({ label: labelOf(bytes), payload: bytes }));
  const steps = scenario.steps.map((step) => (step.kind === 'send' ? { ...step, messages: good } : step));
  return { ...scenario, steps };
}

function filesOf(path: string, { config }: CollectOptions): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (cause) {
    const why = causeCode(cause) === 'ENOENT' ? 'no such file' : causeCode(cause);
    throw new GatewayError('GW_ERR_FILE', { detail: `${path}: ${why}`, cause });
  }
  if (!isFolder) return [path];
  const own = config === undefined ? undefined : resolve(config);
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
  return names
    .map((name) => join(path, name))
    .filter((file) => {
      if (isMessages(file)) return config !== undefined;
      return /\.ya?ml$/.test(file) && resolve(file) !== own && !isConfig(file);
    });
}

/** Configs may lie beside the scenarios that reload them. */
function isConfig(file: string): boolean {
  const read = readText(file);
  return 'text' in read && /^"?listeners"?:/m.test(read.text) && !/^"?steps"?:/m.test(read.text);
}

// `replay --diff A B`: what changes for each message, between two live targets (their answers, field by field) or between
// two configs (where the message would go, nothing sent). Exit code 1 where anything differs.
import type { ListenerConfig } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';
import { printable } from '../../config/source/problem.ts';
import { parseFieldPath } from '../../hl7/field-path.ts';
import { COPIES, type FieldDifference } from '../../hl7/whole/difference.ts';
import { loggable } from '../../observe/log/loggable.ts';
import { type Explained, explainer, unitsAt } from '../../relay/explain.ts';
import { type ComparedAnswers, compareLive } from '../../tools/replay/live/difference-run.ts';
import { type LiveMessage, readLiveMessages } from '../../tools/replay/live/messages.ts';
import type { TargetOptions } from '../messages/message-target.ts';
import { EXIT, sayFaults, type Terminal, table } from '../terminal.ts';
import { usage } from '../usage.ts';
import { isUnreachable, opening } from './replay-live.ts';

export interface ReplayDiffOptions extends TargetOptions {
  /** Two URLs, or two config files. */
  readonly diff: readonly string[];
  /** Instead of MSH-7 and MSH-10; empty: nothing is ignored. */
  readonly ignore?: readonly string[] | undefined;
  /** Two configs: as if the messages had come from there. */
  readonly source?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Good if nothing differs, and every message had an answer. */
export async function replayDiff(
  places: readonly string[],
  options: ReplayDiffOptions,
  terminal: Terminal,
  until: AbortSignal,
): Promise<number> {
  const [left, right, ...more] = options.diff;
  if (left === undefined || right === undefined || more.length > 0)
    throw usage('--diff takes two targets, or two config files');
  if (isUrl(left) !== isUrl(right)) throw usage('--diff takes two URLs or two config files, not one of each');
  const ignore = ignoredPaths(options);
  const { messages, faults } = readLiveMessages(places);
  const isFaulty = sayFaults(faults, terminal);
  if (messages.length === 0) return EXIT.usage;
  const printer = new Printer(left, right, terminal, options.json === true);
  if (!isUrl(left)) {
    compareConfigs(messages, [left, right], options, printer);
    const code = printer.end();
    return isFaulty ? EXIT.usage : code;
  }
  const lane = { ...options, pipelining: 1 };
  const open = [
    await opening(left, lane, terminal, '--diff'),
    await opening(right, lane, terminal, '--diff'),
  ] as const;
  try {
    await compareLive(messages, {
      targets: open,
      ignore,
      until,
      onCompared: (compared) => printer.answers(compared),
    });
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    terminal.err(`${error.message} [${error.code}]`);
    return EXIT.failed;
  }
  if (until.aborted) {
    terminal.err('interrupted: not all messages were compared');
    printer.end();
    return EXIT.failed;
  }
  const code = printer.end();
  return isFaulty ? EXIT.usage : code;
}

function isUrl(text: string): boolean {
  return /^[a-z]+:\/\//.test(text);
}

function ignoredPaths({ ignore }: ReplayDiffOptions): readonly string[] {
  if (ignore === undefined) return COPIES.ignore;
  const paths = ignore.filter((path) => path !== 'none');
  const bad = paths.find((path) => parseFieldPath(path) === undefined || !/^\w{3}-\d+$/.test(path));
  if (bad !== undefined) throw usage(`--ignore takes fields such as MSH-7, or none, not "${printable(bad)}"`);
  return paths;
}

function compareConfigs(
  messages: readonly LiveMessage[],
  files: readonly [string, string],
  { source = '127.0.0.1' }: ReplayDiffOptions,
  printer: Printer,
): void {
  const sides = files.map((file) => {
    const { config } = loadConfig(file, { env: process.env });
    return { config, explain: explainer(config, { source, path: '/', host: 'localhost' }) };
  });
  const names = new Set(sides.flatMap(({ config }) => config.listeners.map(({ name }) => name)));
  for (const message of messages) {
    for (const name of names) {
      const decisions = sides.map(({ config, explain }) => {
        const listener = config.listeners.find((one) => one.name === name);
        return listener === undefined ? undefined : decided(message, listener, explain);
      });
      printer.decisions(message, name, decisions[0], decisions[1]);
    }
  }
}

/** What is compared of a decision; a batch that is split has several. */
function decided(
  { file, bytes }: LiveMessage,
  listener: ListenerConfig,
  explain: (file: string, message: Buffer, listener: ListenerConfig) => Explained,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const units = unitsAt(listener, bytes);
  units.forEach((unit, i) => {
    const { route, pool, node, reject, invalid, stickyKey, why } = explain(file, unit, listener);
    const which = units.length === 1 ? '' : `[${i + 1}]`;
    const outcome =
      reject !== undefined
        ? reject.code
        : invalid !== undefined
          ? invalid.code
          : pool === undefined
            ? why
            : 'taken';
    for (const [key, value] of Object.entries({ outcome, route, pool, node, stickyKey, text: reject?.text }))
      if (value !== undefined) values.set(`${key}${which}`, value);
  });
  return values;
}

class Printer {
  readonly #left: string;
  readonly #right: string;
  readonly #terminal: Terminal;
  readonly #json: boolean;
  readonly #rows: string[][] = [];
  #compared = 0;
  #different = 0;
  #unanswered = 0;

  constructor(left: string, right: string, terminal: Terminal, json: boolean) {
    this.#left = left;
    this.#right = right;
    this.#terminal = terminal;
    this.#json = json;
  }

  answers({ message, left, right, differences }: ComparedAnswers): void {
    // Both without an answer are alike, and still nothing that anybody wants.
    if (left === right && left.startsWith('GW_ERR_')) this.#unanswered++;
    this.#add(message, { left, right }, differences);
  }

  decisions(
    message: LiveMessage,
    listener: string,
    left: ReadonlyMap<string, string> | undefined,
    right: ReadonlyMap<string, string> | undefined,
  ): void {
    const found: FieldDifference[] = [];
    if (left === undefined || right === undefined)
      found.push({ path: 'listener', left: left && listener, right: right && listener });
    else
      for (const path of new Set([...left.keys(), ...right.keys()]))
        if (left.get(path) !== right.get(path))
          found.push({ path, left: left.get(path), right: right.get(path) });
    this.#add(message, { listener }, found);
  }

  end(): number {
    const unanswered = this.#unanswered;
    const good = this.#different === 0 && unanswered === 0;
    if (this.#json) return good ? EXIT.good : EXIT.failed;
    if (this.#rows.length > 0)
      for (const line of table([['message', 'type', 'where', this.#left, this.#right], ...this.#rows]))
        this.#terminal.out(line);
    this.#terminal.out(
      `${this.#compared} compared, ${this.#different} different` +
        (unanswered === 0 ? '' : `, ${unanswered} answered by neither`),
    );
    return good ? EXIT.good : EXIT.failed;
  }

  #add(
    { file, number, header }: LiveMessage,
    about: Readonly<Record<string, string>>,
    differences: readonly FieldDifference[],
  ): void {
    this.#compared++;
    if (differences.length > 0) this.#different++;
    const controlId = loggable(header.controlId);
    const type = header.isMsh ? loggable(header.text(9)) : 'batch';
    if (this.#json) {
      this.#terminal.out(JSON.stringify({ file, number, controlId, type, ...about, differences }));
      return;
    }
    const at = about.listener === undefined ? '' : `${about.listener} `;
    for (const { path, left, right } of differences)
      this.#rows.push([`${file} ${controlId}`, type, `${at}${path}`, shown(left), shown(right)]);
  }
}

function shown(value: string | undefined): string {
  return value === undefined ? '(not there)' : value === '' ? '(empty)' : printable(value);
}

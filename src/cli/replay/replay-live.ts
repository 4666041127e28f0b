// `replay --to` and `replay --diff`: messages against live targets, or one message through two of them. What is printed is
// made in src/tools/replay/live; here are the targets, the progress line and the exit code.
import { quoted } from '../../config/source/problem.ts';
import { GatewayError } from '../../errors.ts';
import { readLiveMessages } from '../../tools/replay/live/messages.ts';
import { replayLive, type Target } from '../../tools/replay/live/replay-live.ts';
import { asJson, inWords, isGood, progressLine } from '../../tools/replay/live/report.ts';
import type { Pace } from '../../tools/replay/live/schedule.ts';
import type { OpenLine } from '../../tools/replay/live/send-lane.ts';
import { clientOf, messageTarget, type TargetOptions } from '../messages/message-target.ts';
import { EXIT, sayFaults, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';

export interface ReplayLiveOptions extends TargetOptions {
  readonly to: readonly string[];
  /** Messages a second. */
  readonly rate?: number | undefined;
  readonly rampMs?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly connections: number;
  readonly pipelining: number;
  readonly newIds?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export interface ReplayContext {
  /** Ctrl-C. */
  readonly until: AbortSignal;
  /** Undefined: nobody looks at a line that is written again and again. An empty text clears it. */
  readonly progress?: ((text: string) => void) | undefined;
}

/** What a user of a load tool means: more sockets than a process may open by default (1,024) is a slip of the hand. */
const MAX_CONNECTIONS = 1000;
/** Beyond it one connection holds more than 16 MiB of small messages, and nothing is faster for it. */
const MAX_PIPELINING = 1000;

/** Good only if every message was sent and accepted. */
export async function replayLiveCommand(
  places: readonly string[],
  options: ReplayLiveOptions,
  terminal: Terminal,
  { until, progress }: ReplayContext,
): Promise<number> {
  const pace = paceOf(options);
  inRange('--connections', options.connections, MAX_CONNECTIONS);
  inRange('--pipelining', options.pipelining, MAX_PIPELINING);
  const targets: Target[] = [];
  for (const url of options.to) targets.push({ url, open: await opening(url, options, terminal) });
  if (options.connections < targets.length)
    throw usage(`--connections ${options.connections} are fewer than there are targets (${targets.length})`);
  const { messages, faults } = readLiveMessages(places);
  const isFaulty = sayFaults(faults, terminal);
  if (messages.length === 0) return EXIT.usage;
  const total = options.durationMs === undefined ? messages.length : undefined;
  try {
    const tally = await replayLive(messages, {
      targets,
      connections: options.connections,
      pace,
      durationMs: options.durationMs,
      newIds: options.newIds === true,
      until,
      onProgress: progress && ((so) => progress(progressLine(so, total))),
    });
    progress?.('');
    const about = { targets: options.to, pace };
    if (options.json === true) terminal.out(JSON.stringify(asJson(tally, about)));
    else for (const line of inWords(tally, about)) terminal.out(line);
    if (isFaulty) return EXIT.usage;
    return isGood(tally) ? EXIT.good : EXIT.failed;
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    terminal.err(`${error.message} [${error.code}]`);
    return EXIT.failed;
  }
}

/** The command was called rightly, and the target is not there. */
export function isUnreachable(error: unknown): error is GatewayError {
  return error instanceof GatewayError && error.code.startsWith('GW_ERR_NODE_');
}

function paceOf({ rate, rampMs }: ReplayLiveOptions): Pace | undefined {
  if (rate === undefined && rampMs !== undefined) throw usage('--ramp needs --rate');
  return rate === undefined ? undefined : { perSecond: rate, rampMs: rampMs ?? 0 };
}

function inRange(option: string, n: number, most: number): void {
  if (n < 1 || n > most) throw usage(`${option} takes 1 to ${most}`);
}

export async function opening(
  url: string,
  options: TargetOptions & { readonly pipelining: number },
  terminal: Terminal,
  option?: string,
): Promise<OpenLine> {
  const target = await messageTarget(url, options, terminal, option);
  if (target.kind === 'http' && options.pipelining > 1)
    throw usage(`--pipelining needs mllp:// or mllps://, not ${quoted(url)}`);
  const client = await clientOf(target, options.pipelining);
  return () => client().open();
}

// `record --admin`: copies of messages from a running gateway's tap, de-identified here, before anything is on a disk.
import { isLoopback } from '../../addresses.ts';
import { GatewayError } from '../../errors.ts';
import type { Recorded } from '../../tools/record/exchange.ts';
import { Recording, requireNewFolder } from '../../tools/record/recording.ts';
import { AdminClient } from '../admin/admin-client.ts';
import { type AdminOptions, targetOf } from '../admin/admin-target.ts';
import { TypedFields } from '../fields.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { deidentifierOf, type RecordOptions, replacedIn, summary } from './record.ts';

export interface TapOptions extends RecordOptions, AdminOptions {
  readonly listener?: string | undefined;
  readonly count: number;
  readonly forMs: number;
  readonly maxBytes: number;
  readonly chunks?: boolean | undefined;
  readonly port?: number | undefined;
}

interface Line {
  readonly end: unknown;
  readonly lost: unknown;
  readonly connection: unknown;
  readonly atMs: unknown;
  readonly message: unknown;
  readonly answer: unknown;
  readonly code: unknown;
  readonly answerMs: unknown;
}

/** Good where it ended by one of its bounds, or by Ctrl-C: what came until then is what was wanted. */
export async function recordTap(
  options: TapOptions,
  terminal: Terminal,
  until: AbortSignal,
): Promise<number> {
  if (options.chunks === true || options.port !== undefined)
    throw usage('--chunks and --port go with --pcap');
  const target = await targetOf(options, terminal);
  if (target.tls === undefined && !isLoopback(target.host))
    throw usage('messages cross the network as they are over http://; use https://');
  requireNewFolder(options.output);
  const deidentifier = deidentifierOf(options, terminal);
  const client = new AdminClient(target, { maxAnswerBytes: undefined });
  let recording: Recording | undefined;
  let ended: { reason: string; lost: number } | undefined;
  let broken: GatewayError | undefined;
  try {
    for await (const text of client.lines('POST', pathOf(options), until)) {
      const line = new TypedFields<Line>(parsed(text, client));
      if (line.value('end') !== undefined) {
        ended = { reason: line.text('end'), lost: line.number('lost') ?? 0 };
        break;
      }
      recording ??= new Recording({ folder: options.output, deidentifier, chunks: false });
      recording.add(recordedIn(line, client));
    }
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    // Nothing came: the question was wrong, or nobody is there.
    if (!until.aborted && (recording === undefined || !thrown.code.startsWith('GW_ERR_ADMIN_'))) throw thrown;
    broken = thrown;
  } finally {
    client.close();
  }
  recording ??= new Recording({ folder: options.output, deidentifier, chunks: false });
  const end = ended?.reason ?? (until.aborted ? 'interrupted' : 'the connection was lost');
  recording.finish({ tap: { listener: options.listener, end, lost: ended?.lost } });
  tell(recording, end, ended?.lost ?? 0, options, terminal);
  if (ended !== undefined || until.aborted) return EXIT.good;
  terminal.err(`the gateway's tap ended before its time${broken === undefined ? '' : `: ${broken.message}`}`);
  return EXIT.failed;

  function tell(
    made: Recording,
    why: string,
    lost: number,
    { json, output }: TapOptions,
    on: Terminal,
  ): void {
    if (json === true) {
      const { messages, answered, leftOut } = made;
      on.out(
        JSON.stringify({
          output,
          messages,
          answered,
          leftOut,
          end: why,
          lost,
          replaced: replacedIn(deidentifier),
        }),
      );
      return;
    }
    for (const line of summary(made, deidentifier, output)) on.out(line);
    if (lost > 0) on.out(`${lost} more passed than this command could take, and are not in it`);
  }
}

function pathOf({ listener, count, forMs, maxBytes }: TapOptions): string {
  const query = new URLSearchParams({ count: String(count), for: `${forMs}ms`, maxBytes: String(maxBytes) });
  if (listener !== undefined) query.set('listener', listener);
  return `/tap?${query}`;
}

function parsed(text: string, client: AdminClient): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw client.strange();
  }
}

function recordedIn(line: TypedFields<Line>, client: AdminClient): Recorded {
  const message = Buffer.from(line.text('message'), 'base64');
  if (message.length === 0) throw client.strange();
  const timeMs = line.number('atMs') ?? 0;
  const code = line.value('code') === undefined ? undefined : line.text('code');
  const answer = line.value('answer') === undefined ? undefined : Buffer.from(line.text('answer'), 'base64');
  return {
    connection: line.number('connection') ?? 0,
    timeMs,
    message,
    answer,
    code,
    answeredMs: code === undefined ? undefined : timeMs + (line.number('answerMs') ?? 0),
  };
}

// `record`: a recording of a line, from a capture file or from a running gateway, de-identified before anything is on disk.
import { readFileSync } from 'node:fs';
import { printable } from '../../config/source/problem.ts';
import { causeCode, GatewayError } from '../../errors.ts';
import { Deidentifier } from '../../tools/deidentify/deidentify.ts';
import { KEY_BYTES, randomKey } from '../../tools/deidentify/pseudonyms.ts';
import { ByteSource } from '../../tools/record/capture/byte-source.ts';
import { type CaptureCounts, readCapture } from '../../tools/record/capture/read-capture.ts';
import { Recording, requireNewFolder } from '../../tools/record/recording.ts';
import { EXIT, type Terminal, table } from '../terminal.ts';
import { usage, warnIfOpen } from '../usage.ts';

export interface RecordOptions {
  readonly output: string;
  /** A file with the key of the pseudonyms; undefined: one that nobody knows, for this recording. */
  readonly pseudonymKey?: string | undefined;
  readonly keepSegment?: readonly string[] | undefined;
  readonly sameLength?: boolean | undefined;
  readonly raw?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export interface CaptureCommandOptions extends RecordOptions {
  readonly pcap: string;
  readonly port?: number | undefined;
  readonly chunks?: boolean | undefined;
}

/** Good unless the capture was cut off. */
export function recordCapture(options: CaptureCommandOptions, terminal: Terminal): number {
  const { pcap, port, chunks = false, output } = options;
  requireNewFolder(output);
  const deidentifier = deidentifierOf(options, terminal);
  using source = new ByteSource(pcap);
  let recording: Recording | undefined;
  // Not before the first message: of a file that is no capture no folder is left.
  const open = (): Recording => {
    recording ??= new Recording({ folder: output, deidentifier, chunks });
    return recording;
  };
  const counts = readCapture(source, pcap, { port, onRecorded: (recorded) => open().add(recorded) });
  const made = open();
  made.finish({ capture: counts });
  report(made, counts, deidentifier, options, terminal);
  if (counts.truncated === undefined) return EXIT.good;
  terminal.err(`${printable(pcap)} is cut off: ${counts.truncated}; what was before that is recorded`);
  return EXIT.failed;
}

/** Shorter keys could be tried one after the other. */
const SHORTEST_KEY = 16;

export function deidentifierOf(
  { raw, pseudonymKey, keepSegment = [], sameLength }: RecordOptions,
  terminal: Terminal,
): Deidentifier | undefined {
  if (raw === true) {
    if (pseudonymKey !== undefined || keepSegment.length > 0 || sameLength === true)
      throw usage(
        '--raw changes nothing, so --pseudonym-key, --keep-segment and --same-length do not go with it',
      );
    terminal.err(
      'warning: --raw writes patient data as it was on the wire: names, identifiers, results. ' +
        'Keep the folder where such data may be, and delete it when it has done its work.',
    );
    return undefined;
  }
  const bad = keepSegment.find((name) => !/^Z[A-Z0-9]{2}$/.test(name));
  if (bad !== undefined) throw usage(`--keep-segment takes Z segments such as ZPI, not "${printable(bad)}"`);
  const key = pseudonymKey === undefined ? randomKey() : keyIn(pseudonymKey, terminal);
  return new Deidentifier({ key, keepSegments: keepSegment, sameLength: sameLength === true });
}

function keyIn(file: string, terminal: Terminal): Buffer {
  let key: Buffer;
  try {
    key = readFileSync(file);
  } catch (cause) {
    throw new GatewayError('GW_ERR_FILE', { detail: `${file}: ${causeCode(cause)}`, cause });
  }
  // An editor's line end is no part of it.
  const text = key.toString('latin1').replace(/[\r\n]+$/, '');
  if (text.length < SHORTEST_KEY)
    throw usage(
      `${printable(file)} has fewer than ${SHORTEST_KEY} bytes; a key has ${KEY_BYTES} random ones`,
    );
  warnIfOpen(file, terminal);
  return Buffer.from(text, 'latin1');
}

function report(
  recording: Recording,
  counts: CaptureCounts,
  deidentifier: Deidentifier | undefined,
  { json, output }: CaptureCommandOptions,
  terminal: Terminal,
): void {
  if (json === true) {
    const { messages, answered, leftOut } = recording;
    terminal.out(
      JSON.stringify({ output, messages, answered, leftOut, ...counts, replaced: replacedIn(deidentifier) }),
    );
    return;
  }
  terminal.out(
    `${counts.packets} packets, ${counts.connections} connections, ${counts.withMessages} of them with messages`,
  );
  for (const line of troubles(counts)) terminal.out(line);
  for (const line of summary(recording, deidentifier, output)) terminal.out(line);
}

function troubles(counts: CaptureCounts): string[] {
  const all: [number, string][] = [
    [counts.fragments, 'IP fragments refused: their messages are missing'],
    [counts.unreadable, 'packets of a kind that is not known, or damaged'],
    [counts.repeatedBytes, 'bytes sent again, taken once'],
    [counts.gaps, `gaps, ${counts.missingBytes} bytes that are not in the capture`],
    [counts.brokenFrames, 'frames cut off or with a gap, left out'],
    [counts.notHl7, 'frames that are no HL7, left out'],
    [counts.strayAnswers, 'acknowledgements of messages that are not in the capture, left out'],
    [counts.tls, 'directions in TLS, which cannot be read'],
  ];
  return all.filter(([n]) => n > 0).map(([n, words]) => `  ${n} ${words}`);
}

/** What was recorded, and what was replaced in it: numbers by field, and no values. */
export function summary(
  recording: Recording,
  deidentifier: Deidentifier | undefined,
  output: string,
): string[] {
  const { messages, answered, leftOut } = recording;
  const rows = Object.entries(replacedIn(deidentifier) ?? {}).map(([field, counts]) => [
    field,
    ...(['pseudonym', 'moved', 'blanked', 'dropped'] as const).map((change) => String(counts[change] ?? '')),
  ]);
  const heading = ['field', 'pseudonyms', 'dates moved', 'blanked', 'dropped'];
  return [
    ...(rows.length === 0 ? [] : table([heading, ...rows])),
    `${messages} messages in ${output}, ${answered} with an answer` +
      (leftOut === 0 ? '' : `; ${leftOut} left out, as they could not be de-identified`),
  ];
}

export function replacedIn(deidentifier: Deidentifier | undefined) {
  return deidentifier && Object.fromEntries(deidentifier.report);
}

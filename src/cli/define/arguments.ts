// What the command line's arguments may be, as commander's parsers. Promises a sentence on what is taken instead.
import { type Command, InvalidArgumentError } from 'commander';
import {
  durationText,
  LONGEST_MS,
  parseCount,
  parseDuration,
  parseSize,
  sizeText,
} from '../../config/formats.ts';
import {
  CHANNEL_STATES,
  type Phase,
  parseChannel,
  parsePhases,
} from '../../tools/simulation/api/mirth-state.ts';
import { CONTENT_TYPE } from '../defaults.ts';

export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms > LONGEST_MS)
    throw new InvalidArgumentError('It takes a duration such as 500ms, 5s or 2m.');
  return ms;
}

/** No deadline of 0: nothing could be done within it. */
export function deadline(text: string): number {
  const ms = duration(text);
  if (ms === 0) throw new InvalidArgumentError('It takes a duration above 0.');
  return ms;
}

export function count(text: string): number {
  const number = parseCount(text);
  if (number === undefined) throw new InvalidArgumentError('It takes a whole number.');
  return number;
}

export function processId(text: string): number {
  const number = count(text);
  if (number < 1) throw new InvalidArgumentError('It takes a process id.');
  return number;
}

export function port(text: string): number {
  const number = count(text);
  if (number > 65_535) throw new InvalidArgumentError('It takes a port, 0 to 65535.');
  return number;
}

/** HAProxy's range, as in the config. */
export function weight(text: string): number {
  const number = parseCount(text);
  if (number === undefined || number > 256)
    throw new InvalidArgumentError('It takes an integer from 0 to 256.');
  return number;
}

export function apiStatus(text: string): readonly Phase[] {
  const phases = parsePhases(text);
  if (phases === undefined)
    throw new InvalidArgumentError(
      'It takes 0, 1, 2 or 3, or a sequence as 2@2s,3@2s,0 whose last one stays.',
    );
  return phases;
}

type Channel = readonly [name: string, state: string];

/** Given again, it is one more. */
export function apiChannel(text: string, before: readonly Channel[] = []): readonly Channel[] {
  const channel = parseChannel(text);
  if (channel === undefined)
    throw new InvalidArgumentError(
      `It takes NAME or NAME=STATE, with a state of ${CHANNEL_STATES.join(', ')}.`,
    );
  return [...before, channel];
}

/** `200/s`, `30/m`, or `200`: a second. Returns messages a second. */
export function rate(text: string): number {
  const [, digits = '', unit] = /^(\d{1,7})(?:\/([sm]))?$/.exec(text) ?? [];
  const number = parseCount(digits);
  if (number === undefined || number === 0)
    throw new InvalidArgumentError('It takes a rate such as 200/s or 30/m.');
  return unit === 'm' ? number / 60 : number;
}

/** For an option that may be given several times. */
export function collected(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

export function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined || bytes === 0) throw new InvalidArgumentError('It takes a size such as 64MiB.');
  return bytes;
}

/** What TLS, HTTP and waiting want beside the address that messages are sent to. */
export function withTargetOptions(command: Command): Command {
  return command
    .option('--timeout <duration>', 'for connecting, and for each answer', deadline, 30_000)
    .option('--ca <file>', 'trust these certificates (PEM) instead of the system’s')
    .option('--cert <file>', 'client certificate (PEM)')
    .option('--key <file>', 'its key (PEM)')
    .option('--servername <name>', 'the name that the certificate must have, instead of HOST')
    .option('--insecure', 'do not check the certificate', false)
    .option('--content-type <type>', `over HTTP; the charset of MSH-18 is added (default: ${CONTENT_TYPE})`)
    .option('--user <name>', 'over HTTP: for Basic authentication')
    .option('--password-file <file>', 'its password');
}

/** Help has the defaults as they are taken (`30s`, `64MiB`), whatever they were read into (F112). */
export function showDefaultsAsTaken(command: Command): void {
  for (const option of command.options) {
    const { defaultValue: value, flags } = option;
    if (typeof value !== 'number') continue;
    if (flags.endsWith('<duration>')) option.default(value, durationText(value));
    if (flags.endsWith('<size>')) option.default(value, sizeText(value));
  }
  for (const child of command.commands) showDefaultsAsTaken(child);
}

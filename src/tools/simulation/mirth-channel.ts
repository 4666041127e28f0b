// What a Mirth channel makes of a message, whichever way it came: how long it takes, what it answers, and the form of
// its acknowledgement. Promises a verdict on every message, in the order in which their delays end.
import type { AckCode } from '../../hl7/ack.ts';
import { type Header, readHeader } from '../../hl7/header.ts';
import { setTimeout, wallMs } from '../../platform/time.ts';

export interface ChannelOptions {
  /** MSA-1 of its answers. */
  readonly ack: AckCode;
  /** How long a message takes. */
  readonly delayMs: number;
  /** Every so many messages it answers AE; 0: never. */
  readonly failEvery: number;
  /** Every so many messages it closes the connection without an answer; 0: never. */
  readonly closeAfter: number;
  /** Instead of all of the above: asked for each message when it comes. */
  readonly script?: ((payload: Buffer) => ScriptedAnswer) | undefined;
}

/** `garbled`: an answer that is no acknowledgement; `mismatch`: another message's. */
export type ScriptedOutcome = AckCode | 'close' | 'garbled' | 'mismatch';

/** What becomes of one message; `hang`: nothing, ever. */
export interface ScriptedAnswer {
  readonly verdict: ScriptedOutcome | 'hang';
  readonly delayMs: number;
}

/** `header` is undefined for what is no HL7. */
type OnVerdict = (header: Header | undefined, verdict: ScriptedOutcome) => void;

export class MirthChannel {
  readonly #options: ChannelOptions;
  #messages = 0;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  get messages(): number {
    return this.#messages;
  }

  take(payload: Buffer, then: OnVerdict): void {
    const count = ++this.#messages;
    const { verdict, delayMs } = this.#options.script?.(payload) ?? this.#turn(count);
    if (verdict === 'hang') return;
    const finish = (): void => then(headerOf(payload), verdict);
    if (delayMs === 0) finish();
    // A node that is stopped does not keep the process for what it has in work.
    else setTimeout(finish, delayMs).unref();
  }

  #turn(count: number): ScriptedAnswer {
    const { ack, delayMs, failEvery, closeAfter } = this.#options;
    const closes = closeAfter > 0 && count % closeAfter === 0;
    const fails = failEvery > 0 && count % failEvery === 0;
    return { verdict: closes ? 'close' : fails ? 'AE' : ack, delayMs };
  }
}

function headerOf(payload: Buffer): Header | undefined {
  try {
    return readHeader(payload);
  } catch {
    return undefined;
  }
}

/** What MSA-2 of an answer to nobody holds. */
const NOBODY = 'NOBODY';

/** An answer that is no acknowledgement, or another message's. */
export function strangeAnswer(verdict: 'garbled' | 'mismatch', header: Header | undefined): Buffer {
  if (verdict === 'garbled' || header === undefined) return Buffer.from('this is no acknowledgement\r');
  return mirthAck(header, 'AA', new Date(wallMs()), NOBODY);
}

/** As Mirth Connect 4.5.2 makes it, byte for byte but for the time: its MSH-10 is a timestamp, not unique. */
export function mirthAck(
  header: Header,
  code: AckCode,
  now: Date,
  controlId = header.has(10) ? header.text(10) : '1',
): Buffer {
  const { field, component } = header.delimiters;
  const fs = String.fromCharCode(field);
  const cs = component < 0 ? '' : String.fromCharCode(component);
  const time = timestamp(now);
  const event = component < 0 ? undefined : header.text(9).split(cs)[1];
  const type = event === undefined ? 'ACK' : ['ACK', event, 'ACK'].join(cs);
  const msh = [
    'MSH',
    header.text(2),
    header.text(5),
    header.text(6),
    header.text(3),
    header.text(4),
    time,
    '',
    type,
    time,
    header.text(11),
    header.text(12),
  ];
  return acknowledgement(msh, code, controlId, fs);
}

/** Fewer bytes it takes for no message, and answers nothing. */
const SHORTEST_MESSAGE = 9;

/**
 * What Mirth answers to text that is no HL7: it takes the fourth character for MSH-1 and those behind it for MSH-2, and
 * the fields by them, whatever they are. Undefined: nothing.
 */
export function garbledAck(text: Buffer, code: AckCode, now: Date): Buffer | undefined {
  if (text.length < SHORTEST_MESSAGE) return undefined;
  const line = text.toString('latin1', 0, LONGEST_LINE).split(/[\r\n]/, 1)[0] ?? '';
  const fs = line.charAt(3) || '|';
  const fields = line.split(fs);
  const at = (n: number): string => fields[n - 1] ?? '';
  const time = timestamp(now);
  const msh = ['MSH', line.slice(4, 8), at(5), at(6), at(3), at(4), time, '', 'ACK', time, at(11), at(12)];
  return acknowledgement(msh, code, at(10) || '1', fs);
}

/** Base64 has no line ends; what is echoed of it need not be the whole message. */
const LONGEST_LINE = 4096;

function acknowledgement(msh: readonly string[], code: AckCode, controlId: string, fs: string): Buffer {
  const msa = ['MSA', code, controlId];
  if (code === 'AE' || code === 'CE') msa.push('An Error Occurred Processing Message.');
  if (code === 'AR' || code === 'CR') msa.push('Message Rejected.');
  return Buffer.from(`${msh.join(fs)}\r${msa.join(fs)}\r`, 'latin1');
}

function timestamp(now: Date): string {
  const seconds = now.toISOString().slice(0, 19).replace(/[-T:]/g, '');
  return `${seconds}.${String(now.getMilliseconds()).padStart(3, '0')}`;
}

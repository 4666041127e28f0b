// Batches for the fault tests, and their answers read by means of the tests' own.
// Promises: nothing here is of src/.
import { answers, type Script } from '../helpers/faulty-node.ts';
import { message, msaOf } from '../helpers/mllp.ts';

export const one = (controlId: string, type = 'ADT^A01'): string =>
  message({ controlId, type, version: '2.5.1' }).toString('latin1');

/** `F-1` and `B-1` are the ids of file and batch. */
export const file = (...messages: readonly string[]): string =>
  [
    'FHS|^~\\&|SENDAPP|SENDFAC|RECVAPP|RECVFAC|2026||name||F-1\r',
    'BHS|^~\\&|SENDAPP|SENDFAC|RECVAPP|RECVFAC|2026||name||B-1\r',
    ...messages,
    `BTS|${messages.length}\rFTS|1\r`,
  ].join('');

/** The messages of a gathered answer, byte for byte as text. */
export function partsOf(answer: Buffer): string[] {
  const parts: string[] = [];
  for (const segment of answer.toString('latin1').split(/(?<=\r)/)) {
    if (/^(FHS|BHS|BTS|FTS)/.test(segment)) continue;
    if (segment.startsWith('MSH')) parts.push(segment);
    else parts[parts.length - 1] += segment;
  }
  return parts;
}

/** Each message of a gathered answer as `AA id`. */
export function saidIn(answer: Buffer): string[] {
  return partsOf(answer).map((part) => {
    const msa = msaOf(Buffer.from(part, 'latin1'));
    return `${msa?.code} ${msa?.controlId}`;
  });
}

/** The segments around them: `FHS BHS BTS|2 FTS|1`. */
export function envelopeOf(answer: Buffer): string {
  const segments = answer.toString('latin1').split('\r');
  const around = segments.filter((segment) => /^(FHS|BHS|BTS|FTS)/.test(segment));
  return around.map((segment) => (/^[FB]HS/.test(segment) ? segment.slice(0, 3) : segment)).join(' ');
}

export const SPLIT = { batch: 'split' };

/** By control id; the others are answered AA. */
export const byId = (scripts: Readonly<Record<string, Script>>): Script =>
  answers.by(
    ({ payload }) =>
      scripts[/\|ADT\^A01\|([^|]+)/.exec(payload.toString('latin1'))?.[1] ?? ''] ?? answers.aa(),
  );

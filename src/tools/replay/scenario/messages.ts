// The messages of a step: from files or inline, some fields of MSH changed, repeated with ids of their own.
// Promises bytes as the file has them but for what the step says.
import { isAbsolute, join } from 'node:path';
import { asGatewayError, GatewayError } from '../../../errors.ts';
import { readHeader } from '../../../hl7/header.ts';
import { readMessageFile } from '../../../hl7/message-file.ts';
import { loggable } from '../../../observe/log/loggable.ts';
import type { ScenarioFields } from './fields.ts';
import type { AnyStepTable } from './keys.ts';
import type { OutgoingMessage } from './scenario.ts';

type StepFields = ScenarioFields<AnyStepTable>;

/** A scenario is no load test; so many of the usual size are 20 MB. */
const MOST_MESSAGES = 20_000;

const SEPARATORS = { CR: '\r', LF: '\n', CRLF: '\r\n' } as const;

/** An MSH field to change: MSH-3 and up, as MSH-1 and MSH-2 say how to read the others. */
interface Change {
  readonly field: number;
  readonly value: string;
}

/** `folder`: where relative paths start. */
export function readScenarioMessages(step: StepFields, folder: string): readonly OutgoingMessage[] {
  const payloads = step.has('message') ? inline(step) : fromFiles(step, folder);
  const changes = step.textMap('set').flatMap(({ name, value, place }): Change[] => {
    const field = Number(/^MSH-(\d{1,2})$/.exec(name)?.[1]);
    if (field >= 3) return [{ field, value }];
    step.error(`set.${name}`, 'must be a field from MSH-3 on, such as MSH-10', place);
    return [];
  });
  const { separator, times } = step.values;
  if (times * payloads.length > MOST_MESSAGES) {
    step.error('times', `makes more than ${MOST_MESSAGES} messages`);
    return [];
  }
  const made: Buffer[] = [];
  for (let n = 1; n <= times; n++) {
    for (const payload of payloads) {
      let bytes = payload;
      for (const { field, value } of changes) bytes = withField(bytes, field, () => value);
      if (n > 1) bytes = withField(bytes, 10, (id) => `${id}-${n}`);
      if (separator !== undefined) {
        const text = bytes.toString('latin1').replace(/\r\n|\r|\n/g, SEPARATORS[separator]);
        bytes = Buffer.from(text, 'latin1');
      }
      made.push(bytes);
    }
  }
  const whole = step.values.whole && made.length > 1 ? [Buffer.concat(made)] : made;
  return whole.map((payload) => ({ label: labelOf(payload), payload }));
}

function inline(step: StepFields): Buffer[] {
  const text = step.values.message ?? '';
  return [Buffer.from(text.replace(/\r\n|\r|\n/g, '\r'), 'utf8')];
}

function fromFiles(step: StepFields, folder: string): Buffer[] {
  return step.scalars('send').flatMap(({ text, place }) => {
    try {
      return readMessageFile(isAbsolute(text) ? text : join(folder, text));
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      const { detail, message } = asGatewayError(thrown);
      step.error('send', detail ?? message, place);
      return [];
    }
  });
}

/** MSH-10, or what stands for it. */
export function labelOf(payload: Buffer): string {
  try {
    const { controlId } = readHeader(payload);
    return controlId === '' ? '(no MSH-10)' : loggable(controlId);
  } catch {
    return '(no HL7)';
  }
}

/** Its MSH with one field changed, of however many there are; what has no MSH stays as it is. */
function withField(payload: Buffer, field: number, value: (before: string) => string): Buffer {
  const text = payload.toString('latin1');
  const at = text.startsWith('MSH') ? 0 : text.search(/(?<=[\r\n\xbf])MSH/);
  if (at < 0) return payload;
  const end = /[\r\n]|$/.exec(text.slice(at))?.index ?? 0;
  const separator = text.charAt(at + 3);
  const fields = text.slice(at, at + end).split(separator);
  while (fields.length < field) fields.push('');
  // MSH-1 is the separator itself, so MSH-2 has index 1.
  fields[field - 1] = Buffer.from(value(fields[field - 1] ?? ''), 'utf8').toString('latin1');
  return Buffer.from(text.slice(0, at) + fields.join(separator) + text.slice(at + end), 'latin1');
}

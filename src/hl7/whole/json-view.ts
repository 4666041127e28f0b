// A whole message as JSON for machines: every field that is not empty, with its path, its name and all its parts.
// Escapes are decoded, so the parts are lists and never one text with delimiters in it.
import { fieldName, segmentTitle } from './field-names.ts';
import { type Field, fieldPathOf, type WholeMessage } from './whole-message.ts';

export interface JsonField {
  /** `PID-3`, `OBX[2]-5`: as conditions of the config name it. */
  readonly path: string;
  readonly name?: string;
  /** Repetitions → components → subcomponents. */
  readonly value: Field;
}

export interface JsonSegment {
  readonly segment: string;
  readonly title?: string;
  readonly fields: readonly JsonField[];
}

export function jsonView({ segments }: WholeMessage): readonly JsonSegment[] {
  return segments.map((segment) => {
    const title = segmentTitle(segment.name);
    const fields = segment.fields.flatMap((value, i): JsonField[] => {
      if (isEmpty(value)) return [];
      const name = fieldName(segment.name, i + 1);
      return [{ path: `${fieldPathOf(segment)}-${i + 1}`, ...(name === undefined ? {} : { name }), value }];
    });
    return { segment: segment.name, ...(title === undefined ? {} : { title }), fields };
  });
}

export function isEmpty(field: Field): boolean {
  return field.every((repetition) => repetition.every((component) => component.every((part) => part === '')));
}

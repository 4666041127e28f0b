// Compares a whole message with the slow reference, piece by piece, and that neither has a piece more.
import { expect } from 'vitest';
import type { WholeMessage } from '../../../src/hl7/whole/whole-message.ts';
import { reference } from '../split-reference.ts';

/** `text` has one character for each byte. Returns how many pieces were compared. */
export function expectReference(whole: WholeMessage, text: string): number {
  let compared = 0;
  const last = new Map<string, number>();
  const same = (path: string, value: string | undefined): void => {
    compared++;
    const wanted = reference(text, path);
    // Millions of them: an assertion takes far longer than the comparison.
    if (value !== wanted) expect({ path, value }).toEqual({ path, value: wanted });
  };
  for (const { name, occurrence, fields } of whole.segments) {
    // No path can name it.
    if (!/^[A-Z][A-Z0-9]{2}$/.test(name)) continue;
    expect(occurrence).toBe((last.get(name) ?? 0) + 1);
    last.set(name, occurrence);
    const segment = `${name}[${occurrence}]`;
    fields.forEach((repetitions, f) => {
      const field = `${segment}-${f + 1}`;
      repetitions.forEach((components, r) => {
        components.forEach((subcomponents, c) => {
          subcomponents.forEach((value, s) => {
            same(`${field}[${r + 1}].${c + 1}.${s + 1}`, value);
          });
          same(`${field}[${r + 1}].${c + 1}.${subcomponents.length + 1}`, undefined);
        });
        same(`${field}[${r + 1}].${components.length + 1}`, undefined);
      });
      same(`${field}[${repetitions.length + 1}]`, undefined);
    });
    same(`${segment}-${fields.length + 1}`, undefined);
  }
  for (const [name, count] of last) same(`${name}[${count + 1}]-1`, undefined);
  return compared;
}

// A message's sticky key: what its sender is recognised by. Equal parts give an equal key and other parts another one,
// in every gateway of a pair.
import type { Subject } from '../src/config/config.ts';
import { type MessageView, readSubject } from './message-view.ts';

/**
 * The values of `by`, joined by `|`; undefined if all are empty, for such a message says nothing of its sender. A `|` or
 * `\` within a part is escaped, so that the join can be undone: `["a","bc"]` and `["ab","c"]` differ.
 */
export function stickyKey(view: MessageView, by: readonly Subject[]): string | undefined {
  let key = '';
  let some = false;
  for (let i = 0; i < by.length; i++) {
    const part = readSubject(view, by[i] as Subject) ?? '';
    if (part !== '') some = true;
    if (i > 0) key += '|';
    key += keyPart(part);
  }
  return some ? key : undefined;
}

/** One value as it stands in a key; the whole key, where it is the only one. */
function keyPart(value: string): string {
  return value.includes('|') || value.includes('\\') ? value.replaceAll(/[|\\]/g, '\\$&') : value;
}

/** No field of a message begins with it. */
const STREAM = '\0';

/** F81: of messages that belong together by HL7's own rules, whatever a pool keeps together. */
export function streamKey(parts: readonly string[]): string {
  return STREAM + parts.map(keyPart).join('|');
}

export function isStreamKey(key: string): boolean {
  return key.startsWith(STREAM);
}

// The config in force as YAML: the file as it was loaded, and what was added, set and taken out since. Promises that no
// secret is shown (F77): what stands in the file itself is masked, what stands elsewhere is named only.
import { type Document, isMap, isPair, isScalar, type Pair, parseDocument, visit } from 'yaml';
import { HOLD_SECRETS, SECRET_KEYS } from '../config/keys/sections.ts';

/** Of one pool. `added`: a node's settings as they were given. */
export interface PoolChanges {
  readonly added: ReadonlyMap<string, object>;
  readonly removed: ReadonlySet<string>;
  readonly weights: ReadonlyMap<string, number>;
}

/** The text of a config file with the changes in it. */
export function changedText(text: string, changes: ReadonlyMap<string, PoolChanges>): string {
  return changedDocument(text, changes).toString();
}

/** The same for people. */
export function shownText(text: string, changes: ReadonlyMap<string, PoolChanges>): string {
  const document = changedDocument(text, changes);
  visit(document, {
    Pair(_, pair, path) {
      const key = keyOf(pair);
      if (SECRET_KEYS.has(key)) maskScalars(pair);
      // Values of headers and of users are secrets as often as not.
      else if (HOLD_SECRETS.has(keyOf(path.findLast(isPair) as Pair | undefined))) maskScalars(pair);
    },
  });
  return document.toString();
}

function changedDocument(text: string, changes: ReadonlyMap<string, PoolChanges>): Document {
  const document = parseDocument(text) as Document;
  for (const [pool, { added, removed, weights }] of changes) {
    const nodes = ['pools', pool, 'nodes'];
    if (!document.hasIn(nodes)) continue;
    for (const name of removed) document.deleteIn([...nodes, name]);
    for (const [name, settings] of added)
      if (!document.hasIn([...nodes, name])) document.setIn([...nodes, name], document.createNode(settings));
    for (const [name, weight] of weights)
      if (document.hasIn([...nodes, name])) document.setIn([...nodes, name, 'weight'], weight);
  }
  return document;
}

const MASK = '***';

function keyOf(pair: Pair | undefined): string {
  return isScalar(pair?.key) ? String(pair.key.value) : '';
}

/** `{ file: … }` and `${NAME}` say where a secret is, and not what it is. */
function maskScalars(pair: Pair): void {
  const { value } = pair;
  if (isScalar(value) && !/^\$\{\w+\}$/.test(String(value.value))) value.value = MASK;
  else if (isMap(value)) for (const one of value.items) if (keyOf(one) !== 'file') maskScalars(one);
}

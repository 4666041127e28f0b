// A config file and those that it includes as the text of one file, for whoever shows, compares or changes the config in force.
// Promises that it says the same: it is made of files that were read without a problem.
import {
  type Document,
  isAlias,
  isMap,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';

/** Comments stay where they are. */
export function wholeText(text: string, included: readonly { readonly text: string }[]): string {
  if (included.length === 0) return text;
  const whole = parseDocument(text) as Document;
  if (!isMap(whole.contents)) whole.contents = whole.createNode({}) as YAMLMap;
  const top = whole.contents as YAMLMap;
  top.delete('include');
  included.forEach(({ text: other }, index) => {
    const document = parseDocument(other) as Document;
    rename(document, index + 1);
    if (!isMap(document.contents)) return;
    for (const pair of document.contents.items) join(whole, top, document, pair);
  });
  return whole.toString();
}

/** An anchor is of its own file. */
function rename(document: Document, index: number): void {
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) node.source = `${node.source}-${index}`;
      else if (node.anchor !== undefined) node.anchor = `${node.anchor}-${index}`;
    },
  });
}

function join(whole: Document, top: YAMLMap, document: Document, pair: Pair): void {
  const key = String(pair.key);
  const before = top.items.find((one) => String(one.key) === key);
  const own = before === undefined ? undefined : plain(before.value as Node | null, whole);
  const value = plain(pair.value as Node | null, document);
  if (before !== undefined && isMap(own) && isMap(value)) own.items.push(...value.items);
  else if (before !== undefined && isSeq(own) && isSeq(value)) own.items.push(...value.items);
  else {
    if (before !== undefined) top.delete(before.key);
    top.items.push(pair as (typeof top.items)[number]);
    return;
  }
  before.value = own;
}

/** What an alias stands for, to be added to without changing what it was taken from. */
function plain(node: Node | null, document: Document): unknown {
  if (!isAlias(node)) return node;
  const copy = node.resolve(document)?.clone() as Node & { anchor?: string };
  delete copy.anchor;
  return copy;
}

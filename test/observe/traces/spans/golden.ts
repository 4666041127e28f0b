// A trace as JSON that is the same in every run: a tree of names, kinds, statuses, attributes, events and links. Ids, ports and
// times are left out, or are words for what they are.
import { readFileSync } from 'node:fs';
import type { Trace } from '../../../helpers/otlp-collector.ts';
import type { ReadSpan, Value } from '../../../helpers/otlp-messages.ts';

export interface GoldenSpan {
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events?: readonly string[];
  readonly links?: number;
  /** The parent is another process's span. */
  readonly remoteParent?: string;
  readonly traceState?: string;
  readonly children?: readonly GoldenSpan[];
}

/** Attributes whose values differ from run to run. */
const VOLATILE: Readonly<Record<string, string>> = {
  'client.port': '(port)',
  'server.port': '(port)',
  'gateway.sticky.key': '(hash)',
  'gateway.parse.wait_ms': '(ms)',
};

export function goldenOf({ root, spans }: Trace): GoldenSpan {
  return spanOf(root, spans);
}

function spanOf(span: ReadSpan, all: readonly ReadSpan[]): GoldenSpan {
  const { name, kind, status, statusText, attributes, events, links, parentId, parentIsRemote, traceState } =
    span;
  const children = all.filter((one) => one.parentId === span.spanId);
  return {
    name,
    kind,
    status: statusText === '' ? status : `${status}: ${statusText}`,
    ...(parentIsRemote ? { remoteParent: parentId } : {}),
    ...(traceState === '' ? {} : { traceState }),
    attributes: Object.fromEntries(
      Object.entries(attributes)
        .map(([key, value]): [string, Value] => [key, VOLATILE[key] ?? value])
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ),
    ...(events.length === 0 ? {} : { events: events.map((event) => event.name) }),
    ...(links.length === 0 ? {} : { links: links.length }),
    ...(children.length === 0 ? {} : { children: children.map((child) => spanOf(child, all)) }),
  };
}

export function goldenFile(name: string): URL {
  return new URL(`golden/${name}.json`, import.meta.url);
}

export function readGolden(name: string): GoldenSpan {
  return JSON.parse(readFileSync(goldenFile(name), 'utf8'));
}

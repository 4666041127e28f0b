// The section `telemetry.traces`: where they go, how many there are, and which of them always.
// Promises that its conditions look at a message's header, its connection and its request, where no patient is.
import { isHeaderPath } from '../../hl7/field-path.ts';
import { namesCollector } from '../../observe/traces/environment.ts';
import type { TracesConfig } from '../config.ts';
import { TRACES_KEYS } from '../keys/telemetry.ts';
import type { TOP_KEYS } from '../keys/top.ts';
import type { Section } from '../read/section.ts';
import type { ReadContext } from '../source/value.ts';
import { readConditions } from './conditions.ts';

/** Where collectors listen (IANA has 4317 for both, the specification of OTLP a port for each). */
const ENDPOINTS = { 'http/protobuf': 'http://127.0.0.1:4318', grpc: 'http://127.0.0.1:4317' } as const;

/** That of opentelemetry's batch processor. An exporter's own (10 s) is shorter: this is for those who set it. */
const EXPORT_MS = 30_000;

export function buildTraces(
  top: Section<typeof TOP_KEYS>,
  listeners: readonly string[],
  reading: ReadContext,
): TracesConfig | undefined {
  const given = top.tree('telemetry.traces');
  if (given === undefined && !namesCollector(reading.env)) return undefined;
  const section = top.sectionOrDefaults('telemetry.traces', TRACES_KEYS);
  const { endpoint, protocol, ui, sample, parent, nodes, queue, mllp } = section.values;
  const always = readConditions(section.entries('always'), `${section.key}.always`, {
    ...reading,
    listeners,
  });
  for (const { subject, text } of always) {
    if (subject.kind === 'field' && !isHeaderPath(subject.path))
      section.error(
        'always',
        `${text} is beyond the header; fields of MSH, and of the connection, are looked at`,
      );
  }
  const { segment } = mllp;
  if (segment !== undefined && !/^Z[A-Z0-9]{2}$/.test(segment))
    section.error('mllp.segment', 'must be the name of a Z segment such as ZTR');
  return {
    endpoint: endpoint ?? ENDPOINTS[protocol] ?? '',
    protocol,
    ui,
    sample,
    parent,
    nodes,
    always,
    segment,
    queue: {
      maxSpans: queue.max,
      batchSpans: queue.batch,
      delayMs: queue.delayMs,
      exportMs: EXPORT_MS,
    },
  };
}

// What the gateway as a whole is doing, as metrics: its listeners, what it holds, its parsing, its certificates.
import type { Certificate } from '../../../../certs/certificate.ts';
import type { Listener } from '../../../../listeners/listener.ts';
import type { ParsingConfig, ParsingStats } from '../../../hl7/parsing.ts';
import { wallMs } from '../../../platform/time.ts';
import { version } from '../../../version.ts';
import { counted, type Family, number, numbers } from '../family.ts';

export function listenerFamilies(listeners: readonly Listener[]): readonly Family[] {
  const all = listeners.map(({ name, connections, strays }) => ({
    labels: { listener: name },
    connections,
    strays,
  }));
  return [
    numbers(
      'hl7_gateway_sender_connections',
      all.map(({ labels, connections }) => ({ labels, value: connections })),
    ),
    numbers(
      'hl7_gateway_skipped_bytes_total',
      all.map(({ labels, strays }) => ({ labels, value: strays.skippedBytes })),
    ),
    numbers(
      'hl7_gateway_empty_frames_total',
      all.map(({ labels, strays }) => ({ labels, value: strays.emptyFrames })),
    ),
  ];
}

export function parseFamilies(
  { waiting, running, workers, inline, offloaded, tasks, inlineLimitBytes }: ParsingStats,
  { queue }: ParsingConfig,
): readonly Family[] {
  return [
    number('hl7_gateway_parse_queue', waiting),
    number('hl7_gateway_parse_queue_limit', queue),
    number('hl7_gateway_parse_running', running),
    number('hl7_gateway_parse_workers', workers),
    counted('hl7_gateway_parse_messages_total', 'way', { inline, offloaded }),
    counted('hl7_gateway_parse_tasks_total', 'result', {
      done: tasks.done,
      failed: tasks.failed,
      timed_out: tasks.timedOut,
      lost: tasks.lost,
    }),
    number('hl7_gateway_parse_inline_limit_bytes', inlineLimitBytes),
  ];
}

/** Of several with the same subject at one place, as in a chain that was renewed in part, the one that ends first. */
export function certificateFamily(
  certificates: readonly (Certificate & { readonly where: string })[],
  now = wallMs(),
): Family {
  const ends = new Map<string, { readonly labels: { where: string; subject: string }; value: number }>();
  for (const { where, subject, notAfter } of certificates) {
    const key = `${where}\n${subject}`;
    const value = (notAfter.getTime() - now) / 1000;
    const before = ends.get(key);
    if (before === undefined || value < before.value) ends.set(key, { labels: { where, subject }, value });
  }
  return numbers('hl7_gateway_certificate_expiry_seconds', [...ends.values()]);
}

export function buildInfo(): Family {
  return number('hl7_gateway_build_info', 1, { version, node_version: process.version });
}

// The config that the demo runs on: four ways in, two simulated nodes that speak MLLP and HTTP, and a route for each kind.
// Promises that messages cross over: what comes by MLLP also goes to HTTP, and the reverse.
import type { DemoCertificates } from './demo-certificates.ts';

/** 0: any. */
export interface DemoPorts {
  readonly mllp: number;
  readonly mllps: number;
  readonly http: number;
  readonly https: number;
}

export interface WantedPorts extends DemoPorts {
  readonly admin: number;
}

export interface DemoNode {
  readonly name: string;
  readonly mllp: number;
  readonly http: number;
}

/** Many senders on two nodes show what stickiness does. */
export function demoConfig(
  ports: WantedPorts,
  nodes: readonly DemoNode[],
  { cert, key }: DemoCertificates,
  traces?: string | null,
): string {
  const list = (protocol: 'mllp' | 'http'): string =>
    nodes
      .map((node) => `      ${node.name}: { url: "${protocol}://127.0.0.1:${node[protocol]}" }`)
      .join('\n');
  const tls = `{ cert: ${quoted(cert)}, key: ${quoted(key)} }`;
  return `listeners:
  mllp:
    protocol: mllp
    bind: 127.0.0.1:${ports.mllp}
  mllps:
    protocol: mllp
    bind: 127.0.0.1:${ports.mllps}
    tls: ${tls}
  http:
    protocol: http
    bind: 127.0.0.1:${ports.http}
  https:
    protocol: http
    bind: 127.0.0.1:${ports.https}
    tls: ${tls}
pools:
  mirth:
    nodes:
${list('mllp')}
    persistence: { by: [MSH-3, MSH-4] }
    connections: { max: 4 }
    acknowledgement: always
  mirth-web:
    nodes:
${list('http')}
    persistence: { by: [MSH-3, MSH-4], cookie: GATEWAY_NODE }
    acknowledgement: always
routes:
  - name: admissions
    when: { MSH-9.1: [ADT, BAR] }
    to: mirth
  - name: results
    when: { MSH-9: /^(ORU|MDM|OUL)/ }
    to: mirth-web
  - name: everything else in HL7
    when: { MSH-9: { exists: true } }
    to: mirth
  - name: the Administrator and its API
    when: { listener: [http, https] }
    to: mirth-web
admin:
  bind: 127.0.0.1:${ports.admin}
telemetry:
  log: { level: warn, format: text }
${tracesSection(traces)}`;
}

/** All of what the demo sends is recorded, and is there as soon as somebody looks. */
function tracesSection(endpoint: string | null | undefined): string {
  if (endpoint === undefined) return '';
  const place = endpoint === null ? '' : `endpoint: ${quoted(endpoint)}, `;
  return `  traces: { ${place}queue: { delay: 200ms } }\n`;
}

/** A temporary folder's name may hold whatever its user's name does. JSON is YAML; `$${` is a plain `${` to the config. */
function quoted(path: string): string {
  return JSON.stringify(path).replaceAll('${', () => '$${');
}

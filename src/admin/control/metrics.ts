// The gateway's metrics in Prometheus' text format.
import type { NodeReport } from '../control.ts';

export function metricsText(nodes: readonly NodeReport[]): string {
  const lines: string[] = [];
  const gauge = (name: string, help: string, of: (node: NodeReport) => number): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
    for (const node of nodes) lines.push(`${name}{pool="${node.pool}",node="${node.node}"} ${of(node)}`);
  };
  gauge('hl7_gateway_node_up', '1: it may be given messages.', ({ state }) =>
    state === 'up' || state === 'draining' ? 1 : 0,
  );
  gauge('hl7_gateway_node_in_flight', 'Messages with the node.', ({ inFlight }) => inFlight);
  gauge('hl7_gateway_node_connections', 'Connections to the node.', ({ connections }) => connections);
  return `${lines.join('\n')}\n`;
}

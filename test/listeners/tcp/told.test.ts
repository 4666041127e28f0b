// `protocol: tcp`: what spans and metrics say of a connection, while it is open and when it is over; nothing of what it carried.
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { startCollector } from '../../helpers/otlp-collector.ts';
import { until } from '../../helpers/until.ts';
import { scrape } from '../../observe/metrics/gateway/scrape.ts';
import { startTraced } from '../../observe/traces/spans/room.ts';
import { openTcpRoom, startTcpNode, TcpRoom } from './tcp-room.ts';

it('a connection is one trace: where it came from, its dial, bytes each way, whose end came first', async () => {
  await using collector = await startCollector();
  await using node = await startTcpNode({ onConnection: (peer) => peer.write('hello') });
  const gw = await startTraced(collector, { nodes: [node.url], listener: { protocol: 'tcp' } });
  await using room = new TcpRoom(gw, []);
  const sender = room.connect();
  sender.write('MUSTERFRAU');
  await sender.got(5);
  const there = await node.connection();
  await there.got(10);
  there.socket.end();
  sender.socket.end();
  const trace = await collector.trace();
  expect(trace.tree).toEqual(['server tcp in', '  client forward a [connect]']);
  expect(trace.root.attributes).toMatchObject({
    'gateway.listener': 'in',
    'gateway.route': 'all',
    'gateway.pool': 'pool',
    'gateway.node': 'a',
    'gateway.bytes.to_node': 10,
    'gateway.bytes.to_sender': 5,
    'gateway.ended_by': 'node',
  });
  expect(inspect([trace.spans, room.gw.log], { depth: 9 })).not.toContain('MUSTERFRAU');
});

it('bytes count while a connection is open, and the connection when it is over', async () => {
  await using node = await startTcpNode();
  await using room = await openTcpRoom({ nodes: [node.url] });
  const sender = room.connect();
  sender.write('0123456789');
  await (await node.connection()).got(10);
  const named = async (name: string, label: string): Promise<number | undefined> => {
    const { samples } = await scrape(room.gw);
    return samples.find((one) => one.name === name && Object.values(one.labels).includes(label))?.value;
  };
  expect(await named('hl7_gateway_tcp_bytes_total', 'node')).toBe(10);
  sender.socket.resetAndDestroy();
  await until(() => room.over.length === 1);
  expect(await named('hl7_gateway_tcp_bytes_total', 'node')).toBe(10);
  expect(await named('hl7_gateway_tcp_connections_total', 'sender')).toBe(1);
});

// What Jaeger lists and searches by: the names of spans, of services and of senders, whatever their charset.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { request } from '../../../faults/http-room.ts';
import { startFaultyNode } from '../../../helpers/faulty-node.ts';
import { message } from '../../../helpers/mllp.ts';
import { startCollector } from '../../../helpers/otlp-collector.ts';
import { connectClient } from '../../../helpers/raw-http-client.ts';
import { startRawNode } from '../../../helpers/raw-http-node.ts';
import { connectSender } from '../../../helpers/sender.ts';
import { ask } from '../../../http-hl7/room.ts';
import { startTraced } from './room.ts';

afterEach(() => vi.unstubAllEnvs());

async function rootAttributes(bytes: Buffer): Promise<Readonly<Record<string, unknown>>> {
  await using collector = await startCollector();
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, { nodes: [node.url] });
  await using sender = await connectSender(gw.port());
  await sender.exchange(bytes);
  return (await collector.trace()).root.attributes;
}

/** A header of these fields: MSH-4, MSH-9 and MSH-18, with delimiters of its own. */
function header(facility: Buffer, type: string, charset: string, [field, component] = ['|', '^']): Buffer {
  const bar = (text: string) => Buffer.from(text.replaceAll('|', field ?? ''));
  return Buffer.concat([
    bar(`MSH|${component}~\\&|LAB|`),
    facility,
    bar(`|EHR|MAIN|20260101||${type.replaceAll('^', component ?? '')}|N-1|P|2.5||||||${charset}\r`),
  ]);
}

describe('a field of the header', () => {
  it.each([
    ['as UTF-8, which MSH-18 says', Buffer.from('Zürich'), 'UNICODE UTF-8', 'Zürich'],
    ['as UTF-8, which nobody says', Buffer.from('中央病院'), '', '中央病院'],
    ['in Latin-1', Buffer.from('Zürich', 'latin1'), '8859/1', 'Zürich'],
    ['in Latin-1, which nobody says', Buffer.from('Zürich', 'latin1'), '', 'Zürich'],
    ['in Cyrillic', Buffer.from([0xbc, 0xde, 0xe1, 0xda, 0xd2, 0xd0]), '8859/5', 'Москва'],
    ['with what nobody can see', Buffer.from('A\u0007\u202eB'), 'UNICODE UTF-8', 'A\\x07\\u{202e}B'],
    ['that is long', Buffer.from('é'.repeat(70)), 'UNICODE UTF-8', `${'é'.repeat(64)}…`],
  ])('%s can be read and searched for', async (_, bytes, charset, expected) => {
    const attributes = await rootAttributes(header(bytes, 'ADT^A01^ADT_A01', charset));
    expect(attributes['hl7.sending.facility']).toBe(expected);
  });

  it.each([
    ['ADT^A01^ADT_A01', undefined, 'ADT^A01', 'ADT_A01'],
    ['ADT^A01', undefined, 'ADT^A01', undefined],
    ['ADT', undefined, 'ADT', undefined],
    ['ADT^^ADT_A01', undefined, 'ADT', 'ADT_A01'],
    ['ORU^R01^ORU_R01~X^Y^Z', undefined, 'ORU^R01', 'ORU_R01'],
    ['ADT^A01^ADT_A01', ['#', '!'], 'ADT^A01', 'ADT_A01'],
  ] as const)('MSH-9 %s (%j) is %s, of the structure %s', async (type, delimiters, expected, structure) => {
    const attributes = await rootAttributes(
      header(Buffer.from('NORTH'), type, '', delimiters && [...delimiters]),
    );
    expect(attributes['hl7.message.type']).toBe(expected);
    expect(attributes['hl7.message.structure']).toBe(structure);
  });
});

it('an instance that the environment names keeps its name', async () => {
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'service.instance.id=gw-7');
  await using collector = await startCollector();
  await using node = await startFaultyNode();
  await using gw = await startTraced(collector, { nodes: [node.url] });
  await using sender = await connectSender(gw.port());
  await sender.exchange(message());
  expect((await collector.trace()).root.resource['service.instance.id']).toBe('gw-7');
});

it('a method that nobody knows is no name of a span, and stands in none', async () => {
  await using collector = await startCollector();
  await using node = await startRawNode();
  await using gw = await startTraced(collector, {
    nodes: [node.url],
    listener: { protocol: 'http' },
    pool: { health: { type: 'none' } },
  });
  await using client = await connectClient(gw.port());
  await ask(client, request('PROPFIND /form HTTP/1.1', []));
  const { root, spans } = await collector.trace();
  expect(root.name).toBe('HTTP all');
  expect(root.attributes['http.request.method']).toBe('_OTHER');
  expect(spans.map(({ name, attributes }) => JSON.stringify([name, attributes])).join()).not.toContain(
    'PROPFIND',
  );
});

// F49 to F54: what two readers could take in two ways is refused, nothing behind it is looked at, and none of it reaches
// a node. Over plain HTTP/1, over TLS, and over TLS where HTTP/2 is spoken as well: Node.js has three servers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { turns } from '../helpers/until.ts';
import { BEHIND, PROBES } from './http-probes.ts';
import { GET, type HttpRoom, openHttpRoom, request } from './http-room.ts';

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

interface Kind {
  readonly kind: string;
  readonly secure?: boolean;
  readonly listener?: Record<string, unknown>;
}

const KINDS: readonly Kind[] = [
  { kind: 'plain' },
  { kind: 'TLS', secure: true, listener: { http: { http2: false } } },
  { kind: 'TLS beside HTTP/2', secure: true },
];

describe.each(KINDS)('$kind', ({ secure, listener }) => {
  let room: HttpRoom;
  beforeAll(async () => {
    room = await openHttpRoom({
      ...(secure === true ? { tls: folder } : {}),
      ...(listener === undefined ? {} : { listener }),
    });
  });
  afterAll(() => room[Symbol.asyncDispose]());

  it.each(PROBES)('$name', async ({ bytes, status }) => {
    const before = room.node.requests.length;
    await using client = await room.connect();
    void client.send(bytes + BEHIND);
    await client.end();
    expect(client.statuses).toEqual([status]);
    expect(client.rest.toString('latin1')).toBe('');
    await turns();
    expect(room.node.requests.length).toBe(before);
  });

  it.each(PROBES)('$name, behind a good request', async ({ bytes, status }) => {
    const before = room.node.requests.length;
    await using client = await room.connect();
    void client.send(GET + bytes + BEHIND);
    await client.end();
    expect(client.statuses).toEqual([200, status]);
    await turns();
    expect(room.node.requests.length).toBe(before + 1);
  });

  it('nothing of it has come later', async () => {
    const before = room.node.requests.length;
    await using client = await room.connect();
    expect((await client.ask(request('GET /last HTTP/1.1'))).status).toBe(200);
    expect(room.node.requests.slice(before).map(({ target }) => target)).toEqual(['/last']);
    const targets = new Set(room.node.requests.map(({ target }) => target));
    expect(targets).toEqual(new Set(['/', '/last']));
    // Not even a part of one.
    for (const { received } of room.node.connections) expect(received.includes('/probe')).toBe(false);
    expect(room.node.broken).toEqual([]);
  });
});

describe('byte by byte', () => {
  let room: HttpRoom;
  beforeAll(async () => {
    room = await openHttpRoom();
  });
  afterAll(() => room[Symbol.asyncDispose]());

  it.each(PROBES.filter(({ bytes }) => bytes.length < 500))('$name', async ({ bytes, status }) => {
    await using client = await room.connect();
    const all = bytes + BEHIND;
    await client.sendSplit(
      all,
      Array.from(all, (_, at) => at),
    );
    await client.end();
    expect(client.statuses).toEqual([status]);
    expect(room.node.requests).toEqual([]);
  });
});

// F122: a rule on a host holds however the host is spelt: with the root's dot, in capitals, with a port, as an absolute target.
import { expect, it } from 'vitest';
import { openHttpRoom } from './http-room.ts';

it.each(['admin.test', 'admin.test.', 'Admin.Test'])('F122 a rule on %s', async (host) => {
  await using room = await openHttpRoom({
    routes: [{ when: { host }, reject: {} }, { to: 'pool' }],
  });
  const status = async (target: string, spelt: string): Promise<number> => {
    await using client = await room.connect();
    return (await client.ask(`GET ${target} HTTP/1.1\r\nHost: ${spelt}\r\n\r\n`)).status;
  };
  for (const spelt of ['admin.test', 'admin.test.', 'ADMIN.test.', 'admin.test.:80', 'admin.test:8080']) {
    expect(await status('/', spelt)).toBe(403);
    expect(await status(`http://${spelt}/`, 'other.test')).toBe(403);
  }
  expect(room.node.requests).toEqual([]);
  expect(await status('/', 'other.test.')).toBe(200);
  // As it came: the node may tell them apart.
  expect(room.node.requests[0]?.fields).toContainEqual(['host', 'other.test.']);
});

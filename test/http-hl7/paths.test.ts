// The path that a message is posted to: the client's own, rewritten by its route, or that of the node's URL.
import { describe, expect, it } from 'vitest';
import { message } from '../helpers/mllp.ts';
import { byMllp, LONG, post, toHttp, told } from './room.ts';

const X1 = message({ controlId: 'X1' });

describe('the path', LONG, () => {
  it.each<
    [what: string, nodePath: string, path: string, rewrite: [string, string] | undefined, target: string]
  >([
    ['is the client’s where the node’s URL has none', '', '/in/adt?site=7&x', undefined, '/in/adt?site=7&x'],
    ['is the client’s, normalised', '', '/in/./x/../%61dt', undefined, '/in/adt'],
    [
      'is that of the node’s URL, whatever the client’s',
      '/channel/1',
      '/in/adt?site=7',
      undefined,
      '/channel/1',
    ],
    ['is rewritten', '', '/vip/adt?q=1', ['^/vip/', '/channels/'], '/channels/adt?q=1'],
    ['is not rewritten where the node’s URL has one', '/channel', '/vip/adt', ['^/vip/', '/x/'], '/channel'],
  ])('%s', async (_, nodePath, path, rewrite, target) => {
    await using room = await toHttp({
      nodePath,
      routes: [{ to: 'pool', ...(rewrite && { http: { rewrite: { path: rewrite } } }) }],
    });
    expect(told(await room.ask(post(X1, { path })))).toBe('200 AA X1');
    expect(room.node.requests.map((request) => request.target)).toEqual([target]);
  });

  it.each([
    ['', '/'],
    ['/channel/2', '/channel/2'],
  ])('of a message that came by MLLP, to a node at "%s", is %s', async (path, target) => {
    expect((await byMllp(X1, { path })).target).toBe(target);
  });

  it('routes messages, as their fields do', async () => {
    await using room = await toHttp({
      routes: [
        { when: { path: '/adt', 'MSH-9.1': 'ADT', 'header.x-site': 'north' }, to: 'pool' },
        { reject: { code: 'AR' } },
      ],
    });
    const north = { path: '/adt', fields: ['X-Site: north'] };
    expect(told(await room.ask(post(X1, north)))).toBe('200 AA X1');
    expect(told(await room.ask(post(X1, { ...north, path: '/oru' })))).toBe('200 AR X1');
    expect(told(await room.ask(post(X1, { path: '/adt' })))).toBe('200 AR X1');
    expect(told(await room.ask(post(message({ type: 'ORU^R01', controlId: 'X2' }), north)))).toBe(
      '200 AR X2',
    );
  });
});

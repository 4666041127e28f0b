// The gateway's own sentences of what is wrong, and where each of them leads.
import { expect, test } from 'vitest';
import { linkTo, problemParts } from '../../console/words/problems.ts';
import { conditionOf } from '../../src/admin/control/condition.ts';
import type { NodeReport } from '../../src/admin/control.ts';

function node(reason: string, trial = false): NodeReport {
  return { pool: 'adt', node: 'b', state: 'down', trial, reason } as NodeReport;
}

const pool = (name: string, available: boolean, nodes: readonly NodeReport[] = []) => ({
  pool: name,
  protocol: 'mllp' as const,
  available,
  queued: 0,
  nodes,
});

const { problems } = conditionOf({
  draining: true,
  reloadError: 'the config has errors: gateway.yaml:7:9: routes[0].to',
  pools: [
    pool('lab', false),
    pool('adt', true, [node('GW_ERR_NODE_CONNECT: connect ECONNREFUSED 10.0.0.1:6661'), node('two', true)]),
  ],
  certificates: [{ where: 'listeners.in.tls', file: 'a.pem', subject: 'CN=a', notAfter: '', days: 2 }],
});

test('no word of a sentence is lost', () => {
  expect(problems.length).toBe(6);
  for (const sentence of problems)
    expect(
      problemParts(sentence)
        .map(({ text }) => text)
        .join(''),
    ).toBe(sentence);
});

test('each leads to the page that shows more', () => {
  const links = problems.flatMap((sentence) => problemParts(sentence).flatMap(({ link }) => link ?? []));
  expect(links).toEqual([
    '#/nodes?pool=lab',
    '#/nodes?open=adt%2Fb',
    '#/nodes?open=adt%2Fb',
    '#/config',
    '#/certificates',
  ]);
  expect(problemParts('the gateway is draining: it takes no new connections')).toEqual([
    { text: 'the gateway is draining: it takes no new connections' },
  ]);
});

test('what is asked for nothing is left out of a link, and names are encoded', () => {
  expect(linkTo('nodes', { find: '', pool: undefined })).toBe('#/nodes');
  expect(linkTo('messages', { route: 'a&b=<c>' })).toBe('#/messages?route=a%26b%3D%3Cc%3E');
});

// Chromium at the HTTPS VIP: a page with style sheet, script, cookies and a WebSocket, over HTTP/2; its session stays on
// its node, and moves when that node is killed.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../helpers/until.ts';
import { chromiumPath, launchChromium, Visitor } from './browser.ts';
import { openVips, PATIENCE_MS, startNodeProcess, startSimulatedNodes, vipCertificate } from './http-vips.ts';

const pool = { persistence: { cookie: 'GATEWAY_NODE' } };

describe.skipIf(chromiumPath === undefined)(
  'Chromium (skipped without chromium)',
  { timeout: 300_000 },
  () => {
    let certificate: ReturnType<typeof vipCertificate>;
    let browser: Browser;
    beforeAll(async () => {
      certificate = vipCertificate();
      browser = await launchChromium(certificate);
    }, 180_000);
    afterAll(async () => {
      await browser.close();
      certificate[Symbol.dispose]();
    });

    const path = '/admin/launch?x=1';

    test('the page with all its parts, over HTTP/2, each from the one node that its cookie names', async () => {
      await using room = await startSimulatedNodes();
      await using vips = await openVips(certificate, { nodes: room.urls, pool });
      await using visitor = await Visitor.of(browser);
      const first = await visitor.visit(vips.url('https', path));
      const { node } = first;
      expect(first).toEqual({
        status: 200,
        node: expect.stringMatching(/^[ab]$/),
        visits: 1,
        echo: `echo of ${node}`,
        color: 'rgb(0, 90, 120)',
        protocol: 'h2',
      });
      expect(visitor.webSockets).toEqual([`wss://127.0.0.1:${vips.port('https')}/ws`]);
      const cookies = await visitor.context.cookies();
      expect(
        cookies.map(({ name, value, ...rest }) => ({ name, isOpaque: !/^[ab]$/.test(value), ...rest })),
      ).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            name: 'GATEWAY_NODE',
            isOpaque: true,
            httpOnly: true,
            secure: true,
            sameSite: 'Lax',
            path: '/',
            expires: -1,
          }),
          expect.objectContaining({ name: 'JSESSIONID', httpOnly: true }),
        ]),
      );
      // Each node gets its turn, so 20 reloads with their assets and WebSockets would not stay by chance.
      for (let visits = 2; visits <= 21; visits++) {
        expect(await visitor.visit()).toMatchObject({ node, visits, echo: `echo of ${node}` });
        for (const [served, by] of visitor.served) expect([served, by.node]).toEqual([served, node]);
      }
      expect(visitor.webSockets).toHaveLength(21);
      const taken = new Set(
        vips.gw.proxied.flatMap(({ attempts }) => attempts.map((attempt) => attempt.node)),
      );
      expect([...taken]).toEqual([node]);
      // The node does not see the gateway's cookie, but its own.
      const seen = (await (
        await visitor.context.request.get(vips.url('https', '/echo'), { ignoreHTTPSErrors: true })
      ).json()) as {
        headers: Record<string, string>;
      };
      expect(seen.headers.cookie).toMatch(/^JSESSIONID=\w+$/);
    });

    test('its node is killed: the page comes from the other one, with a session there, and stays', async () => {
      await using a = await startNodeProcess('a');
      await using b = await startNodeProcess('b');
      await using vips = await openVips(certificate, { nodes: [a.url, b.url], pool });
      await using visitor = await Visitor.of(browser);
      const { node } = await visitor.visit(vips.url('https', path));
      expect(await visitor.visit()).toMatchObject({ node, visits: 2 });
      const before = await visitor.context.cookies();
      (node === 'a' ? a : b).kill('SIGKILL');
      // The page itself sees its WebSocket end.
      await visitor.page.getByText('(closed: 1006)').waitFor();
      const other = node === 'a' ? 'b' : 'a';
      for (let visits = 1; visits <= 5; visits++) {
        expect(await visitor.visit()).toMatchObject({
          status: 200,
          node: other,
          visits,
          echo: `echo of ${other}`,
        });
        for (const [served, by] of visitor.served) expect([served, by.node]).toEqual([served, other]);
      }
      const value = (cookies: typeof before, name: string): string | undefined =>
        cookies.find((cookie) => cookie.name === name)?.value;
      const after = await visitor.context.cookies();
      for (const name of ['GATEWAY_NODE', 'JSESSIONID']) {
        expect(value(after, name)).toBeTruthy();
        expect(value(after, name)).not.toBe(value(before, name));
      }
    });

    test('a node of weight 0 keeps its session and takes no new one', async () => {
      await using room = await startSimulatedNodes();
      await using vips = await openVips(certificate, { nodes: room.urls, pool });
      await using visitor = await Visitor.of(browser);
      const { node } = await visitor.visit(vips.url('https', path));
      // Another gateway of a pair, or the same one with another config: the cookie says the same to both.
      const nodes = room.nodes.map(({ name }, i) => ({
        url: room.urls[i] as string,
        weight: name === node ? 0 : 1,
      }));
      await using drained = await openVips(certificate, { nodes, pool });
      const url = drained.url('https', path);
      expect(await visitor.visit(url)).toMatchObject({ node, visits: 2 });
      for (let i = 0; i < 4; i++) {
        await using stranger = await Visitor.of(browser);
        expect((await stranger.visit(url)).node).not.toBe(node);
      }
      expect(await visitor.visit()).toMatchObject({ node, visits: 3 });
      // Its WebSocket would be waited for when the gateway stops.
      await visitor.page.goto('about:blank');
    });

    test('a node that is drained keeps its session and takes no new one, until it is ready again', async () => {
      await using room = await startSimulatedNodes();
      await using vips = await openVips(certificate, { nodes: room.urls, pool });
      await using visitor = await Visitor.of(browser);
      const { node } = await visitor.visit(vips.url('https', path));
      const nodes = vips.gw.gateway.httpPools.get('web')?.pool.nodes ?? [];
      const drained = nodes.find(({ name }) => name === node);
      drained?.drain();
      for (let visits = 2; visits <= 4; visits++) {
        expect(await visitor.visit()).toMatchObject({ node, visits });
        await using stranger = await Visitor.of(browser);
        expect((await stranger.visit(vips.url('https', path))).node).not.toBe(node);
      }
      drained?.ready();
      const taken = new Set<string>();
      for (let i = 0; i < 4; i++) {
        await using stranger = await Visitor.of(browser);
        taken.add((await stranger.visit(vips.url('https', path))).node);
      }
      expect(taken.size).toBe(2);
      await visitor.page.goto('about:blank');
    });

    test('a page that is left, and a browser that is closed, leave nothing behind', async () => {
      await using room = await startSimulatedNodes();
      await using vips = await openVips(certificate, { nodes: room.urls, pool });
      {
        await using visitor = await Visitor.of(browser);
        await visitor.visit(vips.url('https', path));
        await until(() => vips.gw.held.inFlight === 1, {
          deadlineMs: PATIENCE_MS,
          what: 'its WebSocket alone',
        });
      }
      await until(() => vips.gw.held.inFlight === 0, { deadlineMs: PATIENCE_MS, what: 'nothing in flight' });
    });
  },
);

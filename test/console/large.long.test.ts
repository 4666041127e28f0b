// A large gateway in the console: 1,000 nodes, 5,000 senders and 200 routes stay usable, by the mouse and by the keyboard.
import { expect, test } from 'vitest';
import { inChromium, Looker, openConsoleRoom, VIEWER } from './room.ts';

const NODES = 1_000;
const SENDERS = 5_000;
const ROUTES = 200;
/** What a person takes for at once, and a machine with other work for some of it. */
const SOON_MS = 1_500;

const POOLS = Object.fromEntries(
  Array.from({ length: 10 }, (_, pool) => [
    `pool-${pool}`,
    {
      nodes: Object.fromEntries(
        Array.from({ length: NODES / 10 }, (_, node) => [`node-${node}`, { url: 'mllp://127.0.0.1:9' }]),
      ),
      health: { type: 'none' },
    },
  ]),
);

inChromium('a large gateway', (browser) => {
  test('1,000 nodes, 200 routes and 5,000 senders: few rows are there, the filter is quick, the end is reached', async () => {
    await using room = await openConsoleRoom({
      pools: POOLS,
      routes: Array.from({ length: ROUTES }, (_, n) => ({
        name: `route ${n}`,
        when: { 'MSH-3': `APP${n}` },
        to: `pool-${n % 10}`,
      })),
    });
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    const rows = page.locator('[role="row"][data-index]');
    const soon = async (what: () => Promise<unknown>): Promise<void> => {
      const begun = performance.now();
      await what();
      expect(performance.now() - begun).toBeLessThan(SOON_MS);
    };
    await looker.logIn(VIEWER);
    await page.getByText('and 40 more').first().waitFor();

    await looker.open('Nodes');
    await page.getByText('1,000 nodes').waitFor();
    await rows.first().waitFor();
    expect(await rows.count()).toBeLessThan(60);
    expect(await page.getByRole('table').getAttribute('aria-rowcount')).toBe('1001');
    await soon(async () => {
      await page.getByLabel('Search').fill('pool-7/node-42');
      await page.getByText('1 node', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'pool-7/node-42' }).waitFor();
    });
    expect(page.url()).toContain('find=pool-7');
    await page.getByLabel('Search').fill('');
    await page.getByText('1,000 nodes').waitFor();
    await page.getByRole('button', { name: 'pool-0/node-0', exact: true }).focus();
    await soon(async () => {
      await page.keyboard.press('End');
      await page.locator('button:focus', { hasText: 'pool-9/node-99' }).waitFor();
    });
    await page.keyboard.press('PageUp');
    await page.locator('button:focus', { hasText: 'pool-9/node-84' }).waitFor();
    // By the tabulator too, row after row, past what was there at first.
    for (let n = 0; n < 12; n++) await page.keyboard.press('Shift+Tab');
    await page.locator('button:focus', { hasText: 'pool-9/node-72' }).waitFor();

    await looker.open('Routes');
    await page.getByText('200 routes').waitFor();
    await soon(async () => {
      await page.mouse.move(600, 600);
      await page.mouse.wheel(0, 100_000);
      await page.getByRole('link', { name: 'route 199' }).waitFor();
    });
    expect(await rows.count()).toBeLessThan(60);

    // As many connections as that are another test's: their report is made here.
    const senders = Array.from({ length: SENDERS }, (_, n) => ({
      listener: 'in',
      address: `10.${n >> 8}.0.${n & 255}`,
      port: 40_000,
      since: '2026-03-01T11:00:00.000Z',
      messages: n,
      pending: 0,
      sender: `WARD${n}|H`,
      lastAt: new Date().toISOString(),
      messagesPerSecond: 0.1,
      pool: 'pool-1',
      node: 'node-1',
    }));
    await page.route('**/senders?*', (route) => {
      const search = new URL(route.request().url()).searchParams.get('search') ?? '';
      const found = senders.filter(({ sender }) => sender.includes(search));
      return route.fulfill({ json: { total: found.length, senders: found } });
    });
    await looker.open('Senders');
    await page.getByText('5,000 connections').waitFor();
    expect(await rows.count()).toBeLessThan(60);
    await soon(async () => {
      await page.mouse.wheel(0, 1_000_000);
      await page.getByText('WARD4999|H').waitFor();
    });
    await soon(async () => {
      await page.getByLabel('Name, address, certificate').fill('WARD4242');
      await page.getByText('1 connection', { exact: true }).waitFor();
      await page.getByRole('link', { name: 'WARD4242|H' }).waitFor();
    });
  });
});

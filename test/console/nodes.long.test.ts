// The console's page of nodes, by its buttons and by the keyboard, while senders send: what an operator does takes no message with it, and
// what happens to a node is seen at once.
import { expect, test } from 'vitest';
import { connectSender } from '../helpers/sender.ts';
import { until } from '../helpers/until.ts';
import { type ConsoleRoom, inChromium, Looker, OPERATOR, openConsoleRoom, PASSWORD } from './room.ts';
import { planted } from './traffic.ts';

/** Eight that send one message after the other until they are told to stop. */
async function eightSenders(
  room: ConsoleRoom,
): Promise<AsyncDisposable & { stop: () => Promise<readonly string[][]> }> {
  let isOn = true;
  const answered = await Promise.all(
    Array.from({ length: 8 }, async (_, n) => ({ n, sender: await connectSender(room.port) })),
  );
  const sending = answered.map(async ({ n, sender }) => {
    const codes: string[] = [];
    for (let i = 0; isOn; i++) {
      const ack = await sender.exchange(planted({ app: `WARD${n}`, controlId: `W${n}-${i}` }));
      codes.push(/MSA\|(\w+)\|(\S+?)[|\r]/.exec(ack.toString('latin1'))?.slice(1).join(' ') ?? 'none');
    }
    await sender[Symbol.asyncDispose]();
    return codes;
  });
  const stop = (): Promise<readonly string[][]> => {
    isOn = false;
    return Promise.all(sending);
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}

inChromium('nodes', (browser) => {
  test('a node is drained, put in maintenance and made ready by buttons while 8 senders send, and nothing is lost', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await using senders = await eightSenders(room);
    await looker.logIn(OPERATOR, '#/nodes');
    const row = page.getByRole('row', { name: /^adt\/a / });
    await page.getByRole('button', { name: 'adt/a' }).click();
    const panel = page.getByRole('dialog', { name: 'adt/a' });
    await panel.getByLabel('Reason').fill('patch of Mirth');
    await panel.getByRole('button', { name: 'Drain' }).click();
    await panel.getByText('Drain: done.').waitFor();
    await panel.getByText('draining', { exact: true }).waitFor();
    await panel.getByRole('button', { name: 'Maintenance' }).click();
    await panel.getByText('Maintenance: done.').waitFor();
    await panel.getByRole('button', { name: 'Close' }).click();
    await row.getByText('maintenance', { exact: true }).waitFor();
    const before = room.nodes.a.controlIds.length;
    await until(() => room.nodes.b.controlIds.length > 200);
    expect(room.nodes.a.controlIds.length).toBeLessThanOrEqual(before + 8);
    // The focus is where it was.
    expect(await page.evaluate('document.activeElement.textContent')).toBe('adt/a');
    await page.keyboard.press('Enter');
    await panel.getByRole('button', { name: 'Ready' }).click();
    await panel.getByText('Ready: done.').waitFor();
    await panel.getByLabel('Weight').fill('97');
    await panel.getByRole('button', { name: 'Set weight' }).click();
    await panel.getByText('Weight: done.').waitFor();
    await page.keyboard.press('Escape');
    await row.locator('.weight').getByText('97', { exact: true }).waitFor();

    const codes = await senders.stop();
    const all = codes.flat();
    expect(all.length).toBeGreaterThan(200);
    expect(codes).toEqual(codes.map((some, n) => some.map((_, i) => `AA W${n}-${i}`)));
    const taken = [...room.nodes.a.controlIds, ...room.nodes.b.controlIds];
    expect(new Set(taken).size).toBe(all.length);
    const acts = room.actions.filter(({ action }) => action.kind.startsWith('node'));
    expect(acts.map(({ by, action }) => [by, 'what' in action ? action.what : ''])).toEqual([
      ['127.0.0.1 (otto)', 'drain'],
      ['127.0.0.1 (otto)', 'maintenance'],
      ['127.0.0.1 (otto)', 'ready'],
      ['127.0.0.1 (otto)', 'weight 97'],
    ]);
    expect(acts[0]?.action).toMatchObject({ pool: 'adt', node: 'a', reason: 'patch of Mirth' });
  });

  test('a node that is killed is red within 2 s, on the overview and among the nodes', async () => {
    await using room = await openConsoleRoom();
    await using overview = await Looker.of(browser(), room);
    await using nodes = await Looker.of(browser(), room);
    await overview.logIn();
    await nodes.logIn(OPERATOR, '#/nodes');
    const square = overview.page.getByRole('link', { name: /^b / });
    const badge = nodes.page.getByRole('row', { name: /^adt\/b / }).locator('.badge');
    await overview.page.getByRole('link', { name: 'b up' }).waitFor();
    await badge.getByText('up').waitFor();
    await room.nodes.b.kill();
    const killedAt = performance.now();
    await Promise.all([
      square.and(overview.page.locator('.bad')).waitFor(),
      nodes.page.locator('.badge.bad').getByText('down').waitFor(),
    ]);
    expect(performance.now() - killedAt).toBeLessThan(2_000);
    await overview.page.getByText(/^node adt\/b is down/).waitFor();
    await overview.page.getByText('1 thing wants a look').waitFor();
    const color = `getComputedStyle(document.querySelector('a.square.bad')).color`;
    expect(await overview.page.evaluate(color)).toBe('rgb(194, 31, 47)');
    await room.nodes.b.listen();
    await overview.page.getByText('All well').waitFor();
  });

  test('all of it by the keyboard alone: log-in, pages, a list, a drain', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    const focused = (): Promise<string> =>
      page.evaluate('document.activeElement.textContent') as Promise<string>;
    /** As whoever has no mouse goes on. */
    const tabTo = async (text: string): Promise<void> => {
      for (let n = 0; n < 40 && (await focused()) !== text; n++) await page.keyboard.press('Tab');
      expect(await focused()).toBe(text);
      const ring = 'getComputedStyle(document.activeElement).outlineStyle';
      expect(await page.evaluate(ring), text).not.toBe('none');
    };
    await page.goto(room.url);
    await page.getByLabel('User').waitFor();
    await page.keyboard.type(OPERATOR);
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('navigation').waitFor();
    await tabTo('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.tagName')).toBe('MAIN');
    await page.keyboard.press('Shift+Tab');
    expect(await focused()).toBe('Cluster');
    for (let n = 0; n < 20 && (await focused()) !== 'Nodes'; n++) await page.keyboard.press('Shift+Tab');
    expect(await focused()).toBe('Nodes');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'adt/a' }).waitFor();
    await tabTo('adt/a');
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('adt/b');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'adt/b' }).waitFor();
    await tabTo('Drain');
    await page.keyboard.press('Space');
    await page.getByText('Drain: done.').waitFor();
    await page.keyboard.press('Escape');
    await until(async () => (await focused()) === 'adt/b');
    expect(room.actions.map(({ action }) => action.kind)).toEqual(['log-in', 'node state']);
  });
});

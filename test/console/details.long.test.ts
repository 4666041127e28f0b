// What the console's pages do beyond showing a list: find a message and show its way, say where a message would go, compare the config with its
// file and take it up, and show what only some gateways have.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { CertificateInUse, ClusterReport } from '../../src/admin/control.ts';
import { until } from '../helpers/until.ts';
import { inChromium, Looker, OPERATOR, openConsoleRoom, shoot } from './room.ts';
import { PATIENT, planted, sendAll, USUAL } from './traffic.ts';

inChromium('details', (browser) => {
  test('where message 4711 went: found by its control id, by node, code and outcome, with its hops', async () => {
    await using room = await openConsoleRoom({
      // A message finds out before a check does.
      health: { type: 'none' },
      telemetry: { traces: { endpoint: 'http://127.0.0.1:9', ui: 'http://127.0.0.1:16686/' } },
    });
    await sendAll(room, USUAL);
    // Its first node is gone: the other one has it at the second attempt.
    const first = room.nodes.a.controlIds.includes('ADT-0') ? room.nodes.a : room.nodes.b;
    await first.kill();
    await sendAll(room, [{ app: 'PAS', facility: 'WEST', controlId: '4711' }]);
    await using looker = await Looker.of(browser(), room, { viewport: { width: 1000, height: 760 } });
    const { page } = looker;
    await looker.logIn(OPERATOR, '#/messages');
    await page.getByText('20 messages').waitFor();
    await page.getByLabel('Control id').fill('471');
    await page.getByText('1 message', { exact: true }).waitFor();
    await page.getByRole('button', { name: '4711' }).click();
    const panel = page.getByRole('dialog', { name: '4711' });
    const hops = panel.getByRole('listitem');
    await until(async () => (await hops.count()) >= 2);
    const way = await hops.allTextContents();
    expect(way[0]).toMatch(/^gateway/);
    expect(way.at(-1)).toMatch(
      first === room.nodes.a ? /^b.*waits for the answer/ : /^a.*waits for the answer/,
    );
    expect(await panel.locator('.bar').count()).toBeGreaterThanOrEqual(2);
    expect(await panel.getByRole('link', { name: /^[0-9a-f]{32}$/ }).getAttribute('href')).toMatch(
      /^http:\/\/127\.0\.0\.1:16686\/trace\/[0-9a-f]{32}$/,
    );
    expect(await page.content()).not.toContain(PATIENT);
    await shoot(page, 'message');
    await page.keyboard.press('Escape');
    await page.getByLabel('Control id').fill('');
    await page.getByLabel('Code').fill('AR');
    await page.getByText('1 message', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'TEST-1' }).waitFor();
    await page.getByLabel('Code').fill('');
    await page.getByLabel('Sender').fill('east');
    await page.getByText('6 messages').waitFor();
    await page.getByLabel('Node', { exact: true }).fill('c');
    await page.getByText('6 messages').waitFor();
    await page.getByLabel('Node', { exact: true }).fill('nothing');
    await page.getByText('No message is like that.').waitFor();
    // The address alone brings all of it back.
    await page.goto(`${room.url}#/messages?sender=east&open=`);
    await page.getByText('6 messages').waitFor();
  });

  test('older messages come page by page', async () => {
    await using room = await openConsoleRoom();
    await sendAll(
      room,
      Array.from({ length: 450 }, (_, n) => ({ app: 'PAS', controlId: `N${n}` })),
    );
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await looker.logIn(OPERATOR, '#/messages');
    await page.getByText('200 messages, and older ones').waitFor();
    for (const text of ['400 messages, and older ones', '450 messages']) {
      await page.getByRole('button', { name: 'Older ones' }).click();
      await page.getByText(text, { exact: true }).waitFor();
    }
    // Its list is where it was, in the middle; the first and the last one are a key away.
    await page.locator('.rows button').first().focus();
    await page.keyboard.press('End');
    await page.locator('button:focus').getByText('N0', { exact: true }).waitFor();
    await page.keyboard.press('Home');
    await page.locator('button:focus').getByText('N449', { exact: true }).waitFor();
  });

  test('where a message would go, sent and kept nowhere', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room, { viewport: { width: 1000, height: 760 } });
    const { page } = looker;
    await looker.logIn(OPERATOR, '#/routes');
    const text = planted({ app: 'LAB', controlId: 'PASTED', type: 'ORU^R01' }).toString('latin1');
    await page.getByLabel(/^A message, or its MSH/).fill(text.replaceAll('\r', '\n'));
    await page.getByRole('button', { name: 'Explain' }).click();
    const way = page.locator('.way');
    await way.getByText('→ lab').waitFor();
    await way.getByText('Passed over before').click();
    await way.getByText(/no tests: MSH-11 must be/).waitFor();
    await page.getByLabel(/^A message, or its MSH/).fill(text.split('\r')[0] ?? '');
    await shoot(page, 'routes');
    await page.getByLabel(/^A message, or its MSH/).fill('PID|1||4711');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByRole('alert').waitFor();
    expect(room.nodes.c.controlIds).toEqual([]);
    await looker.open('Messages');
    await page.getByText('No message is like that.').waitFor();
    expect(await page.content()).not.toContain('PASTED');
    await looker.open('Routes');
    expect(await page.getByLabel(/^A message, or its MSH/).inputValue()).toBe('');
  });

  test('the config beside its file: what differs is marked, what is wrong is said, a reload takes it up', async () => {
    await using room = await openConsoleRoom();
    const text = readFileSync(room.file, 'utf8');
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await looker.logIn(OPERATOR, '#/config');
    await page.getByText('says what was loaded').waitFor();
    expect(await page.locator('mark').count()).toBe(0);
    writeFileSync(room.file, text.replace('name: admissions', 'name: arrivals'));
    await page.getByRole('button', { name: 'Check again' }).click();
    await page.getByText('a reload takes it up').waitFor();
    await expect
      .poll(() => page.locator('mark').allTextContents())
      .toEqual([expect.stringContaining('admissions'), expect.stringContaining('arrivals')]);
    await page.getByLabel('Reason').fill('a better name');
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByText('Reloaded.').waitFor();
    await page.getByText('says what was loaded').waitFor();
    expect(room.gateway.config.routes.map(({ name }) => name)).toContain('arrivals');
    expect(room.actions.map(({ action }) => action)).toContainEqual({
      kind: 'reload wanted',
      reason: 'a better name',
    });

    writeFileSync(room.file, text.replace('to: lab', 'to: labb'));
    await page.getByRole('button', { name: 'Check again' }).click();
    await page.getByText('1 error: a reload would change nothing').waitFor();
    await page.getByText(/no pool has the name "labb"/).waitFor();
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByText(/The last reload failed/).waitFor();
    await looker.open('Overview');
    await page.getByText(/^the last reload failed/).waitFor();
  });

  test('a member of a cluster, and certificates that end', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    const cluster: ClusterReport = {
      name: 'hospital',
      member: 'north',
      fit: false,
      reason: 'no pool has an available node',
      configDigest: '0123abcd',
      vips: [
        { address: '10.0.0.9', held: true, since: new Date().toISOString() },
        { address: '10.0.0.10', held: false, since: '2026-03-01T11:00:00.000Z' },
      ],
      state: {
        bucket: 'hl7-gateway',
        connected: false,
        since: new Date().toISOString(),
        reason: 'ECONNREFUSED',
        queued: 3,
        revision: 17,
      },
    };
    await page.route('**/status', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...((await response.json()) as object), cluster } });
    });
    const certificate = (subject: string, days: number): CertificateInUse => ({
      where: 'listeners.in.tls',
      file: `/etc/${subject}.pem`,
      subject: `CN=${subject}`,
      notAfter: new Date(Date.now() + days * 86_400_000).toISOString(),
      days,
    });
    await page.route('**/certs', (route) =>
      route.fulfill({ json: [certificate('good', 300), certificate('ended', -2), certificate('soon', 5)] }),
    );
    await looker.logIn(OPERATOR, '#/cluster');
    await page.getByText('no pool has an available node').waitFor();
    await page.getByRole('listitem').filter({ hasText: '10.0.0.9' }).getByText('held here').waitFor();
    await page.getByText('NATS is away').waitFor();
    await looker.open('Certificates');
    const rows = page.locator('[role="row"][data-index]');
    await rows.nth(2).waitFor();
    expect((await rows.allTextContents()).map((row) => row.slice(0, 20))).toEqual([
      expect.stringContaining('CN=endedhas ended'),
      expect.stringContaining('CN=soon5 days'),
      expect.stringContaining('CN=good300 days'),
    ]);
  });
});

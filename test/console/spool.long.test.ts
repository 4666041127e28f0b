// The console's page of what pools have stored: dead letters are seen, delivered again and discarded, with reasons, and no patient is shown.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { until } from '../helpers/until.ts';
import { inChromium, Looker, OPERATOR, openConsoleRoom, VIEWER } from './room.ts';
import { PATIENT, sendAll } from './traffic.ts';

inChromium('the spool', (browser) => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'console-spool-'));
  }, 180_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true });
  });

  test('dead letters: seen, delivered again, one discarded; whoever only looks can do none of it', async () => {
    await using room = await openConsoleRoom({
      lab: { spool: { when: 'always', store: { path: join(folder, 'store') } } },
    });
    room.nodes.c.script = answers.ar();
    const results = ['S1', 'S2', 'S3'].map((controlId) => ({ app: 'LAB', type: 'ORU^R01', controlId }));
    const said = await sendAll(room, results);
    expect(said.every((text) => text.includes('MSA|AA'))).toBe(true);
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await looker.logIn(OPERATOR, '#/spool');
    await page.getByText('3 dead letters', { exact: true }).waitFor();
    const rows = page.locator('[role="row"][data-index]');
    await expect.poll(() => rows.count()).toBe(3);
    await page.getByLabel('Control id').fill('S2');
    await page.getByText('1 message', { exact: true }).waitFor();
    await rows.first().getByRole('button').click();
    const panel = page.getByRole('dialog');
    await panel.getByText('LAB|').first().waitFor();
    await panel.getByText('S2', { exact: true }).waitFor();
    const discard = panel.getByRole('button', { name: 'Discard for good' });
    expect(await discard.isDisabled()).toBe(true);
    await panel.getByLabel('Reason').fill('sent by hand');
    await discard.click();
    await panel.waitFor({ state: 'detached' });
    await page.getByText('2 dead letters', { exact: true }).waitFor();

    room.nodes.c.script = answers.aa();
    await page.getByLabel('Control id').fill('');
    await page.getByLabel('Reason').fill('the channel is mended');
    await page.getByRole('button', { name: 'Deliver 2 dead letters again' }).click();
    await page.getByText('empty', { exact: true }).waitFor();
    await until(() => room.nodes.c.controlIds.length >= 5);
    expect(room.nodes.c.controlIds.slice(3).toSorted()).toEqual(['S1', 'S3']);
    await page.getByText('2 delivered', { exact: false }).first().waitFor();
    expect(await page.content()).not.toContain(PATIENT);
    expect(JSON.stringify(room.actions)).toMatch(/sent by hand.*the channel is mended/);

    await using other = await Looker.of(browser(), room, { viewport: { width: 360, height: 740 } });
    await other.logIn(VIEWER, '#/spool');
    await other.page.locator('[role="row"][data-index] button').first().click();
    await other.page.getByText('Your role sees all and changes nothing.').waitFor();
    expect(await other.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    expect(await other.page.getByRole('button', { name: /again|Discard/ }).count()).toBe(0);
  });
});

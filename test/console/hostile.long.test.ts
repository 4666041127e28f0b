// Text that wants to be HTML or script, in every place that a sender, a node or a config fills, and in the console's own address: it is
// shown as text. What a browser would do of it fails the test (room.ts: no dialog, no request elsewhere, no error of the policy).
import { expect, test } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { inChromium, Looker, OPERATOR, openConsoleRoom } from './room.ts';

const IMG = '<img src=x onerror=alert(1)>';
const SCRIPT = '<script>alert(1)</script>';
const QUOTE = `"'><svg onload=alert(1)>`;
const LINK = 'javascript:alert(1)//';
const TEMPLATE = '{{7*7}}${alert(1)}';
const ALL = [IMG, SCRIPT, QUOTE, LINK, TEMPLATE];

inChromium('hostile text', (browser) => {
  test('fields of a header, an answer, names of routes, texts of rejections, reasons and links', async () => {
    await using room = await openConsoleRoom({
      routes: [
        {
          name: `a route ${IMG}`,
          when: { 'MSH-11': 'T' },
          reject: { code: 'AR', text: `no ${SCRIPT}` },
        },
        { name: `${QUOTE}`, when: { 'MSH-9.1': `/ORU|${SCRIPT.replaceAll(/[()]/g, '.')}/` }, to: 'lab' },
        { name: LINK, to: 'adt' },
      ],
      telemetry: { traces: { endpoint: 'http://127.0.0.1:9', ui: 'http://jaeger.test/"><script>' } },
    });
    room.nodes.c.script = answers.ae({ text: SCRIPT });
    await using sender = await connectSender(room.port);
    const exchange = (parts: Parameters<typeof message>[0]): Promise<Buffer> =>
      sender.exchange(message(parts));
    for (const [n, text] of ALL.entries()) {
      await exchange({ app: text, facility: text, controlId: `${n}${text}` });
      await exchange({ app: text, type: `${text}^A01`, controlId: `type ${n}`, processingId: 'T' });
      await exchange({ app: 'LAB', type: `ORU^${text}`, controlId: `answer ${n}` });
      await exchange({
        receivingApp: text,
        receivingFacility: text,
        version: text,
        charset: text,
        controlId: `v ${n}`,
      });
    }
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await looker.logIn(OPERATOR, '#/messages');
    await page.getByText('20 messages').waitFor();
    for (const text of ALL.slice(0, 3)) await page.getByText(`${text}|${text}`).first().waitFor();
    expect(await page.locator('main :is(img, script, svg)').count()).toBe(0);
    // Of each kind one is opened.
    for (const name of [`0${IMG}`, 'type 1', 'answer 2', 'v 3']) {
      await page.getByRole('button', { name, exact: true }).click();
      const panel = page.getByRole('dialog');
      await panel.getByText('Its way').or(panel.getByRole('list')).first().waitFor();
      const trace = panel.getByRole('link', { name: /^[0-9a-f]{32}$/ });
      expect(await trace.getAttribute('href')).toMatch(/^http:\/\/jaeger\.test\/.*\/trace\/[0-9a-f]{32}$/);
      await page.keyboard.press('Escape');
    }
    await looker.open('Senders');
    await page.getByRole('row', { name: /SENDAPP/ }).waitFor();

    await looker.open('Routes');
    await page.getByRole('link', { name: `a route ${IMG}` }).waitFor();
    await page.getByText(`reject AR no ${SCRIPT}`).waitFor();
    const hrefs = await page
      .locator('main a')
      .evaluateAll('(all) => all.map((one) => one.getAttribute("href"))');
    void hrefs;
    for (const link of await page.locator('main a').all())
      expect(await link.getAttribute('href')).toMatch(/^#\//);
    const box = page.getByLabel(/^A message, or its MSH/);
    for (const text of ALL) {
      await box.fill(`MSH|^~\\&|${text}|${text}|X|Y|20260301||ADT^${text}|${text}|T|2.5`);
      await page.getByRole('button', { name: 'Explain' }).click();
      await page.locator('.way', { hasText: text.slice(0, 12) }).waitFor();
    }
    // What was pasted is nowhere but in the field.
    expect(page.url()).not.toContain('MSH');
    await page.getByRole('button', { name: 'Clear' }).click();
    expect(await box.inputValue()).toBe('');
    expect(await page.locator('.way').count()).toBe(0);

    await looker.open('Nodes');
    await page.getByRole('button', { name: 'adt/a' }).click();
    const panel = page.getByRole('dialog');
    for (const text of ALL) {
      await panel.getByRole('button', { name: 'Ready' }).click();
      await panel.getByText('Ready: done.').waitFor();
      await panel.getByLabel('Reason').fill(text);
      await panel.getByRole('button', { name: 'Drain' }).click();
      await panel.getByText(text, { exact: false }).first().waitFor();
    }
    await page.keyboard.press('Escape');
    await looker.open('Config');
    await page.getByText('a route <img').first().waitFor();
    for (const title of ['Overview', 'Certificates', 'Cluster']) await looker.open(title);
  });

  test('the address of the page itself', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await looker.logIn();
    for (const text of ALL) {
      for (const hash of [
        text,
        `/nodes?find=${text}&open=${text}`,
        `/messages?controlId=${encodeURIComponent(text)}`,
      ]) {
        await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
        await page.locator('h1').waitFor();
      }
      await page.getByText('No message is like that.').waitFor();
    }
    for (const path of [
      'assets/../session',
      '..%2f..%2fetc/passwd',
      'assets/%2e%2e/index.html',
      'index.html%00.js',
    ]) {
      const response = await page.request.get(`${room.url}${path}`);
      expect(response.ok() && /root:|private/.test(await response.text()), path).toBe(false);
    }
    looker.wrongs.length = 0;
  });

  test('another page cannot show it in a frame, nor act through it', async () => {
    await using room = await openConsoleRoom();
    await using looker = await Looker.of(browser(), room);
    const { page } = looker;
    await looker.logIn();
    await page.getByRole('navigation').waitFor();
    // As a page of somebody else would: with the browser's cookies, without the token that only the console's own pages can read.
    const told = await page.evaluate(`Promise.all([
        fetch('./nodes/adt/a/drain', { method: 'POST' }),
        fetch('./nodes/adt/a/drain', { method: 'POST', headers: { 'x-csrf-token': 'x'.repeat(43) } }),
        fetch('./reload', { method: 'POST' })]).then((all) => all.map(({ status }) => status))`);
    expect(told).toEqual([403, 403, 403]);
    expect(room.actions.filter(({ action }) => action.kind.startsWith('node'))).toEqual([]);
    const other = await page.context().newPage();
    const blocked: string[] = [];
    other.on('console', (line) => blocked.push(line.text()));
    await other.setContent(`<iframe src="${room.url}"></iframe>`);
    await expect.poll(() => blocked.join()).toMatch(/frame-ancestors|X-Frame-Options/);
    await other.close();
  });
});

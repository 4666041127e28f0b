// Each page of the console with real traffic, in a real browser: what it shows, light and dark, wide and at 360 px, by axe-core and by the
// keyboard; and that no patient's name is on any of them. Writes pictures for docs/console.md where CONSOLE_SHOTS is set.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OverviewReport } from '../../src/admin/control.ts';
import { connectSender } from '../helpers/sender.ts';
import { type ConsoleRoom, inChromium, Looker, openConsoleRoom, shoot } from './room.ts';
import { PATIENT, sendAll, USUAL } from './traffic.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TITLES = [
  'Overview',
  'Nodes',
  'Senders',
  'Messages',
  'Routes',
  'Spool',
  'Certificates',
  'Config',
  'Cluster',
] as const;

/** Those that docs/console.md shows. */
const PICTURES: readonly string[] = ['overview', 'overview-narrow-dark', 'nodes-narrow-dark'];

/** Their rows open to a panel. */
const OPENS: readonly string[] = ['Nodes', 'Messages'];

/** What axe-core finds that is serious or worse. */
async function faultsOf(page: Page): Promise<unknown> {
  // By the debugger, past the page's policy, which takes no text for a script.
  await page.evaluate(AXE);
  return page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 200) + failureSummary)]))`);
}

/** The gateway is seconds old: the hour before is put to what it tells, so that there are curves to see. */
async function withHour(route: Route): Promise<void> {
  const response = await route.fetch();
  const told = (await response.json()) as Pick<OverviewReport, 'history'>;
  const end = Math.floor(Date.now() / 10_000) * 10_000;
  const points = Array.from({ length: 359 }, (_, n) => {
    const wave = Math.sin(n / 40) + Math.sin(n / 7) / 4 + 2;
    const failed = n > 200 && n < 215 ? 12 : 0;
    const at = new Date(end - (359 - n) * 10_000).toISOString();
    return {
      at,
      messages: Math.round(wave * 90),
      failed,
      p50Ms: 20 + 12 * wave,
      p99Ms: 90 + 60 * wave + failed * 20,
    };
  });
  const history = { ...told.history, points: [...points, ...told.history.points.slice(-1)] };
  await route.fulfill({ response, json: { ...told, history } });
}

/** How much wider the page is than its window. */
function overflowOf(page: Page): Promise<unknown> {
  return page.evaluate('document.documentElement.scrollWidth - innerWidth');
}

inChromium(
  'pages',
  (browser) => {
    let room: ConsoleRoom;
    beforeAll(async () => {
      room = await openConsoleRoom({
        telemetry: { traces: { endpoint: 'http://127.0.0.1:9', protocol: 'http/protobuf' } },
      });
      const answers = await sendAll(room, USUAL);
      expect(answers.filter((text) => text.includes('MSA|AA'))).toHaveLength(18);
      // A node that is down, so that there is something wrong; and a message that went past it.
      await room.nodes.b.kill();
      const senders = Array.from({ length: 8 }, (_, n) => ({ app: `WARD${n}`, controlId: `PAST-${n}` }));
      await sendAll(room, senders);
    }, 180_000);
    afterAll(async () => {
      await room[Symbol.asyncDispose]();
    });

    /** What makes each page whole. */
    async function visit(looker: Looker, title: (typeof TITLES)[number]): Promise<void> {
      const { page } = looker;
      await looker.open(title);
      const seen: Record<(typeof TITLES)[number], () => Promise<unknown>> = {
        Overview: async () => {
          await page.getByText('node adt/b is down').waitFor();
          await page.locator('.plot canvas').nth(2).waitFor();
          await page.getByRole('link', { name: 'b down' }).waitFor();
          await page.getByRole('img', { name: /^Messages in a second/ }).waitFor();
        },
        Nodes: async () => {
          await page.getByRole('row', { name: /adt\/b.*down/ }).waitFor();
          await page.getByRole('row', { name: /lab\/c.*up/ }).waitFor();
        },
        Senders: () => page.getByText('1 connection').waitFor(),
        Messages: async () => {
          await page.getByRole('row', { name: /ORU\^R01.*LAB-5.*LAB\|EAST.*lab\/c.*AA/ }).waitFor();
          await page.getByRole('row', { name: /TEST-1.*PAS\|WEST.*AR/ }).waitFor();
        },
        Routes: () => page.getByRole('row', { name: /2.*results.*MSH-9.1.*ORU.*to lab.*6/ }).waitFor(),
        Spool: () => page.getByText('No pool of this gateway has a spool.').waitFor(),
        Certificates: () => page.getByText('No certificate is in use.').waitFor(),
        Config: () => page.getByText('"adt":').or(page.getByText('adt:')).first().waitFor(),
        Cluster: () => page.getByText('This gateway stands alone').waitFor(),
      };
      await seen[title]();
    }

    const forms = [
      { name: 'wide, light', colorScheme: 'light', viewport: { width: 1100, height: 680 } },
      { name: '360 px, dark', colorScheme: 'dark', viewport: { width: 360, height: 740 } },
    ] as const;
    test.each(forms)(
      '$name: every page shows what is there, fits, and axe-core finds nothing serious',
      async ({ colorScheme, viewport }) => {
        await using sender = await connectSender(room.port);
        await using looker = await Looker.of(browser(), room, { colorScheme, viewport });
        const { page } = looker;
        await page.route('**/overview', withHour);
        await page.goto(room.url);
        await page.getByLabel('User').waitFor();
        expect(await faultsOf(page)).toEqual([]);
        expect(await overflowOf(page)).toBe(0);
        await looker.logIn();
        for (const title of TITLES) {
          await visit(looker, title);
          const picture = `${title.toLowerCase()}${viewport.width < 500 ? '-narrow-dark' : ''}`;
          if (PICTURES.includes(picture)) await shoot(page, picture);
          expect(await overflowOf(page), title).toBe(0);
          expect(await faultsOf(page), title).toEqual([]);
          expect(await looker.everything(), title).not.toContain(PATIENT);
          // What opens from a row is looked at as well.
          const row = page.locator('.rows button').first();
          if (OPENS.includes(title)) {
            await row.click();
            await page.getByRole('dialog').waitFor();
            expect(await overflowOf(page), title).toBe(0);
            expect(await faultsOf(page), title).toEqual([]);
            expect(await looker.everything(), title).not.toContain(PATIENT);
            await page.keyboard.press('Escape');
            await page.getByRole('dialog').waitFor({ state: 'detached' });
          }
        }
        const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
        const isDark = Number(/\d+/.exec(String(background))?.[0]) < 128;
        expect(isDark).toBe(colorScheme === 'dark');
        expect(sender.ended).toBe(false);
      },
    );
  },
  240_000,
);

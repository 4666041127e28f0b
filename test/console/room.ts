// A gateway with the console, simulated nodes behind it and a browser before it. Promises that a page that logs an error, breaks its
// policy or asks another host fails its test, and that all of it is gone afterwards.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { stringify } from 'yaml';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { ConsoleFiles } from '../../src/admin/console/console-files.ts';
import { GatewayControl } from '../../src/admin/gateway-control.ts';
import { hashPassword } from '../../src/config/http/password.ts';
import { parseWhole } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLog } from '../../src/observe/log/log.ts';
import type { OperatorAction } from '../../src/observe/observer.ts';
import { chromiumPath } from '../e2e/browser.ts';
import { type FaultyNode, startFaultyNode } from '../helpers/faulty-node.ts';

import { ROOT } from '../helpers/product-files.ts';
import { builtConsole } from './built.ts';

export const PASSWORD = createHash('sha256').update('a password of these tests').digest('base64url');
export const TOKEN = 'a-token-of-these-tests-only';
/** A page's answer to a click takes a tenth of a second. */
const PATIENCE_MS = 10_000;
/** Of `admin.users`. */
export const OPERATOR = 'otto';
export const VIEWER = 'vera';

export interface ConsoleRoom extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly gateway: Gateway;
  /** Of the config. */
  readonly file: string;
  readonly server: AdminServer;
  readonly nodes: Readonly<Record<'a' | 'b' | 'c', FaultyNode>>;
  /** What operators did. */
  readonly actions: { readonly by: string; readonly action: OperatorAction }[];
}

export interface RoomParts {
  readonly pools?: object;
  /** Of both pools. */
  readonly health?: object;
  /** What else the pool `lab` has. */
  readonly lab?: object;
  readonly routes?: readonly object[];
  readonly admin?: object;
  readonly telemetry?: object;
}

export async function openConsoleRoom(parts: RoomParts = {}): Promise<ConsoleRoom> {
  const files = new ConsoleFiles(await builtConsole());
  const [a, b, c] = [await startFaultyNode(), await startFaultyNode(), await startFaultyNode()];
  const password = await hashPassword(PASSWORD);
  const health = parts.health ?? { interval: '200ms', timeout: '1s' };
  const text = stringify({
    listeners: { in: { bind: '127.0.0.1:0' } },
    pools: parts.pools ?? {
      adt: { nodes: { a: { url: a.url }, b: { url: b.url } }, health, persistence: { by: ['MSH-3'] } },
      lab: { nodes: { c: { url: c.url } }, health, ...parts.lab },
    },
    routes: parts.routes ?? [
      { name: 'no tests', when: { 'MSH-11': 'T' }, reject: { code: 'AR', text: 'no tests here' } },
      { name: 'results', when: { 'MSH-9.1': 'ORU' }, to: 'lab' },
      { name: 'admissions', to: 'adt' },
    ],
    admin: {
      bind: '127.0.0.1:0',
      token: TOKEN,
      users: { [OPERATOR]: { password, role: 'operate' }, [VIEWER]: { password, role: 'view' } },
      ...parts.admin,
    },
    telemetry: { log: { level: 'silent' }, ...parts.telemetry },
  });
  const folder = mkdtempSync(join(tmpdir(), 'console-'));
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, text);
  const { config, text: whole } = parseWhole(text, { env: {}, file });
  if (config.admin === undefined) throw new Error('the config has an admin section');
  const log = createLog({ level: 'silent', format: 'json' });
  const control = new GatewayControl(() => gateway, whole, log);
  const actions: ConsoleRoom['actions'] = [];
  const gateway: Gateway = new Gateway(config, log, {
    observers: [...control.observers, { onOperator: (by, action) => void actions.push({ by, action }) }],
  });
  const { users, sessions, hosts } = config.admin;
  const server = new AdminServer(
    { host: '127.0.0.1', port: 0, token: TOKEN, users, sessions, hosts, tls: undefined, console: files },
    control,
    {
      onRefused: () => {},
      onFailed: (error) => expect.unreachable(error.message),
      onOperator: (by, action) => void actions.push({ by, action }),
    },
  );
  await gateway.start();
  await server.start();
  return {
    url: `http://127.0.0.1:${server.port}/`,
    port: gateway.listeners[0]?.port ?? 0,
    gateway,
    file,
    server,
    nodes: { a, b, c },
    actions,
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await gateway.stop();
      for (const node of [a, b, c]) await node.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function launchBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('there is no Chromium');
  return chromium.launch({
    executablePath: chromiumPath,
    timeout: 9 * PATIENCE_MS,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

/** Tests in a browser that they share; skipped by name where there is none. */
export function inChromium(what: string, tests: (browser: () => Browser) => void, timeout = 180_000): void {
  const isThere = chromiumPath !== undefined;
  describe.skipIf(!isThere)(`${what} in Chromium (skipped without chromium)`, { timeout }, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      browser = await launchBrowser();
    }, timeout);
    afterAll(() => browser?.close());
    tests(() => {
      if (browser === undefined) throw new Error('the browser has not started');
      return browser;
    });
  });
}

/** Where pictures for docs/ go; undefined: nowhere. */
const SHOTS = process.env.CONSOLE_SHOTS === undefined ? undefined : join(ROOT, 'docs/console');

/** Of what is seen. */
export async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** Somebody who looks: cookies of its own. */
export class Looker implements AsyncDisposable {
  readonly page: Page;
  readonly url: string;
  /** What a page must not do; empty at the end. */
  readonly wrongs: string[] = [];

  private constructor(page: Page, url: string) {
    this.page = page;
    this.url = url;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.wrongs.push(`error: ${error.message}`));
    page.on('console', (line) => {
      // Of a log-in that is refused, a session that is over, a config with errors: what is wanted, and Chromium says it all the same.
      if (line.type() === 'error' && !/status of (4\d\d|503)/.test(line.text()))
        this.wrongs.push(`console: ${line.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) this.wrongs.push(`asks ${request.url()}`);
    });
    page.on('dialog', (dialog) => {
      this.wrongs.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  static async of(
    browser: Browser,
    { url }: ConsoleRoom,
    options: BrowserContextOptions = {},
  ): Promise<Looker> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    return new Looker(await context.newPage(), url);
  }

  async logIn(user = OPERATOR, hash = ''): Promise<void> {
    await this.page.goto(`${this.url}${hash}`);
    await this.page.getByLabel('User').fill(user);
    await this.page.getByLabel('Password').fill(PASSWORD);
    await this.page.getByRole('button', { name: 'Log in' }).click();
    await this.page.getByRole('navigation').waitFor();
  }

  /** By the link of its name. */
  async open(title: string): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name: title, exact: true }).click();
    await this.page.getByRole('heading', { name: title, level: 1 }).waitFor();
  }

  /** All that the page shows, and all that its elements say beside it. */
  async everything(): Promise<string> {
    return this.page.content();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
    expect(this.wrongs).toEqual([]);
  }
}

// Chromium, by playwright-core: one process for a test file. Promises that it trusts the key of the test's VIP and no
// other, so that what it loads has come through that VIP; and that a page tells who served each part of it.
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { PATIENCE_MS, type VipCertificate } from './http-vips.ts';

/** Of the system: playwright-core brings none. */
export const chromiumPath = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
  .find((path) => existsSync(path));

export function launchChromium({ certPem }: VipCertificate): Promise<Browser> {
  const key = new X509Certificate(certPem).publicKey.export({ type: 'spki', format: 'der' });
  const pin = createHash('sha256').update(key).digest('base64');
  if (chromiumPath === undefined) throw new Error('there is no Chromium');
  return chromium.launch({
    executablePath: chromiumPath,
    timeout: 3 * PATIENCE_MS,
    args: ['--no-sandbox', '--disable-dev-shm-usage', `--ignore-certificate-errors-spki-list=${pin}`],
  });
}

/** A user: cookies of its own. */
export class Visitor implements AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** By path: which node served it last, and how often it was served. */
  readonly served = new Map<string, { node: string | undefined; times: number }>();
  readonly webSockets: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('response', (response) => {
      const path = new URL(response.url()).pathname;
      const times = (this.served.get(path)?.times ?? 0) + 1;
      this.served.set(path, { node: response.headers()['x-simulated-node'], times });
    });
    page.on('websocket', (webSocket) => this.webSockets.push(webSocket.url()));
  }

  static async of(browser: Browser): Promise<Visitor> {
    const context = await browser.newContext();
    return new Visitor(context, await context.newPage());
  }

  /** Loads the page and waits until it is all there: style sheet, script, and its WebSocket's echo. */
  async visit(url?: string): Promise<Visit> {
    this.served.clear();
    const response = await (url === undefined ? this.page.reload() : this.page.goto(url));
    const { page } = this;
    await page.getByText('WebSocket: echo of').waitFor();
    const text = async (id: string): Promise<string> => (await page.locator(id).textContent()) ?? '';
    return {
      status: response?.status() ?? 0,
      node: await text('#node'),
      visits: Number(await text('#visits')),
      echo: await text('#echo'),
      color: await page.evaluate(`getComputedStyle(document.querySelector('h1')).color`),
      protocol: await page.evaluate(`performance.getEntriesByType('navigation')[0].nextHopProtocol`),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}

export interface Visit {
  readonly status: number;
  readonly node: string;
  readonly visits: number;
  readonly echo: string;
  readonly color: unknown;
  readonly protocol: unknown;
}

// The ways in which a campaign changes the gateway's config: those that are good, and those that change nothing.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigFile } from './config-file.ts';

const CONFIG = {
  pools: {
    pool: { nodes: { a: { url: 'mllp://a:1' }, b: { url: 'mllp://b:1' } }, queue: { timeout: '1s' } },
  },
  routes: [{ name: 'all', to: 'pool' }],
};

test('good and wrong ones in turn, no good one twice in a row; restore brings the last good one back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'campaign-config-'));
  try {
    const file = new ConfigFile(join(folder, 'gateway.yaml'), CONFIG);
    const text = (): string => readFileSync(file.path, 'utf8');
    let good = text();
    expect(JSON.parse(good)).toEqual(CONFIG);
    for (let round = 0; round < 20; round++) {
      const change = file.change();
      expect([change.good, text() !== good]).toEqual([round % 2 === 0, true]);
      if (change.good) {
        // What every profile promises stands as it was.
        expect(JSON.parse(text())).toMatchObject({ pools: { pool: { nodes: CONFIG.pools.pool.nodes } } });
        good = text();
      } else {
        file.restore();
        expect(text()).toBe(good);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

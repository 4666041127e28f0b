// `ready` without a node: asks a running gateway whether it is ready for new messages. Promises the same verdict as `/readyz`,
// as an exit code for scripts: 0 ready, 1 not ready or not reachable.
import type { ReadinessReport } from '../../admin/control.ts';
import { TypedFields } from '../fields.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { AdminClient } from './admin-client.ts';
import { type AdminOptions, targetOf } from './admin-target.ts';

export interface ReadinessOptions extends AdminOptions {
  /** Each must have an available node; none: the process alone is asked about. */
  readonly pools: readonly string[];
  readonly json: boolean;
  readonly quiet: boolean;
}

/** @throws GatewayError GW_ERR_ADMIN_CONNECT, GW_ERR_ADMIN_NOT_FOUND (a pool that it does not have), GW_ERR_USAGE */
export async function readiness(options: ReadinessOptions, terminal: Terminal): Promise<number> {
  const { pools, json, quiet } = options;
  const client = new AdminClient(await targetOf(options, terminal));
  try {
    const query = pools.length === 0 ? '' : `?pools=${pools.map(encodeURIComponent).join(',')}`;
    const { value } = await client.ask('GET', `/readyz${query}`, undefined, true);
    const report = new TypedFields<ReadinessReport>(value);
    if (!report.has('ready')) throw client.strange();
    const isReady = report.flag('ready');
    const notes = report.texts('notes');
    if (!quiet) {
      const said = [isReady ? 'ready' : 'not ready', ...notes].join('; ');
      terminal.out(json ? JSON.stringify(value) : said);
    }
    return isReady ? EXIT.good : EXIT.failed;
  } finally {
    client.close();
  }
}

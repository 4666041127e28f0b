// `spool list|show|retry|discard|export`: what pools of a running gateway have stored, and what becomes of it. Promises a message's content
// only where it is asked for by name, and that nothing of one is printed otherwise.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpoolReport, StoredDetails, StoredReport } from '../../admin/spool-control.ts';
import { sizeText } from '../../config/formats.ts';
import { causeCode, GatewayError } from '../../errors.ts';
import { TypedFields } from '../fields.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { AdminClient } from './admin-client.ts';
import { type AdminOptions, targetOf } from './admin-target.ts';

export interface StoredOptions extends AdminOptions {
  readonly json: boolean;
}

export interface StoredSelection {
  readonly state: string | undefined;
  readonly controlId: string | undefined;
  /** Received within so long. */
  readonly withinMs: number | undefined;
  readonly limit: number;
}

type Work = (client: AdminClient, say: (value: unknown, line: string) => void) => Promise<number>;

async function withClient(options: StoredOptions, terminal: Terminal, work: Work): Promise<number> {
  const client = new AdminClient(await targetOf(options, terminal));
  try {
    return await work(client, (value, line) => terminal.out(options.json ? JSON.stringify(value) : line));
  } finally {
    client.close();
  }
}

/** Without a pool: what all of them have. */
export function listSpool(
  pool: string | undefined,
  selection: StoredSelection,
  options: StoredOptions,
  terminal: Terminal,
): Promise<number> {
  return withClient(options, terminal, async (client, say) => {
    if (pool === undefined) {
      const { value, now } = await client.ask('GET', '/spool');
      const pools = new TypedFields<{ readonly pools: unknown }>(value).list('pools');
      if (pools.length === 0 && !options.json) terminal.out('no pool has a spool');
      for (const one of pools) say(one, poolLine(one, now));
      return EXIT.good;
    }
    let count = 0;
    for await (const one of storedIn(client, pool, selection)) {
      count++;
      say(one, storedLine(one));
    }
    if (count === 0 && !options.json) terminal.out('nothing of that is stored');
    return EXIT.good;
  });
}

export function showStored(
  pool: string,
  id: number,
  withContent: boolean,
  options: StoredOptions,
  terminal: Terminal,
): Promise<number> {
  return withClient(options, terminal, async (client, say) => {
    const { value } = await client.ask('GET', pathOf(pool, id));
    const content = withContent ? await contentOf(client, pool, id) : undefined;
    say(
      content === undefined ? value : { ...(value as object), content: content.toString('base64') },
      detailLines(value).join('\n'),
    );
    if (content !== undefined && !options.json)
      terminal.out(
        `\n${content
          .toString('utf8')
          .replaceAll(/\r\n?/g, '\n')
          .replace(/[^\n\P{Cc}]/gu, '.')}`,
      );
    return EXIT.good;
  });
}

/** Without ids: all dead letters of the pool. */
export function retryStored(
  pool: string,
  ids: readonly number[],
  reason: string | undefined,
  options: StoredOptions,
  terminal: Terminal,
): Promise<number> {
  return withClient(options, terminal, async (client, say) => {
    if (ids.length === 0) {
      const { value } = await client.ask('POST', `${pathOf(pool)}/retry${because(reason)}`);
      const count = new TypedFields<{ readonly retried: number }>(value).number('retried') ?? 0;
      say(value, `${count} dead letters are delivered again`);
      return EXIT.good;
    }
    for (const id of ids) {
      const { value } = await client.ask('POST', `${pathOf(pool, id)}/retry${because(reason)}`);
      say(value, `${pool} ${id}: is delivered again`);
    }
    return EXIT.good;
  });
}

export function discardStored(
  pool: string,
  ids: readonly number[],
  reason: string,
  options: StoredOptions,
  terminal: Terminal,
): Promise<number> {
  return withClient(options, terminal, async (client, say) => {
    for (const id of ids) {
      const { value } = await client.ask('DELETE', `${pathOf(pool, id)}${because(reason)}`);
      say(value, `${pool} ${id}: discarded`);
    }
    return EXIT.good;
  });
}

/** Each message in a file of its own, byte for byte, for its owner only. */
export function exportStored(
  pool: string,
  folder: string,
  selection: StoredSelection,
  options: StoredOptions,
  terminal: Terminal,
): Promise<number> {
  return withClient(options, terminal, async (client, say) => {
    let count = 0;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for await (const one of storedIn(client, pool, selection)) {
        const id = new TypedFields<StoredReport>(one).number('id') ?? 0;
        const file = join(folder, `${pool}-${String(id).padStart(10, '0')}.hl7`);
        await writeFile(file, await contentOf(client, pool, id), { mode: 0o600 });
        say({ ...(one as object), file }, file);
        count++;
      }
    } catch (thrown) {
      if (thrown instanceof GatewayError) throw thrown;
      throw new GatewayError('GW_ERR_FILE', { detail: `${folder}: ${causeCode(thrown)}` });
    }
    if (!options.json) terminal.out(`${count} exported`);
    return EXIT.good;
  });
}

async function contentOf(client: AdminClient, pool: string, id: number): Promise<Buffer> {
  const { value } = await client.ask('GET', `${pathOf(pool, id)}/content`);
  const content = new TypedFields<{ readonly content: string }>(value);
  if (!content.has('content')) throw client.strange();
  return Buffer.from(content.text('content'), 'base64');
}

/** Page by page, `limit` at most. */
async function* storedIn(
  client: AdminClient,
  pool: string,
  { state, controlId, withinMs, limit }: StoredSelection,
): AsyncGenerator<unknown, void> {
  let left = limit;
  for (let after = 0; left > 0; ) {
    const query = new URLSearchParams({ after: String(after), limit: String(Math.min(left, 1000)) });
    if (state !== undefined) query.set('state', state);
    if (controlId !== undefined) query.set('controlId', controlId);
    if (withinMs !== undefined) query.set('since', new Date(Date.now() - withinMs).toISOString());
    const { value } = await client.ask('GET', `${pathOf(pool)}?${query}`);
    const page = new TypedFields<{ readonly messages: unknown; readonly next: number }>(value);
    if (!page.has('messages')) throw client.strange();
    yield* page.list('messages');
    left -= page.list('messages').length;
    const next = page.number('next');
    if (next === undefined) return;
    after = next;
  }
}

function pathOf(pool: string, id?: number): string {
  return `/spool/${encodeURIComponent(pool)}${id === undefined ? '' : `/${id}`}`;
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `?reason=${encodeURIComponent(reason)}`;
}

function poolLine(value: unknown, now: number): string {
  const one = new TypedFields<SpoolReport>(value);
  const count = (key: 'waiting' | 'dead' | 'delivered'): string => `${one.number(key) ?? 0} ${key}`;
  const oldest = one.time('oldestWaiting');
  const age = Number.isNaN(oldest) ? '' : ` (oldest ${Math.max(0, Math.round((now - oldest) / 1000))} s)`;
  const most = sizeText(one.number('storeMaxBytes') ?? 0);
  const used = `${Math.ceil((one.number('storeBytes') ?? 0) / 2 ** 20)} MiB of ${most}`;
  const orphan = one.flag('configured') ? '' : '; not in the config: nothing delivers it';
  return `${one.text('pool')}: ${count('waiting')}${age}, ${count('dead')}, ${count('delivered')}; ${one.text('path')} has ${used}${orphan}`;
}

function storedLine(value: unknown): string {
  const one = new TypedFields<StoredReport>(value);
  const error = one.text('lastError') === '' ? '' : `  ${one.text('lastError')}`;
  const bound = one.text('boundTo') === '' ? '' : `  for ${one.text('boundTo')} only`;
  return `${one.number('id')}  ${one.text('receivedAt')}  ${one.text('state')}  ${one.number('bytes')} bytes  ${one.number('attempts')} attempts${error}${bound}`;
}

const DETAILS = [
  'id',
  'pool',
  'state',
  'type',
  'controlId',
  'sender',
  'source',
  'listener',
  'route',
  'receivedAt',
  'changedAt',
  'bytes',
  'attempts',
  'lastError',
  'boundTo',
  'orderingKey',
  'traceId',
] as const;

function detailLines(value: unknown): string[] {
  const one = new TypedFields<StoredDetails>(value);
  return DETAILS.flatMap((key) => {
    const text = one.text(key) || String(one.number(key) ?? '');
    return text === '' ? [] : [`${key.padEnd(12)} ${text}`];
  });
}

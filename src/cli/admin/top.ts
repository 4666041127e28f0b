// `top`: what a running gateway does, told by itself as it changes (`/events`), as a picture that is drawn anew. Promises that a gateway
// which is away for a time does not end it, and that an answer that stops coming is seen.
import { setTimeout as pause } from 'node:timers/promises';
import type { HistoryPoint, OverviewReport } from '../../admin/control.ts';
import { GatewayError } from '../../errors.ts';
import { TypedFields } from '../fields.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { AdminClient } from './admin-client.ts';
import { type AdminOptions, targetOf } from './admin-target.ts';
import type { Screen } from './full-screen.ts';
import { type TopState, topLines } from './top-frame.ts';

export interface TopOptions extends AdminOptions {
  /** One picture, for scripts. */
  readonly once: boolean;
  readonly json: boolean;
}

/** Something comes each second. */
const SILENCE_MS = 5_000;
const AGAIN_MS = 1_000;
/** An hour in steps of ten seconds. */
const STEPS = 360;

/** @throws GatewayError what the first look throws, and what is not about reaching the gateway */
export async function top(options: TopOptions, terminal: Terminal, open: () => Screen): Promise<number> {
  const client = new AdminClient(await targetOf(options, terminal), { maxAnswerBytes: undefined });
  const view = new View(options.json);
  try {
    // Whatever is wrong with the token or the address is said where the terminal is as it was.
    view.begin((await client.ask('GET', '/overview')).value);
    const screen = open();
    try {
      return await watch(client, view, screen, options, terminal);
    } finally {
      screen.close();
    }
  } finally {
    client.close();
  }
}

async function watch(
  client: AdminClient,
  view: View,
  screen: Screen,
  { once, json }: TopOptions,
  { paint }: Terminal,
): Promise<number> {
  const draw = (): void =>
    screen.draw(
      json ? [view.json] : topLines(view.state, { columns: screen.columns, rows: screen.rows }, paint),
    );
  if (!json) screen.onResize(draw);
  while (!screen.ended.aborted) {
    const silent = new AbortController();
    const timer = setTimeout(() => silent.abort(), SILENCE_MS);
    try {
      for await (const line of client.lines(
        'GET',
        '/events',
        AbortSignal.any([screen.ended, silent.signal]),
      )) {
        timer.refresh();
        if (!view.take(line)) continue;
        draw();
        if (once) return EXIT.good;
      }
      view.trouble = 'the gateway has ended the stream';
    } catch (thrown) {
      if (screen.ended.aborted) break;
      const isAway = thrown instanceof GatewayError && thrown.code === 'GW_ERR_ADMIN_CONNECT';
      if (once || !isAway) throw thrown;
      view.trouble = silent.signal.aborted ? `nothing has come for ${SILENCE_MS / 1000} s` : thrown.message;
    } finally {
      clearTimeout(timer);
    }
    if (!json) draw();
    await pause(AGAIN_MS, undefined, { signal: screen.ended }).catch(() => {});
  }
  return EXIT.good;
}

/** What has come, put together. */
class View {
  trouble: string | undefined;
  #event = '';
  #overview: unknown;
  #nodes: unknown;
  /** By the time of a step. */
  readonly #history = new Map<string, number>();
  readonly #isJson: boolean;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  get state(): TopState {
    const history = [...this.#history.values()];
    return { overview: this.#overview, nodes: this.#nodes, history, trouble: this.trouble };
  }

  get json(): string {
    return JSON.stringify({ overview: this.#overview, nodes: this.#nodes });
  }

  /** `overview`: with the whole hour. */
  begin(overview: unknown): void {
    const history = new TypedFields<OverviewReport>(overview).value('history');
    this.#add(new TypedFields<OverviewReport['history']>(history).list('points'));
  }

  /** A line of server-sent events. Is there something new to draw? */
  take(line: string): boolean {
    const [, field, value = ''] = /^(event|data): ?(.*)$/s.exec(line) ?? [];
    if (field === 'event') this.#event = value;
    if (field !== 'data') return false;
    let parsed: unknown;
    try {
      parsed = JSON.parse(value);
    } catch {
      return false;
    }
    if (this.#event === 'nodes') this.#nodes = parsed;
    if (this.#event !== 'overview') return false;
    this.#overview = parsed;
    this.trouble = undefined;
    if (!this.#isJson) this.#add(new TypedFields<{ readonly last: unknown }>(parsed).list('last'));
    return true;
  }

  #add(points: readonly unknown[]): void {
    for (const one of points) {
      const point = new TypedFields<HistoryPoint>(one);
      this.#history.set(point.text('at'), point.number('messages') ?? 0);
    }
    for (const oldest of this.#history.keys()) {
      if (this.#history.size <= STEPS) break;
      this.#history.delete(oldest);
    }
  }
}

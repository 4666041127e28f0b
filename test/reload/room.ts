// What the tests of reloads need: a config that can be edited as a user edits the file, and a gateway that takes it up.
import { parseConfig } from '../../src/config/load.ts';
import { simpleConfig, type TestGateway } from '../helpers/gateway.ts';

export interface EditablePool extends Record<string, unknown> {
  nodes: Record<string, unknown>;
}

export interface Editable extends Record<string, unknown> {
  listeners: Record<string, Record<string, unknown>>;
  pools: Record<string, EditablePool>;
  routes: Record<string, unknown>[];
}

/** One listener `in`, one pool `pool` with nodes `a`, `b`, … at these URLs, one route `all`; and what `edit` does to it. */
export function configOf(nodes: readonly string[], edit: (config: Editable) => void = () => {}): string {
  const config = JSON.parse(simpleConfig({ nodes })) as Editable;
  edit(config);
  return JSON.stringify(config);
}

/** A pool with nodes `a`, `b`, … at these URLs, which are not checked. */
export function poolOf(nodes: readonly string[], more: Record<string, unknown> = {}): EditablePool {
  const named = nodes.map((url, i) => [String.fromCharCode(97 + i), { url }]);
  return {
    nodes: Object.fromEntries(named),
    health: { interval: '1h', fastInterval: '1h' },
    ...more,
  };
}

export function reload({ gateway }: TestGateway, text: string): Promise<readonly string[]> {
  const { config } = parseConfig(text, { env: {} });
  return gateway.reload({
    ...config,
    parsing: { ...config.parsing, offload: gateway.config.parsing.offload },
  });
}

/** All messages go to the one pool `name`; `edit` for what else is to be so. */
export function allTo(name: string, pool: EditablePool, edit: (config: Editable) => void = () => {}): string {
  return configOf([], (config) => {
    config.pools = { [name]: pool };
    config.routes = [{ name: `all to ${name}`, to: name }];
    edit(config);
  });
}

/** Messages of the first listener's senders that are not answered. */
export function pending({ gateway }: TestGateway): number {
  return (gateway.listeners[0]?.senders() ?? []).reduce((sum, sender) => sum + sender.pending, 0);
}

/** The rooms of pools that are gone have been left. */
export function closedPools({ log }: TestGateway): unknown[] {
  return log.filter(({ msg }) => msg === 'pool closed').map(({ pool }) => pool);
}

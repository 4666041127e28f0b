// How many processes carry messages, by the config and the machine.
import { availableParallelism } from 'node:os';
import type { GatewayConfig } from './config.ts';

export function workerCount({ workers }: Pick<GatewayConfig, 'workers'>): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

// Messages through a room's gateway: those of a hospital's usual kinds, with a patient whose name no page may show.
import { message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import type { ConsoleRoom } from './room.ts';

/** In every message, and on no page. */
export const PATIENT = 'ZZPLANTED';
const BODY = [`PID|1||4711^^^H||${PATIENT}^QUILLA||19700101|F`, `NK1|1|${PATIENT}^NEXT`];

export interface TrafficParts {
  readonly app?: string;
  readonly facility?: string;
  readonly controlId: string;
  readonly type?: string;
  readonly processingId?: string;
}

export function planted({ type = 'ADT^A01', ...parts }: TrafficParts): Buffer {
  return message({ type, segments: [...BODY, `OBX|1|TX|||${PATIENT}`], ...parts });
}

/** One after the other, on one connection. */
export async function sendAll(room: ConsoleRoom, all: readonly TrafficParts[]): Promise<string[]> {
  await using sender = await connectSender(room.port);
  const said: string[] = [];
  for (const parts of all) said.push((await sender.exchange(planted(parts))).toString('latin1'));
  return said;
}

/** Some of each: admissions, results, one that is rejected. */
export const USUAL: readonly TrafficParts[] = [
  ...Array.from({ length: 12 }, (_, n) => ({ app: 'PAS', facility: 'WEST', controlId: `ADT-${n}` })),
  ...Array.from({ length: 6 }, (_, n) => ({
    app: 'LAB',
    facility: 'EAST',
    controlId: `LAB-${n}`,
    type: 'ORU^R01',
  })),
  { app: 'PAS', facility: 'WEST', controlId: 'TEST-1', processingId: 'T' },
];

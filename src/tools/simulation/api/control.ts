// What is asked of a simulated server while it runs: `{"status": "2@1s,0", "channels": {"ADT": "STOPPED"}, "delay": "2s"}`.
// Promises that all of it is done, or nothing.
import { LONGEST_MS, parseDuration } from '../../../config/formats.ts';
import {
  CHANNEL_STATES,
  isChannelName,
  MAX_CHANNELS,
  type MirthState,
  type Phase,
  parsePhases,
} from './mirth-state.ts';

/** Returns why not, undefined when it is done. */
export function change(state: MirthState, text: string): string | undefined {
  let wanted: unknown;
  try {
    wanted = JSON.parse(text);
  } catch {
    return 'the body is no JSON';
  }
  if (!isMap(wanted) || Object.keys(wanted).some((key) => !KEYS.includes(key)))
    return 'it takes {"status": 0 to 3 or "2@2s,3@2s,0", "channels": {NAME: STATE or null}, "delay": "2s"}';
  const delayMs = wanted.delay === undefined ? state.delayMs : delayIn(wanted.delay);
  if (delayMs === undefined) return 'delay is a duration as "2s", or 0';
  const phases = wanted.status === undefined ? undefined : phasesIn(wanted.status);
  if (phases === undefined && wanted.status !== undefined)
    return 'status is 0, 1, 2 or 3, or a sequence as "2@2s,3@2s,0"';
  const channels = wanted.channels ?? {};
  if (!isMap(channels)) return 'channels is a map of names to states';
  const changes = Object.entries(channels).filter((entry): entry is [string, string | null] =>
    isChange(entry),
  );
  if (changes.length < Object.keys(channels).length)
    return `a channel's state is one of ${CHANNEL_STATES.join(', ')}, or null for one that is not deployed`;
  if (new Set([...state.channels.keys(), ...Object.keys(channels)]).size > MAX_CHANNELS)
    return `at most ${MAX_CHANNELS} channels`;
  state.delayMs = delayMs;
  for (const [name, to] of changes) state.setChannel(name, to);
  if (phases !== undefined) state.run(phases);
  return undefined;
}

export function shown(state: MirthState): string {
  const { status, channels, takesMessages, delayMs } = state;
  const delay = delayMs === 0 ? undefined : `${delayMs}ms`;
  return `${JSON.stringify({ status, channels: Object.fromEntries(channels), takesMessages, delay })}\n`;
}

const KEYS = ['status', 'channels', 'delay'];

function delayIn(value: unknown): number | undefined {
  if (typeof value !== 'string' && value !== 0) return undefined;
  const ms = value === 0 ? 0 : parseDuration(value);
  return ms === undefined || ms > LONGEST_MS ? undefined : ms;
}

function phasesIn(value: unknown): readonly Phase[] | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return parsePhases(String(value));
}

function isChange([name, to]: [string, unknown]): boolean {
  return isChannelName(name) && (to === null || (typeof to === 'string' && CHANNEL_STATES.includes(to)));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

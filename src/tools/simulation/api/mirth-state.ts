// What a simulated Mirth server says of itself: its status, which goes through phases as while a real one starts, and the
// states of its channels. Promises one timer at most, and bounds on phases and channels.
import { LONGEST_MS, parseDuration } from '../../../config/formats.ts';

/** ConfigurationController's: 0 OK, 1 unavailable, 2 engine starting, 3 initial deploy. */
export const OK = 0;

export interface Phase {
  readonly status: number;
  /** Undefined: it stays. */
  readonly forMs: number | undefined;
}

/** DeployedState's, but for UNKNOWN. */
export const CHANNEL_STATES: readonly string[] = [
  'STARTED',
  'STOPPED',
  'PAUSED',
  'STARTING',
  'STOPPING',
  'PAUSING',
  'DEPLOYING',
  'UNDEPLOYING',
  'SYNCING',
];

/** More steps than any start has. */
const MAX_PHASES = 100;
/** A large server has some hundred. */
export const MAX_CHANNELS = 1000;
/** Mirth's own limit is 40. */
const LONGEST_NAME = 200;

export interface MirthStateOptions {
  readonly phases: readonly Phase[];
  /** Name to state. The data port is the first one's. */
  readonly channels: readonly (readonly [name: string, state: string])[];
  /** Of the API's answers; undefined: none. */
  readonly delayMs?: number | undefined;
}

export class MirthState {
  /** How long the API takes for each answer, as that of a server with too much to do. */
  delayMs = 0;
  /** Called after each change. */
  onChange: () => void = () => {};
  readonly #dataChannel: string | undefined;
  readonly #channels: Map<string, string>;
  #phases: readonly Phase[];
  #status: number;
  #running = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ phases, channels, delayMs = 0 }: MirthStateOptions) {
    this.delayMs = delayMs;
    this.#phases = phases;
    this.#status = phases[0]?.status ?? OK;
    this.#channels = new Map(channels);
    this.#dataChannel = channels[0]?.[0];
  }

  get status(): number {
    return this.#status;
  }

  get channels(): ReadonlyMap<string, string> {
    return this.#channels;
  }

  /** A real one's channel would listen now. */
  get takesMessages(): boolean {
    if (this.#status !== OK) return false;
    return this.#dataChannel === undefined || this.#channels.get(this.#dataChannel) === 'STARTED';
  }

  /** The clock of the first phase begins. */
  start(): void {
    this.#running = true;
    this.#enter(this.#phases);
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /** Instead of what was to come. */
  run(phases: readonly Phase[]): void {
    this.#enter(phases);
    this.onChange();
  }

  /** `state` null: it is not deployed any more. */
  setChannel(name: string, state: string | null): void {
    if (state === null) this.#channels.delete(name);
    else this.#channels.set(name, state);
    this.onChange();
  }

  #enter(phases: readonly Phase[]): void {
    clearTimeout(this.#timer);
    this.#phases = phases;
    const [now, ...rest] = phases;
    if (now === undefined) return;
    this.#status = now.status;
    if (now.forMs === undefined || rest.length === 0 || !this.#running) return;
    this.#timer = setTimeout(() => this.run(rest), now.forMs);
    // A process is kept by its ports.
    this.#timer.unref();
  }
}

/** `2@2s,3@2s,0`: 2 for two seconds, then 3 for two, then 0 for good. Undefined: it reads otherwise. */
export function parsePhases(text: string): readonly Phase[] | undefined {
  const parts = text.split(',');
  if (parts.length > MAX_PHASES) return undefined;
  const phases = parts.map((part, i): Phase | undefined => {
    const [, status, duration] = /^([0-3])(?:@(\w+))?$/.exec(part.trim()) ?? [];
    if (status === undefined) return undefined;
    const last = i === parts.length - 1;
    if (last) return duration === undefined ? { status: Number(status), forMs: undefined } : undefined;
    const forMs = duration === undefined ? undefined : parseDuration(duration);
    return forMs === undefined || forMs > LONGEST_MS ? undefined : { status: Number(status), forMs };
  });
  return phases.every((phase) => phase !== undefined) ? phases : undefined;
}

export function isChannelName(name: string): boolean {
  return name.length > 0 && name.length <= LONGEST_NAME && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name);
}

/** `NAME=STATE`, or a name, which is started. Undefined: it reads otherwise. */
export function parseChannel(text: string): readonly [name: string, state: string] | undefined {
  const [, name = '', state = 'STARTED'] = /^([^=]*)(?:=([A-Z]+))?$/.exec(text) ?? [];
  return isChannelName(name) && CHANNEL_STATES.includes(state) ? [name, state] : undefined;
}

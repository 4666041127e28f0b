// What the runner tells its peers over IPC, and how they are started. Promises: types and their checks only.

/** What a node does with the messages and connections that come from now on. */
export const NODE_MODES = [
  'normal',
  'slow',
  'late',
  'wrong',
  'double',
  'garbled',
  'negative',
  'reset',
  'half-close',
  'black-hole',
  'full',
  'refuse',
] as const;

export type NodeMode = (typeof NODE_MODES)[number];

export interface NodeOrder {
  readonly mode: NodeMode;
}

export function isNodeOrder(value: unknown): value is NodeOrder {
  return NODE_MODES.some(
    (mode) => typeof value === 'object' && value !== null && Reflect.get(value, 'mode') === mode,
  );
}

export const SENDER_ACTS = ['burst', 'mid-frame', 'reset', 'half-close', 'finish'] as const;

export type SenderAct = (typeof SENDER_ACTS)[number];

export interface SenderOrder {
  readonly act: SenderAct;
}

export function isSenderOrder(value: unknown): value is SenderOrder {
  return SENDER_ACTS.some(
    (act) => typeof value === 'object' && value !== null && Reflect.get(value, 'act') === act,
  );
}

/** What is spoken, on either side of the gateway. */
export type Wire = 'mllp' | 'mllps' | 'http' | 'https';

export function isTls(wire: Wire): boolean {
  return wire === 'mllps' || wire === 'https';
}

export function isHttp(wire: Wire): boolean {
  return wire === 'http' || wire === 'https';
}

/** Certificate files, for those who speak TLS. */
export interface TlsStart {
  readonly cert: string;
  readonly key: string;
}

export interface NodeStart {
  readonly name: string;
  readonly wire: Wire;
  readonly tls: TlsStart | undefined;
  readonly host: string;
  readonly port: number;
  readonly log: string;
  readonly seed: number;
  /** How often the node of this name has been started. */
  readonly run: number;
  /** An answer later than this is too late. */
  readonly ackMs: number;
}

/**
 * What a sender's messages are: `plain` are small, few of them larger; `large` have megabytes; `batch` come several in one frame;
 * of `checked` some break a rule of their route; `enhanced` ask for a commit and an application acknowledgement.
 */
export type Content = 'plain' | 'large' | 'batch' | 'checked' | 'enhanced';

export interface SenderStart {
  readonly name: string;
  readonly wire: Wire;
  readonly tls: TlsStart | undefined;
  readonly content: Content;
  readonly host: string;
  readonly port: number;
  readonly log: string;
  readonly seed: number;
  /** Frames that it lets wait for their answers. */
  readonly window: number;
  /** Between an answer and the next message, on average. */
  readonly thinkMs: number;
  /** `repeated`: they come round again, as they do in real life; `shared`: and other senders use the same ones. */
  readonly ids: 'unique' | 'repeated' | 'shared';
  /** It gives a connection up where nothing comes for so long. */
  readonly patienceMs: number;
}

export interface WebClientStart {
  readonly name: string;
  readonly wire: Wire;
  readonly tls: TlsStart | undefined;
  readonly host: string;
  readonly port: number;
  readonly log: string;
  readonly seed: number;
  readonly thinkMs: number;
  readonly patienceMs: number;
}

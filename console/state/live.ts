// What the gateway tells by itself: the overview each second, the nodes when one of them changes. Promises one stream while somebody looks
// and none otherwise, and that the page knows when what it shows is not of now.
import { signal } from '@preact/signals';
import { ask } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { type HistoryPoints, mergedHistory } from './history.ts';
import { isLoggedIn, type LoggedIn, onSession, session } from './session.ts';

type Overview = Omit<Schemas['Overview'], 'history'>;
export type NodeState = Pick<
  Schemas['Node'],
  'pool' | 'node' | 'state' | 'available' | 'since' | 'reason' | 'weight'
>;

export const overview = signal<Overview | undefined>(undefined);
export const points = signal<HistoryPoints>([]);
export const stepSeconds = signal(10);
export const nodeStates = signal<readonly NodeState[]>([]);
/** Since when nothing has come; undefined: it comes. */
export const silentSince = signal<number | undefined>(undefined);
/** Moves each second, for ages. */
export const now = signal(Date.now());

const RETRY_MS = 2_000;
/** Three events that did not come. */
const SILENT_MS = 3_500;

let source: EventSource | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;
let toldAt = Date.now();

setInterval(() => {
  now.value = Date.now();
  const isSilent = source !== undefined && now.value - toldAt > SILENT_MS;
  silentSince.value = isSilent ? (silentSince.value ?? toldAt) : undefined;
}, 1_000);

onSession((who: LoggedIn | undefined) => {
  if (who === undefined) {
    close();
    overview.value = undefined;
    points.value = [];
    nodeStates.value = [];
  } else if (source === undefined) open();
});

// A browser takes six connections to a place, and each page that is open would hold one.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) close();
  else if (session.value.kind === 'in' && source === undefined) open();
});

function close(): void {
  clearTimeout(retry);
  source?.close();
  source = undefined;
}

function open(): void {
  if (document.hidden) return;
  toldAt = Date.now();
  void readHistory();
  const stream = new EventSource('./events');
  source = stream;
  stream.addEventListener('overview', ({ data }) => {
    toldAt = Date.now();
    const { last, ...rest } = JSON.parse(data) as Overview & { readonly last: HistoryPoints };
    overview.value = rest;
    points.value = mergedHistory(points.value, last);
  });
  stream.addEventListener('nodes', ({ data }) => {
    nodeStates.value = JSON.parse(data) as readonly NodeState[];
  });
  stream.addEventListener('error', () => {
    // It tries again by itself unless it was answered, and not with a stream.
    if (stream.readyState !== EventSource.CLOSED || source !== stream) return;
    close();
    retry = setTimeout(() => void again(), RETRY_MS);
  });
}

async function again(): Promise<void> {
  try {
    if (await isLoggedIn()) return;
    // The answer to any question ends the session.
    await ask('GET /overview');
  } catch {
    if (session.value.kind === 'in' && source === undefined) retry = setTimeout(() => void again(), RETRY_MS);
  }
}

async function readHistory(): Promise<void> {
  try {
    const { history, ...rest } = await ask('GET /overview');
    overview.value ??= rest;
    stepSeconds.value = history.stepSeconds;
    points.value = mergedHistory(history.points, points.value.slice(-2));
  } catch {
    // The stream says the rest.
  }
}

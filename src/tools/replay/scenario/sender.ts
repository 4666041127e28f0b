// A sender as it is without a word about it: one MLLP connection or HTTP client to the first listener, one message at a time.
import type { SourcePlace } from '../../../config/source/problem.ts';
import type { OutgoingMessage, ScenarioSender, SendStep } from './scenario.ts';

/** What a sender waits for an answer: as long as the gateway waits for a node by default. */
export const SENDER_TIMEOUT_MS = 30_000;
export const SENDER_CONTENT_TYPE = 'application/hl7-v2';

export function senderNamed(name: string, place: SourcePlace = { line: 1, column: 1 }): ScenarioSender {
  return {
    name,
    place,
    listener: undefined,
    source: undefined,
    certificate: undefined,
    servername: undefined,
    connections: 1,
    pipeline: 1,
    perSecond: undefined,
    timeoutMs: SENDER_TIMEOUT_MS,
    path: '/',
    contentType: SENDER_CONTENT_TYPE,
    headers: new Map(),
    cookies: false,
  };
}

/** A step that sends, expects nothing, and stands in no file. */
export function sendingOf(messages: readonly OutgoingMessage[]): SendStep {
  return {
    kind: 'send',
    place: { line: 1, column: 1 },
    key: 'send',
    index: 0,
    sender: undefined,
    messages,
    together: false,
    halfClose: false,
    cutOff: undefined,
    background: false,
    expect: { each: false, all: [] },
  };
}

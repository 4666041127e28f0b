// The answers of Mirth's REST API as XStream writes them, in XML and in JSON, and which of the two a request gets.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { respondSimulated } from '../http-reply.ts';

/** Mirth names XML first, so that is what a request without a wish gets. */
function wantsJson({ headers: { accept = '' } }: IncomingMessage): boolean {
  const json = accept.indexOf('application/json');
  const xml = accept.indexOf('application/xml');
  return json >= 0 && (xml < 0 || json < xml);
}

export function answerStatus(request: IncomingMessage, response: ServerResponse, status: number): void {
  if (wantsJson(request)) respondSimulated(response, 'application/json', JSON.stringify({ int: status }));
  else respondSimulated(response, 'application/xml', `<int>${status}</int>`);
}

export function answerChannels(
  request: IncomingMessage,
  response: ServerResponse,
  channels: ReadonlyMap<string, string>,
): void {
  const all = [...channels].map(([name, state]) => ({ channelId: idOf(name), name, state }));
  if (wantsJson(request)) {
    // As XStream writes a list of one: its only item. And one of none: null.
    const list = all.map((one) => ({
      ...one,
      statusType: 'CHANNEL',
      childStatuses: { dashboardStatus: [{ ...one, name: 'Source', statusType: 'SOURCE_CONNECTOR' }] },
    }));
    const json = list.length === 0 ? null : { dashboardStatus: list.length === 1 ? list[0] : list };
    respondSimulated(response, 'application/json', JSON.stringify({ list: json }));
    return;
  }
  const items = all.map(
    ({ channelId, name, state }) =>
      `  <dashboardStatus>\n    <channelId>${channelId}</channelId>\n    <name>${escaped(name)}</name>\n` +
      `    <state>${state}</state>\n    <statusType>CHANNEL</statusType>\n  </dashboardStatus>\n`,
  );
  const xml = items.length === 0 ? '<list/>' : `<list>\n${items.join('')}</list>`;
  respondSimulated(response, 'application/xml', xml);
}

/** The same each time, in the form of a UUID. */
function idOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

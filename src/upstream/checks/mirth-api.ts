// What Mirth's REST API says of a server and its channels, read from its answers (XStream's XML and JSON).

/** Undefined: the answer says nothing of the kind. */
export function readServerStatus(body: Buffer): number | undefined {
  const text = body.toString();
  const match = /^\s*(?:<\?xml[^>]*\?>\s*)?<int>\s*(\d{1,9})\s*<\/int>\s*$/.exec(text);
  if (match !== null) return Number(match[1]);
  const value = parseJson(text);
  const status = isRecord(value) ? value.int : undefined;
  return typeof status === 'number' && Number.isInteger(status) ? status : undefined;
}

/** ConfigurationController's constants. */
const STATUSES = ['ok', 'unavailable', 'the engine is starting', 'the channels are being deployed'];

export function serverStatusText(status: number): string {
  const meaning = STATUSES[status];
  return meaning === undefined ? `status ${status}` : `status ${status}, ${meaning}`;
}

/**
 * The state of the channel with this name, as `STARTED` or `PAUSED`; undefined: it is not deployed. `unreadable`: the
 * answer is no list of channels.
 */
export function readChannelState(body: Buffer, name: string): string | undefined | 'unreadable' {
  const value = parseJson(body.toString());
  if (!isRecord(value) || !('list' in value)) return 'unreadable';
  // XStream writes a list of one as its only item, and an empty list as null or an empty text.
  const list = isRecord(value.list) ? value.list.dashboardStatus : undefined;
  const channels: unknown[] = Array.isArray(list) ? list : [list];
  for (const channel of channels) {
    if (isRecord(channel) && channel.name === name)
      return typeof channel.state === 'string' && /^[A-Z]{1,20}$/.test(channel.state)
        ? channel.state
        : 'unreadable';
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// How single values of a config are written, as functions from text. keys/formats.ts says of each format what uses these.
// Promises no coercion surprises: text is taken whole or refused (`12x` is no 12, `yes` is no boolean).
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** setTimeout runs at once when given more than 2^31 - 1 ms (24.8 days), so no duration may be longer. */
export const LONGEST_MS = 2 ** 31 - 1;

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const UNIT_BYTES = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

/** `500ms`, `5s`, `2m`, `1h`, `7d`; `0` needs no unit, every other number does. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(0|[1-9]\d*)(ms|s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  const duration = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  return Number.isSafeInteger(duration) ? duration : undefined;
}

/** From the first wait to the longest. */
export interface DurationRange {
  readonly minMs: number;
  readonly maxMs: number;
}

/** `1s..1m`, or one duration for both. */
export function parseDurationRange(text: string): DurationRange | undefined {
  const [from = '', to = from, ...more] = text.split('..');
  const minMs = parseDuration(from);
  const maxMs = parseDuration(to);
  if (minMs === undefined || maxMs === undefined || more.length > 0) return undefined;
  return minMs > 0 && minMs <= maxMs && maxMs <= LONGEST_MS ? { minMs, maxMs } : undefined;
}

/** `30s`: the largest unit that divides it. */
export function durationText(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const)
    if (ms > 0 && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  return ms === 0 ? '0' : `${ms}ms`;
}

/** `64KiB`, `16MiB`, `1GiB`; a bare integer counts bytes. */
export function parseSize(text: string): number | undefined {
  const match = /^(0|[1-9]\d*)(KiB|MiB|GiB)?$/.exec(text);
  if (match === null) return undefined;
  const unit = match[2] as keyof typeof UNIT_BYTES | undefined;
  const bytes = Number(match[1]) * (unit === undefined ? 1 : UNIT_BYTES[unit]);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Decimal digits without leading zeros. */
export function parseCount(text: string): number | undefined {
  const count = /^(0|[1-9]\d*)$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}

/** YAML 1.2's booleans; `yes`, `on` and `1` are none. */
export function parseFlag(text: string): boolean | undefined {
  if (/^(true|True|TRUE)$/.test(text)) return true;
  return /^(false|False|FALSE)$/.test(text) ? false : undefined;
}

/** From 0 to 1. */
export function parseShare(text: string): number | undefined {
  return /^(0(\.\d+)?|1(\.0+)?)$/.test(text) ? Number(text) : undefined;
}

/** At least one per second, minute or hour: `200/s`, `30/m`; the value is per second. */
export function parseRate(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,6})\/([smh])$/.exec(text) ?? [];
  return count === undefined ? undefined : (Number(count) * 1000) / UNIT_MS[unit as 's' | 'm' | 'h'];
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** `5`, `10-20`. */
export function parseRange(text: string): Range | undefined {
  const [, from, to = from] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text) ?? [];
  if (from === undefined || Number(from) > Number(to)) return undefined;
  return { from: Number(from), to: Number(to) };
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const LABEL = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** An IPv4 address or a host name (RFC 1123 2.1, and the underscores that container networks use). */
export function isHost(text: string): boolean {
  const labels = text.split('.');
  // A name whose last label is a number reads like an address, so it has to be one.
  if (/^\d+$/.test(labels.at(-1) ?? '')) return ipaddr.IPv4.isValidFourPartDecimal(text);
  return text.length <= 253 && labels.every((label) => LABEL.test(label));
}

/** `host:port`, an IPv6 address in brackets. The host may be empty. */
function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/@\s]*)):([1-9]\d{0,4}|0)$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name] = match;
  const port = Number(match[3]);
  const good = ipv6 === undefined ? name === '' || isHost(name ?? '') : ipaddr.IPv6.isValid(ipv6);
  return good && port <= 65_535 ? { host: ipv6 ?? name ?? '', port } : undefined;
}

/** `host:port`, `[::]:port`; `:port` is every IPv4 address. Port 0: the system picks one. */
export function parseBind(text: string): HostPort | undefined {
  const parsed = parseHostPort(text);
  return parsed?.host === '' ? { host: '0.0.0.0', port: parsed.port } : parsed;
}

/** Where a listener is to listen, as it is written: a range of ports, and the interface whose addresses are meant. */
export interface ListenerBind extends HostPort {
  /** Of a range, which begins at `port`. */
  readonly lastPort?: number;
  /** With `host` empty: every address that it has. */
  readonly device?: string;
}

const LISTENER_BIND = /^(\[[^\]]*\]|[^:[\]]*):([1-9]\d{0,4}|0)(?:-([1-9]\d{0,4}))?$/;

/** As `parseBind`, and `host:first-last`, `%eth1:port`, `10.0.0.5%eth1:port`, `[fe80::1%eth1]:port` (as ss writes them). */
export function parseListenerBind(text: string): ListenerBind | undefined {
  const [, where, first, last] = LISTENER_BIND.exec(text) ?? [];
  if (where === undefined) return undefined;
  const [, open = '', address = '', device, close = ''] =
    /^(\[?)([^%\]]*)%([^\s%/\]]{1,15})(\]?)$/.exec(where) ?? [];
  const host = device === undefined ? where : `${open}${address}${close}`;
  const bind = parseBind(`${host}:${first}`);
  if (bind === undefined || (device !== undefined && host !== '' && isIP(address) === 0)) return undefined;
  const lastPort = last === undefined ? undefined : Number(last);
  if (lastPort !== undefined && (bind.port === 0 || lastPort < bind.port || lastPort > 65_535))
    return undefined;
  return {
    ...bind,
    ...(device !== undefined && { device, host: address }),
    ...(lastPort !== undefined && { lastPort }),
  };
}

export interface NodeUrl extends HostPort {
  readonly protocol: 'mllp' | 'mllps' | 'http' | 'https';
  /** Of an HTTP URL; `/` otherwise. */
  readonly path: string;
}

/**
 * `mllp://host:port`, `mllps://host:port`, `http://host[:port][/path]`, `https://host[:port][/path]`. MLLP has no default
 * port: 6661 is Mirth's, 2575 IANA's, so it has to be said.
 */
export function parseNodeUrl(text: string): NodeUrl | undefined {
  const [, protocol, authority = '', path = '/'] =
    /^(mllps?|https?):\/\/([^/?#\s]+)(\/[!-~]*)?$/.exec(text) ?? [];
  const isHttp = protocol === 'http' || protocol === 'https';
  if (!isHttp && protocol !== 'mllp' && protocol !== 'mllps') return undefined;
  // RFC 3986 3.3, and no query: what a message is posted to is a path.
  if (isHttp ? !isUrlPath(path) : path !== '/') return undefined;
  const hasPort = /:\d+$/.test(authority);
  const port = protocol === 'https' ? 443 : 80;
  const parsed = parseHostPort(isHttp && !hasPort ? `${authority}:${port}` : authority);
  if (parsed === undefined || parsed.host === '' || parsed.port === 0) return undefined;
  return { protocol, ...parsed, path };
}

/** Where a node of a pool is. */
export interface PoolNodeUrl extends Omit<NodeUrl, 'protocol'> {
  readonly protocol: NodeUrl['protocol'] | 'tcp' | 'tls';
  /** Its port is the one that the sender came to, and so much; `port` is 0 then. */
  readonly portOffset?: number;
}

const OFFSET_URL =
  /^(mllps?|https?|tcp|tls):\/\/(\[[^\]\s]+\]|[^/?#\s:@[\]]+)(?::([+-]\d{1,5}))?(\/[!-~]*)?$/;

/** `mllp://host`, `tcp://host:+0`, `http://host:+1000/path`: at the port that the sender came to, or so far from it. */
function parseOffsetUrl(text: string): PoolNodeUrl | undefined {
  const [, protocol, host, offset, path = ''] = OFFSET_URL.exec(text) ?? [];
  // Over HTTP a URL without a port has that of its scheme.
  if (host === undefined || (offset === undefined && protocol?.startsWith('http'))) return undefined;
  const parsed = parsePoolNodeUrl(`${protocol}://${host}:1${path}`);
  return parsed && { ...parsed, port: 0, portOffset: Number(offset ?? 0) };
}

/** Of a node whose port goes by the sender's: the same at this port. */
export function urlAtPort(url: string, port: number): string {
  return url.replace(/^([a-z]+:\/\/(?:\[[^\]]+\]|[^/:]+))(?::[+-]\d+)?/, `$1:${port}`);
}

/** The same, and `tcp://host:port` or `tls://host:port`, to which bytes are passed on as they come. */
export function parsePoolNodeUrl(text: string): PoolNodeUrl | undefined {
  const relative = parseOffsetUrl(text);
  if (relative !== undefined) return relative;
  const [, protocol, authority = ''] = /^(tcp|tls):\/\/([^/?#\s]+)\/?$/.exec(text) ?? [];
  if (protocol !== 'tcp' && protocol !== 'tls') return parseNodeUrl(text);
  const parsed = parseHostPort(authority);
  if (parsed === undefined || parsed.host === '' || parsed.port === 0) return undefined;
  return { protocol, ...parsed, path: '/' };
}

/** Names and texts go into logs and acknowledgements: one line, and short enough for MSA-3 with some room. */
export const LONGEST_TEXT = 200;

export function isText(value: unknown): boolean {
  return typeof value === 'string' && /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u.test(value) && value.length <= LONGEST_TEXT;
}

export function isFile(value: unknown): boolean {
  return typeof value === 'string' && /^[^\p{Cc}]+$/u.test(value);
}

/** RFC 9110 5.6.2: names of headers and cookies. */
export function isToken(value: unknown): boolean {
  return typeof value === 'string' && /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(value);
}

/** RFC 3986 3.3: an absolute path, percent-encoded. */
export function isUrlPath(text: string): boolean {
  return /^\/([!$&'()*+,;=:@/\w.~-]|%[0-9A-Fa-f]{2})*$/.test(text);
}

/** `16MiB`: the largest unit that divides it. */
export function sizeText(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    if (bytes > 0 && bytes % UNIT_BYTES[unit] === 0) return `${bytes / UNIT_BYTES[unit]}${unit}`;
  }
  return `${bytes}`;
}

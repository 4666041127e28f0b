// What `init` is told, by flags or by answers: listeners, Mirths, TLS, state, who may log in. Promises a sentence for what is none.
import { hostname } from 'node:os';
import { NAME_PATTERN } from '../../config/build/name.ts';
import { isHost, type ListenerBind, parseListenerBind, parsePoolNodeUrl } from '../../config/formats.ts';
import { quoted } from '../../config/source/problem.ts';
import { urlHint } from '../../config/url-hints.ts';

export const TLS_WAYS = ['none', 'own-ca', 'files'] as const;
export type TlsWay = (typeof TLS_WAYS)[number];

export interface WantedListener {
  readonly name: string;
  /** As the config takes it. */
  readonly bind: string;
  readonly address: ListenerBind;
}

export interface WantedMirth {
  readonly url: string;
  readonly host: string;
  /** Undefined: that which the sender came to. */
  readonly port: number | undefined;
  readonly isTls: boolean;
}

/** `:2575`, `adt=10.0.0.5:2575`, `:6661-6690`; `index` names one without a name. */
export function listenerOf(text: string, index: number): WantedListener | string {
  const [, given, bind = ''] = /^(?:([^=]*)=)?(.*)$/s.exec(text) ?? [];
  const name = given ?? (index === 0 ? 'hl7' : `hl7-${index + 1}`);
  if (!NAME_PATTERN.test(name)) return `${quoted(name)} is no name: letters, digits, ".", "_" and "-"`;
  const address = parseListenerBind(bind);
  if (address === undefined)
    return `a listener is :PORT, ADDRESS:PORT or :FIRST-LAST, with NAME= before it if you like, not ${quoted(text)}`;
  return { name, bind, address };
}

/** `mirth-1:6661`, `mllps://mirth-1:6661`; without a port: that which the sender came to. */
export function mirthOf(text: string): WantedMirth | string {
  const url = text.includes('://') ? text : `mllp://${text}`;
  const parsed = parsePoolNodeUrl(url);
  const isMllp = parsed?.protocol === 'mllp' || parsed?.protocol === 'mllps';
  if (parsed === undefined || !isMllp) {
    const { meant } = urlHint(url) ?? {};
    const hint = meant === undefined ? '' : `; did you mean ${quoted(meant)}?`;
    return `a Mirth is HOST:PORT, or mllps://HOST:PORT, not ${quoted(text)}${hint}`;
  }
  return {
    url,
    host: parsed.host,
    port: parsed.portOffset === undefined ? parsed.port : undefined,
    isTls: parsed.protocol === 'mllps',
  };
}

/** By which senders may know this machine. */
export function defaultNames(): readonly string[] {
  return [hostname().toLowerCase(), 'localhost'].filter((name) => isHost(name));
}

export interface Wishes {
  readonly listeners: readonly WantedListener[];
  readonly mirths: readonly WantedMirth[];
  readonly tls: TlsWay;
  /** With `files`. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** With `own-ca`: names and addresses that senders know the gateway by. */
  readonly names: readonly string[];
  /** A folder; undefined: in memory alone. */
  readonly state: string | undefined;
  readonly user: { readonly name: string; readonly password: string } | undefined;
}

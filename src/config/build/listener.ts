// One listener of the config, from its sections to the typed result.
import type { ListenerConfig } from '../config.ts';
import { LISTENER_KEYS } from '../keys/listener.ts';
import { LISTENER_TLS_KEYS } from '../keys/tls.ts';
import { readSection } from '../read/section.ts';
import type { Entry, ReadContext } from '../source/value.ts';
import { bindsOf, devicesElsewhere } from './binds.ts';
import { readAllow } from './conditions.ts';
import { buildListenerHttp, readTrustedProxies } from './http/listener-http.ts';
import { checkName } from './name.ts';
import { buildListenerTls } from './tls/listener-tls.ts';

export function buildListener(entry: Entry, reusePort: boolean, reading: ReadContext): ListenerConfig {
  const key = `listeners.${entry.key}`;
  checkName(entry, key, reading);
  const listener = readSection(entry.value, LISTENER_KEYS, { key, place: entry.place }, reading);
  const tls = listener.section('tls', LISTENER_TLS_KEYS);
  const { bind } = listener.values;
  const devices = reading.isElsewhere ? () => devicesElsewhere(bind) : undefined;
  const binds = bindsOf(entry.key, bind, devices);
  if (typeof binds === 'string') listener.error('bind', binds);
  return {
    ...listener.values,
    name: entry.key,
    ...(typeof binds === 'object' && { binds }),
    tls: tls && buildListenerTls(tls, reading),
    allow: readAllow(listener, reading),
    trustedProxies: readTrustedProxies(listener, reading),
    http: buildListenerHttp(listener, reading),
    reusePort,
  };
}

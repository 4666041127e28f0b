// Where a listener listens whose `bind` is more than one address: each port of a range, each address of an interface. Promises that
// what an interface has is asked when the config is read, at the start and at each reload, and that one that cannot be is an error.
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { NamedBind } from '../config.ts';
import type { ListenerBind } from '../formats.ts';
import { suggestion } from '../source/closest.ts';
import { NAME_PATTERN } from './name.ts';

/** More than a hospital has interfaces. Each is a listener, and for nodes that go by the port a pool, with checks of its own. */
const MAX_PORTS = 256;

/** By the interface's name, without a zone. */
export type Devices = ReadonlyMap<string, readonly string[]>;

/** Undefined: one address. A text: why there is none. */
export function bindsOf(
  name: string,
  bind: ListenerBind,
  devices: () => Devices = devicesOfMachine,
): readonly NamedBind[] | undefined | string {
  const { port, lastPort = port } = bind;
  if (lastPort - port >= MAX_PORTS) return `is ${lastPort - port + 1} ports, and ${MAX_PORTS} are the most`;
  const hosts = hostsOf(bind, devices);
  if (hosts === undefined && bind.lastPort === undefined) return undefined;
  if (typeof hosts === 'string') return hosts;
  const ports = Array.from({ length: lastPort - port + 1 }, (_, n) => port + n);
  const isNamedByHost = hosts !== undefined && bind.host === '';
  const all = (hosts ?? [bind.host]).flatMap((host) =>
    ports.map((one) => {
      const ofHost = isNamedByHost ? `-${host.replace(/%.*/, '').replaceAll(':', '_')}` : '';
      return { name: `${name}${ofHost}${bind.lastPort === undefined ? '' : `-${one}`}`, host, port: one };
    }),
  );
  const long = all.find((one) => !NAME_PATTERN.test(one.name));
  return long === undefined ? all : `makes listener ${long.name}, a name of more than 63 characters`;
}

/** Undefined: no interface is named. A text: why it has no such address. */
function hostsOf(
  { host, device }: ListenerBind,
  devices: () => Devices,
): readonly string[] | undefined | string {
  if (device === undefined) return undefined;
  const all = devices();
  const addresses = all.get(device);
  if (addresses === undefined)
    return existsSync(`/sys/class/net/${device}`)
      ? `interface ${device} has no address, or is down`
      : `this machine has no interface ${device}${suggestion(device, [...all.keys()])}`;
  const named = (address: string): string => (/^fe80:/i.test(address) ? `${address}%${device}` : address);
  if (host === '') return addresses.map(named);
  if (!addresses.includes(host.toLowerCase()))
    return `interface ${device} has no address ${host}: it has ${addresses.join(', ')}`;
  return [named(host)];
}

/** Of a machine that is not looked at: an interface has one address, which stands for what it has. */
export function devicesElsewhere({ device, host }: ListenerBind): Devices {
  return new Map(device === undefined ? [] : [[device, [host === '' ? device : host.toLowerCase()]]]);
}

function devicesOfMachine(): Devices {
  const all = new Map<string, readonly string[]>();
  for (const [name, infos = []] of Object.entries(networkInterfaces()))
    all.set(
      name,
      infos.map(({ address }) => address.replace(/%.*/, '')),
    );
  return all;
}

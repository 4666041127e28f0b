// The members of a cluster as their admin APIs show them, each before a fake gateway, and a config that names them.
import { stringify } from 'yaml';
import type { ServerTls } from '../../certs/server-tls.ts';
import type { ClusterReport, StatusReport } from '../../src/admin/control.ts';
import { type AdminRoom, openAdmin, TOKEN } from '../admin/admin-room.ts';
import { folderWith } from '../config/config-folder.ts';

export const VIP = '127.0.0.50';

/** What a fake member says of itself. */
export function saysOfCluster(member: string, more: Partial<ClusterReport> = {}): ClusterReport {
  return {
    name: 'hospital-a',
    member,
    fit: true,
    reason: undefined,
    configDigest: '0123456789abcdef',
    vips: [{ address: VIP, held: member === 'gw1', since: '2026-03-01T11:00:00.000Z' }],
    ...more,
  };
}

export interface MemberRoom extends AdminRoom {
  /** What it tells from now on. */
  tell(cluster: Partial<ClusterReport>, status?: Partial<StatusReport>): void;
}

export async function openMember(
  member: string,
  options: { readonly token?: string; readonly tls?: ServerTls } = {},
): Promise<MemberRoom> {
  const room = await openAdmin(options);
  const plain = room.control.status.bind(room.control);
  let told: { cluster: Partial<ClusterReport>; status: Partial<StatusReport> } = { cluster: {}, status: {} };
  room.control.status = () => {
    const well: Partial<StatusReport> = { condition: 'ok', problems: [] };
    return { ...plain(), ...well, cluster: saysOfCluster(member, told.cluster), ...told.status };
  };
  const tell: MemberRoom['tell'] = (cluster, status = {}) => {
    told = { cluster, status };
  };
  return { ...room, tell };
}

/** The path of a config on a machine that is no member. `urls`: undefined where the config has none. */
export function configNaming(
  urls: Readonly<Record<string, string | undefined>>,
  more: { readonly members?: Readonly<Record<string, object>>; readonly cluster?: object } = {},
  files: Readonly<Record<string, string>> = {},
): string {
  const members = Object.entries(urls).map(([name, admin], i) => [
    name,
    {
      address: `192.0.2.${i + 1}`,
      priority: 200 - i,
      ...(admin === undefined ? {} : { admin }),
      ...more.members?.[name],
    },
  ]);
  const text = stringify({
    admin: { bind: '127.0.0.1:9600', token: { file: 'admin.token' } },
    cluster: {
      name: 'hospital-a',
      member: '${NOT_SET_HERE}',
      members: Object.fromEntries(members),
      vips: [{ address: `${VIP}/8`, interface: 'lo' }],
      interface: 'lo',
      ...more.cluster,
    },
  });
  return `${folderWith({ 'gateway.yaml': text, 'admin.token': `${TOKEN}\n`, ...files })}/gateway.yaml`;
}

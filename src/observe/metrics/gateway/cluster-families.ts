// The gateway as a member of its cluster, as metrics: who has which VIP, whether it is fit, and whether the members' configs agree.
// Compared over all members they say what none can see alone (deploy/prometheus).
import { type Family, number, numbers } from '../family.ts';

export interface ClusterCounts {
  readonly name: string;
  readonly member: string;
  readonly fit: boolean;
  readonly configDigest: string;
  /** `since`: as ISO 8601 has it. */
  readonly vips: readonly { readonly address: string; readonly held: boolean; readonly since: string }[];
}

/** None where it stands alone. */
export function clusterFamilies(cluster: ClusterCounts | undefined): readonly Family[] {
  if (cluster === undefined) return [];
  const { name, member, fit, configDigest, vips } = cluster;
  const labelled = vips.map((vip) => ({ ...vip, labels: { cluster: name, vip: vip.address } }));
  return [
    numbers('hl7_gateway_cluster_info', [
      { labels: { cluster: name, member, config: configDigest }, value: 1 },
    ]),
    number('hl7_gateway_cluster_fit', fit ? 1 : 0),
    numbers(
      'hl7_gateway_vip_held',
      labelled.map(({ labels, held }) => ({ labels, value: held ? 1 : 0 })),
    ),
    numbers(
      'hl7_gateway_vip_since_seconds',
      labelled.map(({ labels, since }) => ({ labels, value: Date.parse(since) / 1000 })),
    ),
  ];
}

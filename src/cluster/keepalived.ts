// keepalived.conf for this member, made from the config. Pure. Promises that all members' files agree on what they must agree on, and
// that nothing of the config can end a quoted text or begin a comment there.
import { announcedVips } from '../config/build/cluster.ts';
import type { AdminConfig, ClusterConfig, GatewayConfig, VipConfig } from '../config/config.ts';
import type { Layer4 } from './layer4.ts';

/** What the process is called for keepalived; the kernel keeps 15 characters. */
export const PROCESS_TITLE = 'hl7-gateway';

/** For all that is defined in it. */
const NAME = 'hl7_gateway';

/** keepalived asks each second, in whole seconds; one second later it asks anew. */
const ANSWER_SECONDS = 0.9;

/** `atLayer4`: listeners that go past the gateway. Undefined: the config has no cluster. */
export function keepalivedText(
  { cluster, admin }: GatewayConfig,
  atLayer4?: Layer4 | undefined,
): string | undefined {
  if (cluster === undefined) return undefined;
  const own = cluster.members.find(({ name }) => name === cluster.member);
  if (own === undefined) return undefined;
  const others = cluster.members.filter((member) => member !== own);
  const { announced, others: excluded } = announcedVips(cluster);
  const hasGateway = atLayer4?.needsGateway ?? true;
  const question = hasGateway ? questionFor(admin) : undefined;
  const watchesProcess = hasGateway && cluster.trackProcess;
  // Its own is tracked anyway, and named here it is an error of the file.
  const arms = new Set(cluster.vips.map((vip) => vip.interface));
  arms.delete(cluster.interface);
  const lines = [
    ...headLines(cluster, hasGateway ? question : 'nobody', atLayer4?.notes ?? []),
    'global_defs {',
    `    router_id ${own.name}`,
    '    vrrp_version 3',
    '    enable_script_security',
    // With another user keepalived 2.2 ends itself in its own config test (-t).
    '    script_user root',
    '}',
    '',
    ...(hasGateway ? fileLines(cluster.track) : []),
    ...(watchesProcess ? processLines() : []),
    ...(question === undefined ? [] : scriptLines(question)),
    `vrrp_instance ${NAME} {`,
    '    state BACKUP',
    `    interface ${cluster.interface}`,
    `    virtual_router_id ${cluster.routerId}`,
    `    priority ${own.priority}`,
    '    advert_int 0.1',
    ...(cluster.preempt ? [] : ['    nopreempt']),
    `    unicast_src_ip ${own.address}`,
    ...block(
      'unicast_peer',
      others.map(({ address }) => address),
    ),
    ...block('virtual_ipaddress', announced.map(inDevice)),
    ...(excluded.length === 0 ? [] : block('virtual_ipaddress_excluded', excluded.map(inDevice))),
    ...(arms.size === 0 ? [] : block('track_interface', [...arms])),
    ...(hasGateway ? block('track_file', [NAME]) : []),
    ...(watchesProcess ? block('track_process', [NAME]) : []),
    ...(question === undefined ? [] : block('track_script', [NAME])),
    '}',
    ...(atLayer4 === undefined ? [] : ['', ...atLayer4.lines]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function fileLines(path: string): string[] {
  return [
    '# 0 while the gateway is fit. Weight 0: any other value takes the addresses away.',
    `track_file ${NAME} {`,
    `    file "${path}"`,
    '    weight 0',
    '}',
    '',
  ];
}

function headLines(
  { name, member, members }: ClusterConfig,
  question: string | undefined,
  notes: readonly string[],
): string[] {
  const peers = members.filter((one) => one.name !== member).map(({ address }) => address);
  const six = peers.some((address) => address.includes(':'));
  const from = `${six ? 'ip6' : 'ip'} saddr ${peers.length === 1 ? peers[0] : `{ ${peers.join(', ')} }`}`;
  return [
    `# keepalived of ${member} in ${plain(name)}, made by \`hl7-gateway keepalived\`. Change the gateway's config, not this.`,
    '#',
    '# VRRPv3 has no authentication: let nobody but the other members send it. With nftables, in the input chain:',
    ...(peers.length === 0 ? [] : [`#     ${from} meta l4proto 112 accept`]),
    '#     meta l4proto 112 drop',
    ...(question === undefined
      ? [
          '#',
          '# A gateway that hangs is not found: keepalived has no admin API that it could ask without a certificate.',
        ]
      : []),
    ...(notes.length === 0 ? [] : ['#', ...notes.map((note) => `# ${note}`)]),
    '',
  ];
}

function processLines(): string[] {
  return [
    '# Sees within 0.1 s that the process has ended.',
    `vrrp_track_process ${NAME} {`,
    `    process "${PROCESS_TITLE}"`,
    '    weight 0',
    '    quorum 1',
    '    delay 0.1',
    '}',
    '',
  ];
}

/** Any answer is good: what the gateway says of itself is in the file, and with no node at all one member keeps the addresses. */
function scriptLines(url: string): string[] {
  return [
    '# Sees a process that hangs. Any answer will do: whether the gateway is fit, the file says.',
    `vrrp_script ${NAME} {`,
    `    script "/usr/bin/curl --silent --insecure --output /dev/null --max-time ${ANSWER_SECONDS} ${url}"`,
    '    interval 1',
    '    timeout 2',
    '    fall 2',
    '    rise 1',
    '}',
    '',
  ];
}

/** Undefined: there is nothing that it could ask. */
function questionFor(admin: AdminConfig | undefined): string | undefined {
  if (admin === undefined || admin.bind.port === 0 || admin.tls?.requireClientCert === true) return undefined;
  const local: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const host = local[admin.bind.host] ?? admin.bind.host;
  const scheme = admin.tls === undefined ? 'http' : 'https';
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${admin.bind.port}/readyz`;
}

function block(name: string, lines: readonly string[]): string[] {
  return [`    ${name} {`, ...lines.map((line) => `        ${line}`), '    }'];
}

function inDevice({ address, prefix, interface: device }: VipConfig): string {
  return `${address}/${prefix} dev ${device}`;
}

/** Of the name that people chose, what may stand in a comment. */
function plain(text: string): string {
  return text.replace(/[^\p{L}\p{N} ._-]/gu, '?');
}

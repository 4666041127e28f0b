// `cluster`: several gateways behind addresses that move between them (VRRP, which keepalived does).
import { type KeyTable, key } from './key.ts';

export const CLUSTER_KEYS = {
  name: key.required('text', 'What the members are called together, in the log, metrics and `status`'),
  member: key.required(
    'text',
    'Which of `members` this gateway is; `${HOSTNAME}` where they are called as their machines',
    'systemd sets no HOSTNAME: `Environment=HOSTNAME=%H` does',
  ),
  members: key.required('map', 'The gateways of the cluster, by name', 'At least one, this one among them'),
  vips: key.required(
    'list',
    'Addresses that one member has at a time, all of them together: those for senders, and those that nodes have as their way back',
    'At least one',
  ),
  track: key.preset(
    'text',
    '/run/hl7-gateway/vrrp',
    'Path of the file that tells keepalived whether this gateway is fit: 0, or 1 if not',
    'Written by rename; its folder is made where it is not there, and must be writable',
  ),
  interface: key.optional(
    'text',
    'Where members hear each other',
    'Without it that of the first of `vips` in whose network `address` of this member is',
  ),
  routerId: key.count(
    51,
    [1, 255],
    '`virtual_router_id` of VRRP',
    'Another one where two clusters are members of one network',
  ),
  preempt: key.flag(
    false,
    'The member with the higher priority takes the addresses back as soon as it is fit again',
    '`false`: they stay where they are, which saves a second move',
  ),
  trackProcess: key.flag(
    true,
    'Keepalived watches the process as well, and sees its end within 0.1 s',
    '`false` in a container or network namespace, where keepalived 2.2 cannot: it would take the gateway for dead',
  ),
  // Answers of nodes take milliseconds. Meanwhile nobody can connect.
  drainTimeout: key.durationOrZero(
    '5s',
    'While this member has the addresses and is about to end: how long messages in work may take before connections are cut and the addresses move',
    'Where it may answer behind the move (CAP_NET_RAW or CAP_NET_ADMIN) the addresses move at once, and it is of no account',
    '`shutdown.timeout` if that is less',
  ),
  tls: key.optional('map', 'Whom to trust at the `admin` of the other members, where it is https'),
  state: key.optional('map', 'What members share, and where', 'Without it each decides for itself'),
} satisfies KeyTable;

export const CLUSTER_STATE_KEYS = {
  nats: key.optional(
    'map',
    'NATS with JetStream, where members share what operators decide and which sender has which node',
  ),
} satisfies KeyTable;

export const NATS_KEYS = {
  servers: key.required(
    'texts',
    'URLs `nats://host:port` or `tls://host:port` of NATS servers, asked in turn',
  ),
  bucket: key.preset(
    'text',
    'hl7-gateway',
    'Name of the bucket of decisions; that of senders is called the same with `-senders` behind it',
    'Both are made where they are not there. 1 to 64 letters, digits, "_" and "-"',
  ),
  credentials: key.secretLines('The text of a `.creds` file of NATS; give it as `{ file: … }`'),
  user: key.optional('text', 'Who the gateway is there, where that goes by names and passwords'),
  password: key.secret('Of `user`; give it as `{ file: … }`'),
  hashKey: key.secret(
    'The same text at all members: senders stand in the bucket by a hash with it; give it as `{ file: … }`',
    'Without it whoever reads the bucket can try out what a sender is known by',
  ),
  replicas: key.count(
    1,
    [1, 5],
    'On how many servers what the gateway makes is kept',
    '3 where there are three servers',
  ),
  tls: key.optional('map', 'Whom to trust, for servers that speak TLS'),
} satisfies KeyTable;

export const MEMBER_KEYS = {
  address: key.required('ip', 'Where keepalived of the other members sends to; one of the machine itself'),
  // RFC 9568 5.2.4: 255 is for who owns the address, 0 for who leaves.
  priority: {
    ...key.required('count', 'The highest that is fit has the addresses', 'No two are the same'),
    min: 1,
    max: 254,
  },
  admin: key.optional(
    'http-url',
    'Where its admin API is: asked for `/readyz`, without a token, when this gateway has no node that can be used',
    'By it `status --cluster` and `drain NODE --all` reach the member',
  ),
  token: key.secret(
    'Of its admin API, where that is not `admin.token` of this config; give it as `{ file: … }`',
    'For commands alone: the gateway itself sends no token to another member',
  ),
} satisfies KeyTable;

export const VIP_KEYS = {
  address: key.required('text', 'An IP address with the length of its prefix, as `10.0.0.5/24`'),
  interface: key.required('text', 'The network interface that has it'),
} satisfies KeyTable;

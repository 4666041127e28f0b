// The top level of a config, with `parsing`.
import { type KeyTable, key } from './key.ts';
import { TELEMETRY_KEYS } from './telemetry.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

const PARSING = {
  // 256 threads: more than the cores of any machine this runs on.
  workers: key.autoCount(
    [1, 256],
    'Threads at most; `auto` is one less than there are cores, and at least one',
    'They are started when they are needed, and end after a minute without work, but for one',
    'Raise it where several senders have large messages at once',
  ),
  offload: key.oneOf(
    ['auto', 'always', 'never'],
    'What worker threads read',
    '`auto`: of messages above `parsing.inlineLimit`, all that conditions, sticky keys and `allow` ask for beyond the header, what `validate` looks at, splitting a batch, and UTF-8 for a pool that wants it',
    '`always`: the same for every message, its header included',
    '`never`: nothing, there are no threads',
  ),
  inlineLimit: key.size(
    '64KiB',
    [0, GIB],
    'With `auto`: of a larger message nothing but its header is read on the event loop',
    'Reading 64 KiB takes 0.07 ms for each field path, asking a worker 0.05 ms: lower it where routes name many paths',
  ),
  queue: key.count(
    1000,
    [1, 1_000_000],
    'Messages that may wait for a worker',
    'When so many do, senders whose messages are among them are not read any further until one of theirs is over; no message is dropped',
  ),
  timeout: key.duration(
    '10s',
    'How long a worker may take for a message, its own start included',
    'Then it is stopped and replaced, and the message fails with `GW_ERR_PARSE_TIMEOUT`. 50 MB take half a second, and a regex on a value of 50 MB half a second more',
  ),
} satisfies KeyTable;

export const TOP_KEYS = {
  include: key.optional(
    'patterns',
    'Files that belong to this config, such as `conf.d/*.yaml`, see [Many channels](#many-channels)',
    'Relative paths start at the folder of this file',
  ),
  defaults: key.optional(
    'map',
    'What listeners, pools and nodes have unless they say otherwise, see [Many channels](#many-channels)',
  ),
  listeners: key.required('map', 'What senders connect to', 'At least one'),
  pools: key.optional(
    'map',
    'Groups of nodes that can stand in for each other',
    'Not needed where every route rejects',
  ),
  routes: key.required(
    'list',
    'Which message goes where',
    'Read from the top: the first route that matches is taken',
    "A message that no route matches gets the listener's `onRejected`, another request 404",
  ),
  certificates: {
    watch: key.flag(
      true,
      'Certificate, key and revocation files are watched and taken up when they change, without dropping a connection; what is wrong with one is logged, and the old ones stay',
      '`false`: on SIGHUP only',
    ),
  },
  shutdown: {
    timeout: key.durationOrZero(
      '30s',
      'After SIGTERM, how long messages in work may take before connections are cut',
      'Set it above `timeouts.ack` to lose no answer; `0` cuts at once',
      'Whatever else hangs, the process ends within this and a second; a second signal ends it at once',
    ),
  },
  reload: {
    watch: key.flag(
      false,
      'The config file is watched, and taken up when it changes (2 s after its last change)',
      '`false`: on SIGHUP, and by the admin API',
    ),
  },
  state: {
    file: key.optional(
      'text',
      'Path of a file that keeps [what an operator decided](high-availability.md#state-that-survives) over a restart; `FILE.senders` beside it keeps which sender has which node (`persistence.mode: table`)',
      'Made where it is not there, for its owner only; its folder must exist',
      'One for each gateway',
      'Takes effect at the next start',
    ),
  },
  hotRestart: key.flag(
    false,
    'Another process may listen on the same addresses (SO_REUSEPORT), so that a new version takes over without a gap, see [high availability](high-availability.md#hot-restart)',
    'With it a second gateway that is started by mistake is not told that the port is in use',
  ),
  // 64: more processes than cores of any machine that this runs on are of no use, and each takes some 100 MB.
  workers: key.autoCountOr(
    1,
    [1, 64],
    'Processes that carry messages, on the same ports; `auto`: as many as there are cores',
    'With more than one, one further process accepts connections, checks nodes and has the admin API, see [several processes](high-availability.md#several-processes)',
    'Takes effect at the next start',
  ),
  limits: {
    // 1 TiB: more than a machine has. 1 MiB: less than one ordinary message with an image.
    maxBuffered: key.size(
      '256MiB',
      [MIB, KIB * GIB],
      'Bytes of messages in memory, of all listeners, above which they stop reading, see [How memory is shared](#how-memory-is-shared)',
      "Set it from the machine's memory, to several times the largest `maxFrame`",
    ),
  },
  telemetry: TELEMETRY_KEYS,
  parsing: PARSING,
  admin: key.optional(
    'map',
    'The [admin API](#admin)',
    'Without it there is none, and `status`, `drain` and `reload` have nothing to talk to',
    '`admin: {}` starts it with the defaults',
  ),
  audit: key.optional('map', 'The [audit trail](#audit)', 'Without it there is none'),
  cluster: key.optional(
    'map',
    'Several gateways behind addresses that move between them ([a pair](high-availability.md#a-pair))',
    'Takes effect at the next start',
  ),
} satisfies KeyTable;

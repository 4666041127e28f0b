// `pools.NAME.spool`: when messages are stored here, in what, and how they are delivered from there.
import { type KeyTable, key } from './key.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

export const SPOOL_KEYS = {
  when: key.oneOf(
    ['unavailable', 'always'],
    'Which messages are stored. `unavailable`: those that no node has taken within `queue.timeout`, and those that came whole to a node that has not answered',
    '`always`: every one, and it is delivered then',
    'While something of an ordering key is stored, what comes behind it is stored too',
  ),
  answer: key.oneOf(
    ['by-header', 'CA', 'AA'],
    'What the sender of a stored message is told, as soon as it is on the disk. `by-header`: CA in enhanced mode, AA in original mode, nothing where MSH-15 and MSH-16 want nothing ([what it means](spool.md#what-a-positive-answer-means))',
    '`CA`, `AA`: this one, to each sender that is to be told something',
  ),
  store: key.required('map', 'What the messages are stored in'),
  deliver: {
    attempts: key.count(
      0,
      [0, 1_000_000],
      'How often a node may be given one message before it is a dead letter; `0`: without end',
      'Only what came to a node counts: waiting for one does not',
    ),
    backoff: key.preset(
      'duration-range',
      '1s..1m',
      'Pause behind the first failure of a message, and the longest; it doubles in between',
      'What comes behind it with the same ordering key waits too. A node that comes back ends the pause of those that no node had',
    ),
    onAmbiguous: key.oneOf(
      ['same-node', 'other-node', 'dead-letter'],
      'A node has it, or may have it, and has not answered',
      '`same-node`: only this one is given it again, for it is the one that can know it by MSH-10; `other-node`: any node; both may have it twice then',
      '`dead-letter`: a person decides',
    ),
    onNegative: key.oneOf(
      ['dead-letter', 'retry', 'drop'],
      'A node has refused it (AE, AR, CE, CR, HTTP 4xx). Its sender has been told otherwise and is not told this',
      '`drop` forgets it, which the log says',
    ),
  },
  keep: key.durationOrZero(
    '7d',
    'How long delivered messages are kept, for looking up and sending again',
    '`0`: not at all',
  ),
} satisfies KeyTable;

export const SPOOL_STORE_KEYS = {
  path: key.required(
    'text',
    'Path of the folder that the messages are in, on a disk of this machine',
    'Pools of the same path share one store',
    'Another one than that of `audit.spool`',
  ),
  maxSize: key.size(
    '20GiB',
    [MIB, 1024 * 1024 * GIB],
    'What the store may hold. Delivered messages that are kept give way first; then a message is refused with `GW_ERR_SPOOL_FULL`, by `onUnavailable`',
  ),
  key: {
    file: key.optional(
      'file',
      'File with the key that messages are encrypted with on the disk (AES-256-GCM)',
      'Without it they are readable to whoever may read the folder',
    ),
  },
} satisfies KeyTable;

export const DUPLICATES_KEYS = {
  window: key.duration('24h', 'For how long an answer is remembered'),
  by: key.optional(
    'subjects',
    'Fields of MSH that say which message it is; without it `[MSH-3, MSH-4, MSH-10]`',
    'Its bytes are compared besides: the same fields with other bytes are another message, which is sent and counted',
  ),
  on: key.oneOf(
    ['answer-again', 'forward'],
    'What becomes of the same message again. `answer-again`: it is told what the first was told, byte for byte, and not sent; while the first is under way it waits for that',
    '`forward`: it is sent, and counted',
  ),
} satisfies KeyTable;

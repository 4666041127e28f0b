// `routes[]`: where a message goes, and what is done to it on the way.
import { type KeyTable, key } from './key.ts';

export const ROUTE_KEYS = {
  name: key.optional(
    'text',
    'Stands in logs, metrics and `route`',
    'Without it: `route 1`, by position',
    'No two routes share one',
  ),
  when: key.holding(
    'map',
    'conditions',
    'Conditions, all of which must hold',
    'Without any the route takes every message and request, so it belongs at the end',
  ),
  to: key.optional('text', 'The pool', 'A route has either `to` or `reject`'),
  reject: key.optional(
    'map',
    'Answers the message here, without a node',
    'A request that is no message gets 403',
  ),
  http: key.optional('map', 'What is done to requests, responses and posted messages'),
  validate: key.optional('map', 'What a message must be to go to the pool, see [Validation](#validation)'),
} satisfies KeyTable;

export const ROUTE_HTTP_KEYS = {
  hl7: key.flag(
    false,
    'A POST that comes to this route is an HL7 message whatever its content type says',
    'It is then routed anew, as the message that it is',
    'Conditions on fields hold for nothing before that, so beside one it has no effect',
  ),
  rewrite: {
    path: key.optional(
      'texts',
      "`[REGEX, TO]`: the part of the path that matches becomes `TO`, in which `$1` to `$9` are the regex's groups",
      'The regex may stand between slashes (`/^\\/a/i`) or not (`^/a`)',
    ),
  },
  request: {
    set: key.holding('map', 'texts', "Headers that it gets instead of the client's: name to value"),
    add: key.holding('map', 'texts', 'Headers that it gets besides'),
    remove: key.optional('tokens', 'Headers that the node does not get'),
  },
  response: {
    set: key.holding('map', 'texts', "Headers that it gets instead of the node's"),
    add: key.holding('map', 'texts', 'Headers that it gets besides'),
    remove: key.optional('tokens', 'Headers that the client does not get'),
  },
  timeout: key.optional(
    'duration',
    "Instead of the pool's `timeouts.ack`: for reports and exports that take long",
  ),
} satisfies KeyTable;

export const REJECT_KEYS = {
  code: key.oneOf(
    ['AR', 'AE', 'CR', 'CE'],
    'Whether it is a rejection (R) or an error (E)',
    "The first letter is the message's mode: C where its MSH-15 is AL or ER, A in original mode; nothing is said where MSH-15 is NE, or the message is an acknowledgement itself",
    'So it is for `onRejected`, `onUnavailable` and `validate.code`',
  ),
  text: key.preset('text', 'a route rejects the message', 'Told to the sender in the acknowledgement'),
  condition: key.oneOf(
    ['auto', '100', '101', '102', '103', '200', '201', '202', '203', '204', '205', '206', '207'],
    'ERR-3, by table 0357',
    '`auto` goes by what the route asks: MSH-11 is 202, MSH-12 is 203, MSH-9.1 is 200, other parts of MSH-9 are 201, all else 207',
  ),
} satisfies KeyTable;

export const VALIDATE_KEYS = {
  code: key.oneOf(
    ['AE', 'AR', 'CE', 'CR'],
    'The acknowledgement code for a message that breaks a rule',
    '`AR` where senders read AE as "send it again"',
  ),
  segments: key.holding('list', 'segments', 'Names of segments: each message must have one of each'),
  fields: key.holding('list', 'field-paths', 'Field paths that must have a value'),
  tables: key.holding('map', 'value-tables', 'Field paths, each with the values that it may have'),
  lengths: key.holding(
    'map',
    'lengths',
    'Field paths, each with the most characters that a value may have, or `{ min: …, max: … }`',
  ),
} satisfies KeyTable;

// Every key that a scenario may have, with its format and a sentence for people. The loader goes by these tables, and
// fixtures/scenario.schema.json is made from them, so that an editor completes what is read.
import { type ConfigKey, type KeyTable, key } from '../../../config/keys/key.ts';

const ACK_CODES = ['AA', 'AE', 'AR', 'CA', 'CE', 'CR'] as const;
/** `none`: the connection was closed, or there was silence. */
const ACK_WORDS = [...ACK_CODES, 'none'] as const;
const SCENARIO_OUTCOMES = ['answered', 'gathered', 'unanswered', 'failed', 'abandoned'] as const;
const DOINGS = ['ok', 'full', 'hang', 'drop-ack', 'garble', 'wrong-id'] as const;
export const STATES = ['up', 'full', 'down', 'draining', 'maintenance'] as const;

const NODE_BEHAVIOUR = {
  does: key.oneOf(
    DOINGS,
    'ok; full (accepts and closes, as Mirth does above its limit); hang (never answers); drop-ack (takes the message and closes); garble (answers what is no acknowledgement); wrong-id (acknowledges another message)',
  ),
  answers: key.oneOf(ACK_CODES, 'MSA-1 of its answers'),
  delay: key.durationOrZero('0', 'How long a message takes'),
  messages: key.optionalCountFrom(1, 'For so many messages only; then it is as before'),
} satisfies KeyTable;

const CERTIFICATE = {
  cn: key.optional('any-text', 'Common name of a throw-away client certificate'),
  dns: key.optional('any-texts', 'Its alternative names'),
  cert: key.optional('any-text', 'A certificate of your own instead: PEM file'),
  key: key.optional('any-text', 'Its key: PEM file'),
} satisfies KeyTable;

const SENDER = {
  listener: key.optional('any-text', 'The listener it connects to; default: the first'),
  source: key.optional(
    'ip',
    'The IP address that the gateway sees it come from; the listener then takes the PROXY protocol',
  ),
  certificate: key.holding('section', 'certificate', 'What it shows of itself over TLS'),
  servername: key.optional('any-text', 'The name that it asks for over TLS'),
  connections: key.countFrom(1, 1, 'How many connections it sends over at once; default 1'),
  pipeline: key.countFrom(1, 1, 'How many messages may wait for their answers on a connection; default 1'),
  rate: key.optional('rate', 'How fast it begins messages at most'),
  timeout: key.durationOrZero('30s', 'How long it waits for an answer; default 30s'),
  path: key.preset('any-text', '/', 'Over HTTP: where it posts; default /'),
  contentType: key.preset(
    'any-text',
    'application/hl7-v2',
    'Over HTTP: of its posts; default application/hl7-v2',
  ),
  headers: key.holding('map', 'text', 'Over HTTP: more headers of each of its requests'),
  cookies: key.flag(false, 'Over HTTP: keeps cookies and sends them back'),
} satisfies KeyTable;

const MESSAGE = {
  route: key.optional('any-text', 'Name of the route that is taken, or none'),
  pool: key.optional('any-text', 'Name of the pool, or none'),
  node: key.optional('any-texts', 'The node that has it in the end, one of several, or none'),
  sameNode: key.optional(
    'flag',
    'All messages of the step go to one node, whichever it is; false: to more than one',
  ),
  ack: key.optionalWord(
    ACK_WORDS,
    'MSA-1 of the answer; none: the connection was closed, or there was no answer',
  ),
  text: key.optional('any-text', 'What MSA-3 or ERR-8 of the answer holds'),
  answer: key.optional('any-text', 'The answer, compared field by field'),
  fields: key.holding('map', 'text', 'Fields of the answer: path to value'),
  outcome: key.optionalWord(SCENARIO_OUTCOMES, 'How the gateway settled it'),
  error: key.optional('any-text', 'Code of the error that it ended with, or none'),
  attempts: key.optional('range', 'How often it was given to a node'),
  deliveries: key.optional('range', 'How often nodes have received it; 0: never'),
  unchanged: key.optional('flag', 'Nodes received the very bytes that were sent'),
  trace: key.optional(
    'any-texts',
    'Attempts and phases: queue, forward NODE write ack, forward NODE ERROR-CODE, reply',
  ),
  within: key.optionalDuration('The answer comes within this time'),
  status: key.optionalCountFrom(100, 'Over HTTP: of the response'),
  headers: key.holding('map', 'text', 'Over HTTP: what headers of the response hold; none: it is not there'),
  body: key.optional('any-text', 'Over HTTP: what the body of the response holds'),
} satisfies KeyTable;

const REQUEST = {
  method: key.preset('any-text', 'GET', 'Default GET'),
  path: key.preset('any-text', '/', 'With its query; default /'),
  headers: key.holding('map', 'text', 'More headers'),
  body: key.optional('any-text', 'Its body'),
} satisfies KeyTable;

const SCENARIO = {
  name: key.optional('any-text', 'What the report calls it; default: the name of the file'),
  about: key.optional('any-text', 'What it shows, for people'),
  speed: key.optionalCountFrom(
    1,
    'Played in real time, how many times faster it passes. Default 10, and 1 with full nodes',
  ),
  config: key.optional('map-or-file', 'The config of the gateway; without it --config says which'),
  nodes: key.holding('map', 'node', 'How nodes behave from the start; NODE or POOL/NODE'),
  senders: key.holding(
    'map',
    'sender',
    'Who sends; the first is the default. Without any: one to the first listener',
  ),
  steps: key.holding('list', 'step', 'What happens, in order'),
  expect: key.holding('section', 'finally', 'What must hold in the end'),
} satisfies KeyTable;

const FINALLY = {
  deliveries: key.holding('map', 'range', 'How many messages each node has received; NODE or POOL/NODE'),
  order: key.optionalWord(['sent'], 'sent: nodes received the messages of each connection in the order sent'),
  states: key.holding('map', 'text', `State of nodes: ${STATES.join(', ')}`),
  faults: key.optional('any-texts', 'Codes of errors that the log must hold'),
} satisfies KeyTable;

export const SCENARIO_SECTIONS = {
  scenario: SCENARIO,
  sender: SENDER,
  certificate: CERTIFICATE,
  node: NODE_BEHAVIOUR,
  request: REQUEST,
  message: MESSAGE,
  finally: FINALLY,
} as const;

const SENDING = {
  sender: key.optional('any-text', 'Who; default: the first'),
  times: key.countFrom(1, 1, 'Each message so many times, all but the first with a new MSH-10'),
  set: key.holding('map', 'text', 'Fields of MSH that are changed first: MSH-4: NORTH'),
  separator: key.optionalWord(
    ['CR', 'LF', 'CRLF'],
    'What ends each segment; default: as it is in the file, CR inline',
  ),
  together: key.flag(false, 'All in one write, without waiting for answers'),
  whole: key.flag(false, 'All messages in one frame'),
  halfClose: key.flag(false, 'Ends its side of the connection behind the last message, and reads on'),
  cutOff: key.optionalCountFrom(0, 'Sends so many bytes of the frame, then closes the connection'),
  background: key.flag(false, 'The next step does not wait for the answers; wait: answers does'),
  expect: key.holding('maps', 'message', 'Of each message; a list: of the first, the second …'),
} satisfies KeyTable;

export interface StepKeys {
  readonly about: string;
  /** The key that says which step it is. */
  readonly main: ConfigKey;
  readonly more: KeyTable;
}

export const STEPS = {
  send: {
    about: 'Sends the messages of files',
    main: key.optional('any-texts', 'Files, one or many messages each; relative to the scenario'),
    more: SENDING,
  },
  message: {
    about: 'Sends a message that stands here',
    main: key.optional('any-text', 'The message, one line to a segment'),
    more: SENDING,
  },
  request: {
    about: 'Sends an HTTP request that is no message',
    main: key.holding('section', 'request', 'The request'),
    more: {
      sender: SENDING.sender,
      times: key.countFrom(1, 1, 'So many times'),
      background: SENDING.background,
      expect: key.holding('maps', 'message', 'Of the response'),
    },
  },
  wait: {
    about: 'Lets time pass',
    main: key.optional('any-text', 'A duration; or answers: until what was sent in the background is over'),
    more: {},
  },
  kill: {
    about: 'A node dies: its port is closed, its connections end, what it had in work is not answered',
    main: key.optional('any-texts', 'NODE or POOL/NODE'),
    more: {},
  },
  start: { about: 'It comes back', main: key.optional('any-texts', 'NODE or POOL/NODE'), more: {} },
  node: {
    about: 'A node behaves otherwise from now on',
    main: key.optional('any-texts', 'NODE or POOL/NODE'),
    more: NODE_BEHAVIOUR,
  },
  drain: { about: 'As an operator does it', main: key.optional('any-texts', 'NODE or POOL/NODE'), more: {} },
  maintenance: {
    about: 'As an operator does it',
    main: key.optional('any-texts', 'NODE or POOL/NODE'),
    more: {},
  },
  ready: { about: 'Ends both', main: key.optional('any-texts', 'NODE or POOL/NODE'), more: {} },
  reload: {
    about: 'The gateway takes up a changed config',
    main: key.optional(
      'map-or-file',
      'What is different: maps are merged into the config, all else replaces what was there, a key without a value goes',
    ),
    more: { changes: key.optional('any-texts', 'What the gateway must say has changed: routes.lab: new') },
  },
  disconnect: {
    about: 'A sender closes its connections',
    main: key.optional('any-texts', 'SENDER'),
    more: {},
  },
} as const satisfies Record<string, StepKeys>;

export type StepName = keyof typeof STEPS;

/** What any step may have; a step has the keys of its own table. */
export type AnyStepTable = typeof SENDING &
  typeof NODE_BEHAVIOUR & {
    readonly [Name in StepName]: (typeof STEPS)[Name]['main'];
  } & typeof STEPS.reload.more;

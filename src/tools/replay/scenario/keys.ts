// Every key that a scenario may have, with its kind and a sentence for people. The loader goes by this table, and
// fixtures/scenario.schema.json is made from it, so that an editor completes what is read.

export type ScenarioKeyKind =
  /** One value; `texts` also a list of such. */
  | 'text'
  | 'texts'
  | 'count'
  | 'duration'
  | 'flag'
  /** `200/s`. */
  | 'rate'
  /** A number, or `10-20`. */
  | 'range'
  /** A map of the gateway's own keys, or the path of a file with one. */
  | 'config'
  | { readonly oneOf: readonly string[] }
  /** A map of names to values of one kind. */
  | { readonly mapOf: 'text' | 'range' | SectionName }
  | { readonly section: SectionName }
  /** One map, or a list of such. */
  | { readonly sections: SectionName }
  | 'steps';

export interface Key {
  readonly kind: ScenarioKeyKind;
  readonly about: string;
}

export type Keys = Readonly<Record<string, Key>>;

function key(kind: ScenarioKeyKind, about: string): Key {
  return { kind, about };
}

export const ACK_CODES = ['AA', 'AE', 'AR', 'CA', 'CE', 'CR'] as const;
/** `none`: the connection was closed, or there was silence. */
export const ACK_WORDS = [...ACK_CODES, 'none'] as const;
export const SCENARIO_OUTCOMES = ['answered', 'gathered', 'unanswered', 'failed', 'abandoned'] as const;
export const DOINGS = ['ok', 'full', 'hang', 'drop-ack', 'garble', 'wrong-id'] as const;
export const ORDERS = ['sent'] as const;
export const STATES = ['up', 'full', 'down', 'draining', 'maintenance'] as const;

const NODE: Keys = {
  does: key(
    { oneOf: DOINGS },
    'ok; full (accepts and closes, as Mirth does above its limit); hang (never answers); drop-ack (takes the message and closes); garble (answers what is no acknowledgement); wrong-id (acknowledges another message)',
  ),
  answers: key({ oneOf: ACK_CODES }, 'MSA-1 of its answers'),
  delay: key('duration', 'How long a message takes'),
  messages: key('count', 'For so many messages only; then it is as before'),
};

const CERTIFICATE: Keys = {
  cn: key('text', 'Common name of a throw-away client certificate'),
  dns: key('texts', 'Its alternative names'),
  cert: key('text', 'A certificate of your own instead: PEM file'),
  key: key('text', 'Its key: PEM file'),
};

const SENDER: Keys = {
  listener: key('text', 'The listener it connects to; default: the first'),
  source: key(
    'text',
    'The IP address that the gateway sees it come from; the listener then takes the PROXY protocol',
  ),
  certificate: key({ section: 'certificate' }, 'What it shows of itself over TLS'),
  servername: key('text', 'The name that it asks for over TLS'),
  connections: key('count', 'How many connections it sends over at once; default 1'),
  pipeline: key('count', 'How many messages may wait for their answers on a connection; default 1'),
  rate: key('rate', 'How fast it begins messages at most'),
  timeout: key('duration', 'How long it waits for an answer; default 30s'),
  path: key('text', 'Over HTTP: where it posts; default /'),
  contentType: key('text', 'Over HTTP: of its posts; default application/hl7-v2'),
  headers: key({ mapOf: 'text' }, 'Over HTTP: more headers of each of its requests'),
  cookies: key('flag', 'Over HTTP: keeps cookies and sends them back'),
};

const MESSAGE: Keys = {
  route: key('text', 'Name of the route that is taken, or none'),
  pool: key('text', 'Name of the pool, or none'),
  node: key('texts', 'The node that has it in the end, one of several, or none'),
  sameNode: key('flag', 'All messages of the step go to one node, whichever it is; false: to more than one'),
  ack: key(
    { oneOf: ACK_WORDS },
    'MSA-1 of the answer; none: the connection was closed, or there was no answer',
  ),
  text: key('text', 'What MSA-3 or ERR-8 of the answer holds'),
  answer: key('text', 'The answer, compared field by field'),
  fields: key({ mapOf: 'text' }, 'Fields of the answer: path to value'),
  outcome: key({ oneOf: SCENARIO_OUTCOMES }, 'How the gateway settled it'),
  error: key('text', 'Code of the error that it ended with, or none'),
  attempts: key('range', 'How often it was given to a node'),
  deliveries: key('range', 'How often nodes have received it; 0: never'),
  unchanged: key('flag', 'Nodes received the very bytes that were sent'),
  trace: key('texts', 'Attempts and phases: queue, forward NODE write ack, forward NODE ERROR-CODE, reply'),
  within: key('duration', 'The answer comes within this time'),
  status: key('count', 'Over HTTP: of the response'),
  headers: key({ mapOf: 'text' }, 'Over HTTP: what headers of the response hold; none: it is not there'),
  body: key('text', 'Over HTTP: what the body of the response holds'),
};

const REQUEST: Keys = {
  method: key('text', 'Default GET'),
  path: key('text', 'With its query; default /'),
  headers: key({ mapOf: 'text' }, 'More headers'),
  body: key('text', 'Its body'),
};

const SCENARIO: Keys = {
  name: key('text', 'What the report calls it; default: the name of the file'),
  about: key('text', 'What it shows, for people'),
  speed: key('count', 'How many times faster time passes; 1 is real time. Default 10, and 1 with full nodes'),
  config: key('config', 'The config of the gateway; without it --config says which'),
  nodes: key({ mapOf: 'node' }, 'How nodes behave from the start; NODE or POOL/NODE'),
  senders: key(
    { mapOf: 'sender' },
    'Who sends; the first is the default. Without any: one to the first listener',
  ),
  steps: key('steps', 'What happens, in order'),
  expect: key({ section: 'finally' }, 'What must hold in the end'),
};

const FINALLY: Keys = {
  deliveries: key({ mapOf: 'range' }, 'How many messages each node has received; NODE or POOL/NODE'),
  order: key({ oneOf: ORDERS }, 'sent: nodes received the messages of each connection in the order sent'),
  states: key({ mapOf: 'text' }, `State of nodes: ${STATES.join(', ')}`),
  faults: key('texts', 'Codes of errors that the log must hold'),
};

export const SCENARIO_SECTIONS = {
  scenario: SCENARIO,
  sender: SENDER,
  certificate: CERTIFICATE,
  node: NODE,
  request: REQUEST,
  message: MESSAGE,
  finally: FINALLY,
} as const;

export type SectionName = 'sender' | 'certificate' | 'node' | 'request' | 'message' | 'finally';

const SENDING: Keys = {
  sender: key('text', 'Who; default: the first'),
  times: key('count', 'Each message so many times, all but the first with a new MSH-10'),
  set: key({ mapOf: 'text' }, 'Fields of MSH that are changed first: MSH-4: NORTH'),
  separator: key(
    { oneOf: ['CR', 'LF', 'CRLF'] },
    'What ends each segment; default: as it is in the file, CR inline',
  ),
  together: key('flag', 'All in one write, without waiting for answers'),
  whole: key('flag', 'All messages in one frame'),
  halfClose: key('flag', 'Ends its side of the connection behind the last message, and reads on'),
  cutOff: key('count', 'Sends so many bytes of the frame, then closes the connection'),
  background: key('flag', 'The next step does not wait for the answers; wait: answers does'),
  expect: key({ sections: 'message' }, 'Of each message; a list: of the first, the second …'),
};

export interface StepKeys {
  readonly about: string;
  /** The key that says which step it is. */
  readonly main: Key;
  readonly more: Keys;
}

export const STEPS = {
  send: {
    about: 'Sends the messages of files',
    main: key('texts', 'Files, one or many messages each; relative to the scenario'),
    more: SENDING,
  },
  message: {
    about: 'Sends a message that stands here',
    main: key('text', 'The message, one line to a segment'),
    more: SENDING,
  },
  request: {
    about: 'Sends an HTTP request that is no message',
    main: key({ section: 'request' }, 'The request'),
    more: {
      sender: SENDING.sender as Key,
      times: key('count', 'So many times'),
      background: SENDING.background as Key,
      expect: key({ sections: 'message' }, 'Of the response'),
    },
  },
  wait: {
    about: 'Lets time pass',
    main: key('text', 'A duration; or answers: until what was sent in the background is over'),
    more: {},
  },
  kill: {
    about: 'A node dies: its port is closed, its connections end, what it had in work is not answered',
    main: key('texts', 'NODE or POOL/NODE'),
    more: {},
  },
  start: { about: 'It comes back', main: key('texts', 'NODE or POOL/NODE'), more: {} },
  node: {
    about: 'A node behaves otherwise from now on',
    main: key('texts', 'NODE or POOL/NODE'),
    more: NODE,
  },
  drain: { about: 'As an operator does it', main: key('texts', 'NODE or POOL/NODE'), more: {} },
  maintenance: { about: 'As an operator does it', main: key('texts', 'NODE or POOL/NODE'), more: {} },
  ready: { about: 'Ends both', main: key('texts', 'NODE or POOL/NODE'), more: {} },
  reload: {
    about: 'The gateway takes up a changed config',
    main: key(
      'config',
      'What is different: maps are merged into the config, all else replaces what was there, a key without a value goes',
    ),
    more: { changes: key('texts', 'What the gateway must say has changed: routes.lab: new') },
  },
  disconnect: { about: 'A sender closes its connections', main: key('texts', 'SENDER'), more: {} },
} as const satisfies Record<string, StepKeys>;

export type StepName = keyof typeof STEPS;

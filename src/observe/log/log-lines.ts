// Every line of the log and every field, in words: docs/logging.md lists the same, and a test holds both against the calls in
// the source. `…` stands for what differs.

/** By message: what it says, for people. */
export const LOG_LINES = {
  started: 'The gateway has started: its version, its config by a digest, its listeners.',
  'MLLP goes by the streams of Node.js, which costs more':
    'This Node.js is not as the gateway knows it below its sockets, for this `reason`. All works, at up to twice the CPU for a message.',
  listening: 'A listener has its port.',
  'listener closed': 'A listener that a reload took out has no connection left.',
  draining: 'No new connection is taken; what is in work is answered within `timeoutMs`.',
  stopped: 'All is over. `clean` false: something was cut off at `shutdown.timeout`.',
  'shutdown: not all that is open could be closed in time':
    'A collector, the audit trail or the like hung; the process ends all the same.',
  'uncaught error: this is a defect in the gateway, which ends':
    'An error that nobody caught, by its stack and without its text. `/livez` is 503 from here on, the gateway drains and ends with exit code 1. Report it.',
  'SIGUSR1 is ignored: there is no debugger in run': 'Somebody sent SIGUSR1.',
  'the other process could not be told to end':
    '`--replace`: the process that was to be replaced got no SIGTERM.',
  'log: lines were dropped':
    'Lines before this one are missing: nobody read them (`slow`), or writing failed with this code.',
  message: 'One message that is over; `warn` where it failed.',
  request:
    'One proxied request that is over; `warn` where it failed. Path and query may name a patient, so they are not in it.',
  '(the text of an error)':
    'What a sender did that never became a message or ended its connection, by `code`: see errors.md. Also a listener that could not be opened again after a reload that failed.',
  'a sender frames its messages in UTF-16':
    'Once for each connection. Nodes get the messages in framing of single bytes, the sender its answers in its own.',
  'lines were left out: too many alike':
    'Of one listener or node, and one cause, more than 100 lines came in 10 s: so many were not written.',
  'an observer failed: this is a defect in the gateway':
    'What records events (log, metrics, traces, audit, admin API) threw an error. Messages go on. Report it.',
  'a worker carries messages': 'Another process has taken the place of one that has ended.',
  'a worker has ended, and its connections with it':
    'A process that carries messages is gone: `exitCode` or `signal` says how. Its senders connect again, to another one; nothing was acknowledged that no node acknowledged.',
  'a worker is ended':
    'A process that carries messages does not answer, or did not follow a reload or an operator, and why. Another one takes its place.',
  reload: 'The config is about to be read, and who wants it.',
  'config loaded': 'It is in force.',
  '(a warning of check)': 'What `check` warns of in the config that is loaded.',
  '…; the old config stays in force': 'The reload changed nothing, and why.',
  '…; the rest of the new config is in force':
    'A part of the gateway failed to take it up, and which. Restart it, and report it.',
  'a step of a reload failed: this is a defect in the gateway':
    'Which `part` and which `step` of it. The reload goes on with the others.',
  'the process may open fewer files than the config can need':
    'With every listener full and every connection to nodes open. Raise the limit of open files.',
  'takes effect at the next start': 'Keys of the config that a reload does not take up.',
  'files opened again': '`rotate` or SIGUSR2.',
  'certificates loaded': 'Certificate files were taken up.',
  'the old certificates stay in use': 'Certificate files were replaced by ones that cannot be used.',
  'a certificate has expired': 'Peers refuse it.',
  'a certificate is about to expire': 'It is time to renew it.',
  'node …':
    'What checks and messages say of a node has changed (up, down), or what an operator wants (draining, maintenance, ready).',
  'node closed': 'A node that the config or an operator took out is given nothing more.',
  'pool closed': 'A pool that a reload took out has nothing in work.',
  'an answer that belongs to no message was dropped': 'A node said something that nobody waited for.',
  'more answers that belong to no message were dropped':
    'Of one node more than 100 in 10 s: so many were not written.',
  'no sender was told of an application acknowledgement':
    'Enhanced mode: the sender that waited for it is gone, wants none, or it cannot be told whose it is.',
  'a sender repeats its control ids: connections are made anew for them (connections.repeatedIds)':
    'Once a minute for each node.',
  'its answers have MSA-1 or MSA-2 in another form than they should (connections.match)':
    'Blanks, case or a cut id. Once for each node.',
  'its answers have MSA-1 or MSA-2 in another form than they should (connections.match): one message a connection from now on':
    'The same where `connections.pipelining` is more than 1, which is no more used for this node.',
  'insecure: the certificate of this node is not checked': '`tls.insecure` is set.',
  'the health check is as it should be again': 'After the next one.',
  'the health check passes, but cannot see all that it should':
    'Such as a channel that its user may not see.',
  'nodes that were removed are there again: the config has no others': 'A pool without nodes helps nobody.',
  'state restored':
    'At start: what an operator decided, and so many senders that have their nodes, as they were before, `from` the other process or the state file.',
  'stored state dropped: it no longer fits the config':
    '`what` was decided about a pool or node that the config does not have any more.',
  'stored state cannot be read: …': 'A state file that is broken; what that means stands behind the colon.',
  'the other process did not hand over its state: what an operator decided there is lost, senders are bound anew':
    '`--replace` without `state.file`: the processes do not see the same folder, or the other one hangs.',
  'the other process did not hand over its state: the state file is read instead':
    'The same with `state.file`.',
  'a hot restart could not take over the state in memory':
    'The Unix socket that a hot restart asks could not be made.',
  'the state file cannot be written; tried again every 5 s':
    'What an operator decides is forgotten at the next start until this works.',
  'the state file is written again': 'After the line before.',
  'the state file is written by another process now, and by this one no more':
    'A hot restart is under way; or two gateways have the same `state.file`, which they must not.',
  'parsing: threads do not start; messages that need one are refused':
    'A broken installation or too little memory; `/readyz` is 503.',
  'parsing: threads start again': 'After the line before.',
  'admin API listening': 'It has its port.',
  'admin API closed': 'A reload has moved it.',
  'the admin API waits for the other process to end': '`--replace`.',
  'there is no admin API: …': 'Its port cannot be had.',
  'admin: a wrong token': 'Who asked with it.',
  'admin: more wrong tokens, left out': 'More than 100 in 10 s.',
  'admin: …': 'What an operator did (`warn`), or a request that failed by a defect (`error`).',
  'admin: node added': 'By an operator.',
  'admin: node removed': 'By an operator.',
  'admin: tap begun': 'Somebody records messages.',
  'admin: tap ended': 'And how it ended.',
  'audit: written again': 'After the next one.',
  'audit: nothing can be written; tried again': 'Records wait.',
  'audit: the spool is written to again': 'After the next one.',
  'audit: the spool cannot be written to; records wait in memory': 'The disk is full or gone.',
  'audit: events wait in the spool': 'At the end of the process: whoever comes next sends them.',
  'audit: events were dropped': 'There was no room for them, or no time at the end.',
  'metrics by OTLP: …': 'The collector takes them again (`ok`), or does not (`failed`).',
  'traces: the collector does not take them':
    'They wait; what does not fit is dropped and counted. `answer`: what came back from `url`.',
  'traces: the collector takes them again': 'After the line before.',
  'traces: the collector did not take the last ones in time':
    'At the end of the process, or of that collector.',
  'traces: spans were dropped':
    'The queue was full, or the collector will never take them: how many (`spans`) since the first of them. Once a minute at most.',
  'traces: a variable of OpenTelemetry is not heeded':
    'It is set in the environment, and changes nothing: see the table in tracing.md.',
  'traces: a word of OpenTelemetry itself':
    'One of its diagnostics, without values; each once in ten minutes.',
  'traces: they could not be started, and are off': 'The gateway goes on without.',
  'traces: the value of a variable is none that it can have; it is ignored': 'One of OTEL_….',
} as const satisfies Readonly<Record<string, string>>;

/** By name. Times are milliseconds. */
export const LOG_FIELDS = {
  level: 'debug, info, warn, error or fatal',
  time: 'RFC 3339, UTC',
  msg: 'the message, as listed above',
  worker:
    "number of the process that carries messages, where there are several (`workers`); without it the line is the main process's",
  trace_id: 'of the trace, as in Jaeger',
  listener: 'its name',
  source: 'address of the sender',
  'client.port': 'port of the sender',
  type: 'MSH-9, escaped and cut',
  controlId: 'MSH-10, or its hash (`telemetry.controlIds`)',
  sender: 'MSH-3 and MSH-4, escaped and cut',
  batch: 'id of the batch that the message came in',
  messages: 'into how many a batch was split; of a tap: how many passed',
  bytes: 'of the message',
  framing: 'of the sender, where it is in UTF-16: `UTF-16LE` or `UTF-16BE`',
  route: 'its name',
  pool: 'its name',
  node: 'its name; of a message: of its last attempt',
  attempts: 'how often a node was tried',
  outcome: 'answered, gathered, unanswered, failed or abandoned',
  ambiguous: 'true: a node may have it all the same',
  code: 'of the error (errors.md)',
  lastCode: 'of the last attempt, where that is another',
  cause: 'code of the operating system or the like behind the error, `ECONNREFUSED`',
  detail: 'more of the error; nothing of a message',
  reply: 'what the sender was told: a code, `close`, `none` or `HTTP …`',
  undelivered: 'true: the sender was gone before its reply was written',
  queueMs: 'it waited',
  connectMs: 'a connection had to be dialled',
  ackMs: 'the node took to answer',
  totalMs: 'from receipt to its end',
  method: 'of HTTP',
  version: 'of HTTP; of `started`: of the gateway',
  status: 'of HTTP',
  upgraded: 'true: it became a tunnel',
  requestBytes: 'of the body',
  responseBytes: 'of the body',
  address: 'host and port',
  timeoutMs: '`shutdown.timeout`',
  clean: 'nothing had to be cut off',
  changes: 'what is new, gone or changed in the config',
  atNextStart: 'keys of the config',
  from: 'where stored state came from: a process or a file',
  what: 'what of the stored state was dropped',
  pools: 'names of pools',
  senders: 'how many',
  by: 'who wanted it: an address, a signal, `file watch`',
  file: 'a path',
  files: 'paths',
  digest: 'first 16 digits of the SHA-256 of the config file',
  listeners: 'name and address of each',
  pid: 'a process id',
  exitCode: 'with which a process ended',
  signal: 'by which a process ended',
  url: 'of a collector, without user and password',
  protocol: '`http/protobuf` or `grpc`',
  answer: 'what came back from the collector, by its kind',
  since: 'when the first of them was',
  nodeVersion: 'of Node.js',
  reason: 'in words',
  note: 'in words',
  leftOut: 'lines that were not written',
  lines: 'lines that were dropped',
  part: 'of the gateway, or of its config',
  step: '`commit`, `rollback` or `settle`',
  observer: 'what failed to record an event',
  event: 'that it failed to record',
  count: 'how many',
  origin: 'uncaughtException, unhandledRejection or shutdown',
  stack: 'classes, codes and frames, without texts',
  last: 'true: no more of these are written',
  where: 'a place in the config',
  subject: 'of the certificate',
  days: 'until it ends',
  sink: 'a path, or host and port',
  variable: 'its name',
  spans: 'how many',
  maxBytes: 'of a tap',
  forMs: 'of a tap',
  end: 'why a tap ended',
  lost: 'messages that a tap could not take',
  limit: 'of open files',
  needed: 'open files, at most',
} as const satisfies Readonly<Record<string, string>>;

/** How often a line that tells of trouble may come: each warning and error has one of these limits. */
export const LOG_LIMITS: readonly {
  readonly limit: string;
  readonly lines: readonly (keyof typeof LOG_LINES)[];
}[] = [
  {
    limit: 'one for each message or request',
    lines: ['message', 'request'],
  },
  {
    limit: 'at most 100 in 10 s for each listener or node and each cause; then how many were left out',
    lines: [
      '(the text of an error)',
      'an observer failed: this is a defect in the gateway',
      'an answer that belongs to no message was dropped',
      'no sender was told of an application acknowledgement',
      'admin: a wrong token',
      'admin: …',
    ],
  },
  {
    limit: 'one in 10 s for each of these causes: it says how many were left out',
    lines: [
      'lines were left out: too many alike',
      'more answers that belong to no message were dropped',
      'admin: more wrong tokens, left out',
    ],
  },
  {
    limit: 'one in a while, with the number of what happened since the last',
    lines: ['traces: spans were dropped', 'audit: events were dropped', 'log: lines were dropped'],
  },
  {
    limit: 'once a minute for each node',
    lines: ['a sender repeats its control ids: connections are made anew for them (connections.repeatedIds)'],
  },
  {
    limit: 'once for each node',
    lines: [
      'its answers have MSA-1 or MSA-2 in another form than they should (connections.match)',
      'its answers have MSA-1 or MSA-2 in another form than they should (connections.match): one message a connection from now on',
    ],
  },
  {
    limit: 'each text once in ten minutes',
    lines: ['traces: a word of OpenTelemetry itself'],
  },
  {
    limit: 'only when it changes',
    lines: [
      'node …',
      'the health check passes, but cannot see all that it should',
      'parsing: threads do not start; messages that need one are refused',
      'metrics by OTLP: …',
      'traces: the collector does not take them',
      'audit: nothing can be written; tried again',
      'audit: the spool cannot be written to; records wait in memory',
      'the state file cannot be written; tried again every 5 s',
      'the state file is written by another process now, and by this one no more',
    ],
  },
  {
    limit: 'once for each certificate as its end comes nearer, and for each change of a file',
    lines: [
      'a certificate has expired',
      'a certificate is about to expire',
      'the old certificates stay in use',
    ],
  },
  {
    limit: 'once for each start, reload or end',
    lines: [
      '(a warning of check)',
      '…; the old config stays in force',
      '…; the rest of the new config is in force',
      'a step of a reload failed: this is a defect in the gateway',
      'a worker has ended, and its connections with it',
      'a worker is ended',
      'takes effect at the next start',
      'the process may open fewer files than the config can need',
      'MLLP goes by the streams of Node.js, which costs more',
      'insecure: the certificate of this node is not checked',
      'nodes that were removed are there again: the config has no others',
      'there is no admin API: …',
      'stored state dropped: it no longer fits the config',
      'stored state cannot be read: …',
      'the other process did not hand over its state: what an operator decided there is lost, senders are bound anew',
      'the other process did not hand over its state: the state file is read instead',
      'a hot restart could not take over the state in memory',
      'the other process could not be told to end',
      'traces: a variable of OpenTelemetry is not heeded',
      'traces: the value of a variable is none that it can have; it is ignored',
      'traces: they could not be started, and are off',
      'traces: the collector did not take the last ones in time',
      'shutdown: not all that is open could be closed in time',
      'uncaught error: this is a defect in the gateway, which ends',
    ],
  },
  {
    limit: 'once for each thing that an operator does',
    lines: [
      'admin: node added',
      'admin: node removed',
      'admin: tap begun',
      'admin: tap ended',
      'SIGUSR1 is ignored: there is no debugger in run',
    ],
  },
];

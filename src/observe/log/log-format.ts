// What a line of the log looks like: JSON as it is made, the names of the Elastic Common Schema (ECS 8), or text for people.
import { version } from '../../version.ts';

export type LogFormat = 'json' | 'ecs' | 'text';

type Fields = Readonly<Record<string, unknown>>;

/** Of a JSON line with its line end. */
export function formatted(line: string, format: LogFormat, colours: boolean): string {
  if (format === 'json') return line;
  const fields = JSON.parse(line) as Fields;
  return `${format === 'ecs' ? JSON.stringify(ecsOf(fields)) : textOf(fields, colours)}\n`;
}

const ECS_VERSION = '8.17.0';

/** Names of ECS for fields that it has; all others are under `hl7_gateway`. */
const ECS_NAMES: Readonly<Record<string, string>> = {
  time: '@timestamp',
  level: 'log.level',
  msg: 'message',
  trace_id: 'trace.id',
  code: 'error.code',
  detail: 'error.message',
  source: 'client.ip',
  'client.port': 'client.port',
  method: 'http.request.method',
  status: 'http.response.status_code',
  requestBytes: 'http.request.body.bytes',
  responseBytes: 'http.response.body.bytes',
  pid: 'process.pid',
};

function ecsOf(fields: Fields): Fields {
  const named: Record<string, unknown> = {};
  const own: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    const name = ECS_NAMES[key];
    if (name === undefined) own[key] = value;
    else named[name] = value;
  }
  // ECS: nanoseconds.
  if (typeof fields.totalMs === 'number') named['event.duration'] = Math.round(fields.totalMs * 1e6);
  if (fields.stack !== undefined) {
    named['error.stack_trace'] = Array.isArray(fields.stack) ? fields.stack.join('\n') : fields.stack;
    delete own.stack;
  }
  return {
    ...named,
    'ecs.version': ECS_VERSION,
    'service.name': 'hl7-gateway',
    'service.version': version,
    ...(Object.keys(own).length === 0 ? {} : { hl7_gateway: own }),
  };
}

/** ECMA-48 SGR. */
const COLOURS: Readonly<Record<string, string>> = {
  warn: '33',
  error: '31',
  fatal: '31;1',
  debug: '2',
  trace: '2',
};

/** `10:15:03.123 warn  node down  pool=adt node=a reason=…` */
function textOf({ time, level, msg, ...rest }: Fields, colours: boolean): string {
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const colour = colours ? COLOURS[String(level)] : undefined;
  const word = String(level).padEnd(5);
  const shown = colour === undefined ? word : `\x1b[${colour}m${word}\x1b[0m`;
  return `${String(time).slice(11, 23)} ${shown} ${String(msg)}  ${fields.join(' ')}`.trimEnd();
}

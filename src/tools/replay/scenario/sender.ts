// Who sends: a sender of a scenario, and one as it is without a word about it: one MLLP connection or HTTP client to the first
// listener, one message at a time.
import { isAbsolute, join } from 'node:path';
import { fileTrouble } from '../../../config/source/files.ts';
import { Problems, type SourcePlace } from '../../../config/source/problem.ts';
import { ScenarioFields } from './fields.ts';
import { SCENARIO_SECTIONS } from './keys.ts';
import type { OutgoingMessage, ScenarioSender, SenderCertificate, SendStep } from './scenario.ts';

/** Listeners take more, but a scenario is no load test. */
const MOST_CONNECTIONS = 200;

/** `place`: of its name. */
export function readSender(
  name: string,
  fields: ScenarioFields<typeof SCENARIO_SECTIONS.sender>,
  place: SourcePlace,
  folder: string,
): ScenarioSender {
  const { rate, ...values } = fields.values;
  if (values.connections > MOST_CONNECTIONS)
    fields.error('connections', `must be ${MOST_CONNECTIONS} at most`);
  return {
    ...values,
    name,
    place: fields.has('listener') ? fields.at('listener') : place,
    certificate: certificateOf(fields.section('certificate', SCENARIO_SECTIONS.certificate), folder),
    perSecond: rate,
    headers: new Map(fields.textMap('headers').map((one) => [one.name, one.value])),
  };
}

function certificateOf(
  fields: ScenarioFields<typeof SCENARIO_SECTIONS.certificate> | undefined,
  folder: string,
): SenderCertificate | undefined {
  if (fields === undefined) return undefined;
  const { cert, key, cn } = fields.values;
  if (cert !== undefined && key !== undefined) {
    const absolute = (file: string): string => (isAbsolute(file) ? file : join(folder, file));
    const files = { cert: absolute(cert), key: absolute(key) };
    for (const name of ['cert', 'key'] as const) {
      const trouble = fileTrouble(files[name]);
      if (trouble !== undefined) fields.error(name, `the file ${trouble}`);
    }
    return { kind: 'files', ...files };
  }
  if (cert !== undefined || key !== undefined) fields.error('cert', 'cert and key go together');
  return {
    kind: 'throw-away',
    cn: cn ?? 'sender',
    dns: fields.texts('dns')?.value ?? [],
  };
}

export function senderNamed(name: string, place: SourcePlace = { line: 1, column: 1 }): ScenarioSender {
  const reading = { problems: new Problems(name), env: {}, folder: '' };
  const nothing = { kind: 'map', place, entries: [] } as const;
  return readSender(name, new ScenarioFields(nothing, SCENARIO_SECTIONS.sender, [name], reading), place, '');
}

/** A step that sends, expects nothing, and stands in no file. */
export function sendingOf(messages: readonly OutgoingMessage[]): SendStep {
  return {
    kind: 'send',
    place: { line: 1, column: 1 },
    key: 'send',
    index: 0,
    sender: undefined,
    messages,
    together: false,
    halfClose: false,
    cutOff: undefined,
    background: false,
    expect: { each: false, all: [] },
  };
}

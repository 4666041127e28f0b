// Reads what a scenario expects: of each message, and in the end.
// Promises the place of every single expectation, so that a difference is reported where it was written.

import type { Range } from '../../../config/formats.ts';
import { suggestion } from '../../../config/source/closest.ts';
import { quoted } from '../../../config/source/problem.ts';
import { ERRORS } from '../../../errors.ts';
import { parseFieldPath } from '../../../hl7/field-path.ts';
import type { ScenarioFields } from './fields.ts';
import { SCENARIO_SECTIONS, STATES } from './keys.ts';
import type { Expectations, FinalExpectation, MessageExpectation } from './scenario.ts';

export function readExpectations(step: ScenarioFields): Expectations {
  const each = step.tree('expect')?.kind === 'list';
  const all = step.items('expect').map((item, i) => {
    const path = each ? ['expect', i] : ['expect'];
    return readMessage(step.within(item, SCENARIO_SECTIONS.message, ...path));
  });
  return { each, all };
}

function readMessage(fields: ScenarioFields<typeof SCENARIO_SECTIONS.message>): MessageExpectation {
  const { place, path } = fields;
  const error = fields.expected('error');
  if (error !== undefined) checkCode(fields, 'error', error.value);
  const paths = fields.textMap('fields');
  for (const { name, place: at } of paths) {
    if (parseFieldPath(name) === undefined)
      fields.error(`fields.${name}`, 'must be a field path such as MSH-9.1 or MSA-3', at);
  }
  const trace = fields.texts('trace');
  for (const one of trace?.value ?? []) {
    if (!/^(queue|reply|forward \S+( write)?( ack| GW_ERR_[A-Z_]+)?)$/.test(one))
      fields.error(
        'trace',
        `${quoted(one)} is none of queue, reply, forward NODE [write] ack, forward NODE [write] CODE`,
      );
  }
  return {
    place,
    path,
    ...defined({
      route: fields.expected('route'),
      pool: fields.expected('pool'),
      node: fields.texts('node'),
      sameNode: fields.expected('sameNode'),
      ack: fields.expected('ack'),
      text: fields.expected('text'),
      answer: fields.expected('answer'),
      outcome: fields.expected('outcome'),
      error,
      attempts: fields.expected('attempts'),
      deliveries: fields.expected('deliveries'),
      unchanged: fields.expected('unchanged'),
      trace,
      within: fields.expected('within'),
      status: fields.expected('status'),
      body: fields.expected('body'),
    }),
    ...(paths.length > 0 && { fields: paths }),
    ...(fields.has('headers') && { headers: fields.textMap('headers') }),
  };
}

export function readFinally(
  fields: ScenarioFields<typeof SCENARIO_SECTIONS.finally> | undefined,
): FinalExpectation {
  if (fields === undefined) return { deliveries: [], order: undefined, states: [], faults: undefined };
  const states = fields.textMap('states');
  for (const { name, value, place } of states) {
    if (!STATES.some((state) => state === value))
      fields.error(`states.${name}`, `must be one of ${STATES.join(', ')}`, place);
  }
  const faults = fields.texts('faults');
  for (const code of faults?.value ?? []) checkCode(fields, 'faults', code);
  const deliveries = fields.mapOf<Range>('deliveries', 'range');
  return { deliveries, order: fields.expected('order'), states, faults };
}

function checkCode(fields: ScenarioFields, key: string, code: string): void {
  if (code === 'none' || Object.hasOwn(ERRORS, code)) return;
  fields.error(
    key,
    `${quoted(code)} is no error code of docs/errors.md${suggestion(code, Object.keys(ERRORS))}`,
  );
}

/** Without the keys that have no value. */
function defined<Values extends object>(
  values: Values,
): { [Key in keyof Values]?: Exclude<Values[Key], undefined> } {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [Key in keyof Values]?: Exclude<Values[Key], undefined> };
}

// fixtures/scenario.schema.json: the JSON schema of scenario files, made from the loader's own tables.
import type { Json } from '../../config/keys/format.ts';
import { formatOf } from '../../config/keys/formats.ts';
import type { ConfigKey } from '../../config/keys/key.ts';
import { SCENARIO_SECTIONS, STEPS, type StepKeys } from '../replay/scenario/keys.ts';
import { FROM_OUTSIDE, scalarSchema, tableSchema } from './json-schema.ts';

function inside(_: string, { format, of = '' }: ConfigKey): Json {
  if (format === 'map-or-file') return { type: ['object', 'string'] };
  const one =
    of === 'text' ? scalarOf('any-text') : of === 'range' ? scalarOf('range') : { $ref: `#/$defs/${of}` };
  if (format === 'section') return one;
  if (format === 'list') return { type: 'array', items: one };
  if (format === 'maps') return { anyOf: [one, { type: 'array', items: one }] };
  return { type: 'object', additionalProperties: one };
}

function scalarOf(name: 'any-text' | 'range'): Json {
  const { json } = formatOf(name);
  return scalarSchema(typeof json === 'function' ? json({}) : json);
}

function stepSchema(): Json {
  const steps: [string, StepKeys][] = Object.entries(STEPS);
  return {
    anyOf: steps.map(([name, { about, main, more }]) => ({
      ...tableSchema({ [name]: main, ...more }, '', inside),
      required: [name],
      description: about,
    })),
  };
}

export function scenarioSchema(): Json {
  const { scenario, ...sections } = SCENARIO_SECTIONS;
  const definitions = Object.entries(sections).map(([name, table]) => [name, tableSchema(table, '', inside)]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:hl7-gateway:scenario.schema.json',
    title: 'A scenario for hl7-gateway replay',
    ...tableSchema(scenario, '', inside),
    required: ['steps'],
    $defs: { ...Object.fromEntries(definitions), step: stepSchema(), ...FROM_OUTSIDE },
  };
}

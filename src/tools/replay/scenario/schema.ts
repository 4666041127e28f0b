// The JSON schema of scenario files, made from the loader's own table. fixtures/scenario.schema.json is its output:
// `node src/tools/replay/scenario/schema.ts > fixtures/scenario.schema.json`; a test compares the two.
import {
  type Key,
  type Keys,
  SCENARIO_SECTIONS,
  type ScenarioKeyKind,
  STEPS,
  type StepKeys,
} from './keys.ts';

type Json = Record<string, unknown>;

const DURATION = '^(0|[1-9]\\d*(ms|s|m|h))$';
/** YAML reads `5` as a number and `on` as a text; the loader takes the text as it is written. */
const TEXT: Json = { type: ['string', 'number', 'boolean'] };
const RANGE: Json = {
  anyOf: [
    { type: 'integer', minimum: 0 },
    { type: 'string', pattern: '^\\d+-\\d+$' },
  ],
};

function schemaOf(kind: ScenarioKeyKind): Json {
  if (typeof kind === 'string') {
    switch (kind) {
      case 'text':
        return TEXT;
      case 'texts':
        return { anyOf: [TEXT, { type: 'array', items: TEXT }] };
      case 'count':
        return { type: 'integer', minimum: 0 };
      case 'duration':
        return { anyOf: [{ type: 'string', pattern: DURATION }, { const: 0 }] };
      case 'flag':
        return { type: 'boolean' };
      case 'rate':
        return { type: 'string', pattern: '^[1-9]\\d*/(s|m|h)$' };
      case 'range':
        return RANGE;
      case 'config':
        return { type: ['object', 'string'] };
      case 'steps':
        return { type: 'array', items: { $ref: '#/$defs/step' } };
    }
  }
  if ('oneOf' in kind) return { enum: kind.oneOf };
  if ('section' in kind) return { $ref: `#/$defs/${kind.section}` };
  if ('sections' in kind) {
    const one = { $ref: `#/$defs/${kind.sections}` };
    return { anyOf: [one, { type: 'array', items: one }] };
  }
  const { mapOf } = kind;
  const value = mapOf === 'text' || mapOf === 'range' ? schemaOf(mapOf) : { $ref: `#/$defs/${mapOf}` };
  return { type: 'object', additionalProperties: value };
}

function property({ kind, about }: Key): Json {
  const schema = schemaOf(kind);
  return '$ref' in schema ? { allOf: [schema], description: about } : { ...schema, description: about };
}

function objectOf(keys: Keys, required: readonly string[] = []): Json {
  const properties = Object.fromEntries(Object.entries(keys).map(([name, one]) => [name, property(one)]));
  return {
    type: 'object',
    properties,
    additionalProperties: false,
    ...(required.length > 0 && { required }),
  };
}

function stepSchema(): Json {
  const steps: [string, StepKeys][] = Object.entries(STEPS);
  return {
    anyOf: steps.map(([name, { about, main, more }]) => ({
      ...objectOf({ [name]: main, ...more }, [name]),
      description: about,
    })),
  };
}

export function scenarioSchema(): Json {
  const { scenario, ...sections } = SCENARIO_SECTIONS;
  const definitions = Object.entries(sections).map(([name, keys]) => [name, objectOf(keys)]);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A scenario for hl7-gateway replay',
    ...objectOf(scenario, ['steps']),
    $defs: { ...Object.fromEntries(definitions), step: stepSchema() },
  };
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(scenarioSchema(), null, 2)}\n`);

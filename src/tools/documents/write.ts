// `npm run docs:config`: writes what is made from the tables of keys and from docs/openapi.yaml. Tests fail while a file is not as
// this would write it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiTypes } from './api-types.ts';
import { gatewaySchema } from './gateway-schema.ts';
import { withKeyTables } from './key-tables.ts';
import { scenarioSchema } from './scenario-schema.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Path from the repository's root, and the text that it should have. */
export function madeDocuments(): readonly (readonly [path: string, text: string])[] {
  const page = 'docs/configuration.md';
  return [
    [page, withKeyTables(readFileSync(join(ROOT, page), 'utf8'))],
    ['schema/gateway.schema.json', textOf(gatewaySchema())],
    ['fixtures/scenario.schema.json', textOf(scenarioSchema())],
    ['console/api/schema.ts', apiTypes(readFileSync(join(ROOT, 'docs/openapi.yaml'), 'utf8'))],
  ];
}

function textOf(schema: object): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) for (const [path, text] of madeDocuments()) writeFileSync(join(ROOT, path), text);

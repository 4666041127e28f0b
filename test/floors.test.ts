// Holds the architecture: arrows between folders run downwards only, and no file depends on itself by a detour.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { productFiles, ROOT } from './helpers/product-files.ts';

/**
 * From the bottom up; a file may import from its own folder and from floors below. The longest prefix counts. Between
 * floors of house size (config reads field paths, TLS files read config types) each folder has a floor of its own.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['src/errors.ts'],
  ['src/version.ts', 'src/listen-error.ts', 'src/addresses.ts', 'src/sync-folder.ts'],
  ['src/telemetry/', 'src/listen.ts'],
  ['src/mllp/'],
  ['src/hl7/'],
  ['src/deidentify/'],
  ['src/record/'],
  ['src/config/'],
  ['src/http/'],
  ['certs/'],
  ['src/upstream/', 'src/simulation/'],
  ['routing/'],
  ['src/relay/'],
  ['listeners/'],
  ['src/message-log.ts', 'src/message-trace/', 'src/audit/'],
  ['src/pool-runtime.ts'],
  ['src/pools.ts', 'src/open-files.ts'],
  ['src/metrics/'],
  ['src/gateway.ts'],
  ['src/state/'],
  ['src/replay/'],
  ['src/admin/'],
  ['src/replay/'],
  ['src/commands/'],
  ['src/main.ts'],
];

const files = productFiles();

/** Imports of other files of the project, `import type` and `import()` too: a circle of types is a circle. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const written = [/(?:^|\n)(?:import|export)\s[^;]*?from\s+'(\.[^']+)'/g, /\bimport\(\s*'(\.[^']+)'/g];
  const paths = written.flatMap((form) => [...text.matchAll(form)].map(([, path]) => path as string));
  return paths.map((path) => relative(ROOT, resolve(ROOT, dirname(file), path)));
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));

function floorOf(file: string): number {
  return FLOORS.findIndex((floor) => floor.some((place) => file.startsWith(place)));
}

function placeOf(file: string): string | undefined {
  return FLOORS.flat().find((place) => file.startsWith(place));
}

describe('the floors', () => {
  it('every source file has one', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.filter((file) => floorOf(file) < 0)).toEqual([]);
  });

  it('imports run downwards, or stay in their folder', () => {
    const upward: string[] = [];
    for (const [file, imports] of graph) {
      for (const target of imports) {
        if (placeOf(target) !== placeOf(file) && floorOf(target) >= floorOf(file))
          upward.push(`${file} → ${target}`);
      }
    }
    expect(upward).toEqual([]);
  });

  it('no circles, not even of types', () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, way: readonly string[]): void => {
      if (way.includes(file)) {
        circles.push([...way.slice(way.indexOf(file)), file].join(' → '));
        return;
      }
      if (done.has(file)) return;
      for (const target of graph.get(file) ?? []) visit(target, [...way, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('every import names a file of the project', () => {
    const known = new Set(files);
    const unknown = [...graph].flatMap(([file, imports]) =>
      imports.filter((path) => !known.has(path)).map((path) => `${file} → ${path}`),
    );
    expect(unknown).toEqual([]);
  });
});

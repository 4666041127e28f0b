// Holds the architecture: arrows between folders run downwards only, and no file depends on itself by a detour.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { productFiles, ROOT } from './helpers/product-files.ts';

/**
 * From the bottom up; a file may import from its own folder and from floors below. The longest prefix counts. Between
 * floors of house size (config reads field paths, TLS files read config types) each folder has a floor of its own.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['src/platform/'],
  ['src/errors.ts'],
  [
    'src/version.ts',
    'src/listen-error.ts',
    'src/addresses.ts',
    'src/sync-folder.ts',
    'src/in-flight-list.ts',
    'src/ring.ts',
    'src/turn.ts',
    'src/tls-kinds.ts',
  ],
  ['src/reload/', 'src/state/atomic-file.ts'],
  ['src/observe/log/', 'src/observe/otlp/', 'src/listen.ts'],
  ['src/observe/traces/', 'src/observe/metrics/'],
  ['src/mllp/'],
  ['src/hl7/'],
  ['src/config/'],
  ['src/http/'],
  ['certs/'],
  ['src/upstream/'],
  ['routing/'],
  ['src/spool/'],
  ['src/relay/'],
  ['src/observe/observer.ts'],
  ['listeners/'],
  ['src/observe/log/message-', 'src/observe/traces/spans/', 'src/observe/audit/'],
  ['src/pools/', 'src/spool/delivery/'],
  ['src/open-files.ts'],
  ['src/observe/metrics/gateway/'],
  ['src/gateway.ts'],
  ['src/cluster/'],
  ['src/state/'],
  ['src/admin/'],
  ['src/workers/'],
  ['src/tools/simulation/', 'src/tools/deidentify/', 'src/tools/world/'],
  ['src/tools/record/'],
  ['src/tools/replay/'],
  ['src/tools/documents/', 'src/tools/import/'],
  ['src/cli/'],
  ['src/tools/package/'],
  ['src/main.ts'],
  ['src/start.ts'],
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

/** The longest prefix of the file's path that has a floor. */
function placeOf(file: string): string | undefined {
  const places = FLOORS.flat().filter((place) => file.startsWith(place));
  return places.sort((one, other) => other.length - one.length)[0];
}

function floorOf(file: string): number {
  const place = placeOf(file);
  return place === undefined ? -1 : FLOORS.findIndex((floor) => floor.includes(place));
}

/** `certs/x509/` belongs to `certs/`, `src/cli/run/` to `src/cli/`; some rooms of `src` have rooms of their own. */
function roomOf(file: string): string {
  const room =
    /^((certs|routing)\/|listeners\/([a-z]+\/)?|src\/(observe|upstream|tools)\/([a-z]+\/)?|src\/([a-z0-9-]+\/)?)/.exec(
      file,
    );
  return room?.[0] ?? file;
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

  it('a tool is imported by tools and commands alone', () => {
    const users = [...graph].filter(([, imports]) => imports.some((path) => path.startsWith('src/tools/')));
    expect(users.length).toBeGreaterThan(10);
    expect(users.map(([file]) => file).filter((file) => !/^src\/(tools|cli)\//.test(file))).toEqual([]);
  });

  it('the map in CONTRIBUTING.md has every room, and nothing that is not there', () => {
    const map = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
    const rows = map.split('\n').filter((line) => line.startsWith('| `'));
    const listed = new Set(
      rows.flatMap((row) =>
        [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name as string),
      ),
    );
    const rooms = new Set(files.map(roomOf).filter((room) => room !== 'src/'));
    const isTold = (room: string): boolean =>
      [...listed].some((name) => name === room || name.startsWith(room));
    expect([...rooms].filter((room) => !isTold(room))).toEqual([]);
    expect([...listed].filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });
});

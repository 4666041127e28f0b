// `include`: what several files make together, and what is wrong in one of them.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { loadAdmin } from '../../src/config/load-admin.ts';
import { filesFor } from '../../src/config/source/includes.ts';
import { config, folderWith, outcome } from './config-folder.ts';

const LAB = [
  'listeners: { lab: { bind: ":2" } }',
  'pools: { lab: { nodes: { a: { url: "mllp://lab:1" } } } }',
  'routes: [{ name: lab, when: { listener: lab }, to: lab }]',
  '',
].join('\n');
const MAIN = config({
  routes: '- { name: first, when: { listener: l }, to: p }',
  top: 'include: conf.d/*.yaml',
});

function filesOf(included: Readonly<Record<string, string>>, main = MAIN): string {
  return folderWith({ ...included, 'gateway.yaml': main });
}

function problems(included: Readonly<Record<string, string>>, main = MAIN) {
  const folder = filesOf(included, main);
  const { errors, warnings } = outcome(main, folder);
  const short = (lines: readonly string[]) => lines.map((line) => line.replaceAll(`${folder}/`, ''));
  return { errors: short(errors), warnings: short(warnings) };
}

describe('several files', () => {
  test('are one config: names together, routes in the order of the files', () => {
    const folder = filesOf({
      'conf.d/20-lab.yaml': LAB,
      'conf.d/10-rad.yaml': LAB.replaceAll('lab', 'rad').replace(':2', ':3'),
      'conf.d/.hidden.yaml': 'not: a config',
      'conf.d/notes.txt': 'not: a config',
    });
    const { config: loaded, warnings } = loadConfig(join(folder, 'gateway.yaml'), { env: {} });
    expect(warnings).toEqual([]);
    expect(loaded.listeners.map(({ name }) => name)).toEqual(['l', 'rad', 'lab']);
    expect(loaded.pools.map(({ name }) => name)).toEqual(['p', 'rad', 'lab']);
    expect(loaded.routes.map(({ name }) => name)).toEqual(['first', 'rad', 'lab']);
  });

  test('may have any other key in one of them, which commands that ask the admin API find', () => {
    const folder = filesOf({
      'conf.d/admin.yaml': 'admin: { bind: "127.0.0.1:7777" }\n',
      'conf.d/bad.yaml': 'x: [',
    });
    expect(loadAdmin(join(folder, 'gateway.yaml'), {})?.bind.port).toBe(7777);
  });

  test('may leave everything to the included ones', () => {
    const { errors, warnings } = problems({ 'conf.d/lab.yaml': LAB }, 'include: [conf.d/lab.yaml]\n');
    expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
    expect(
      problems({ 'conf.d/lab.yaml': LAB }, 'include: conf.d/lab.yaml\nlisteners:\npools:\nroutes:\n').errors,
    ).toEqual([]);
  });

  test('have anchors, variables and secrets of their own', () => {
    const one =
      'pools: { a: { nodes: { n: { url: &u "mllp://${HOST}:1" } } }, b: { nodes: { n: { url: *u } } } }\nroutes: [{ when: { MSH-3: A }, to: a }, { when: { MSH-3: B }, to: b }]\n';
    const two = one
      .replaceAll('a:', 'c:')
      .replaceAll('b:', 'd:')
      .replace('to: a', 'to: c')
      .replace('to: b', 'to: d')
      .replace(':1"', ':2"');
    const folder = filesOf({ 'conf.d/1.yaml': one, 'conf.d/2.yaml': two });
    const { config: loaded, text } = loadConfig(join(folder, 'gateway.yaml'), { env: { HOST: 'h9' } });
    const urls = loaded.pools.slice(1).map(({ nodes }) => nodes[0]?.url);
    expect(urls).toEqual(['mllp://h9:1', 'mllp://h9:1', 'mllp://h9:2', 'mllp://h9:2']);
    expect(text).not.toContain('h9');
    expect(parseConfig(text, { file: join(folder, 'gateway.yaml'), env: { HOST: 'h9' } }).config).toEqual(
      loaded,
    );
    expect(problems({ 'conf.d/1.yaml': 'pools: *u\n' }).errors).toEqual([
      'conf.d/1.yaml:1:8: pools: no anchor of this name comes before it (a value that begins with * must stand in quotes)',
    ]);
  });

  test('say the same as the one text that they are shown as', () => {
    const main = [
      '# before',
      'include: conf.d/*.yaml',
      'pools: &p { p: { nodes: { a: { url: "mllp://h:1" } } } }',
      'routes: [{ when: { listener: l }, to: p }]',
      'defaults: { pools: { timeouts: { ack: 9s } } }',
    ].join('\n');
    const folder = filesOf(
      { 'conf.d/1.yaml': '# of the lab\nlisteners:\n  # why\n  l: { bind: ":1" }\n', 'conf.d/2.yaml': LAB },
      main,
    );
    const file = join(folder, 'gateway.yaml');
    const { config: loaded, text, includes } = loadConfig(file, { env: {} });
    expect(text).toContain('# why');
    expect(text).not.toContain('include');
    expect(parseConfig(text, { file, env: {} }).config).toEqual(loaded);
    expect(loaded.pools.map(({ timeouts }) => timeouts.ackMs)).toEqual([9000, 9000]);
    expect(filesFor(includes)).toEqual([join(folder, 'conf.d/1.yaml'), join(folder, 'conf.d/2.yaml')]);
  });

  test('a file without includes is shown as it stands', () => {
    const main = `# mine\n${config({})}`;
    const folder = folderWith({ 'gateway.yaml': main });
    expect(loadConfig(join(folder, 'gateway.yaml'), { env: {} }).text).toBe(main);
  });
});

describe('what is wrong in an included file', () => {
  test('is said with its name and line', () => {
    const bad = LAB.replace('url: "mllp://lab:1"', 'url: "mllp://lab:1", wieght: 3').replace(
      'to: lab',
      'to: lbb',
    );
    expect(problems({ 'conf.d/a.yaml': bad }).errors).toEqual([
      'conf.d/a.yaml:2:52: pools.lab.nodes.a.wieght: unknown key; did you mean "weight"?',
      'conf.d/a.yaml:3:52: routes[1].to: no pool has the name "lbb"; did you mean "lab"?',
    ]);
  });

  test('is a syntax error there, beside those of other files', () => {
    const { errors } = problems({ 'conf.d/a.yaml': 'pools:\n  a: [\n', 'conf.d/b.yaml': 'polls: {}\n' });
    expect(errors[0]).toMatch(/^conf\.d\/a\.yaml:3:1: not valid YAML: /);
    expect(errors.at(-1)).toBe('conf.d/b.yaml:1:1: polls: unknown key; did you mean "pools"?');
  });

  test('is no map, or two documents', () => {
    expect(problems({ 'conf.d/a.yaml': '- a\n' }).errors).toEqual([
      'conf.d/a.yaml:1:1: a config is a map, not a list',
    ]);
    expect(problems({ 'conf.d/a.yaml': 'a: 1\n---\nb: 2\n' }).errors).toEqual([
      'conf.d/a.yaml:2:1: not valid YAML: a config is one document, and here a second one starts',
    ]);
    expect(problems({ 'conf.d/a.yaml': '# nothing yet\n' }).errors).toEqual([]);
  });

  test('is a name that another file has, and both places are named', () => {
    const twice =
      'listeners: { l: { bind: ":2" } }\npools: { p: { nodes: { a: { url: "mllp://lab:1" } } } }\n';
    expect(problems({ 'conf.d/a.yaml': twice, 'conf.d/b.yaml': 'pools: { p: {}, q: {} }\n' }).errors).toEqual(
      [
        'conf.d/a.yaml:1:14: listeners.l: is a name that is taken, first in gateway.yaml:2',
        'conf.d/a.yaml:2:10: pools.p: is a name that is taken, first in gateway.yaml:4',
        'conf.d/b.yaml:1:10: pools.p: is a name that is taken, first in gateway.yaml:4',
        'conf.d/b.yaml:1:17: pools.q.nodes: is required',
      ],
    );
  });

  test('is a section that another file has, an include, or defaults', () => {
    const { errors } = problems({
      'conf.d/a.yaml': 'shutdown: { timeout: 1s }\n',
      'conf.d/b.yaml': 'shutdown: { timeout: 2s }\ninclude: c.yaml\ndefaults: { pools: {} }\n',
      'conf.d/c.yaml': 'routes: {}\n',
      'conf.d/d.yaml': 'pools:\n',
    });
    expect(errors).toEqual([
      'conf.d/b.yaml:1:1: shutdown: is given twice, first in conf.d/a.yaml:1',
      'conf.d/b.yaml:2:1: include: may not stand in an included file, only in the one that includes it',
      'conf.d/b.yaml:3:1: defaults: may not stand in an included file, only in the one that includes it',
      'conf.d/c.yaml:1:1: routes: must be a list',
      'conf.d/d.yaml:1:1: pools: has no value',
    ]);
  });

  test('two routes of one name in two files', () => {
    expect(
      problems({ 'conf.d/a.yaml': LAB, 'conf.d/b.yaml': 'routes: [{ name: lab, to: p }]\n' }).errors,
    ).toEqual(['conf.d/b.yaml:1:18: routes[2].name: another route before this one has the same name']);
  });
});

describe('what is wrong with include itself', () => {
  const including = (text: string) => MAIN.replace('conf.d/*.yaml', text);
  test.each([
    ['conf.d/lba.yaml', '9:10: include: the file "conf.d/lba.yaml" does not exist; did you mean "lab.yaml"?'],
    [
      'nowhere/x.yaml',
      '9:10: include: the file "nowhere/x.yaml" does not exist (relative paths start at the config file\'s folder)',
    ],
    [
      'nowhere/*.yaml',
      '9:10: include: the folder "nowhere" cannot be read (relative paths start at the config file\'s folder)',
    ],
    ['"*/lab.yaml"', '9:10: include: only the name of a file may have wildcards, not its folder'],
    [
      '"*.yaml"',
      '9:10: include: "gateway.yaml" is this file itself; give the others a folder of their own, as in conf.d/*.yaml',
    ],
    ['conf.d', '9:10: include: the file "conf.d" is a directory, not a file'],
    ['[]', '9:1: include: an empty list includes nothing; leave it out'],
    ['', '9:1: include: has no value'],
    ['{ a: 1 }', '9:10: include: must be a single value, not a map'],
    ['[conf.d/lab.yaml, conf.d/*.yaml]', '9:28: include[1]: includes "conf.d/lab.yaml" a second time'],
    ['/dev/zero', '9:10: include: the file "/dev/zero" is not a regular file'],
    [
      '"${NOT_SET}"',
      '9:10: include: the environment variable NOT_SET is not set (${NOT_SET:-…} would give a default)',
    ],
  ])('%s', (text, error) => {
    expect(problems({ 'conf.d/lab.yaml': LAB }, including(text)).errors).toEqual([`gateway.yaml:${error}`]);
  });

  test('a pattern that nothing matches is a warning; [a-c] and ? match what they say', () => {
    expect(problems({ 'conf.d/lab.yaml': LAB }, including('conf.d/*.yml'))).toEqual({
      errors: [],
      warnings: ['gateway.yaml:9:10: include: no file matches "conf.d/*.yml"'],
    });
    const folder = folderWith({
      'a1.yaml': '',
      'b1.yaml': '',
      'd1.yaml': '',
      'a12.yaml': '',
      'a(1.yaml': '',
    });
    const names = (pattern: string) =>
      filesFor([join(folder, pattern)]).map((file) => file.slice(folder.length + 1));
    expect(names('[a-c]?.yaml')).toEqual(['a1.yaml', 'b1.yaml']);
    expect(names('[!a]*.yaml')).toEqual(['b1.yaml', 'd1.yaml']);
    expect(names('a(*.yaml')).toEqual(['a(1.yaml']);
    expect(names('[z-a]*')).toEqual([]);
    expect(names('[a')).toEqual([]);
  });

  test('a file that may not be read, and a link that leads nowhere', () => {
    const folder = filesOf({ 'conf.d/a.yaml': LAB });
    mkdirSync(join(folder, 'conf.d/c.yaml'));
    symlinkSync('nowhere', join(folder, 'conf.d/b.yaml'));
    writeFileSync(join(folder, 'conf.d/d.yaml'), Buffer.from([0xff, 0xfe, 0x80]));
    const lines = outcome(MAIN, folder).errors;
    expect(lines).toEqual([
      'gateway.yaml:9:10: include: the file "conf.d/b.yaml" does not exist (relative paths start at the config file\'s folder)',
      'gateway.yaml:9:10: include: the file "conf.d/c.yaml" is a directory, not a file',
      'gateway.yaml:9:10: include: the file "conf.d/d.yaml" is not UTF-8 text',
    ]);
    if (process.getuid?.() === 0) return;
    chmodSync(join(folder, 'conf.d/a.yaml'), 0);
    expect(outcome(MAIN, folder).errors[0]).toContain('may not be read by this user');
  });
});

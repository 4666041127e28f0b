// Links of what the package shows to people: each leads to a file that is packed too, and to a heading that is there.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../helpers/product-files.ts';

const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
const packed = files.filter((name) => !name.startsWith('!'));
const pages = packed
  .flatMap((name) => globSync([name, `${name}/**/*.md`], { cwd: ROOT }))
  .filter((name) => name.endsWith('.md'));

/** As GitHub makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.replace(/```.*?```/gs, '').matchAll(/^#+ (.*)$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let count = 0;
    let name = anchor;
    while (anchors.has(name)) name = `${anchor}-${++count}`;
    anchors.add(name);
  }
  return anchors;
}

test('documents, deployment and examples are packed', () => {
  expect(packed).toEqual(
    expect.arrayContaining([
      'docs',
      'deploy',
      'examples',
      'schema',
      'npm-shrinkwrap.json',
      'CONTRIBUTING.md',
    ]),
  );
  expect(pages.length).toBeGreaterThan(40);
  expect(existsSync(join(ROOT, 'docs/openapi.yaml'))).toBe(true);
});

test.each(pages)('%s', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8').replace(/```.*?```/gs, '');
  const dead: string[] = [];
  for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^(https?|mailto):/.test(link)) continue;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : normalize(join(dirname(page), path));
    const isPacked = packed.some((name) => target === name || target.startsWith(`${name}/`));
    if (!isPacked || !existsSync(join(ROOT, target))) dead.push(link);
    else if (anchor !== undefined && target.endsWith('.md')) {
      if (!anchorsOf(readFileSync(join(ROOT, target), 'utf8')).has(anchor)) dead.push(link);
    }
  }
  expect(dead).toEqual([]);
});

// Files of deploy/, as tests read them; and whether the command line takes what they say.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, parseDocument } from 'yaml';
import { defineProgram } from '../../src/cli/define/program.ts';
import { ROOT } from '../helpers/product-files.ts';

export function deployed(path: string): string {
  return readFileSync(join(ROOT, 'deploy', path), 'utf8');
}

/** Each document of the file. */
// biome-ignore lint/suspicious/noExplicitAny: what stands in these is what the tests find out
export function manifests(path: string): any[] {
  return parseAllDocuments(deployed(path)).map((document) => document.toJS());
}

/** With its anchors and merges. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export function composed(path: string): any {
  return parseDocument(deployed(path), { merge: true }).toJS();
}

/** The arguments of the gateway, parsed and not carried out. Throws what the user would be told. */
export async function parsedAs(args: readonly string[]): Promise<string> {
  let asked = 0;
  const told: string[] = [];
  const terminal = { out: () => {}, err: (line: string) => void told.push(line) };
  const perform = async (): Promise<void> => {
    asked += 1;
  };
  try {
    await defineProgram(terminal, perform).parseAsync([...args], { from: 'user' });
  } catch (cause) {
    throw new Error(`${args.join(' ')}: ${told.join('; ')}`, { cause });
  }
  if (asked !== 1) throw new Error(`${args.join(' ')}: asks for nothing`);
  return args[0] ?? '';
}

/** Of the Containerfile: what starts, its arguments, how it is asked whether it is well, and who it is. */
export function containerOf(): {
  readonly entry: readonly string[];
  readonly args: readonly string[];
  readonly health: readonly string[];
  readonly user: string;
  readonly ports: readonly number[];
} {
  const text = deployed('container/Containerfile').replace(/\\\n/g, ' ');
  const json = (pattern: RegExp): string[] => JSON.parse(pattern.exec(text)?.[1] ?? '[]') as string[];
  return {
    entry: json(/^ENTRYPOINT (\[.*\])$/m),
    args: json(/^CMD (\[.*\])$/m),
    health: json(/^HEALTHCHECK .*CMD (\[.*\])$/m),
    user: /^USER (\S+)$/m.exec(text)?.[1] ?? '',
    ports: [...text.matchAll(/^EXPOSE (.*)$/gm)].flatMap(([, ports = '']) => ports.split(' ').map(Number)),
  };
}

// Validates audit messages by xmllint, which shares no code with what made them: against DICOM PS3.15 A.5.1 and, narrower, A.5.3.
// Promises that what is wrong is named with its message.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const hasXmllint = spawnSync('xmllint', ['--version']).status === 0;

export type Schema = 'audit-message' | 'gateway-event';

/** One run takes so many: a command line has room for them, and starting it costs more than the validation. */
const FILES_A_RUN = 500;
const RUN_MS = 15_000;

/** XML documents; returns what is wrong, one line for each message that is not valid. */
export async function invalid(documents: readonly string[], schema: Schema): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-'));
  try {
    const wrong: string[] = [];
    for (let start = 0; start < documents.length; start += FILES_A_RUN) {
      const some = documents.slice(start, start + FILES_A_RUN);
      for (const [i, text] of some.entries()) writeFileSync(join(folder, `${i}.xml`), text);
      const said = await run(
        folder,
        schema,
        some.map((_, i) => `${i}.xml`),
      );
      for (const [i, text] of some.entries()) {
        if (said.includes(`${i}.xml validates`)) continue;
        const why = said.filter((line) => line.startsWith(`${i}.xml:`)).join('; ');
        wrong.push(`${text}: ${why.slice(0, 500)}`);
      }
    }
    return wrong;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What it says, in lines. */
function run(folder: string, schema: Schema, files: readonly string[]): Promise<string[]> {
  const rules = join(import.meta.dirname, `${schema}.rng`);
  const args = ['--nonet', '--noout', '--relaxng', rules, ...files];
  return new Promise((resolve, reject) => {
    execFile('xmllint', args, { cwd: folder, timeout: RUN_MS, maxBuffer: 1 << 24 }, (error, _, stderr) => {
      // 3 and 4: some are not valid.
      if (error !== null && error.code !== 3 && error.code !== 4) reject(error);
      else resolve(stderr.split('\n'));
    });
  });
}

/** The XML of a record's line. */
export function xmlOf(line: string): string {
  return line.slice(line.indexOf('<AuditMessage'));
}

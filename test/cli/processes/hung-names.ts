// Imported into a command before its own code: looking up a name under `.hung` keeps a thread of Node.js for good, as a name
// server that does not answer does for half a minute. Opening a named pipe that nobody reads does it without one. A file
// `….asked` beside it says that it was done.
import { execFileSync } from 'node:child_process';
import { open, rmSync, writeFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const dns = createRequire(import.meta.url)('node:dns') as { lookup: (...args: unknown[]) => unknown };
const pipe = join(tmpdir(), `hl7-gateway-hung-${process.pid}`);
execFileSync('mkfifo', [pipe]);
const asked = `${pipe}.asked`;
process.on('exit', () => {
  for (const file of [pipe, asked]) rmSync(file, { force: true });
});

const { lookup } = dns;
dns.lookup = (name, ...rest) => {
  if (!String(name).endsWith('.hung')) return lookup(name, ...rest);
  writeFileSync(asked, '');
  return open(pipe, 'w', () => {});
};
syncBuiltinESMExports();

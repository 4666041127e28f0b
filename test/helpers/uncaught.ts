// What a process printed, looked through for errors that nobody caught: the gateway's own line, or Node.js's last words.

/** Its lines about such errors; undefined: there was none. */
export function uncaughtIn(out: string, err: string): string | undefined {
  const logged = out.split('\n').filter((line) => line.includes('uncaught error: this is a defect'));
  // Node.js prints its version behind an error that ends the process, and behind nothing else.
  if (/^Node\.js v\d+\.\d+\.\d+\S*$/m.test(err)) logged.push(err);
  return logged.length === 0 ? undefined : logged.join('\n');
}

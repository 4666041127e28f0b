// Imported into a command before its own code: at SIGWINCH it throws what nobody catches; at SIGIO it rejects.
// Neither signal does anything by itself.

/** Its text looks like a message, whose lines look like the frames of a stack. */
const text = 'MSH|^~\\&|PLANTED\n    at PID (PLANTED^NAME)';

process.on('SIGWINCH', () => {
  throw new TypeError(text, { cause: Object.assign(new Error(`${text} again`), { code: 'EPLANTED' }) });
});
process.on('SIGIO', () => {
  void Promise.reject(new RangeError(text));
});

// Loaded into the gateway's process, and the only thing of the campaign that is: tells how much memory is left after a
// garbage collection. Promises: keeps no handle open, imports nothing; with the runner gone it ends the process.

process.on('message', (order) => {
  if (order !== 'memory') return;
  globalThis.gc?.();
  // What finalizers release goes with the next one.
  setImmediate(() => {
    globalThis.gc?.();
    process.send?.(process.memoryUsage());
  });
});
process.on('disconnect', () => process.exit(1));
process.channel?.unref();

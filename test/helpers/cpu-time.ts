// How much work something is, as a test may bound it. Promises: counts this thread's CPU time, which is the same on a machine that
// is busy with other things.

export function cpuMsOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

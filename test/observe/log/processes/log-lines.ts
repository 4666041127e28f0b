// A process that logs: `ARGV[2]` lines of `ARGV[3]` bytes, and then ends as `ARGV[4]` says, at once or when it is told to.
import { createLog } from '../../../../src/observe/log/log.ts';

const [, , lines = '1', bytes = '10', end = 'exit'] = process.argv;
const log = createLog({ level: 'info', format: 'json' });
const filler = 'x'.repeat(Number(bytes));
for (let i = 0; i < Number(lines); i++) log.info({ filler }, 'line');
if (end === 'exit') process.exit(3);
if (end === 'throw') throw new Error('on purpose');
if (end === 'stay') {
  process.send?.({ rss: process.memoryUsage.rss() });
  // A listener that stays keeps the process alive until all is written, however slowly the other end reads.
  process.on('message', () => {
    log.info('last');
    log.flush(() => process.disconnect?.());
  });
}

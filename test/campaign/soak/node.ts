// A node of the soak: acknowledges every message at once. Promises: a message is in its file before it is acknowledged, in six
// bytes, so that a kill -9 loses none; the acknowledgement holds a checksum of the message's bytes.
import { openSync, writeSync } from 'node:fs';
import net from 'node:net';
import { crc32 } from 'node:zlib';
import { ackOf, controlIdOf, FrameCutter, frame } from '../wire/mllp.ts';
import { RECORD_BYTES, recordOf, type SoakNodeStart } from './receipts.ts';

const start: SoakNodeStart = JSON.parse(process.argv[2] ?? '');
const file = openSync(start.file, 'a');
let acks = 0;

const server = net.createServer({ noDelay: true }, (socket) => {
  const cutter = new FrameCutter();
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const payloads = cutter.push(chunk);
    if (payloads.length === 0) return;
    const records = Buffer.alloc(payloads.length * RECORD_BYTES);
    const answers = payloads.map((payload, i) => {
      const id = controlIdOf(payload);
      recordOf(id).copy(records, i * RECORD_BYTES);
      return frame(ackOf(`${start.name}.${++acks}`, 'AA', `${id}|${crc32(payload)}`));
    });
    writeSync(file, records);
    socket.write(Buffer.concat(answers));
  });
});
server.listen({ host: start.host, port: start.port }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('disconnect', () => process.exit());

// A node that puts on record which messages it got, before it answers them: `node record-sink.ts FILE PORT`. Promises: what it
// answered is in the file even if it is killed at once; four bytes a message, its control id as a number.
import { openSync, writeSync } from 'node:fs';
import net from 'node:net';
import { ACK, ACK_ID_FROM, ID_FROM, ID_TO, MESSAGE_BYTES } from './frames.ts';

const FRAME_BYTES = MESSAGE_BYTES + 3;
const [file = '', port = '0'] = process.argv.slice(2);
const fd = openSync(file, 'a');

const server = net.createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const count = Math.floor(bytes.length / FRAME_BYTES);
    rest = bytes.subarray(count * FRAME_BYTES);
    if (count === 0) return;
    const ids = Buffer.alloc(count * 4);
    const out = Buffer.allocUnsafe(count * ACK.length);
    for (let i = 0; i < count; i++) {
      const at = i * FRAME_BYTES;
      if (bytes[at] !== 0x0b || bytes[at + FRAME_BYTES - 2] !== 0x1c) {
        socket.destroy();
        return;
      }
      ids.writeUInt32LE(Number(bytes.toString('latin1', at + ID_FROM, at + ID_TO)), i * 4);
      ACK.copy(out, i * ACK.length);
      bytes.copy(out, i * ACK.length + ACK_ID_FROM, at + ID_FROM, at + ID_TO);
    }
    writeSync(fd, ids);
    socket.write(out);
  });
});

server.listen({ host: '127.0.0.1', port: Number(port), backlog: 1024 }, () => {
  process.send?.({ port: (server.address() as net.AddressInfo).port });
});
process.once('disconnect', () => process.exit());

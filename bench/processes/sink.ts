// The node behind the proxies, a process of its own: answers every frame by a prepared answer with its control id in it.
// Promises: one write for each read; frames are found by length, as all are equal, and each is checked for its end.
import net from 'node:net';
import { ACK, ACK_ID_FROM, ID_FROM, ID_TO, MESSAGE_BYTES } from './frames.ts';

const FRAME_BYTES = MESSAGE_BYTES + 3;

const server = net.createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const count = Math.floor(bytes.length / FRAME_BYTES);
    rest = bytes.subarray(count * FRAME_BYTES);
    if (count === 0) return;
    const out = Buffer.allocUnsafe(count * ACK.length);
    for (let i = 0; i < count; i++) {
      const at = i * FRAME_BYTES;
      if (bytes[at] !== 0x0b || bytes[at + FRAME_BYTES - 2] !== 0x1c) {
        socket.destroy();
        return;
      }
      ACK.copy(out, i * ACK.length);
      bytes.copy(out, i * ACK.length + ACK_ID_FROM, at + ID_FROM, at + ID_TO);
    }
    socket.write(out);
  });
});

server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
  process.send?.({ port: (server.address() as net.AddressInfo).port });
});
process.once('disconnect', () => process.exit());

// F115, over TLS: a sender that resets right behind its message. Node.js tells of it as an end, and a write then never comes back.
import { it } from 'vitest';
import { answers } from '../helpers/faulty-node.ts';
import { frame, message } from '../helpers/mllp.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder } from '../helpers/tls-folder.ts';
import { gate, until } from '../helpers/until.ts';
import { startRoom, trusting, vip } from './tls-room.ts';

it('F115 a TLS sender that resets behind its message keeps no descriptor once that is answered', async () => {
  using folder = createTlsFolder();
  const hold = gate();
  await using room = await startRoom(vip(folder));
  room.node.script = answers.after(hold, answers.aa());
  const [listener] = room.gw.gateway.listeners;
  for (let n = 0; n < 20; n++) {
    const sender = await connectSender(room.gw.port(), trusting(folder));
    void sender.write(frame(message({ controlId: `R${n}` })));
    sender.reset();
    await sender.closed;
  }
  await room.node.received(1);
  hold.open();
  await until(() => room.gw.messages.length === room.node.messages.length && room.gw.held.inFlight === 0);
  // Less than the 30 s that a peer has for the last that is written to it.
  await until(() => listener?.connections === 0, { deadlineMs: 10_000, what: 'no connection' });
});

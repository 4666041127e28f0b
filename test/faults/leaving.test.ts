// F116: no error of one connection ends the process. Clients of every protocol and nodes go away at a moment that chance
// decides, in headers, bodies, at the 101, in tunnels, in responses. `LEAVERS=10000` has so many of each protocol, `SEED`
// other moments. An error that nobody caught also fails the run by itself.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { chanceOf, LeavingNode, leave, type Protocol, wordsOf } from '../helpers/leavers.ts';
import { message, msaOf } from '../helpers/mllp.ts';
import { socketsAt } from '../helpers/open-sockets.ts';
import { connectClient } from '../helpers/raw-http-client.ts';
import { connectSender } from '../helpers/sender.ts';
import { createTlsFolder, type TlsFolder } from '../helpers/tls-folder.ts';
import { until } from '../helpers/until.ts';
import { GET } from './http-room.ts';

const COUNT = Number(process.env.LEAVERS ?? 80);
const SEED = Number(process.env.SEED ?? 1);
const AT_ONCE = 40;
/** A client that is gone in the middle of what it had to say is given up at a deadline, where nothing else tells. */
const PATIENCE_MS = 60_000;

let folder: TlsFolder;
beforeAll(() => {
  folder = createTlsFolder();
});
afterAll(() => folder[Symbol.dispose]());

const LIMITS = { frameTimeout: '5s', writeTimeout: '5s', maxConnections: 1000 };
const TIMEOUTS = { connect: '5s', ack: '5s' };

const KINDS: readonly { name: string; listener: 'mllp' | 'mllps' | 'http' | 'https'; protocol: Protocol }[] =
  [
    { name: 'MLLP', listener: 'mllp', protocol: 'mllp' },
    { name: 'MLLP over TLS', listener: 'mllps', protocol: 'mllp' },
    { name: 'HTTP', listener: 'http', protocol: 'http' },
    { name: 'HTTPS', listener: 'https', protocol: 'http' },
    { name: 'HTTP/2', listener: 'https', protocol: 'h2' },
  ];

it.each(KINDS)(
  'F116 clients and nodes that leave: $name',
  { timeout: 900_000 },
  async ({ listener, protocol }) => {
    const uncaught: unknown[] = [];
    const onUncaught = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtExceptionMonitor', onUncaught);
    const chance = chanceOf(SEED);
    const isMllp = protocol === 'mllp';
    const isSecure = listener.endsWith('s');
    await using node = new LeavingNode(isMllp ? 'mllp' : 'http', chance);
    await node.listen();
    {
      await using gw = await startGateway({
        nodes: [node.url],
        listener: {
          protocol: isMllp ? 'mllp' : 'http',
          limits: LIMITS,
          ...(isSecure ? { tls: { ...folder.files.good } } : {}),
          ...(isMllp ? { onUnavailable: 'AE' } : { http: { bodyTimeout: '5s', headersTimeout: '5s' } }),
        },
        pool: {
          health: { type: 'none' },
          timeouts: TIMEOUTS,
          queue: { timeout: '2s' },
        },
      });
      const secure = isSecure
        ? {
            ca: folder.caPem,
            servername: 'localhost',
            ALPNProtocols: isMllp ? [] : [protocol === 'h2' ? 'h2' : 'http/1.1'],
          }
        : undefined;
      let left = COUNT;
      const client = async (): Promise<void> => {
        while (left-- > 0)
          await leave(chance, { port: gw.port(), tls: secure, ...wordsOf(protocol, chance) });
      };
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      const state = (): unknown => ({
        sockets: socketsAt(gw.port()),
        connections: gw.gateway.listeners[0]?.connections,
        ...gw.held,
      });
      const nothing = { sockets: 0, connections: 0, queued: 0, inFlight: 0, bytes: 0 };
      await until(
        () =>
          gw.gateway.listeners[0]?.connections === 0 && JSON.stringify(state()) === JSON.stringify(nothing),
        { deadlineMs: PATIENCE_MS },
      ).catch(() => undefined);
      expect(state()).toEqual(nothing);
      expect(uncaught).toEqual([]);
      node.stays = true;
      if (isMllp) {
        await using sender = await connectSender(gw.port(), secure === undefined ? {} : { tls: secure });
        // A connection to the node may be one of those that it has left.
        await until(async () => msaOf(await sender.exchange(message()))?.code === 'AA', {
          deadlineMs: PATIENCE_MS,
        });
      } else {
        const more = secure === undefined ? {} : { tls: { ...secure, ALPNProtocols: ['http/1.1'] } };
        await until(
          async () => {
            await using after = await connectClient(gw.port(), more);
            return (await after.ask(GET)).status === 200;
          },
          { deadlineMs: PATIENCE_MS },
        );
      }
    }
    await until(() => socketsAt(node.port) === 0, { deadlineMs: PATIENCE_MS });
    process.off('uncaughtExceptionMonitor', onUncaught);
    expect(uncaught).toEqual([]);
  },
);

// By which names a browser may come: DNS rebinding is a page of somebody else whose name leads here.
import { expect, test } from 'vitest';
import { isKnownHost, isOwnOrigin } from '../../../src/admin/access/origin.ts';
import { connectClient } from '../../helpers/raw-http-client.ts';
import { value } from '../../helpers/strict-http.ts';
import { openAdmin, TOKEN } from '../admin-room.ts';

const KNOWN = {
  host: 'gw.hospital.example',
  hosts: ['console.example'],
  hasCertificateFor: (name: string) => name === 'vip.example',
};

test.each([
  [true, undefined],
  [true, '127.0.0.1:9600'],
  [true, '10.1.2.3'],
  [true, '[::1]:9600'],
  [true, 'localhost:1'],
  [true, 'LOCALHOST.'],
  [true, 'gw.localhost'],
  [true, 'GW.Hospital.Example:9600'],
  [true, 'console.example'],
  [true, 'vip.example:443'],
  [false, 'evil.example'],
  [false, 'evil.example:9600'],
  [false, 'localhost.evil.example'],
  [false, 'xlocalhost'],
  [false, '127.0.0.1.evil.example'],
  [false, '127.1'],
  [false, '0x7f.0.0.1'],
  [false, '[::1%25eth0]'],
  [false, 'user@127.0.0.1'],
  [false, '127.0.0.1:9600:1'],
  [false, ''],
])('%s: %s', (known, host) => expect(isKnownHost(host, KNOWN)).toBe(known));

test.each([
  [true, {}],
  [true, { origin: 'http://gw:9600', host: 'gw:9600' }],
  [true, { origin: 'https://console.example', host: '127.0.0.1:9600' }],
  [true, { 'sec-fetch-site': 'none', host: 'gw' }],
  [false, { origin: 'http://gw:9601', host: 'gw:9600' }],
  [false, { origin: 'http://gw:9600.evil.example', host: 'gw:9600' }],
  [false, { origin: 'null', host: 'gw' }],
  [false, { origin: 'http://gw/', host: 'gw' }],
  [false, { origin: 'http://gw', host: 'gw', 'sec-fetch-site': 'cross-site' }],
])('%s: %j', (own, headers) => expect(isOwnOrigin(headers, { hosts: ['console.example'] })).toBe(own));

test.each(['/', '/session', '/nodes', '/livez', '/metrics', '/assets/x.js'])(
  'GET %s by a name of somebody else is 421',
  async (path) => {
    const room = await openAdmin();
    await using client = await connectClient(room.port);
    const told = await client.ask(`GET ${path} HTTP/1.1\r\nHost: evil.example:${room.port}\r\n\r\n`);
    expect([told.status, told.body.toString()]).toEqual([421, expect.stringContaining('admin.hosts')]);
  },
);

test('a log-in by such a name is not looked at', async () => {
  const room = await openAdmin();
  await using client = await connectClient(room.port);
  const body = JSON.stringify({ token: TOKEN });
  const told = await client.ask(
    `POST /session HTTP/1.1\r\nHost: evil.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  expect([told.status, value(told, 'set-cookie')]).toEqual([421, undefined]);
});

test('whoever has the token may come by any name, and so may a name that the config has', async () => {
  const room = await openAdmin({ hosts: ['console.example'] });
  await using client = await connectClient(room.port);
  const token = `Authorization: Bearer ${TOKEN}\r\n`;
  expect((await client.ask(`GET /nodes HTTP/1.1\r\nHost: gw\r\n${token}\r\n`)).status).toBe(200);
  expect((await client.ask('GET /livez HTTP/1.1\r\nHost: console.example\r\n\r\n')).status).toBe(200);
  expect((await client.ask('GET /livez HTTP/1.0\r\n\r\n')).status).toBe(200);
});

test('where other machines come, probes and Prometheus come by whatever name leads here; a browser does not', async () => {
  const room = await openAdmin({ host: '0.0.0.0' });
  await using client = await connectClient(room.port);
  for (const path of ['/livez', '/readyz', '/metrics'])
    expect((await client.ask(`GET ${path} HTTP/1.1\r\nHost: gw.internal\r\n\r\n`)).status).toBe(200);
  expect((await client.ask('GET / HTTP/1.1\r\nHost: gw.internal\r\n\r\n')).status).toBe(421);
});

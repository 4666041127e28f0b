// Framing and PKCS#12 by the gateway's own code and by the libraries that have them: docs/decisions/0016. `node bench/own-code.ts`.
// Promises that both read the same bytes, and that what a library does not read is counted, not left out.
import { X509Certificate } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Hl7Connection } from '@medplum/hl7';
import forge from 'node-forge';
import { createAuthority } from '../certs/authority.ts';
import { readPkcs12 } from '../certs/pkcs12/read.ts';
import { writePkcs12 } from '../certs/pkcs12/write.ts';
import { readKey } from '../certs/x509/keys.ts';
import { frame, payloadOf } from '../src/mllp/frame.ts';
import { FrameReader } from '../src/mllp/frame-reader.ts';

const ROUNDS = 7;
const CHUNK = 64 * 1024;

function message(n: number, bytes: number): Buffer {
  const head = `MSH|^~\\&|LAB|A|EHR|B|20260101||ORU^R01|${n}|P|2.5\rPID|1||4711\rOBX|1|ED|`;
  return Buffer.from(`${head}${'x'.repeat(Math.max(bytes - head.length - 1, 0))}\r`, 'latin1');
}

function chunksOf(bytes: number, count: number): Buffer[] {
  const all = Buffer.concat(Array.from({ length: count }, (_, n) => frame(message(n, bytes))));
  return Array.from({ length: Math.ceil(all.length / CHUNK) }, (_, i) =>
    all.subarray(i * CHUNK, (i + 1) * CHUNK),
  );
}

function byOwn(chunks: readonly Buffer[]): number {
  let count = 0;
  const reader = new FrameReader(
    {
      onFrame: (framed) => {
        count += payloadOf(framed).length > 0 ? 1 : 0;
      },
      onEmptyFrame: () => {},
      onFault: () => {},
    },
    { maxFrameBytes: 64 * 1024 * 1024, maxJunkBytes: 1024, strayEndByte: 'content', missingCr: 'refuse' },
  );
  for (const chunk of chunks) reader.push(chunk);
  return count;
}

/** It emits what it has read in turns of their own. */
async function byMedplum(chunks: readonly Buffer[], expected: number): Promise<number> {
  const socket = new EventEmitter();
  const connection = new Hl7Connection(socket as unknown as Socket);
  const { promise, resolve } = Promise.withResolvers<number>();
  let count = 0;
  connection.addEventListener('message', () => {
    if (++count === expected) resolve(count);
  });
  connection.addEventListener('error', () => resolve(count));
  for (const chunk of chunks) socket.emit('data', chunk);
  return await promise;
}

async function micros(count: number, run: () => number | Promise<number>): Promise<number> {
  const all: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    if ((await run()) !== count) throw new Error('messages are missing');
    const { user, system } = process.cpuUsage(before);
    all.push((user + system) / count);
  }
  return all.sort((a, b) => a - b)[ROUNDS >> 1] as number;
}

console.log('Framing, µs of CPU a message');
for (const [bytes, count] of [
  [300, 20_000],
  [16 * 1024, 2_000],
  [1024 * 1024, 20],
] as const) {
  const chunks = chunksOf(bytes, count);
  const own = await micros(count, () => byOwn(chunks));
  const other = await micros(count, () => byMedplum(chunks, count));
  console.log(`  ${bytes} bytes: own ${own.toFixed(2)}, @medplum/hl7 ${other.toFixed(2)}`);
}

console.log('PKCS#12: the key is there, the certificates are byte for byte those that went in; ms');
for (const kind of ['rsa-2048', 'ec-p256'] as const)
  for (const legacy of [false, true]) {
    const authority = createAuthority({ commonName: 'bench', days: 1, key: kind });
    const { certPem, keyPem } = authority.issue({ commonName: 'a', dns: ['a'], usage: 'server', key: kind });
    const chain = [new X509Certificate(certPem), new X509Certificate(authority.certPem)];
    const content = { key: readKey(keyPem, undefined), chain, friendlyName: 'a' };
    const bytes = writePkcs12(content, { passphrase: 'secret', legacy });
    const wanted = chain.map(({ raw }) => raw.toString('hex')).sort();
    const tell = (who: string, read: () => readonly [boolean, readonly string[]]): void => {
      const from = performance.now();
      try {
        const [hasKey, certificates] = read();
        const same = [...certificates].sort().join() === wanted.join();
        console.log(
          `  ${kind}${legacy ? ', 3DES' : ''}, ${who}: key ${hasKey}, same ${same}, ${(performance.now() - from).toFixed(1)}`,
        );
      } catch (thrown) {
        console.log(
          `  ${kind}${legacy ? ', 3DES' : ''}, ${who}: ${thrown instanceof Error ? thrown.message.slice(0, 60) : 'fails'}`,
        );
      }
    };
    tell('own', () => {
      const { keys, certificates } = readPkcs12(bytes, 'secret');
      return [keys.length === 1, certificates.map(({ certificate }) => certificate.raw.toString('hex'))];
    });
    tell('node-forge', () => {
      const p12 = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(bytes.toString('latin1')), true, 'secret');
      const { certBag = '', pkcs8ShroudedKeyBag = '' } = forge.pki.oids;
      const keys = p12.getBags({ bagType: pkcs8ShroudedKeyBag })[pkcs8ShroudedKeyBag] ?? [];
      const certificates = p12.getBags({ bagType: certBag })[certBag] ?? [];
      const ders = certificates.map(({ cert }) =>
        cert === undefined || cert === null
          ? ''
          : Buffer.from(forge.asn1.toDer(forge.pki.certificateToAsn1(cert)).getBytes(), 'latin1').toString(
              'hex',
            ),
      );
      return [keys.some(({ key }) => key !== undefined && key !== null), ders];
    });
  }

// What can be read of a message and its sender.
import { describe, expect, it } from 'vitest';
import { readSubject } from '../../routing/message-view.ts';
import { ORU, subject, view } from './views.ts';

const tls = { subject: 'CN=lab', san: ['lab.example', '10.0.0.1'], fingerprint: 'AA:BB' };

describe('subjects', () => {
  it.each<[string, string | undefined]>([
    ['MSH-9.2', 'R01'],
    ['OBX-5', 'a&b'],
    ['ZZZ-1', undefined],
    ['listener', 'adt'],
    ['source', '10.1.2.3'],
    ['tls.subject', 'CN=lab'],
    ['tls.san', 'lab.example,10.0.0.1'],
    ['tls.fingerprint', 'AA:BB'],
  ])('%s is %j', (text, value) => expect(readSubject(view(ORU, { tls }), subject(text))).toBe(value));

  it('of a certificate are absent without one', () => {
    const read = ['tls.subject', 'tls.san', 'tls.fingerprint'].map((text) =>
      readSubject(view(), subject(text)),
    );
    expect(read).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['fd00::1', 'fd00::1'],
    ['', ''],
  ])('source %j reads %j', (address, value) =>
    expect(readSubject(view(ORU, { address }), subject('source'))).toBe(value),
  );
});

// F92: an acknowledgement of the gateway's own is read by strict parsers: required fields are there, texts within their lengths.
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../src/hl7/header.ts';
import { makeNak } from '../../src/hl7/nak.ts';

const NOW = new Date(0);

function nak(msh: string, text = 'no route matches'): string[][] {
  const header = readHeader(Buffer.from(`${msh}\rPID|1\r`, 'latin1'));
  const refusal = { code: 'AR', condition: 207, text, diagnostic: 'GW_ERR_ROUTE_NONE' } as const;
  const separator = msh.charAt(3);
  return makeNak(header, refusal, NOW)
    .toString('latin1')
    .split('\r')
    .map((segment) => segment.split(separator));
}

describe('MSH-11 and MSH-12 of a message without them', () => {
  // What HAPI's `Version` knows.
  const HAPI = ['2.1', '2.2', '2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.7.1', '2.8', '2.8.1'];

  it.each([
    'MSH|^~\\&|A|B|C|D|2026||ADT^A01|X1',
    'MSH|^~\\&|A|B|C|D|2026||ADT^A01|X1||',
    'MSH|^~\\&|A|B|C|D|2026||ADT^A01|X1|""|""',
    'MSH|^~\\&|A|B|C|D|2026||ADT^A01|X1|  |  ',
    'MSH|^~\\&|A|B|C|D|2026||ADT^A01|X1|^T|^DEU',
    'MSH|||||||||X1',
    'BHS|^~\\&|A|B|C|D|2026||12|34|56|78',
  ])('F92 %s: P, and a version that is one', (msh) => {
    const [header = []] = nak(msh);
    expect(header[10]).toBe('P');
    expect(HAPI).toContain(header[11]);
  });

  it.each([
    ['T^A', '2.3.1^DEU^2.3.1'],
    ['D', '2.9'],
    ['P', '2.5.1'],
  ])('F92 others are those of the message: %s, %s', (processing, version) => {
    const [header = []] = nak(`MSH|^~\\&|A|B|C|D|2026||ADT^A01|X1|${processing}|${version}`);
    expect([header[10], header[11]]).toEqual([processing, version]);
  });
});

describe('texts', () => {
  const long = `${'x'.repeat(70)} | see ^ the & interface ~ agreement \\ section 4 ${'y'.repeat(300)}`;

  it.each(['2.1', '2.2', '2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6'])(
    'F92 %s: MSA-3 has 80 characters at most, ERR-8 250, and no escape sequence is cut',
    (version) => {
      const [, msa = [], err = []] = nak(`MSH|^~\\&|A|B|C|D|2026||ADT^A01|X1|P|${version}`, long);
      expect(msa[3]?.length).toBeLessThanOrEqual(80);
      expect(msa[3]?.length).toBeGreaterThan(76);
      expect(((msa[3] ?? '').match(/\\/g) ?? []).length % 2).toBe(0);
      if (Number(version.slice(0, 3)) >= 2.5) expect(err[8]?.length).toBeLessThanOrEqual(250);
    },
  );

  it.each(['2.7', '2.8', '2.9'])('F92 %s has no such bounds, and no MSA-3', (version) => {
    const [, msa = [], err = []] = nak(`MSH|^~\\&|A|B|C|D|2026||ADT^A01|X1|P|${version}`, long);
    expect(msa.length).toBe(3);
    expect(err[8]?.endsWith('y'.repeat(300))).toBe(true);
  });
});

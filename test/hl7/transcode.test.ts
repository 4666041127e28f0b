// Messages in UTF-8: every charset of table 0211 that Node.js has, values as before, MSH-18 as it must be.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charsetOf, encodeUtf16 } from '../../src/hl7/charset.ts';
import { readHeader } from '../../src/hl7/header.ts';
import { transcodeToUtf8 } from '../../src/hl7/transcode.ts';
import { readWholeMessage } from '../../src/hl7/whole/whole-message.ts';
import { readFixtures } from '../fixture-reader.ts';
import { read } from './split-reference.ts';

const transcode = (bytes: Buffer): Buffer => transcodeToUtf8(readHeader(bytes), bytes);
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** MSH with MSH-18 and one NTE whose third field is `content`. */
const message = (charset: string, content: Buffer, delimiters = '|^~\\&'): Buffer => {
  const field = delimiters.charAt(0);
  const own = charset.replaceAll('~', delimiters.charAt(2));
  const head = ['MSH', delimiters.slice(1), 'APP', ...Array<string>(14).fill(''), own].join(field);
  return Buffer.concat([latin1(`${head}\rNTE${field}1${field}${field}`), content, latin1(`${field}end\r`)]);
};

/** Bytes whose text is all that a charset of one or two bytes can write, found by decoding everything. */
function everyCharacter(label: string): Buffer {
  const decoder = new TextDecoder(label, { fatal: true });
  const parts: Buffer[] = [];
  const add = (bytes: number[]): boolean => {
    try {
      const text = decoder.decode(Buffer.from(bytes));
      if ([...text].length !== 1) return false;
      parts.push(Buffer.from(bytes));
      return true;
    } catch {
      return false;
    }
  };
  const isDelimiter = (byte: number): boolean => byte < 0x20 || '|^~\\&'.includes(String.fromCharCode(byte));
  for (let a = 0x20; a < 0x100; a++) {
    if (isDelimiter(a)) continue;
    if (!add([a]) && a > 0x7f) for (let b = 0x40; b < 0xff; b += 3) add([a, b]);
  }
  return Buffer.concat(parts);
}

describe('table 0211', () => {
  const names = [
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16].map((n) => `8859/${n}`),
    ...['ISO IR14', 'GB 18030-2000', 'KS X 1001', 'BIG-5'],
  ];

  it.each(names)('%s, all characters', (name) => {
    const label = charsetOf(name) as string;
    const content = everyCharacter(label);
    const expected = new TextDecoder(label, { fatal: true }).decode(content);
    expect([...expected].length).toBeGreaterThan(100);
    const bytes = message(name, content);
    const copy = transcode(bytes);
    expect(copy.toString('utf8')).toBe(`MSH|^~\\&|APP|||||||||||||||UNICODE UTF-8\rNTE|1||${expected}|end\r`);
    expect(readWholeMessage(readHeader(copy)).segments[1]).toEqual(
      readWholeMessage(readHeader(bytes)).segments[1],
    );
  });

  it.each(['ISO IR87', 'ASCII~ISO IR87', '~ISO IR87', 'ISO IR14~ISO IR87', 'JIS X 0202'])('%s', (name) => {
    const bytes = message(name, latin1('YAMADA^TARO\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B'));
    expect(transcode(bytes).toString('utf8')).toBe(
      'MSH|^~\\&|APP|||||||||||||||UNICODE UTF-8\rNTE|1||YAMADA^TARO山田^太郎|end\r',
    );
  });

  it.each(['utf-16le', 'utf-16be'] as const)('%s', (encoding) => {
    for (const mark of ['', '\ufeff']) {
      const text = 'MSH|^~\\&|ÄPP|||||||||||||||UNICODE UTF-16\rNTE|1||山😀|end\r';
      expect(transcode(encodeUtf16(mark + text, encoding)).toString('utf8')).toBe(
        text.replace('UTF-16', 'UTF-8'),
      );
    }
    // Half of a pair is no character.
    const broken = encodeUtf16('MSH|^~\\&|A\rNTE|\ud83d|\r', encoding);
    expect(() => transcode(broken)).toThrow(expect.objectContaining({ code: 'GW_ERR_PARSE_CHARSET' }));
  });
});

describe('MSH-18', () => {
  const latin = latin1('Gr\xfc\xdfe');

  it.each([
    ['has too few fields', 'MSH|^~\\&|A|B', 'MSH|^~\\&|A|B||||||||||||||UNICODE UTF-8'],
    ['is empty', 'MSH|^~\\&|A|||||||||||||||', 'MSH|^~\\&|A|||||||||||||||UNICODE UTF-8'],
    [
      'is empty, with more behind',
      'MSH|^~\\&|A||||||||||||||||DE',
      'MSH|^~\\&|A|||||||||||||||UNICODE UTF-8|DE',
    ],
    [
      'is ASCII, which is not true',
      'MSH|^~\\&|A|||||||||||||||ASCII',
      'MSH|^~\\&|A|||||||||||||||UNICODE UTF-8',
    ],
    [
      'has repetitions',
      'MSH|^~\\&|A|||||||||||||||8859/1~8859/2|DE',
      'MSH|^~\\&|A|||||||||||||||UNICODE UTF-8|DE',
    ],
    [
      'is between other delimiters',
      'MSH#!@%*#A###############8859/1@ASCII#DE',
      'MSH#!@%*#A###############UNICODE UTF-8#DE',
    ],
    ['is MSH alone', 'MSH|', 'MSH|||||||||||||||||UNICODE UTF-8'],
  ])('%s', (_, before, after) => {
    for (const end of ['\r', '\n', '\r\n']) {
      const copy = transcode(Buffer.concat([latin1(`${before}${end}NTE`), latin, latin1(end)]));
      expect(copy.toString('utf8')).toBe(`${after}${end}NTEGrüße${end}`);
    }
    expect(transcode(Buffer.concat([latin1(before), latin1('\rNTE'), latin])).toString()).toBe(
      `${after}\rNTEGrüße`,
    );
  });

  it.each([
    ['ASCII that says nothing', message('', latin1('plain \\X41\\'))],
    ['ASCII that says so', message('ASCII', latin1('plain'))],
    ['UTF-8 that says so', message('UNICODE UTF-8', Buffer.from('Größe 山 \\XC3A9\\'))],
    [
      'UTF-8 that says so, with a mark',
      Buffer.concat([Buffer.from('\ufeff'), message('UNICODE UTF-8', Buffer.from('ö'))]),
    ],
    ['a short ASCII header', latin1('MSH|^~\\&|A\r')],
  ])('%s stays as it is', (_, bytes) => expect(transcode(bytes)).toBe(bytes));

  it.each(['UNICODE', 'utf-8', 'NO SUCH CHARSET', 'CNS 11643-1992'])(
    'UTF-8 under the name %s gets its right one',
    (name) => {
      expect(
        transcode(message(name, Buffer.from('ö'))).equals(message('UNICODE UTF-8', Buffer.from('ö'))),
      ).toBe(true);
    },
  );

  it.each([
    ['UNICODE UTF-8', 'ff'],
    ['NO SUCH CHARSET', 'e9'],
    ['CNS 11643-1992', 'c4e3'],
    ['GB 18030-2000', 'ff'],
    ['8859/7', 'ff'],
    ['ISO IR87', 'e9'],
  ])('%s that is none is refused, and nothing of it told', (name, hex) => {
    let thrown: unknown;
    try {
      transcode(message(name, Buffer.from(`53454352455420${hex}`, 'hex')));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'GW_ERR_PARSE_CHARSET' });
    expect(String(thrown)).not.toMatch(/SECRET/);
  });
});

describe('escapes', () => {
  it.each([
    ['8859/1', 'caf\\XE9\\ \\X0D0A\\', 'caf\\XC3A9\\ \\X0D0A\\'],
    ['8859/1', '\\F\\XE9\\F\\', '\\F\\XE9\\F\\'],
    ['8859/1', 'open \\XE9', 'open \\XE9'],
    ['8859/1', 'a\\XE9^b\\', 'a\\XE9^b\\'],
    ['GB 18030-2000', '\\XC9\\\\XBD\\', '\\XE5B1B1\\'],
    ['GB 18030-2000', '\\XFF\\', '\\XFF\\'],
    ['', 'caf\\XE9\\', 'caf\\XC3A9\\'],
    ['', 'caf\\XC3A9\\', 'caf\\XC3A9\\'],
  ])('%s %s', (name, before, after) => {
    const copy = transcode(
      message(name, Buffer.concat([latin1(before), latin1('|\xfc'.slice(0, name.startsWith('GB') ? 1 : 2))])),
    );
    expect(copy.toString('utf8')).toContain(`NTE|1||${after}|`);
  });
});

describe('any message', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'é', 'ü', 'ß', '^', '~', '&', '\\', '|', '\\XE9\\', '\\T\\', ' '),
  });

  it('in Latin-1 reads as before', () => {
    const property = fc.property(text, fc.constantFrom('8859/1', '8859/15', '', 'ASCII'), (content, name) => {
      const bytes = message(name, latin1(content));
      const copy = transcode(bytes);
      // The separator that ends it is in the content, too.
      expect(readWholeMessage(readHeader(copy)).segments[1]).toEqual(
        readWholeMessage(readHeader(bytes)).segments[1],
      );
      expect(transcode(copy)).toBe(copy);
      if (/[^\x00-\x7f]/.test(content)) expect(read(copy, 'MSH-18')).toBe('UNICODE UTF-8');
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it.each(readFixtures().map(({ file, bytes }) => [file, bytes] as const))(
    '%s reads as before',
    (_, bytes) => {
      const copy = transcode(bytes);
      const [before, after] = [bytes, copy].map((one) => readWholeMessage(readHeader(one)).segments);
      expect(after?.slice(1)).toEqual(before?.slice(1));
      expect(copy.toString('utf8')).not.toContain('\ufffd');
    },
  );
});

it('each message of a batch has a charset of its own', () => {
  const bytes = Buffer.concat([
    latin1('FHS|^~\\&|A\rBHS|^~\\&|A\r'),
    message('8859/5', Buffer.from('b6', 'hex')),
    message('UNICODE UTF-8', Buffer.from('Ж')),
    latin1('BTS|2\rFTS|1\r'),
  ]);
  expect(transcode(bytes).toString()).toBe(
    `FHS|^~\\&|A\rBHS|^~\\&|A\r${message('UNICODE UTF-8', Buffer.from('Ж')).toString().repeat(2)}BTS|2\rFTS|1\r`,
  );
});

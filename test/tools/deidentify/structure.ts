// The structure of a message by a splitter of its own (no code of src/): segments and how many parts each of their fields
// has; and every value decoded, for searches.
export interface Shape {
  /** `PID|1|2^1&3~1|…`: numbers of parts only. */
  readonly lines: readonly string[];
  readonly ends: readonly string[];
  readonly declared: readonly string[];
}

interface Marks {
  readonly field: string;
  readonly component: string;
  readonly repetition: string;
  readonly mark: string;
  readonly subcomponent: string;
}

function marksOf(line: string): Marks {
  const field = line.charAt(3);
  const end = line.indexOf(field, 4);
  const two = line.slice(4, end < 0 ? undefined : end);
  return {
    field,
    component: two.charAt(0),
    repetition: two.charAt(1),
    mark: two.charAt(2),
    subcomponent: two.charAt(3),
  };
}

const parts = (text: string, mark: string): string[] => (mark === '' ? [text] : text.split(mark));

export function shapeOf(text: string): Shape {
  const plain = text.replace(/^\ufeff/, '');
  const lines: string[] = [];
  const declared: string[] = [];
  let marks = marksOf(plain.trimStart());
  for (const line of plain.split(/[\r\n]+/)) {
    if (line === '') continue;
    const declares = /^(MSH|FHS|BHS)/.test(line);
    if (declares) {
      marks = marksOf(line);
      declared.push(line.slice(3, 4) + (line.split(marks.field)[1] ?? ''));
    }
    const [name = '', ...fields] = line.split(marks.field);
    const counts = fields.map((field, i) =>
      declares && i === 0
        ? ''
        : parts(field, marks.repetition)
            .map((r) =>
              parts(r, marks.component)
                .map((c) => parts(c, marks.subcomponent).length)
                .join('^'),
            )
            .join('~'),
    );
    lines.push([name, ...counts].join('|'));
  }
  return { lines, ends: plain.match(/[\r\n]+/g) ?? [], declared };
}

/** Every value with its escapes decoded, one to a line: what a reader could find in it. */
export function valuesOf(text: string): string {
  const marks = marksOf(text.replace(/^\ufeff/, '').trimStart());
  const own = [marks.field, marks.component, marks.repetition, marks.subcomponent].filter(
    (one) => one !== '',
  );
  const between = new RegExp(
    `[\\r\\n${own.map((one) => `\\u{${one.charCodeAt(0).toString(16)}}`).join('')}]`,
    'u',
  );
  return text
    .split(between)
    .map((value) => decoded(value, marks))
    .join('\n');
}

function decoded(value: string, { mark: own, field, component, repetition, subcomponent }: Marks): string {
  if (own === '') return value;
  const letters: Record<string, string> = {
    F: field,
    S: component,
    R: repetition,
    T: subcomponent,
    E: own,
  };
  const mark = `\\u{${own.charCodeAt(0).toString(16)}}`;
  return value.replace(new RegExp(`${mark}([^${mark}]*)${mark}`, 'gu'), (_, inside: string) => {
    if (/^X(?:[0-9A-F]{2})+$/i.test(inside)) return Buffer.from(inside.slice(1), 'hex').toString('utf8');
    return letters[inside] ?? '';
  });
}

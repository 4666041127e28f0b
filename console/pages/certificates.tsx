// Every certificate in use, the one that ends first before the others.
import type { JSX } from 'preact';
import { ask } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Badge } from '../parts/badge.tsx';
import { Filters, SearchField } from '../parts/filters.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { wanted } from '../state/place.ts';
import { usePolled } from '../state/poll.ts';
import { day, plural } from '../words/format.ts';
import { toneOfDays } from '../words/tones.ts';

type Certificate = Schemas['Certificate'];

const COLUMNS: readonly Column<Certificate>[] = [
  { head: 'Subject', as: 'name', cell: ({ subject }) => <span title={subject}>{subject}</span> },
  {
    head: 'Ends in',
    as: 'state',
    cell: ({ days }) => <Badge tone={toneOfDays(days)}>{days < 0 ? 'has ended' : plural(days, 'day')}</Badge>,
  },
  { head: 'Until', as: 'until', cell: ({ notAfter }) => <time dateTime={notAfter}>{day(notAfter)}</time> },
  { head: 'Where', as: 'where', cell: ({ where }) => <span title={where}>{where}</span> },
  { head: 'File', as: 'file', cell: ({ file }) => <span title={file}>{file}</span> },
];

export function CertificatesPage(): JSX.Element {
  const { value, error } = usePolled((signal) => ask('GET /certs', { signal }), 60_000);
  const find = wanted('find').toLowerCase();
  const shown = (value ?? [])
    .filter(({ subject, where, file }) => `${subject} ${where} ${file}`.toLowerCase().includes(find))
    .toSorted((one, other) => one.days - other.days);
  return (
    <>
      <Filters found={value && plural(shown.length, 'certificate')}>
        <SearchField name="find" label="Search" />
      </Filters>
      <Trouble text={error} />
      <Rows
        label="Certificates"
        name="certificates"
        rows={shown}
        columns={COLUMNS}
        keyOf={({ where, file, subject }) => `${where} ${file} ${subject}`}
        none={value === undefined ? 'Asking …' : 'No certificate is in use.'}
      />
    </>
  );
}

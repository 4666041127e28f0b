// The connections from senders: who, from where, how much, since when. Of 5,000 one page after the other is asked for.
import type { JSX } from 'preact';
import { ask } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Filters, SearchField, SelectField } from '../parts/filters.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { Ago } from '../parts/when.tsx';
import { overview } from '../state/live.ts';
import { wanted } from '../state/place.ts';
import { usePolled } from '../state/poll.ts';
import { count, plural, rate } from '../words/format.ts';
import { linkTo } from '../words/problems.ts';

type Sender = Schemas['Sender'];

/** As many as the gateway has connections for by default; each takes 200 bytes. */
const MOST = 10_000;

/** What the API sorts by: silent for longest, fastest, most messages. */
const SORTS = ['silent', 'rate', 'messages'] as const;

const COLUMNS: readonly Column<Sender>[] = [
  {
    head: 'Sender',
    as: 'name',
    cell: ({ sender }) =>
      sender === undefined ? 'nothing sent yet' : <a href={linkTo('messages', { sender })}>{sender}</a>,
  },
  {
    head: 'From',
    as: 'from',
    cell: ({ address, port, tlsSubject }) => (
      <span title={tlsSubject}>
        {address}:{port} {tlsSubject}
      </span>
    ),
  },
  { head: 'Listener', as: 'listener', cell: ({ listener }) => listener },
  {
    head: 'Node',
    as: 'node',
    cell: ({ pool, node }) =>
      node === undefined ? (
        '–'
      ) : (
        <a href={linkTo('nodes', { open: `${pool}/${node}` })}>{`${pool}/${node}`}</a>
      ),
  },
  { head: 'Last message', as: 'since', cell: ({ since, lastAt }) => <Ago time={lastAt ?? since} /> },
  { head: 'Rate', as: 'number rate', cell: ({ messagesPerSecond }) => `${rate(messagesPerSecond)}/s` },
  { head: 'Messages', as: 'number', cell: ({ messages }) => count(messages) },
  { head: 'Waiting', as: 'number pending', cell: ({ pending }) => count(pending) },
];

export function SendersPage(): JSX.Element {
  const find = wanted('find');
  const listener = wanted('listener');
  const sort = SORTS.find((one) => one === wanted('sort'));
  const query = { limit: MOST, search: find, listener, ...(sort === undefined ? {} : { sort }) };
  const { value, error } = usePolled(
    (signal) => ask('GET /senders', { query, signal }),
    2_000,
    JSON.stringify(query),
  );
  return (
    <>
      <Filters found={value && plural(value.total, 'connection')}>
        <SearchField name="find" label="Name, address, certificate" />
        <SelectField
          name="listener"
          label="Listener"
          choices={overview.value?.listeners.map((one) => one.listener) ?? []}
        />
        <SelectField name="sort" label="First" choices={SORTS} none="as they came" />
      </Filters>
      <Trouble text={error} />
      <Rows
        label="Senders"
        name="senders"
        rows={value?.senders ?? []}
        columns={COLUMNS}
        keyOf={({ listener: at, address, port, since }) => `${at} ${address} ${port} ${since}`}
        none={value === undefined ? 'Asking …' : 'No sender is connected.'}
      />
    </>
  );
}

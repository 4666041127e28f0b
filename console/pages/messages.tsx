// The last messages that are over: found by what the log shows of them, and each with its way.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, sentenceOf } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Badge } from '../parts/badge.tsx';
import { Filters, SearchField, SelectField } from '../parts/filters.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { Moment } from '../parts/when.tsx';
import { overview } from '../state/live.ts';
import { want, wanted } from '../state/place.ts';
import { usePolled } from '../state/poll.ts';
import { duration, plural } from '../words/format.ts';
import { endOf, toneOfMessage } from '../words/tones.ts';
import { MessagePanel } from './message-panel.tsx';

type Message = Schemas['Message'];

const PAGE = 200;
const OUTCOMES: readonly NonNullable<Message['outcome']>[] = [
  'answered',
  'gathered',
  'stored',
  'unanswered',
  'failed',
  'abandoned',
];

const COLUMNS: readonly Column<Message>[] = [
  { head: 'Time', as: 'time', cell: ({ at }) => <Moment time={at} /> },
  { head: 'Type', as: 'type', cell: ({ type }) => type ?? '–' },
  {
    head: 'Control id',
    as: 'name',
    cell: ({ id, controlId }) => (
      <button type="button" class="link" onClick={() => want({ open: id })}>
        {controlId ?? 'none'}
      </button>
    ),
  },
  { head: 'Sender', as: 'sender', cell: ({ sender, source }) => sender ?? source },
  { head: 'Route', as: 'route', cell: ({ route }) => route ?? '–' },
  {
    head: 'Node',
    as: 'node',
    cell: ({ pool, node }) => (node === undefined ? (pool ?? '–') : `${pool}/${node}`),
  },
  {
    head: 'Answer',
    as: 'answer',
    cell: (message) => <Badge tone={toneOfMessage(message)}>{endOf(message)}</Badge>,
  },
  { head: 'Duration', as: 'number', cell: ({ totalMs }) => duration(totalMs) },
];

export function MessagesPage(): JSX.Element {
  const query = {
    limit: PAGE,
    controlId: wanted('controlId'),
    sender: wanted('sender'),
    type: wanted('type'),
    node: wanted('node'),
    route: wanted('route'),
    code: wanted('code'),
    outcome: wanted('outcome'),
  };
  const key = JSON.stringify(query);
  const older = useOlder(query, key);
  // What is older is looked at in peace.
  const { value, error } = usePolled(
    (signal) => ask('GET /messages', { query, signal }),
    older.messages.length > 0 ? 0 : 2_000,
    key,
  );
  const messages = [...(value?.messages ?? []), ...older.messages];
  const next = older.messages.length > 0 ? older.next : value?.next;
  const open = messages.find(({ id }) => id === wanted('open'));
  return (
    <>
      <Filters
        found={
          value && `${plural(messages.length, 'message')}${next === undefined ? '' : ', and older ones'}`
        }
      >
        <SearchField name="controlId" label="Control id" />
        <SearchField name="sender" label="Sender (MSH-3|MSH-4)" />
        <SearchField name="type" label="Type" />
        <SearchField name="node" label="Node" />
        <SearchField name="route" label="Route" />
        <SearchField name="code" label="Code" />
        <SelectField name="outcome" label="Outcome" choices={OUTCOMES} />
      </Filters>
      <Trouble text={error ?? older.error} />
      <Rows
        label="Messages"
        name="messages"
        rows={messages}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        none={value === undefined ? 'Asking …' : 'No message is like that.'}
        toneOf={(message) => toneOfMessage(message)}
      />
      {next !== undefined && (
        <button type="button" class="more" onClick={() => void older.read(next)}>
          Older ones
        </button>
      )}
      {open && (
        <MessagePanel
          message={open}
          tracesUi={overview.value?.tracesUi}
          onClose={() => want({ open: undefined })}
        />
      )}
    </>
  );
}

interface Older {
  readonly messages: readonly Message[];
  readonly next: string | undefined;
  readonly error: string | undefined;
  readonly read: (before: string) => Promise<void>;
}

/** Of one question; another one begins anew. */
function useOlder(query: object, key: string): Older {
  const [all, setAll] = useState<readonly Message[]>([]);
  const [next, setNext] = useState<string>();
  const [error, setError] = useState<string>();
  // Those of another question are none of this one.
  useEffect(() => setAll([]), [key]);
  const read = async (before: string): Promise<void> => {
    try {
      const page = await ask('GET /messages', { query: { ...query, before } });
      setAll((known) => [...known, ...page.messages]);
      setNext(page.next);
      setError(undefined);
    } catch (thrown) {
      setError(sentenceOf(thrown));
    }
  };
  return { messages: all, next, error, read };
}

// What pools have stored: how much waits, since when, and the dead letters, each with what the log shows of it. A message's content is
// never asked for here.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask, sentenceOf } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Badge } from '../parts/badge.tsx';
import { Filters, SearchField, SelectField } from '../parts/filters.tsx';
import { ReasonField } from '../parts/reason-field.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { Ago, Moment } from '../parts/when.tsx';
import { want, wanted } from '../state/place.ts';
import { usePolled } from '../state/poll.ts';
import { bytes, count, plural } from '../words/format.ts';
import { linkTo } from '../words/problems.ts';
import { toneOfSpool, toneOfStored } from '../words/tones.ts';
import type { PageProps } from './pages.ts';
import { StoredPanel } from './stored-panel.tsx';

type Stored = Schemas['Stored'];

const PAGE = 500;
const STATES = ['waiting', 'dead', 'delivered'] as const;

const COLUMNS: readonly Column<Stored>[] = [
  {
    head: 'Number',
    as: 'name',
    cell: ({ id }) => (
      <button type="button" class="link" onClick={() => want({ open: String(id) })}>
        {id}
      </button>
    ),
  },
  { head: 'State', as: 'state', cell: ({ state }) => <Badge tone={toneOfStored(state)}>{state}</Badge> },
  { head: 'Came', as: 'time', cell: ({ receivedAt }) => <Moment time={receivedAt} /> },
  { head: 'Attempts', as: 'number attempts', cell: ({ attempts }) => plural(attempts, 'attempt') },
  { head: 'Last failure', as: 'failure', cell: ({ lastError }) => lastError ?? '–' },
  { head: 'Size', as: 'number size', cell: (one) => bytes(one.bytes) },
];

export function SpoolPage({ who }: PageProps): JSX.Element {
  const { value, error, refresh } = usePolled((signal) => ask('GET /spool', { signal }), 2_000);
  if (value === undefined)
    return error === undefined ? <p class="asking">Asking …</p> : <Trouble text={error} />;
  const { pools } = value;
  if (pools.length === 0) return <p class="note">No pool of this gateway has a spool.</p>;
  const shown = pools.find(({ pool }) => pool === wanted('pool')) ?? pools[0];
  const mayAct = who.role === 'operate';
  return (
    <>
      <Trouble text={error} />
      <ul class="cards">
        {pools.map((one) => (
          <Card key={one.pool} spool={one} />
        ))}
      </ul>
      {shown && <StoredMessages key={shown.pool} spool={shown} mayAct={mayAct} onActed={refresh} />}
    </>
  );
}

function Card({ spool }: { readonly spool: Schemas['Spool'] }): JSX.Element {
  const { pool, waiting, dead, delivered, configured, oldestWaiting, storeBytes, storeMaxBytes } = spool;
  return (
    <li class="card">
      <div class="line">
        <a href={linkTo('spool', { pool })}>{pool}</a>
        <Badge tone={toneOfSpool(spool)}>
          {dead > 0 ? plural(dead, 'dead letter') : waiting > 0 ? `${count(waiting)} waiting` : 'empty'}
        </Badge>
      </div>
      <p class="facts">
        {count(waiting)} waiting{oldestWaiting !== undefined && <Since time={oldestWaiting} />} ·{' '}
        {count(dead)} dead · {count(delivered)} delivered · {bytes(storeBytes)}
        {storeMaxBytes !== undefined && ` of ${bytes(storeMaxBytes)}`}
      </p>
      {!configured && (
        <p class="trouble">The config has no such pool with this store: nothing of it is delivered.</p>
      )}
    </li>
  );
}

function Since({ time }: { readonly time: string }): JSX.Element {
  return (
    <>
      , the oldest from <Ago time={time} />
    </>
  );
}

interface StoredMessagesProps {
  readonly spool: Schemas['Spool'];
  readonly mayAct: boolean;
  readonly onActed: () => void;
}

function StoredMessages({ spool: { pool, dead }, mayAct, onActed }: StoredMessagesProps): JSX.Element {
  const state = STATES.find((one) => one === wanted('state'));
  const after = Number(wanted('after')) || undefined;
  const query = {
    limit: PAGE,
    controlId: wanted('controlId'),
    ...(state === undefined ? {} : { state }),
    ...(after === undefined ? {} : { after }),
  };
  const { value, error, refresh } = usePolled(
    (signal) => ask('GET /spool/{pool}', { path: { pool }, query, signal }),
    3_000,
    JSON.stringify([pool, query]),
  );
  const messages = value?.messages ?? [];
  const next = value?.next;
  const open = messages.find(({ id }) => String(id) === wanted('open'));
  const acted = (): void => {
    onActed();
    refresh();
  };
  return (
    <section aria-labelledby="stored" class="stored">
      <h2 id="stored">Stored for {pool}</h2>
      {mayAct && dead > 0 && <RetryAll pool={pool} dead={dead} onActed={acted} />}
      <Filters found={value && plural(messages.length, 'message')}>
        <SearchField name="controlId" label="Control id, whole" />
        <SelectField name="state" label="State" choices={STATES} />
      </Filters>
      <Trouble text={error} />
      <Rows
        label={`Stored for ${pool}`}
        name="stored"
        rows={messages}
        columns={COLUMNS}
        keyOf={({ id }) => String(id)}
        none={value === undefined ? 'Asking …' : 'No message is like that.'}
        toneOf={(one) => toneOfStored(one.state)}
      />
      <div class="buttons">
        {after !== undefined && (
          <button type="button" class="more quiet" onClick={() => want({ after: undefined })}>
            From the beginning
          </button>
        )}
        {next !== undefined && (
          <button type="button" class="more" onClick={() => want({ after: String(next) })}>
            Later ones
          </button>
        )}
      </div>
      {open && (
        <StoredPanel
          stored={open}
          mayAct={mayAct}
          onActed={acted}
          onClose={() => want({ open: undefined })}
        />
      )}
    </section>
  );
}

function RetryAll({
  pool,
  dead,
  onActed,
}: {
  readonly pool: string;
  readonly dead: number;
  readonly onActed: () => void;
}): JSX.Element {
  const [reason, setReason] = useState('');
  const [trouble, setTrouble] = useState('');
  const retry = async (): Promise<void> => {
    try {
      await ask('POST /spool/{pool}/retry', { path: { pool }, query: { reason } });
      setTrouble('');
    } catch (thrown) {
      setTrouble(sentenceOf(thrown));
    }
    onActed();
  };
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        void retry();
      }}
    >
      <ReasonField value={reason} onValue={setReason} />
      <button type="submit">Deliver {plural(dead, 'dead letter')} again</button>
      <Trouble text={trouble} />
    </form>
  );
}

// The routes in their order, with what each has matched; and where a message would go, without sending or keeping it.
import type { JSX } from 'preact';
import { ask } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Filters, SearchField } from '../parts/filters.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { wanted } from '../state/place.ts';
import { usePolled } from '../state/poll.ts';
import { count, plural } from '../words/format.ts';
import { linkTo } from '../words/problems.ts';
import { Explain } from './explain.tsx';

type Placed = Schemas['Route'] & {
  /** From 1. */
  readonly place: number;
};

const COLUMNS: readonly Column<Placed>[] = [
  { head: 'Order', as: 'number place', cell: ({ place }) => place },
  { head: 'Route', as: 'name', cell: ({ route }) => <a href={linkTo('messages', { route })}>{route}</a> },
  {
    head: 'When',
    as: 'when',
    cell: ({ when }) => <span title={inWords(when)}>{inWords(when)}</span>,
  },
  {
    head: 'Then',
    as: 'then',
    cell: ({ to, reject }) =>
      to === undefined ? (
        `reject ${reject?.code} ${reject?.text}`
      ) : (
        <a href={linkTo('nodes', { pool: to })}>to {to}</a>
      ),
  },
  { head: 'Messages', as: 'number', cell: ({ messages }) => count(messages) },
];

export function RoutesPage(): JSX.Element {
  const { value, error } = usePolled((signal) => ask('GET /routes', { signal }), 2_000);
  const find = wanted('find').toLowerCase();
  const all = (value ?? []).map((route, at): Placed => ({ ...route, place: at + 1 }));
  const shown = all.filter((one) =>
    `${one.route} ${inWords(one.when)} ${one.to ?? one.reject?.text}`.toLowerCase().includes(find),
  );
  return (
    <>
      <Explain />
      <section aria-labelledby="order">
        <h2 id="order">In the order in which they are tried</h2>
        <Filters found={value && plural(shown.length, 'route')}>
          <SearchField name="find" label="Search" />
        </Filters>
        <Trouble text={error} />
        <Rows
          label="Routes"
          name="routes"
          rows={shown}
          columns={COLUMNS}
          keyOf={({ place }) => String(place)}
          none={value === undefined ? 'Asking …' : 'No route is like that.'}
        />
      </section>
    </>
  );
}

function inWords(when: Schemas['Route']['when']): string {
  const all = Object.entries(when);
  return all.length === 0 ? 'always' : all.map(([what, test]) => `${what} ${test}`).join(' and ');
}

// The nodes: which state and why, how busy, how fast; each opens to all that is known of it and what may be done.
import type { JSX } from 'preact';
import { ask } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Badge } from '../parts/badge.tsx';
import { Filters, SearchField, SelectField } from '../parts/filters.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { Ago } from '../parts/when.tsx';
import { nodeStates, overview } from '../state/live.ts';
import { want, wanted } from '../state/place.ts';
import { usePolled } from '../state/poll.ts';
import { count, duration, plural, rate } from '../words/format.ts';
import { STATE_HINTS, toneOfState } from '../words/tones.ts';
import { NodePanel } from './node-panel.tsx';
import type { PageProps } from './pages.ts';

type Node = Schemas['Node'];

/** A thousand nodes are most of a megabyte. Their states come by themselves, each second. */
const FEW = 100;

const COLUMNS: readonly Column<Node>[] = [
  {
    head: 'Node',
    as: 'name',
    cell: ({ pool, node, backup }) => (
      <>
        <button type="button" class="link" onClick={() => want({ open: `${pool}/${node}` })}>
          {pool}/{node}
        </button>
        {backup && <small> backup</small>}
      </>
    ),
  },
  {
    head: 'State',
    as: 'state',
    cell: ({ state, trial, reason }) => (
      <>
        <Badge tone={toneOfState(state, trial)} title={STATE_HINTS[state]}>
          {state}
          {trial && ' (on trial)'}
        </Badge>
        <span class="reason" title={reason}>
          {reason}
        </span>
      </>
    ),
  },
  { head: 'Since', as: 'since', cell: ({ since }) => <Ago time={since} /> },
  { head: 'In flight', as: 'number inflight', cell: ({ inFlight }) => count(inFlight) },
  { head: 'Rate', as: 'number rate', cell: ({ answersPerSecond }) => `${rate(answersPerSecond)}/s` },
  { head: 'p50', as: 'number p50', cell: ({ p50Ms }) => duration(p50Ms) },
  { head: 'p99', as: 'number p99', cell: ({ p99Ms }) => duration(p99Ms) },
  { head: 'Weight', as: 'number weight', cell: ({ weight }) => count(weight) },
];

export function NodesPage({ who }: PageProps): JSX.Element {
  const many = nodeStates.value.length;
  const { value, error, refresh } = usePolled(
    (signal) => ask('GET /nodes', { signal }),
    many > FEW ? 5_000 : 1_000,
  );
  const nodes = withStates(value ?? []);
  const shown = nodes.filter(isWanted);
  const pools = overview.value?.pools ?? [];
  const pool = pools.find((one) => one.pool === wanted('pool'));
  const open = nodes.find((one) => `${one.pool}/${one.node}` === wanted('open'));
  return (
    <>
      <Filters
        found={`${plural(shown.length, 'node')}${pool === undefined ? '' : `, ${count(pool.queued)} queued for ${pool.pool}`}`}
      >
        <SearchField name="find" label="Search" />
        <SelectField name="pool" label="Pool" choices={pools.map((one) => one.pool)} />
        <SelectField name="state" label="State" choices={Object.keys(STATE_HINTS)} />
      </Filters>
      <Trouble text={error} />
      <Rows
        label="Nodes"
        name="nodes"
        rows={shown}
        columns={COLUMNS}
        keyOf={(one) => `${one.pool}/${one.node}`}
        none={value === undefined ? 'Asking …' : 'No node is like that.'}
        toneOf={({ state, trial }) => toneOfState(state, trial)}
      />
      {open && (
        <NodePanel
          node={open}
          queued={pools.find((one) => one.pool === open.pool)?.queued}
          mayAct={who.role === 'operate'}
          onActed={refresh}
          onClose={() => want({ open: undefined })}
        />
      )}
    </>
  );
}

/** What came by itself is newer than what was asked for. */
function withStates(nodes: readonly Node[]): readonly Node[] {
  const states = new Map(nodeStates.value.map((one) => [`${one.pool}/${one.node}`, one]));
  return nodes.map((node) => {
    const newer = states.get(`${node.pool}/${node.node}`);
    return newer !== undefined && newer.since > node.since ? { ...node, ...newer } : node;
  });
}

function isWanted({ pool, node, url, state, reason }: Node): boolean {
  const find = wanted('find').toLowerCase();
  return (
    (wanted('pool') === '' || wanted('pool') === pool) &&
    (wanted('state') === '' || wanted('state') === state) &&
    (find === '' || `${pool}/${node} ${url} ${reason}`.toLowerCase().includes(find))
  );
}

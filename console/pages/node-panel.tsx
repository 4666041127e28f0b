// All that is known of a node, and what an operator may do: each with a reason, which goes to the audit trail.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask, sentenceOf } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Badge } from '../parts/badge.tsx';
import { Panel } from '../parts/panel.tsx';
import { ReasonField } from '../parts/reason-field.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { Ago, Moment } from '../parts/when.tsx';
import { count, duration, rate } from '../words/format.ts';
import { STATE_HINTS, toneOfState } from '../words/tones.ts';

type Node = Schemas['Node'];

interface NodePanelProps {
  readonly node: Node;
  readonly queued: number | undefined;
  readonly mayAct: boolean;
  readonly onActed: () => void;
  readonly onClose: () => void;
}

export function NodePanel({ node, queued, mayAct, onActed, onClose }: NodePanelProps): JSX.Element {
  const { state, trial, lastCheck } = node;
  return (
    <Panel title={`${node.pool}/${node.node}`} onClose={onClose}>
      <p>
        <Badge tone={toneOfState(state, trial)}>
          {state}
          {trial && ' (on trial)'}
        </Badge>{' '}
        {STATE_HINTS[state]}: {node.reason} (<Ago time={node.since} />)
      </p>
      <dl class="facts">
        <dt>Address</dt>
        <dd>{node.url}</dd>
        <dt>Health</dt>
        <dd>{node.health}</dd>
        <dt>Last check</dt>
        <dd>
          {lastCheck === undefined ? (
            'none yet'
          ) : (
            <>
              {lastCheck.result} in {duration(lastCheck.ms)}, <Moment time={lastCheck.at} />
              {lastCheck.reason !== undefined && `: ${lastCheck.reason}`}
            </>
          )}
        </dd>
        <dt>In flight</dt>
        <dd>
          {count(node.inFlight)} on {count(node.connections)} connections; {count(queued)} queued for the pool
        </dd>
        <dt>Rate</dt>
        <dd>{rate(node.answersPerSecond)}/s</dd>
        <dt>Latency</dt>
        <dd>
          p50 {duration(node.p50Ms)}, p99 {duration(node.p99Ms)}
        </dd>
        <dt>Weight</dt>
        <dd>
          {node.weight}
          {node.effectiveWeight !== node.weight && ` (now ${Math.round(node.effectiveWeight * 10) / 10})`}
          {node.backup && ', a backup'}
        </dd>
        <dt>Answers</dt>
        <dd>{countsOf(node.answers)}</dd>
        <dt>Failures</dt>
        <dd>{countsOf(node.failures)}</dd>
        <dt>Ejections</dt>
        <dd>{count(node.ejections)}</dd>
      </dl>
      {node.runtime && <p class="note">Changed while the gateway runs: the config file says otherwise.</p>}
      {mayAct ? (
        <NodeActs node={node} onActed={onActed} />
      ) : (
        <p class="note">Your role sees all and changes nothing.</p>
      )}
    </Panel>
  );
}

type Act = 'drain' | 'maintenance' | 'ready';

const ACTS: readonly (readonly [act: Act, word: string, hint: string])[] = [
  ['drain', 'Drain', 'keeps the senders that are bound to it, takes no new ones'],
  ['maintenance', 'Maintenance', 'is given nothing more; its senders move now'],
  ['ready', 'Ready', 'ends draining or maintenance'],
];

function NodeActs({ node, onActed }: { readonly node: Node; readonly onActed: () => void }): JSX.Element {
  const [reason, setReason] = useState('');
  const [weight, setWeight] = useState(String(node.weight));
  const [trouble, setTrouble] = useState('');
  const [done, setDone] = useState('');
  const [isBusy, setBusy] = useState(false);
  const path = { pool: node.pool, node: node.node };
  const query = { reason };
  const act = async (word: string, todo: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setTrouble('');
    setDone('');
    try {
      await todo();
      setDone(`${word}: done.`);
      onActed();
    } catch (thrown) {
      setTrouble(sentenceOf(thrown));
    }
    setBusy(false);
  };
  return (
    <form class="acts" onSubmit={(event) => event.preventDefault()}>
      <ReasonField value={reason} onValue={setReason} />
      <div class="buttons">
        {ACTS.map(([what, word, hint]) => (
          <button
            key={what}
            type="button"
            title={hint}
            disabled={isBusy}
            onClick={() => void act(word, () => ask(`POST /nodes/{pool}/{node}/${what}`, { path, query }))}
          >
            {word}
          </button>
        ))}
      </div>
      <div class="buttons">
        <label>
          Weight
          <input
            type="number"
            min={0}
            max={256}
            value={weight}
            onInput={({ currentTarget }) => setWeight(currentTarget.value)}
          />
        </label>
        <button
          type="button"
          disabled={isBusy || !/^\d{1,3}$/.test(weight)}
          onClick={() =>
            void act('Weight', () =>
              ask('PUT /nodes/{pool}/{node}/weight', { path, query, body: { weight: Number(weight) } }),
            )
          }
        >
          Set weight
        </button>
      </div>
      <p role="status" class="done">
        {done}
      </p>
      <Trouble text={trouble} />
    </form>
  );
}

function countsOf(counts: Schemas['Counts']): string {
  const all = Object.entries(counts);
  return all.length === 0 ? 'none' : all.map(([name, many]) => `${name} ${count(many)}`).join(', ');
}

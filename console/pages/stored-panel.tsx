// One message that is stored: what the log shows of it, and what an operator may have done with it, with a reason for the audit trail.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask, sentenceOf } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Badge } from '../parts/badge.tsx';
import { Panel } from '../parts/panel.tsx';
import { ReasonField } from '../parts/reason-field.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { Moment } from '../parts/when.tsx';
import { overview } from '../state/live.ts';
import { usePolled } from '../state/poll.ts';
import { bytes, count } from '../words/format.ts';
import { toneOfStored, traceLink } from '../words/tones.ts';

interface StoredPanelProps {
  readonly stored: Schemas['Stored'];
  readonly mayAct: boolean;
  readonly onActed: () => void;
  readonly onClose: () => void;
}

export function StoredPanel({ stored, mayAct, onActed, onClose }: StoredPanelProps): JSX.Element {
  const path = { pool: stored.pool, id: stored.id };
  const { value, error } = usePolled(
    (signal) => ask('GET /spool/{pool}/{id}', { path, signal }),
    0,
    `${stored.pool} ${stored.id} ${stored.state}`,
  );
  const trace = traceLink(overview.value?.tracesUi, value?.traceId);
  return (
    <Panel title={`${stored.pool}, number ${stored.id}`} onClose={onClose}>
      <p>
        <Badge tone={toneOfStored(stored.state)}>{stored.state}</Badge> {stored.lastError}
      </p>
      <Trouble text={error} />
      <dl class="facts">
        <dt>Came</dt>
        <dd>
          <Moment time={stored.receivedAt} />, {bytes(stored.bytes)}
        </dd>
        <dt>Changed</dt>
        <dd>
          <Moment time={stored.changedAt} />
        </dd>
        <dt>Attempts</dt>
        <dd>
          {count(stored.attempts)}
          {stored.boundTo !== undefined && `; only ${stored.boundTo} may have it`}
        </dd>
        {value && (
          <>
            <dt>Control id</dt>
            <dd>{value.controlId}</dd>
            <dt>Type</dt>
            <dd>{value.type}</dd>
            <dt>Sender</dt>
            <dd>
              {value.sender}, {value.source} at {value.listener}
            </dd>
            <dt>Route</dt>
            <dd>{value.route}</dd>
            <dt>Trace</dt>
            <dd>
              {trace === undefined ? (
                value.traceId
              ) : (
                <a href={trace} target="_blank" rel="noreferrer noopener">
                  {value.traceId}
                </a>
              )}
            </dd>
          </>
        )}
      </dl>
      {mayAct ? (
        <StoredActs stored={stored} onActed={onActed} onGone={onClose} />
      ) : (
        <p class="note">Your role sees all and changes nothing.</p>
      )}
    </Panel>
  );
}

interface StoredActsProps {
  readonly stored: Schemas['Stored'];
  readonly onActed: () => void;
  readonly onGone: () => void;
}

function StoredActs({ stored, onActed, onGone }: StoredActsProps): JSX.Element {
  const [reason, setReason] = useState('');
  const [trouble, setTrouble] = useState('');
  const [done, setDone] = useState('');
  const path = { pool: stored.pool, id: stored.id };
  const query = { reason };
  const act = async (todo: () => Promise<unknown>, then: () => void): Promise<void> => {
    setTrouble('');
    try {
      await todo();
      then();
    } catch (thrown) {
      setTrouble(sentenceOf(thrown));
    }
    onActed();
  };
  return (
    <form class="acts" onSubmit={(event) => event.preventDefault()}>
      <ReasonField value={reason} onValue={setReason} />
      <div class="buttons">
        {stored.state !== 'waiting' && (
          <button
            type="button"
            title="A node that may have had it may have it twice."
            onClick={() =>
              void act(
                () => ask('POST /spool/{pool}/{id}/retry', { path, query }),
                () => setDone('It waits for its delivery.'),
              )
            }
          >
            Deliver again
          </button>
        )}
        <button
          type="button"
          class="quiet"
          title="Its sender was told that it is stored, and will not send it again."
          // Whoever discards says why: it is lost for good.
          disabled={reason.trim() === ''}
          onClick={() => void act(() => ask('DELETE /spool/{pool}/{id}', { path, query }), onGone)}
        >
          Discard for good
        </button>
      </div>
      <p role="status" class="done">
        {done}
      </p>
      <Trouble text={trouble} />
    </form>
  );
}

// This gateway as a member of its cluster: fit or not, which addresses it holds, and whether what members share is shared.
import type { JSX } from 'preact';
import { ask } from '../api/client.ts';
import { Badge } from '../parts/badge.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { Ago } from '../parts/when.tsx';
import { usePolled } from '../state/poll.ts';
import { count, plural } from '../words/format.ts';

export function ClusterPage(): JSX.Element {
  const { value, error } = usePolled((signal) => ask('GET /status', { signal }), 3_000);
  if (value === undefined)
    return error === undefined ? <p class="asking">Asking …</p> : <Trouble text={error} />;
  const { cluster } = value;
  if (cluster === undefined)
    return <p class="note">This gateway stands alone: its config has no cluster section.</p>;
  const { name, member, fit, reason, configDigest, vips, state } = cluster;
  return (
    <>
      <Trouble text={error} />
      <section class="box" aria-labelledby="member">
        <h2 id="member">
          {member} of {name}
        </h2>
        <p>
          <Badge tone={fit ? 'good' : 'bad'}>{fit ? 'fit' : 'not fit'}</Badge> {reason}
        </p>
        <dl class="facts">
          <dt>Digest of the config</dt>
          <dd>
            <code>{configDigest}</code> <small>the same on members whose configs say the same</small>
          </dd>
        </dl>
      </section>
      <section class="box" aria-labelledby="addresses">
        <h2 id="addresses">Addresses that move</h2>
        <ul>
          {vips.map(({ address, held, since }) => (
            <li key={address}>
              {address} <Badge tone={held ? 'good' : 'calm'}>{held ? 'held here' : 'not here'}</Badge>{' '}
              <Ago time={since} />
            </li>
          ))}
        </ul>
      </section>
      {state && (
        <section class="box" aria-labelledby="shared">
          <h2 id="shared">What members share</h2>
          <p>
            <Badge tone={state.connected ? 'good' : 'bad'}>
              {state.connected ? 'connected' : 'NATS is away'}
            </Badge>{' '}
            <Ago time={state.since} /> {state.reason}
          </p>
          <p class="note">
            Bucket {state.bucket}, revision {count(state.revision)}; {plural(state.queued, 'change')} to be
            written
          </p>
        </section>
      )}
      <Members />
      <p class="note">
        Each member has a console of its own; <code>hl7-gateway status --cluster</code> compares all of them.
      </p>
    </>
  );
}

/** All of them, by their own word: this one asks the others. */
function Members(): JSX.Element {
  const { value, error } = usePolled((signal) => ask('GET /cluster', { signal }), 5_000);
  return (
    <section class="box" aria-labelledby="members">
      <h2 id="members">Members</h2>
      <Trouble text={error} />
      <ul>
        {value?.members.map(
          ({ member, address, self, state, reason, version, condition, holds, configDigest }) => (
            <li key={member}>
              <strong>{member}</strong> {self ? '(this one)' : address}{' '}
              <Badge tone={toneOfMember(state, condition)}>{state}</Badge>{' '}
              {condition !== undefined && `${condition}, `}
              {version !== undefined && `version ${version}, config ${configDigest}, `}
              {holds !== undefined && (holds.length > 0 ? `holds ${holds.join(', ')}` : 'holds no address')}
              {reason !== undefined && ` ${reason}`}
            </li>
          ),
        )}
      </ul>
    </section>
  );
}

function toneOfMember(state: string, condition: string | undefined): 'good' | 'warn' | 'bad' {
  if (state !== 'fit') return state === 'draining' || state === 'unfit' ? 'warn' : 'bad';
  return condition === 'ok' ? 'good' : 'warn';
}

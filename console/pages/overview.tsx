// Do feeds flow, what is wrong, and where: at a glance.
import type { JSX } from 'preact';
import { Badge } from '../parts/badge.tsx';
import { Plot } from '../parts/plot.tsx';
import { columnsOf } from '../state/history.ts';
import { nodeStates, now, overview, points, stepSeconds } from '../state/live.ts';
import { bytes, count, duration, plural, rate, span } from '../words/format.ts';
import { linkTo, problemParts } from '../words/problems.ts';
import { toneOfPool, toneOfState, wordOfPool } from '../words/tones.ts';

/** More squares than that say nothing: the page of the nodes has them all. */
const MOST_SQUARES = 60;

export function OverviewPage(): JSX.Element {
  const shown = overview.value;
  if (shown === undefined) return <p class="asking">Asking the gateway …</p>;
  return (
    <>
      <Problems sentences={shown.problems} />
      <Plots />
      <section aria-labelledby="pools">
        <h2 id="pools">Pools</h2>
        <ul class="cards">
          {shown.pools.map((pool) => (
            <li key={pool.pool} class="card">
              <div class="line">
                <a href={linkTo('nodes', { pool: pool.pool })}>{pool.pool}</a>
                <Badge tone={toneOfPool(pool)}>{wordOfPool(pool)}</Badge>
              </div>
              <p class="facts">
                {pool.protocol} · {rate(pool.answersPerSecond)}/s · {count(pool.inFlight)} in flight ·{' '}
                {count(pool.queued)} queued
              </p>
              <Squares pool={pool.pool} />
            </li>
          ))}
        </ul>
      </section>
      <section aria-labelledby="listeners">
        <h2 id="listeners">Listeners</h2>
        <ul class="cards">
          {shown.listeners.map(({ listener, protocol, tls, address, connections }) => (
            <li key={listener} class="card">
              <div class="line">
                <a href={linkTo('senders', { listener })}>{listener}</a>
                <Badge tone={shown.draining ? 'warn' : 'good'}>
                  {shown.draining ? 'draining' : 'listens'}
                </Badge>
              </div>
              <p class="facts">
                {protocol}
                {tls ? ' with TLS' : ''} · {address} · {plural(connections, 'connection')}
              </p>
            </li>
          ))}
        </ul>
      </section>
      <p class="foot">
        Version {shown.version}, runs for {span(now.value - Date.parse(shown.startedAt))}; messages in memory:{' '}
        {bytes(shown.bufferedBytes)} of {bytes(shown.maxBufferedBytes)}.
      </p>
    </>
  );
}

function Problems({ sentences }: { readonly sentences: readonly string[] }): JSX.Element {
  return (
    <section aria-labelledby="wrong" class={sentences.length > 0 ? 'problems' : 'problems none'}>
      <h2 id="wrong">What is wrong now</h2>
      {sentences.length === 0 ? (
        <p>Nothing is wrong.</p>
      ) : (
        <ul>
          {sentences.map((sentence) => (
            <li key={sentence}>
              {problemParts(sentence).map(({ text, link }) =>
                link === undefined ? (
                  text
                ) : (
                  <a key={text} href={link}>
                    {text}
                  </a>
                ),
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Plots(): JSX.Element {
  const { at, messages, failures, p50, p99 } = columnsOf(points.value, stepSeconds.value);
  const { messagesPerSecond = 0, failuresPerSecond = 0 } = overview.value ?? {};
  const last = points.value.findLast(({ p50Ms }) => p50Ms !== undefined);
  const [lastP50, lastP99] = [last?.p50Ms, last?.p99Ms];
  return (
    <section aria-labelledby="hour" class="plots">
      <h2 id="hour">The last hour</h2>
      <Plot
        title="Messages"
        value={`${rate(messagesPerSecond)}/s`}
        words={`Messages in a second over the last hour: now ${rate(messagesPerSecond)}, at most ${rate(Math.max(0, ...messages))}`}
        at={at}
        lines={[{ name: 'messages', values: messages, color: '--plot-1' }]}
        format={(value) => `${rate(value)}/s`}
      />
      <Plot
        title="Time to the answer"
        value={`p50 ${duration(lastP50)}, p99 ${duration(lastP99)}`}
        words={`Time from a message to its answer over the last hour: now half within ${duration(lastP50)}, 99 of 100 within ${duration(lastP99)}`}
        at={at}
        lines={[
          { name: 'p50', values: p50, color: '--plot-1' },
          { name: 'p99', values: p99, color: '--plot-2' },
        ]}
        format={duration}
      />
      <Plot
        title="Failures"
        value={`${rate(failuresPerSecond)}/s`}
        words={`Failures in a second over the last hour: now ${rate(failuresPerSecond)}, at most ${rate(Math.max(0, ...failures))}`}
        at={at}
        lines={[{ name: 'failures', values: failures, color: '--plot-3' }]}
        format={(value) => `${rate(value)}/s`}
      />
    </section>
  );
}

/** A square for each node, by colour; its name and state for whoever points at it or hears it. */
function Squares({ pool }: { readonly pool: string }): JSX.Element {
  const nodes = nodeStates.value.filter((node) => node.pool === pool);
  return (
    <ul class="squares">
      {nodes.slice(0, MOST_SQUARES).map(({ node, state, reason }) => (
        <li key={node}>
          <a
            class={`square ${toneOfState(state)}`}
            href={linkTo('nodes', { open: `${pool}/${node}` })}
            title={`${node}: ${state}, ${reason}`}
          >
            {nodes.length <= 12 ? `${node} ${state}` : <span class="hidden">{`${node} ${state}`}</span>}
          </a>
        </li>
      ))}
      {nodes.length > MOST_SQUARES && <li class="more">and {count(nodes.length - MOST_SQUARES)} more</li>}
    </ul>
  );
}

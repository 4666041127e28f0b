// One message: what the log shows of it, and its way as a waterfall of hops, in a picture and in words.
import type { JSX } from 'preact';
import type { Schemas } from '../api/schema.ts';
import { Badge } from '../parts/badge.tsx';
import { Panel } from '../parts/panel.tsx';
import { Moment } from '../parts/when.tsx';
import { bytes, duration } from '../words/format.ts';
import { linkTo } from '../words/problems.ts';
import { endOf, toneOfMessage, traceLink } from '../words/tones.ts';
import { HOP_WORDS, type Hop, hopsOf } from '../words/waterfall.ts';

interface MessagePanelProps {
  readonly message: Schemas['Message'];
  readonly tracesUi: string | undefined;
  readonly onClose: () => void;
}

export function MessagePanel({ message, tracesUi, onClose }: MessagePanelProps): JSX.Element {
  const { at, type, controlId, sender, source, port, listener, route, pool, node, code, reply } = message;
  const trace = traceLink(tracesUi, message.traceId);
  return (
    <Panel title={controlId ?? 'A message without a control id'} onClose={onClose}>
      <p>
        <Badge tone={toneOfMessage(message)}>{endOf(message)}</Badge> after {duration(message.totalMs)}
      </p>
      <Waterfall hops={hopsOf(message)} />
      <dl class="facts">
        <dt>Came</dt>
        <dd>
          <Moment time={at} />, {bytes(message.bytes)}
        </dd>
        <dt>Type</dt>
        <dd>{type ?? '–'}</dd>
        <dt>Sender</dt>
        <dd>
          {sender ?? '–'}, {source}:{port} at {listener}
        </dd>
        <dt>Route</dt>
        <dd>{route ?? 'none'}</dd>
        <dt>Node</dt>
        <dd>
          {node === undefined ? (
            (pool ?? 'none')
          ) : (
            <a href={linkTo('nodes', { open: `${pool}/${node}` })}>{`${pool}/${node}`}</a>
          )}
        </dd>
        <dt>Outcome</dt>
        <dd>
          {message.outcome ?? '–'}
          {reply !== undefined && `, its sender was told ${reply}`}
        </dd>
        {code !== undefined && (
          <>
            <dt>Error</dt>
            <dd>{code}</dd>
          </>
        )}
        {message.messages !== undefined && (
          <>
            <dt>Batch</dt>
            <dd>split into {message.messages}</dd>
          </>
        )}
        {message.traceId !== undefined && (
          <>
            <dt>Trace</dt>
            <dd>
              {trace === undefined ? (
                message.traceId
              ) : (
                <a href={trace} target="_blank" rel="noreferrer noopener">
                  {message.traceId}
                </a>
              )}
            </dd>
          </>
        )}
      </dl>
    </Panel>
  );
}

function Waterfall({ hops }: { readonly hops: readonly Hop[] }): JSX.Element {
  return (
    <ol class="waterfall" aria-label="Its way">
      {hops.map(({ name, note, failed, bars }, at) => (
        <li key={at} class={failed ? 'failed' : ''}>
          <span class="name">
            {name} <small>{note}</small>
          </span>
          <span class="track" aria-hidden="true">
            {bars.map(({ part, left, width }) => (
              <span key={part} class={`bar ${part}`} style={{ left: `${left}%`, width: `${width}%` }} />
            ))}
          </span>
          <small class="parts">
            {bars.length === 0
              ? 'nothing to wait for'
              : bars
                  .map(({ part, fromMs, toMs }) => `${HOP_WORDS[part]} ${duration(toMs - fromMs)}`)
                  .join(', ')}
          </small>
        </li>
      ))}
    </ol>
  );
}

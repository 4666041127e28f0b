// Where would this message go? By the gateway's own code. Promises that what is pasted stands in the page's memory alone: not in its
// address, not in any store of the browser, not in a spelling checker.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask, sentenceOf } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Trouble } from '../parts/trouble.tsx';
import { overview } from '../state/live.ts';
import { linkTo } from '../words/problems.ts';

type Explained = Schemas['Explained'];

export function Explain(): JSX.Element {
  const [message, setMessage] = useState('');
  const [listener, setListener] = useState('');
  const [answer, setAnswer] = useState<readonly Explained[]>();
  const [trouble, setTrouble] = useState('');
  const submit = async (): Promise<void> => {
    setTrouble('');
    try {
      setAnswer(await ask('POST /routes/explain', { query: { listener }, body: message }));
    } catch (thrown) {
      setAnswer(undefined);
      setTrouble(sentenceOf(thrown));
    }
  };
  return (
    <section aria-labelledby="where" class="box explain">
      <h2 id="where">Where would this go?</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <label>
          A message, or its MSH segment alone. It is neither sent nor kept.
          <textarea
            rows={4}
            spellcheck={false}
            autoComplete="off"
            value={message}
            placeholder="MSH|^~\&|LAB|WEST|…"
            onInput={({ currentTarget }) => setMessage(currentTarget.value)}
          />
        </label>
        <div class="buttons">
          <label>
            Comes in at
            <select value={listener} onChange={({ currentTarget }) => setListener(currentTarget.value)}>
              <option value="">each listener</option>
              {overview.value?.listeners.map((one) => (
                <option key={one.listener}>{one.listener}</option>
              ))}
            </select>
          </label>
          <button type="submit" disabled={message.trim() === ''}>
            Explain
          </button>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              setMessage('');
              setAnswer(undefined);
              setTrouble('');
            }}
          >
            Clear
          </button>
        </div>
      </form>
      <Trouble text={trouble} />
      <div aria-live="polite">
        {answer?.map((one, at) => (
          <Way key={at} one={one} />
        ))}
      </div>
    </section>
  );
}

function Way({ one }: { readonly one: Explained }): JSX.Element {
  const { listener, type, controlId, route, reject, invalid, pool, node, why, passedOver, stickyBy } = one;
  return (
    <div class="way">
      <p>
        At <b>{listener}</b>, {type || 'a message without a type'} {controlId}:{' '}
        {route === undefined ? 'no route' : <b>{route}</b>}
        {reject && ` rejects it with ${reject.code} ${reject.text}`}
        {pool !== undefined && (
          <>
            {' '}
            → <a href={linkTo('nodes', { pool })}>{pool}</a>
          </>
        )}
        {node !== undefined && ` → ${node}`}
      </p>
      <p class="note">{why}</p>
      {invalid && (
        <p class="trouble">
          It breaks the route's rules, and its sender gets {invalid.code}: {invalid.places.join(', ')}
        </p>
      )}
      {stickyBy && stickyBy.length > 0 && <p class="note">Stays on its node by {stickyBy.join(', ')}</p>}
      {passedOver.length > 0 && (
        <details>
          <summary>Passed over before</summary>
          <ul>
            {passedOver.map((over) => (
              <li key={over.route}>
                <b>{over.route}</b>: {over.because}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

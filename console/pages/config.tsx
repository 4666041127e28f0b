// The config in force, and reading the file anew.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask, sentenceOf } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Trouble } from '../parts/trouble.tsx';
import { Moment } from '../parts/when.tsx';
import { usePolled } from '../state/poll.ts';
import type { PageProps } from './pages.ts';

export function ConfigPage({ who }: PageProps): JSX.Element {
  const status = usePolled((signal) => ask('GET /status', { signal }), 0);
  const inForce = usePolled((signal) => ask('GET /config/effective', { signal }), 0);
  const refresh = (): void => {
    status.refresh();
    inForce.refresh();
  };
  const { configFile, loadedAt, reloadError } = status.value ?? {};
  return (
    <>
      <Trouble text={status.error ?? inForce.error} />
      {loadedAt !== undefined && (
        <p>
          {configFile === undefined ? 'The config has no file' : <code>{configFile}</code>}, in force since{' '}
          <Moment time={loadedAt} />
        </p>
      )}
      <Trouble text={reloadError && `The last reload failed: ${reloadError}`} />
      {who.role === 'operate' && configFile !== undefined && <Reload onDone={refresh} />}
      <section aria-labelledby="force">
        <h2 id="force">In force</h2>
        <p class="note">The file as it was loaded, with what was changed since. Secrets are masked.</p>
        <pre class="yaml">{inForce.value ?? 'Asking …'}</pre>
      </section>
    </>
  );
}

function Reload({ onDone }: { readonly onDone: () => void }): JSX.Element {
  const [reason, setReason] = useState('');
  const [report, setReport] = useState<Schemas['Reload']>();
  const [trouble, setTrouble] = useState('');
  const [isBusy, setBusy] = useState(false);
  const reload = async (): Promise<void> => {
    setBusy(true);
    setTrouble('');
    setReport(undefined);
    try {
      setReport(await ask('POST /reload', { query: { reason } }));
    } catch (thrown) {
      setTrouble(sentenceOf(thrown));
    }
    setBusy(false);
    onDone();
  };
  return (
    <form
      class="box acts"
      onSubmit={(event) => {
        event.preventDefault();
        void reload();
      }}
    >
      <div class="buttons">
        <label>
          Reason, for the audit trail
          <input
            value={reason}
            maxLength={200}
            onInput={({ currentTarget }) => setReason(currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={isBusy}>
          Reload
        </button>
      </div>
      <Trouble text={trouble} />
      <div role="status">{report && <Report report={report} />}</div>
    </form>
  );
}

function Report({ report }: { readonly report: Schemas['Reload'] }): JSX.Element {
  const { changed, atNextStart, warnings } = report;
  const lines = [
    ...changed,
    ...atNextStart.map((key) => `${key}: takes effect at the next start`),
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
  return (
    <>
      <p class="done">{changed.length === 0 ? 'The file says what is in force.' : 'Reloaded.'}</p>
      <ul>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </>
  );
}

// The config in force beside its file, which is checked as it is read, and reading it anew.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask, sentenceOf } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { Badge } from '../parts/badge.tsx';
import { ReasonField } from '../parts/reason-field.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { Moment } from '../parts/when.tsx';
import { usePolled } from '../state/poll.ts';
import { type DiffLine, differenceOf } from '../words/difference.ts';
import { plural } from '../words/format.ts';
import type { PageProps } from './pages.ts';

/** `undefined`: the config has no file. */
async function readFile(signal: AbortSignal, hasFile: boolean): Promise<Schemas['ConfigFile'] | undefined> {
  return hasFile ? ask('GET /config/file', { signal }) : undefined;
}

export function ConfigPage({ who }: PageProps): JSX.Element {
  const status = usePolled((signal) => ask('GET /status', { signal }), 0);
  const inForce = usePolled((signal) => ask('GET /config/effective', { signal }), 0);
  const { configFile, loadedAt, reloadError } = status.value ?? {};
  const hasFile = configFile !== undefined;
  const file = usePolled((signal) => readFile(signal, hasFile), 0, String(hasFile));
  const refresh = (): void => {
    status.refresh();
    inForce.refresh();
    file.refresh();
  };
  return (
    <>
      <Trouble text={status.error ?? inForce.error ?? file.error} />
      {loadedAt !== undefined && (
        <p>
          {hasFile ? <code>{configFile}</code> : 'The config has no file'}, in force since{' '}
          <Moment time={loadedAt} />
        </p>
      )}
      <Trouble text={reloadError && `The last reload failed: ${reloadError}`} />
      {hasFile && <Checked report={file.value} onCheck={refresh} />}
      {who.role === 'operate' && hasFile && <Reload onDone={refresh} />}
      <Beside inForce={inForce.value} file={file.value?.text} />
    </>
  );
}

function Checked({
  report,
  onCheck,
}: {
  readonly report: Schemas['ConfigFile'] | undefined;
  readonly onCheck: () => void;
}): JSX.Element {
  const { errors = [], warnings = [], isInForce } = report ?? {};
  return (
    <section class="box acts" aria-labelledby="checked">
      <h2 id="checked">The file as it is now</h2>
      <div role="status">
        {report === undefined ? (
          'Asking …'
        ) : errors.length > 0 ? (
          <Badge tone="bad">{plural(errors.length, 'error')}: a reload would change nothing</Badge>
        ) : isInForce ? (
          <Badge tone="good">says what was loaded</Badge>
        ) : (
          <Badge tone="warn">good, and says something else: a reload takes it up</Badge>
        )}
      </div>
      <ul>
        {[...errors, ...warnings.map((one) => `warning: ${one}`)].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <div class="buttons">
        <button type="button" class="quiet" onClick={onCheck}>
          Check again
        </button>
      </div>
    </section>
  );
}

/** Side by side where there is room. */
function Beside({
  inForce,
  file,
}: {
  readonly inForce: string | undefined;
  readonly file: string | undefined;
}): JSX.Element {
  if (inForce === undefined) return <p class="asking">Asking …</p>;
  const { left, right } = differenceOf(inForce, file ?? inForce);
  return (
    <div class="beside">
      <section aria-labelledby="force">
        <h2 id="force">In force</h2>
        <p class="note">As it was loaded, with what was changed since. Secrets are masked.</p>
        <Lines lines={left} />
      </section>
      {file !== undefined && (
        <section aria-labelledby="file">
          <h2 id="file">In the file</h2>
          <p class="note">With what it includes. Lines that the other has not are marked.</p>
          <Lines lines={right} />
        </section>
      )}
    </div>
  );
}

function Lines({ lines }: { readonly lines: readonly DiffLine[] }): JSX.Element {
  return (
    <pre class="yaml">
      {lines.map(({ text, isOwn }, n) => {
        const line = `${text}\n`;
        return isOwn ? <mark key={n}>{line}</mark> : line;
      })}
    </pre>
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
        <ReasonField value={reason} onValue={setReason} />
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

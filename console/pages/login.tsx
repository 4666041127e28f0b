// The log-in: by name and password, or by the token of the admin API.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { sentenceOf } from '../api/client.ts';
import { Trouble } from '../parts/trouble.tsx';
import { logIn } from '../state/session.ts';

export function LoginPage({ why }: { readonly why: string }): JSX.Element {
  const [byToken, setByToken] = useState(false);
  const [trouble, setTrouble] = useState('');
  const [isBusy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  // Another form has another first field.
  useEffect(() => first.current?.focus(), [byToken]);
  document.title = 'Log in – hl7-gateway';
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(fields.get(name) ?? '');
    setBusy(true);
    setTrouble('');
    try {
      await logIn(
        byToken ? { token: text('token').trim() } : { user: text('user'), password: text('password') },
      );
    } catch (thrown) {
      setTrouble(sentenceOf(thrown));
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <h1>hl7-gateway</h1>
      {why !== '' && (
        <p class="why" role="status">
          {why}
        </p>
      )}
      <form onSubmit={(event) => void submit(event as unknown as SubmitEvent)}>
        {byToken ? (
          <label>
            Token
            <input ref={first} name="token" type="password" autoComplete="off" required />
          </label>
        ) : (
          <>
            <label>
              User
              <input ref={first} name="user" autoComplete="username" autoCapitalize="none" required />
            </label>
            <label>
              Password
              <input name="password" type="password" autoComplete="current-password" required />
            </label>
          </>
        )}
        <Trouble text={trouble} />
        <button type="submit" disabled={isBusy}>
          {isBusy ? 'Asking …' : 'Log in'}
        </button>
        <button type="button" class="quiet" onClick={() => setByToken(!byToken)}>
          {byToken ? 'With user and password instead' : 'With the token instead'}
        </button>
      </form>
    </main>
  );
}

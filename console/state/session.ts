// Who is logged in. Promises that what was shown to one user is gone when the session is, and that the page tells an end of its own
// will from one that came by itself.
import { signal } from '@preact/signals';
import { errorOf, login, send } from '../api/client.ts';
import type { Schemas } from '../api/schema.ts';
import { takeLoginCode } from './place.ts';

export type LoggedIn = Schemas['Session'];

export type SessionState =
  | { readonly kind: 'asking' }
  | { readonly kind: 'out'; readonly why: string }
  | { readonly kind: 'in'; readonly who: LoggedIn };

export const session = signal<SessionState>({ kind: 'asking' });

export type Credentials = Schemas['LogIn'];

/** Called when a session begins and ends, with `undefined`. */
const listeners: ((who: LoggedIn | undefined) => void)[] = [];

export function onSession(listener: (who: LoggedIn | undefined) => void): void {
  listeners.push(listener);
}

function enter(who: LoggedIn): void {
  login.csrf = who.csrfToken ?? '';
  session.value = { kind: 'in', who };
  for (const listener of listeners) listener(who);
}

function leave(why: string): void {
  login.csrf = '';
  session.value = { kind: 'out', why };
  for (const listener of listeners) listener(undefined);
}

login.onOver = () => {
  if (session.value.kind === 'in') leave('Your session is over. Log in again to go on.');
};

/** At the page's beginning: by the link that `npm start` prints, else by the cookie of before. */
export async function beginSession(): Promise<void> {
  const code = takeLoginCode();
  if (code !== undefined) {
    try {
      await logIn({ code });
      return;
    } catch {
      // Who is logged in already stays so.
      if (await isLoggedIn()) return;
      leave('This link has been used, or is too old. The gateway prints a new one when it starts.');
      return;
    }
  }
  try {
    if (!(await isLoggedIn())) leave('');
  } catch {
    leave('The gateway does not answer.');
  }
}

/** Also says who it is. @throws ApiError where no answer comes */
export async function isLoggedIn(): Promise<boolean> {
  const response = await send('GET', './session');
  if (!response.ok) return false;
  enter((await response.json()) as LoggedIn);
  return true;
}

/** @throws ApiError with what to show */
export async function logIn(credentials: Credentials): Promise<void> {
  const response = await send('POST', './session', credentials);
  if (!response.ok) throw await errorOf(response);
  await response.body?.cancel();
  if (!(await isLoggedIn())) throw new Error('the browser has not kept the cookie of the log-in');
}

export async function logOut(): Promise<void> {
  await send('DELETE', './session').catch(() => undefined);
  leave('You are logged out.');
}

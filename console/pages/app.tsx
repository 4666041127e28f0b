// The frame of all pages: who is logged in, whether all is well, where else to go.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Badge } from '../parts/badge.tsx';
import { overview, silentSince } from '../state/live.ts';
import { page } from '../state/place.ts';
import { type LoggedIn, logOut, session } from '../state/session.ts';
import { clock } from '../words/format.ts';
import { linkTo } from '../words/problems.ts';
import { toneOfCondition, wordOfCondition } from '../words/tones.ts';
import { LoginPage } from './login.tsx';
import { PAGES } from './pages.ts';

export function App(): JSX.Element {
  const state = session.value;
  switch (state.kind) {
    case 'asking':
      return <p class="asking">Asking the gateway …</p>;
    case 'out':
      return <LoginPage why={state.why} />;
    case 'in':
      return <Frame who={state.who} />;
  }
}

function Frame({ who }: { readonly who: LoggedIn }): JSX.Element {
  const content = useRef<HTMLElement>(null);
  const current = PAGES.find(({ path }) => path === page.value) ?? PAGES[0];
  const isFirst = useRef(true);
  // A new page is told to whoever hears it.
  useEffect(() => {
    if (isFirst.current) isFirst.current = false;
    else {
      scrollTo(0, 0);
      content.current?.focus({ preventScroll: true });
    }
  }, [current.path]);
  const problems = overview.value?.problems.length ?? 0;
  document.title = `${problems > 0 ? `(${problems}) ` : ''}${current.title} – hl7-gateway`;
  const Shown = current.shows;
  return (
    <>
      <button type="button" class="skip" onClick={() => content.current?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <span class="brand">hl7-gateway</span>
        <Condition />
        <span class="who">
          <span
            title={
              who.role === 'view' ? 'sees all, changes nothing' : 'sees all, may change nodes and reload'
            }
          >
            {WORDS[who.user] ?? who.user} <small>({who.role})</small>
          </span>
          <button type="button" class="quiet" onClick={() => void logOut()}>
            Log out
          </button>
        </span>
      </header>
      <nav aria-label="Pages">
        <ul>
          {PAGES.map(({ path, title }) => (
            <li key={path}>
              <a href={linkTo(path)} aria-current={path === current.path ? 'page' : undefined}>
                {title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main id="content" ref={content} tabIndex={-1}>
        <h1>{current.title}</h1>
        <Shown who={who} />
      </main>
    </>
  );
}

/** Of those who are no users. */
const WORDS: Readonly<Record<string, string>> = { code: 'by link', token: 'by token' };

function Condition(): JSX.Element {
  const now = overview.value;
  const since = silentSince.value;
  return (
    <span class="condition" role="status">
      {since !== undefined ? (
        <Badge tone="bad">Nothing heard since {clock(since)}</Badge>
      ) : now === undefined ? (
        <Badge tone="calm">Asking …</Badge>
      ) : (
        <Badge tone={toneOfCondition(now.condition)}>
          {wordOfCondition(now.condition, now.problems.length)}
        </Badge>
      )}
    </span>
  );
}

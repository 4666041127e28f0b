// The console: begins the session, and shows the page.
import { render } from 'preact';
import { App } from './pages/app.tsx';
import { beginSession } from './state/session.ts';

const place = document.getElementById('app');
if (place !== null) render(<App />, place);
void beginSession();

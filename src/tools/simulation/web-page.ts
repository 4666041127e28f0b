// What a simulated node shows a browser: one page that names the node, its two assets, and sessions that live on this node
// alone, as Mirth's do. Promises that no more than a thousand sessions are remembered.
import { randomBytes } from 'node:crypto';

/** The oldest is forgotten then; a browser that comes back with it gets a new one, as after a restart. */
const MAX_SESSIONS = 1000;

export interface PageVisit {
  /** Value of Set-Cookie, for a request that brought no session of this node. */
  readonly setCookie: string | undefined;
  /** Requests of this session so far. */
  readonly count: number;
}

export class Sessions {
  readonly #secure: boolean;
  readonly #visits = new Map<string, number>();

  /** `secure`: over TLS. */
  constructor(secure: boolean) {
    this.#secure = secure;
  }

  get count(): number {
    return this.#visits.size;
  }

  /** `cookies`: the request's Cookie field. */
  visit(cookies: string | undefined): PageVisit {
    const id = /(?:^|;)\s*JSESSIONID=([^;]*)/.exec(cookies ?? '')?.[1]?.trim() ?? '';
    const before = this.#visits.get(id);
    if (before !== undefined) {
      this.#visits.set(id, before + 1);
      return { setCookie: undefined, count: before + 1 };
    }
    // Jetty's form.
    const fresh = `node0${randomBytes(16).toString('hex')}0`;
    this.#visits.set(fresh, 1);
    if (this.#visits.size > MAX_SESSIONS) {
      for (const oldest of this.#visits.keys()) {
        this.#visits.delete(oldest);
        break;
      }
    }
    const secure = this.#secure ? '; Secure' : '';
    return { setCookie: `JSESSIONID=${fresh}; Path=/${secure}; HttpOnly`, count: 1 };
  }
}

/** What Jetty says of a request that broke something. */
export function errorPage(path: string): string {
  const uri = path.replace(/[^\w./-]/g, (char) => `&#${char.codePointAt(0) ?? 0};`);
  const title = 'Error 500 Server Error';
  return `<html>\n<head><title>${title}</title></head>\n<body><h2>HTTP ERROR 500 Server Error</h2>\n<table>\n<tr><th>URI:</th><td>${uri}</td></tr>\n<tr><th>STATUS:</th><td>500</td></tr>\n</table>\n</body>\n</html>\n`;
}

export function page(node: string, visits: number): string {
  const name = node.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${name}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/app.css">
</head>
<body>
<h1 id="node">${name}</h1>
<p>A simulated Mirth node. Visit <b id="visits">${visits}</b> of this session.</p>
<p>WebSocket: <span id="echo">not yet</span></p>
<script src="/assets/app.js"></script>
</body>
</html>
`;
}

export const STYLE = `body { font-family: sans-serif; margin: 3rem; }
h1 { color: rgb(0, 90, 120); }
`;

export const SCRIPT = `const echo = document.getElementById('echo');
const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/ws');
socket.onopen = () => socket.send('echo of ' + document.title);
socket.onmessage = ({ data }) => { echo.textContent = data; };
socket.onclose = ({ code }) => { echo.textContent += ' (closed: ' + code + ')'; };
`;

// Whether somebody is there. Promises nothing but a moment: what is asked again and again keeps a log-in alive, and one that nobody uses
// has to end.

/** Long enough to read a page. The stream goes on, which keeps nothing alive. */
const AWAY_MS = 5 * 60_000;

let seenAt = Date.now();

for (const event of ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'])
  addEventListener(event, () => (seenAt = Date.now()), { passive: true });

export function isSomebodyThere(): boolean {
  return !document.hidden && Date.now() - seenAt < AWAY_MS;
}

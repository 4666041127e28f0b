// A point in time: how long ago, or the clock; the whole of it as a hint.
import type { JSX } from 'preact';
import { now } from '../state/live.ts';
import { ago, moment } from '../words/format.ts';

export function Ago({ time }: { readonly time: string | undefined }): JSX.Element {
  return (
    <time dateTime={time} title={time}>
      {ago(time, now.value)}
    </time>
  );
}

export function Moment({ time }: { readonly time: string }): JSX.Element {
  return (
    <time dateTime={time} title={time}>
      {moment(time, now.peek())}
    </time>
  );
}

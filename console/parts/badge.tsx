// A state by colour and word: never by colour alone.
import type { ComponentChildren, JSX } from 'preact';
import type { Tone } from '../words/tones.ts';

interface BadgeProps {
  readonly tone: Tone;
  readonly children: ComponentChildren;
  readonly title?: string;
}

export function Badge({ tone, children, title }: BadgeProps): JSX.Element {
  return (
    <span class={`badge ${tone}`} title={title}>
      <span class="dot" aria-hidden="true" />
      {children}
    </span>
  );
}

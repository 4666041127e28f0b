// What did not work, said at once to whoever hears the page too.
import type { JSX } from 'preact';

export function Trouble({ text }: { readonly text: string | undefined }): JSX.Element | null {
  if (text === undefined || text === '') return null;
  return (
    <p class="trouble" role="alert">
      {text}
    </p>
  );
}

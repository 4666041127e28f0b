// What is shown of one thing over the page: the browser's own dialog, which keeps the focus, ends with Esc, and gives the focus back.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface PanelProps {
  readonly title: ComponentChildren;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Panel({ title, onClose, children }: PanelProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc ends a dialog by itself
    <dialog
      ref={dialog}
      class="panel"
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => {
        // Beside it.
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <div class="inner">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

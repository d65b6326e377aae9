/** The verdict, where the eye falls first. */

import type { ComponentChildren } from 'preact';

import type { Trouble } from '../checked.js';

/** What is to be said. */
export interface Said {
  readonly tone: 'good' | 'bad' | 'unsure' | 'idle';
  /** A word or two in capitals. */
  readonly word: string;
  /** The stable code, where there is one. */
  readonly code?: string | undefined;
  readonly detail?: ComponentChildren;
}

const MARKS = { good: '✓', bad: '✕', unsure: '?', idle: '–' };

/** What is to be said of something that has no answer. */
export function saidOf({ kind, code, detail }: Trouble, refused = 'REFUSED'): Said {
  if (kind === 'input') return { tone: 'unsure', word: 'NOT CHECKED', detail: `${code}: ${detail}` };
  if (kind === 'unknown') return { tone: 'unsure', word: 'NO ANSWER', code, detail };
  return { tone: 'bad', word: refused, code, detail };
}

/** The verdict. It is told to screen readers whenever it changes. */
export function Verdict({ said, testid = 'verdict' }: { readonly said: Said; readonly testid?: string }) {
  return (
    <div class={`verdict ${said.tone}`} role="status" aria-live="polite" aria-atomic="true" data-testid={testid} data-tone={said.tone}>
      <span class="mark" aria-hidden="true">{MARKS[said.tone]}</span>
      <p>
        <strong>{said.word}</strong>
        {said.code ? <> <code>{said.code}</code></> : null}
        {said.detail ? <> <span class="dash">— </span><span class="detail">{said.detail}</span></> : null}
      </p>
    </div>
  );
}

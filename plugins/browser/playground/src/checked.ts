/** Checks that run by themselves as one types. */

import { useSignal, useSignalEffect, type ReadonlySignal } from '@preact/signals';

import { PortcullisError } from 'portcullis';

import { InputProblem } from './inputs.js';

/** How long nothing has to be typed before it is checked, in milliseconds. */
const QUIET = 150;

/** What became of a check. */
export interface Checked<T> {
  /** What came of the last one that ended well. */
  readonly value?: T;
  /** Why the last one did not. */
  readonly error?: Trouble;
}

/** Why something has no answer, for people. */
export interface Trouble {
  /** `input`: a field cannot be read. `refused`: an answer. `unknown`: nobody knows. */
  readonly kind: 'input' | 'refused' | 'unknown';
  /** The stable code, or the field that is meant. */
  readonly code: string;
  readonly detail: string;
  readonly problems: PortcullisError['problems'];
}

/** What went wrong, for people. */
export function trouble(thrown: unknown): Trouble {
  if (thrown instanceof InputProblem) return { kind: 'input', code: thrown.field, detail: thrown.message, problems: undefined };
  if (thrown instanceof PortcullisError) {
    const { code, detail, problems } = thrown;
    return { kind: code.startsWith('host.') ? 'unknown' : 'refused', code, detail, problems };
  }
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return { kind: 'unknown', code: 'this page', detail, problems: undefined };
}

/**
 * Runs a check whenever the signals change that `plan` reads, once typing rests. `plan` answers what is to be done, or nothing
 * where there is nothing to check yet. Of answers that overtake each other the last asked for counts; what was known stays until
 * something else is. `discard` is given each value that is of no use any more, for those that hold something.
 */
export function useChecked<T>(plan: () => (() => Promise<T>) | undefined, discard?: (value: T) => void): ReadonlySignal<Checked<T>> {
  const state = useSignal<Checked<T>>({});
  const become = (next: Checked<T>): void => {
    const before = state.peek().value;
    state.value = next;
    if (before !== undefined) discard?.(before);
  };
  useSignalEffect(() => {
    const work = plan();
    if (!work) {
      become({});
      return undefined;
    }
    let stale = false;
    const timer = setTimeout(() => {
      work().then(
        (value) => {
          if (!stale) become({ value });
          else discard?.(value);
        },
        (thrown: unknown) => {
          if (!stale) become({ error: trouble(thrown) });
        },
      );
    }, QUIET);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  });
  return state;
}

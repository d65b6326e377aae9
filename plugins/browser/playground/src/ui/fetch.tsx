/** Buttons that fetch, on the page that may; nothing at all on the other. */

import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';

import { networkAccess, type NetworkAccess } from '../network-access.js';

/** One thing that can be fetched. */
export interface Fetch {
  /** What the button says. */
  readonly told: string;
  /** Fetches; what `from` holds is what was typed. */
  readonly run: (access: NetworkAccess, from: string) => Promise<void>;
}

interface Props {
  /** What the address is of, for the field's label; without it there is no field. */
  readonly label?: string;
  readonly placeholder?: string;
  /** What the field means where nothing is typed. */
  readonly fallback?: string;
  readonly fetches: readonly Fetch[];
}

/** A field for an address, and what can be fetched from there. */
export function FetchBox({ label, placeholder = '', fallback = '', fetches }: Props) {
  const id = useId();
  const from = useSignal('');
  const busy = useSignal(false);
  const error = useSignal('');
  const access = networkAccess();
  if (!access) return null;
  const run = async (fetching: Fetch): Promise<void> => {
    busy.value = true;
    error.value = '';
    try {
      await fetching.run(access, from.value.trim() || fallback);
    } catch (thrown) {
      error.value = thrown instanceof Error ? thrown.message : String(thrown);
    }
    busy.value = false;
  };
  return (
    <div class={label ? 'fetch' : 'fetch bare'}>
      {label ? (
        <div class="field">
          <label for={id}>{label}</label>
          <input
            id={id}
            type="text"
            inputMode="url"
            autocomplete="off"
            spellcheck={false}
            data-testid="fetch-url"
            placeholder={fallback || placeholder}
            value={from.value}
            onInput={(event) => {
              from.value = event.currentTarget.value;
            }}
          />
        </div>
      ) : null}
      <div class="row">
        {fetches.map((fetching) => (
          <button key={fetching.told} type="button" data-testid="fetch-button" disabled={busy.value} onClick={() => void run(fetching)}>
            {fetching.told}
          </button>
        ))}
        {busy.value ? <span class="hint" role="status">Fetching…</span> : null}
      </div>
      {error.value ? (
        <p class="problem" role="alert" data-testid="fetch-error">
          {error.value} You can get the document another way, and paste it or open it as a file.
        </p>
      ) : null}
    </div>
  );
}

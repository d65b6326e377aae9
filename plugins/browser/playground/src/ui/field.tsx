/** Fields. Each has a label, and says what is wrong with it where it stands. */

import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';

import { textOfFile } from '../inputs.js';
import { away, now, readTime, tellTime } from '../time.js';

/** The largest file that is read: twice what the largest status list may be. */
const LARGEST_FILE = 64 * 1024 * 1024;

interface Common {
  readonly label: string;
  readonly value: Signal<string>;
  readonly testid: string;
  readonly hint?: ComponentChildren;
  /** What is wrong with it. */
  readonly problem?: string | undefined;
  readonly placeholder?: string;
}

function describedBy(id: string, hint: unknown, problem: unknown): { 'aria-describedby'?: string } {
  const ids = [hint ? `${id}-hint` : '', problem ? `${id}-problem` : ''].filter(Boolean).join(' ');
  return ids === '' ? {} : { 'aria-describedby': ids };
}

function Notes({ id, hint, problem }: { id: string; hint?: ComponentChildren; problem?: string | undefined }) {
  return (
    <>
      {hint ? <p class="hint" id={`${id}-hint`}>{hint}</p> : null}
      {problem ? <p class="problem" id={`${id}-problem`}>{problem}</p> : null}
    </>
  );
}

/** A field of one line. */
export function TextField({ label, value, testid, hint, problem, placeholder, kind = 'text' }: Common & { readonly kind?: 'text' | 'numeric' | 'url' }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        inputMode={kind}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        data-testid={testid}
        placeholder={placeholder ?? ''}
        value={value.value}
        aria-invalid={problem ? 'true' : undefined}
        onInput={(event) => {
          value.value = event.currentTarget.value;
        }}
        {...describedBy(id, hint, problem)}
      />
      <Notes id={id} hint={hint} problem={problem} />
    </div>
  );
}

/** A choice of a few. */
export function SelectField({ label, value, testid, options }: Common & { readonly options: readonly (readonly [string, string])[] }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        data-testid={testid}
        value={value.value}
        onChange={(event) => {
          value.value = event.currentTarget.value;
        }}
      >
        {options.map(([name, told]) => (
          <option key={name} value={name}>{told}</option>
        ))}
      </select>
    </div>
  );
}

interface AreaProps extends Common {
  readonly rows?: number;
  /** What a file input accepts. */
  readonly accept?: string;
  /** Makes a text of a file's bytes, where it is not the usual one. */
  readonly fromFile?: (bytes: Uint8Array) => string;
}

/** A field of many lines, into which a file may be dropped or opened. */
export function AreaField({ label, value, testid, hint, problem, placeholder, rows = 5, accept, fromFile = textOfFile }: AreaProps) {
  const id = useId();
  const file = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const take = async (files: FileList | null | undefined): Promise<void> => {
    const [first] = files ?? [];
    if (!first) return;
    setTrouble(undefined);
    if (first.size > LARGEST_FILE) {
      setTrouble(`${first.name} is too large: at most ${LARGEST_FILE / 1024 / 1024} MiB are read.`);
      return;
    }
    try {
      value.value = fromFile(new Uint8Array(await first.arrayBuffer()));
    } catch (thrown) {
      setTrouble(`${first.name} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  };
  return (
    <div class="field">
      <div class="label-row">
        <label for={id}>{label}</label>
        <span class="actions">
          <button type="button" class="quiet" onClick={() => file.current?.click()} aria-label={`Open file for ${label}`}>
            Open file
          </button>
          {value.value !== '' && (
            <button
              type="button"
              class="quiet"
              aria-label={`Clear ${label}`}
              onClick={() => {
                value.value = '';
              }}
            >
              Clear
            </button>
          )}
        </span>
      </div>
      <input
        ref={file}
        type="file"
        class="visually-hidden"
        tabIndex={-1}
        aria-label={`File for ${label}`}
        data-testid={`${testid}-file`}
        accept={accept}
        onChange={(event) => {
          void take(event.currentTarget.files);
          // The same file may be opened again once it has changed.
          event.currentTarget.value = '';
        }}
      />
      <textarea
        id={id}
        rows={rows}
        class={over ? 'over' : ''}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        data-testid={testid}
        placeholder={placeholder ?? ''}
        value={value.value}
        aria-invalid={problem || trouble ? 'true' : undefined}
        onInput={(event) => {
          value.value = event.currentTarget.value;
        }}
        onDragOver={(event) => {
          if (!event.dataTransfer?.types.includes('Files')) return;
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          setOver(false);
          if (!event.dataTransfer?.files.length) return;
          event.preventDefault();
          void take(event.dataTransfer.files);
        }}
        {...describedBy(id, hint, problem ?? trouble)}
      />
      <Notes id={id} hint={hint} problem={problem ?? trouble} />
    </div>
  );
}

/** The time to judge by. */
export function TimeField({ value, testid }: { readonly value: Signal<string>; readonly testid: string }) {
  let problem: string | undefined;
  let told = 'Now. Seconds since 1970, or a date such as 2030-01-31T12:00:00Z.';
  try {
    const at = readTime(value.value);
    const time = at === undefined ? undefined : tellTime(at, now.value);
    if (at !== undefined && time) told = `${time.local} here, ${time.utc}, ${away(at - now.value)}`;
  } catch (thrown) {
    problem = thrown instanceof Error ? thrown.message : String(thrown);
  }
  return <TextField label="Time to judge by" value={value} testid={testid} placeholder="now" hint={told} problem={problem} />;
}

/** The tab for status lists. */

import { explainStatus, inspectTokenUntrusted, openStatusList, type Finding, type StatusEntry, type StatusList } from 'portcullis';
import { useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';

import { useChecked, type Trouble } from '../checked.js';
import { contentOf, InputProblem, readAt, readKeys, textOfFile } from '../inputs.js';
import { status as fields } from '../state.js';
import { duration, now, tellTime } from '../time.js';
import { Bar } from '../ui/bar.js';
import { Checks } from '../ui/checks.js';
import { FetchBox } from '../ui/fetch.js';
import { AreaField, TextField, TimeField } from '../ui/field.js';
import { KeysField } from '../ui/keys.js';
import { count, StatusPicture } from '../ui/status-picture.js';
import { saidOf, Verdict, type Said } from '../ui/verdict.js';

function open(): (() => Promise<StatusList>) | undefined {
  const text = fields.token.value;
  const keys = fields.keys.value;
  const uri = fields.uri.value.trim();
  const time = fields.time.value;
  if (text.trim() === '' || keys.trim() === '' || uri === '') return undefined;
  return async () => {
    const at = readAt(time);
    return openStatusList(contentOf('Status list', text), { keys: readKeys(keys), uri, ...(at === undefined ? {} : { at }) });
  };
}

/** The index that is typed; `undefined` where there is none. */
function readIndex(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const index = Number(trimmed);
  if (!/^\d+$/.test(trimmed) || !Number.isSafeInteger(index)) throw new InputProblem('Index', 'An index is a whole number from 0 on.');
  return index;
}

/** The checks of the list: its form and signature, what it says of itself, and that it inflates. */
function explain(): (() => Promise<readonly Finding[]>) | undefined {
  const text = fields.token.value.trim();
  const keys = fields.keys.value;
  const uri = fields.uri.value.trim();
  const time = fields.time.value;
  if (text === '' || keys.trim() === '' || uri === '') return undefined;
  return async () => {
    const at = readAt(time);
    const options = { keys: readKeys(keys), uri, index: 0, ...(at === undefined ? {} : { at }) };
    return (await explainStatus(contentOf('Status list', text), options)).findings;
  };
}

/** Takes the URI of the list from its own `sub`, as long as nobody typed another. */
function usePrefilledUri(): void {
  const last = useRef('');
  const inspected = useChecked(() => {
    const text = fields.token.value.trim();
    return text === '' || text.startsWith('data:') ? undefined : () => inspectTokenUntrusted(text);
  });
  useSignalEffect(() => {
    const subject = inspected.value.value?.claims?.['sub'];
    if (typeof subject !== 'string') return;
    const typed = fields.uri.peek();
    if (typed === '' || typed === last.current) fields.uri.value = subject;
    last.current = subject;
  });
}

function said(list: StatusList | undefined, error: Trouble | undefined, entry: StatusEntry | undefined, entryError: Trouble | undefined): Said {
  if (fields.token.value.trim() === '') return { tone: 'idle', word: 'NO STATUS LIST', detail: 'paste one, or load an example' };
  if (fields.keys.value.trim() === '') return { tone: 'idle', word: 'NOT VERIFIED', detail: 'paste the keys that may have signed it' };
  if (fields.uri.value.trim() === '') return { tone: 'idle', word: 'NOT VERIFIED', detail: 'say the URI by which tokens refer to the list' };
  if (error) return saidOf(error);
  if (!list) return { tone: 'idle', word: 'CHECKING' };
  if (entryError) return saidOf(entryError);
  const index = fields.index.value.trim();
  if (index === '') return { tone: 'good', word: 'LIST ACCEPTED', detail: `${count(list.length)} entries; say an index to look one up` };
  if (!entry) return { tone: 'idle', word: 'CHECKING' };
  const word = entry.status.toUpperCase();
  return { tone: entry.status === 'valid' ? 'good' : 'bad', word, detail: `entry ${index} has the value ${entry.value}` };
}

/** Opens a status list as one types, draws it, and looks entries up. */
export function StatusTab() {
  usePrefilledUri();
  const opened = useChecked(open, (list) => list.close());
  const explained = useChecked(explain);
  const entry = useChecked(() => {
    const list = opened.value.value;
    const index = fields.index.value;
    const time = fields.time.value;
    if (time.trim() === '') void now.value;
    if (!list || index.trim() === '') return undefined;
    return async () => {
      const at = readAt(time);
      return list.get(readIndex(index) ?? 0, at === undefined ? {} : { at });
    };
  });
  const { value: list, error } = opened.value;
  const { value: found, error: notFound } = entry.value;
  const findings = explained.value.value;
  let marked: number | undefined;
  try {
    marked = readIndex(fields.index.value);
  } catch {
    marked = undefined;
  }
  const put = (bytes: Uint8Array): void => {
    fields.keys.value = textOfFile(bytes);
  };
  return (
    <>
      <Bar tab="status" examples={() => import('../../examples/status.json')} names={[['revoked', 'Revoked'], ['suspended', 'Suspended, 2 bits']]} />
      <Verdict said={said(list, error, found, notFound)} />
      <div class="columns">
        <section class="inputs" aria-label="Status list, keys, and the entry">
          <AreaField
            label="Status list token"
            value={fields.token}
            testid="status-input"
            placeholder="eyJ…"
            hint="A JWT. A CWT is opened as a file."
            accept=".jwt,.cwt,.txt,application/statuslist+jwt,application/statuslist+cwt"
          />
          <TextField
            label="URI of the list"
            value={fields.uri}
            testid="status-uri"
            kind="url"
            placeholder="https://idp.example/statuslists/1"
            hint="What the token calls it (status_list.uri). Filled in from the list's own sub: compare it with the token's."
          />
          <FetchBox
            fetches={[
              {
                told: 'Fetch list from its URI',
                run: async (access) => {
                  const accept = 'application/statuslist+jwt, application/statuslist+cwt;q=0.9';
                  fields.token.value = textOfFile(await access.get(fields.uri.value.trim(), accept)).trim();
                },
              },
            ]}
          />
          <TextField label="Index" value={fields.index} testid="status-index" kind="numeric" placeholder="0" hint="What the token says (status_list.idx)." />
          <KeysField value={fields.keys} />
          <FetchBox
            label="Issuer, or URL of a JWK Set"
            placeholder="https://idp.example"
            fetches={[
              { told: 'Find keys of issuer', run: async (access, from) => put(await access.discover(from)) },
              { told: 'Fetch JWK Set', run: async (access, from) => put(await access.get(from, 'application/jwk-set+json, application/json')) },
            ]}
          />
          <TimeField value={fields.time} testid="status-time" />
        </section>
        <div class="results">
          {list ? (
            <section class="card">
              <h2>The list</h2>
              {found ? (
                <p class="entry" data-testid="status-entry">
                  Entry <strong>{fields.index.value.trim()}</strong>: <span class={`swatch ${found.status}`} aria-hidden="true" />{' '}
                  <strong>{found.status}</strong>, value {found.value}
                </p>
              ) : null}
              <StatusPicture
                list={list}
                marked={marked}
                onPick={(index) => {
                  fields.index.value = String(index);
                }}
              />
              <Facts list={list} />
            </section>
          ) : null}
          {findings ? <Checks findings={findings} title="Checks of the list" /> : null}
          {!list && !findings ? <p class="empty">The list appears here as a picture.</p> : null}
        </div>
      </div>
    </>
  );
}

function Facts({ list }: { readonly list: StatusList }) {
  const at = now.value;
  const issued = tellTime(list.issuedAt, at);
  const expires = list.expires === undefined ? undefined : tellTime(list.expires, at);
  return (
    <>
      <dl class="facts" data-testid="status-facts">
        <div><dt>Entries</dt><dd>{count(list.length)}, of {list.bits} {list.bits === 1 ? 'bit' : 'bits'} each</dd></div>
        <div><dt>Issued</dt><dd>{issued?.utc} ({issued?.relative})</dd></div>
        <div><dt>Expires</dt><dd>{expires ? `${expires.utc} (${expires.relative})` : 'the issuer does not say'}</dd></div>
        <div><dt>To be kept</dt><dd>{list.ttl === undefined ? 'the issuer does not say' : `${duration(list.ttl)} after it was fetched (ttl)`}</dd></div>
      </dl>
      <details>
        <summary>Counts by value</summary>
        <dl class="facts">
          {list.counts.map(({ value, status, entries }) => (
            <div key={value}><dt>Value {value}</dt><dd>{count(entries)}, {status}</dd></div>
          ))}
        </dl>
      </details>
    </>
  );
}

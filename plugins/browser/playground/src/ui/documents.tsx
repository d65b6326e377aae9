/** The documents that a gate needs: pasted, opened, or on the page that may, fetched. */

import { useComputed, useSignal, type ReadonlySignal, type Signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';

import type { Asked, Decided, With } from '../decide.js';
import { textOfFile } from '../inputs.js';
import { networkAccess } from '../network-access.js';
import { policy, readDocuments, setDocument } from '../state.js';
import { FetchBox } from './fetch.js';
import { AreaField } from './field.js';

const KINDS: Readonly<Record<string, string>> = {
  metadata: 'Metadata of an issuer',
  keys: 'Keys (JWK Set)',
  bundle: 'SPIFFE bundle',
  'status-list': 'Status list token',
};

/** A field over one of the documents: reading and writing it reads and writes the one text that holds them all. */
function documentSignal(url: string, text: ReadonlySignal<string>): Signal<string> {
  return {
    get value() {
      return text.value;
    },
    set value(next: string) {
      setDocument(url, next === '' ? undefined : next);
    },
    peek: () => text.peek(),
  } as Signal<string>;
}

function DocumentField({ asked: { url, kind }, wanted }: { readonly asked: Asked; readonly wanted: boolean }) {
  const text = useComputed(() => readDocuments(policy.documents.value)[url] ?? '');
  const field = useMemo(() => documentSignal(url, text), [url, text]);
  return (
    <li data-testid="document" data-url={url} data-there={String(text.value !== '')}>
      <AreaField
        label={kind ? (KINDS[kind] ?? kind) : 'Document'}
        value={field}
        testid="document-input"
        rows={3}
        hint={<><code class="url">{url}</code>{wanted ? '' : ' — not asked for by this request'}</>}
        placeholder="paste it here"
      />
      <FetchBox
        fetches={[
          {
            told: 'Fetch it',
            run: async (access) => setDocument(url, textOfFile(await access.get(url))),
          },
        ]}
      />
    </li>
  );
}

interface Props {
  readonly decided: Decided | undefined;
  /** Judges the request with a gate that fetches. */
  readonly judge: (fetching: NonNullable<With['fetching']>) => Promise<void>;
}

/** The documents that were asked for, and those that are there. */
export function Documents({ decided, judge }: Props) {
  const known = useSignal<readonly Asked[]>([]);
  if (decided && decided.asked !== known.peek()) known.value = decided.asked;
  const there = Object.keys(readDocuments(policy.documents.value));
  const asked = known.value;
  const rest = there.filter((url) => !asked.some((one) => one.url === url)).map((url): Asked => ({ url, kind: undefined }));
  const all = [...asked, ...rest];
  const missing = asked.filter(({ url }) => !there.includes(url)).length;
  return (
    <section class="documents" aria-label="Documents">
      <h2>Documents</h2>
      <p class="hint">
        {all.length === 0
          ? 'What the policy needs from elsewhere (keys, bundles, status lists) is asked for here.'
          : missing > 0
            ? `The gate needs ${missing === 1 ? 'a document that is' : `${missing} documents that are`} not here yet.`
            : 'The gate has every document that it asked for.'}
      </p>
      {networkAccess() ? (
        <FetchBox
          fetches={[
            {
              told: 'Let the gate fetch what it needs',
              run: async (access) => {
                const had = (url: string, body: Uint8Array): void => setDocument(url, textOfFile(body));
                const failures: string[] = [];
                const fetching = access.forGate(had);
                await judge(async (need, signal) => {
                  try {
                    return await fetching(need, signal);
                  } catch (thrown) {
                    failures.push(thrown instanceof Error ? thrown.message : String(thrown));
                    throw thrown;
                  }
                });
                if (failures.length > 0) throw new Error(failures.join(' '));
              },
            },
          ]}
        />
      ) : null}
      {decided && decided.readiness.missing.length > 0 ? (
        <ul class="missing" data-testid="missing">
          {decided.readiness.missing.map(({ name, why }) => (
            <li key={name}><strong>{name}</strong> has no keys: {why}</li>
          ))}
        </ul>
      ) : null}
      <ul class="plain">
        {all.map((one) => (
          <DocumentField key={one.url} asked={one} wanted={asked.includes(one)} />
        ))}
      </ul>
    </section>
  );
}

/** Keys, each with what it may do or why it is not used. */

import type { Signal } from '@preact/signals';

import { describeKeys, type KeyDescription } from 'portcullis';

import { useChecked } from '../checked.js';
import { readKeys } from '../inputs.js';
import { AreaField } from './field.js';

/** The field for a JWK Set. */
export function KeysField({ value }: { readonly value: Signal<string> }) {
  const keys = useChecked(() => {
    const set = value.value;
    return set.trim() === '' ? undefined : () => Promise.resolve().then(() => describeKeys(readKeys(set)));
  });
  const { value: described, error } = keys.value;
  return (
    <>
      <AreaField
        label="Keys (JWK Set)"
        value={value}
        testid="keys-input"
        rows={6}
        accept=".json,.jwks,.jwk,application/json"
        placeholder={'{"keys": [ … ]}'}
        problem={error && (error.kind === 'input' ? error.detail : `${error.code}: ${error.detail}`)}
      />
      {described && <KeyList keys={described} />}
    </>
  );
}

function KeyList({ keys }: { readonly keys: readonly KeyDescription[] }) {
  if (keys.length === 0) return <p class="hint">The set holds no key.</p>;
  return (
    <ul class="keys" aria-label="Keys in the set">
      {keys.map((key, index) => (
        <li key={index} class={key.problem ? 'fail' : 'pass'} data-testid="key-row">
          <span class="badge">{key.problem ? '✕ not used' : '✓ key'}</span>
          <div class="what">
            <span class="name">{key.kind ?? 'unknown kind'}{key.kid === undefined ? ', no kid' : <> <code>{key.kid}</code></>}</span>
            {key.problem ? (
              <span class="seen"><code>{key.problem.code}</code> {key.problem.detail}</span>
            ) : (
              <span class="seen">{key.algorithms?.join(', ') || 'for no algorithm that is accepted here'}</span>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

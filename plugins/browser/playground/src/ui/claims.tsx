/** What a token says of itself. */

import type { UntrustedToken } from 'portcullis';

import { now, tellClaim } from '../time.js';

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, typeof value === 'object' ? 1 : undefined);
}

/** Members of an object, times as dates beside their numbers. */
export function Members({ of, testid }: { readonly of: Readonly<Record<string, unknown>>; readonly testid: string }) {
  return (
    <dl class="members" data-testid={testid}>
      {Object.entries(of).map(([name, value]) => {
        const time = tellClaim(name, value, now.value);
        return (
          <div key={name}>
            <dt><code>{name}</code></dt>
            <dd>
              <code class="value">{shown(value)}</code>
              {time ? (
                <span class="time">
                  <strong>{time.relative}</strong>
                  <span>{time.local} here</span>
                  <span>{time.utc}</span>
                </span>
              ) : null}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

/** Header and claims, marked as what they are: unverified. */
export function Untrusted({ token, title = 'What the token says' }: { readonly token: UntrustedToken; readonly title?: string }) {
  return (
    <section class="card">
      <h2>{title} <span class="tag" data-testid="not-verified">not verified</span></h2>
      <h3>Header</h3>
      <Members of={token.header} testid="token-header" />
      <h3>Claims</h3>
      {token.claims ? (
        <Members of={token.claims} testid="token-claims" />
      ) : (
        <p class="hint">The payload is not one JSON object: {token.payload.length} bytes.</p>
      )}
      <p class="hint">The signature has {token.signatureLength} bytes.</p>
    </section>
  );
}

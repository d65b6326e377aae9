/** The tab for tokens. */

import { explainToken, inspectTokenUntrusted, type Explained, type UntrustedToken, type VerifiedToken } from 'portcullis';

import { useChecked, type Trouble } from '../checked.js';
import { readAt, readKeys, readList, textOfFile } from '../inputs.js';
import { token as fields } from '../state.js';
import { now } from '../time.js';
import { Bar } from '../ui/bar.js';
import { Checks } from '../ui/checks.js';
import { Untrusted } from '../ui/claims.js';
import { FetchBox } from '../ui/fetch.js';
import { AreaField, SelectField, TextField, TimeField } from '../ui/field.js';
import { KeysField } from '../ui/keys.js';
import { saidOf, Verdict, type Said } from '../ui/verdict.js';

const PROFILES = [
  ['jwt', 'JWT (RFC 7519)'],
  ['at+jwt', 'JWT access token (RFC 9068)'],
] as const;

function check(): (() => Promise<Explained<VerifiedToken>>) | undefined {
  const text = fields.token.value.trim();
  const keys = fields.keys.value;
  const issuer = fields.issuer.value.trim();
  const audience = readList(fields.audience.value);
  const profile = fields.profile.value === 'at+jwt' ? 'at+jwt' : 'jwt';
  const time = fields.time.value;
  if (time.trim() === '') void now.value;
  if (text === '' || keys.trim() === '') return undefined;
  return async () => {
    const at = readAt(time);
    return explainToken(text, {
      keys: readKeys(keys),
      profile,
      ...(issuer === '' ? {} : { issuer }),
      ...(audience ? { audience } : {}),
      ...(at === undefined ? {} : { at }),
    });
  };
}

function said(result: Explained<VerifiedToken> | undefined, error: Trouble | undefined, malformed: Trouble | undefined): Said {
  if (fields.token.value.trim() === '') return { tone: 'idle', word: 'NO TOKEN', detail: 'paste one, or load an example' };
  if (fields.keys.value.trim() === '') {
    if (malformed) return saidOf(malformed);
    return { tone: 'idle', word: 'NOT VERIFIED', detail: 'paste the keys that may have signed it' };
  }
  if (error) return saidOf(error);
  if (!result) return { tone: 'idle', word: 'CHECKING' };
  if (result.error) return { tone: 'bad', word: 'REFUSED', code: result.error.code, detail: result.error.detail };
  const unasked = [fields.issuer.value.trim() ? '' : 'issuer', fields.audience.value.trim() ? '' : 'audience'].filter(Boolean);
  const detail = unasked.length > 0 ? `not looked at, because nothing is expected: ${unasked.join(' and ')}` : 'every check passed';
  return { tone: 'good', word: 'ACCEPTED', detail };
}

function issuerOf(seen: UntrustedToken | undefined): string {
  const issuer = seen?.claims?.['iss'];
  return fields.issuer.value.trim() || (typeof issuer === 'string' ? issuer : '');
}

/** Verifies a token as one types. */
export function TokenTab() {
  const inspected = useChecked(() => {
    const text = fields.token.value.trim();
    return text === '' ? undefined : () => inspectTokenUntrusted(text);
  });
  const checked = useChecked(check);
  const { value: seen, error: malformed } = inspected.value;
  const { value: result, error } = checked.value;
  const put = (bytes: Uint8Array): void => {
    fields.keys.value = textOfFile(bytes);
  };
  return (
    <>
      <Bar tab="token" examples={() => import('../../examples/token.json')} names={[['accepted', 'Accepted'], ['expired', 'Expired']]} />
      <Verdict said={said(result, error, malformed)} />
      <div class="columns">
        <section class="inputs" aria-label="Token, keys, and what is expected">
          <AreaField label="Token" value={fields.token} testid="token-input" rows={7} placeholder="eyJ…" accept=".jwt,.txt,text/plain" />
          <KeysField value={fields.keys} />
          <FetchBox
            label="Issuer, or URL of a JWK Set"
            placeholder="https://idp.example"
            fallback={issuerOf(seen)}
            fetches={[
              { told: 'Find keys of issuer', run: async (access, from) => put(await access.discover(from)) },
              { told: 'Fetch JWK Set', run: async (access, from) => put(await access.get(from, 'application/jwk-set+json, application/json')) },
            ]}
          />
          <TextField label="Expected issuer" value={fields.issuer} testid="issuer-input" placeholder="not looked at" />
          <TextField
            label="Expected audience"
            value={fields.audience}
            testid="audience-input"
            placeholder="not looked at"
            hint="Several may be separated by spaces; one of them has to be in aud."
          />
          <SelectField label="Profile" value={fields.profile} testid="profile-input" options={PROFILES} />
          <TimeField value={fields.time} testid="time-input" />
        </section>
        <div class="results">
          {seen ? <Untrusted token={seen} /> : null}
          {result ? <Checks findings={result.findings} /> : null}
          {!seen && !result ? (
            <p class="empty">The header, the claims and each check appear here.</p>
          ) : null}
        </div>
      </div>
    </>
  );
}

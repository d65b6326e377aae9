/** The tab for SVIDs. */

import { explainSvid, inspectTokenUntrusted, type Explained, type Svid, type UntrustedToken, type VerifiedSvid } from 'portcullis';

import { useChecked, type Trouble } from '../checked.js';
import { isOneBundle, readAt, readBundles, readList, textOfFile } from '../inputs.js';
import { svid as fields } from '../state.js';
import { now } from '../time.js';
import { Bar } from '../ui/bar.js';
import { Chain, readChain } from '../ui/chain.js';
import { Checks } from '../ui/checks.js';
import { Untrusted } from '../ui/claims.js';
import { FetchBox } from '../ui/fetch.js';
import { AreaField, TextField, TimeField } from '../ui/field.js';
import { saidOf, Verdict, type Said } from '../ui/verdict.js';

type Kind = 'x509' | 'jwt' | 'wit';

const KINDS: Readonly<Record<Kind, string>> = {
  x509: 'Recognised as an X.509-SVID with its chain.',
  jwt: 'Recognised as a JWT-SVID.',
  wit: 'Recognised as a WIT-SVID.',
};

/** What a text is. A token is a WIT-SVID by its type alone; whatever is no certificate is checked as a token. */
function kindOf(text: string): Kind | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (trimmed.includes('-----BEGIN')) return 'x509';
  try {
    const header = JSON.parse(atob((trimmed.split('.')[0] ?? '').replace(/-/g, '+').replace(/_/g, '/'))) as { typ?: unknown };
    return typeof header.typ === 'string' && /^(?:application\/)?wit\+jwt$/i.test(header.typ) ? 'wit' : 'jwt';
  } catch {
    return 'jwt';
  }
}

/** Certificates in DER become PEM, which the field can hold. */
function pemOfFile(bytes: Uint8Array): string {
  if (bytes[0] !== 0x30) return textOfFile(bytes);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  const lines = btoa(binary).match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function check(): (() => Promise<Explained<VerifiedSvid>>) | undefined {
  const text = fields.svid.value;
  const kind = kindOf(text);
  const bundles = fields.bundles.value;
  const trustDomain = fields.trustDomain.value;
  const audience = readList(fields.audience.value);
  const time = fields.time.value;
  if (time.trim() === '') void now.value;
  if (!kind || bundles.trim() === '') return undefined;
  return async () => {
    const at = readAt(time);
    const token = text.trim();
    const svid: Svid = kind === 'x509' ? { chain: text } : kind === 'wit' ? { wit: token } : { jwt: token, audience: audience ?? [] };
    return explainSvid(svid, { bundles: readBundles(bundles, trustDomain), ...(at === undefined ? {} : { at }) });
  };
}

function said(kind: Kind | undefined, result: Explained<VerifiedSvid> | undefined, error: Trouble | undefined): Said {
  if (!kind) return { tone: 'idle', word: 'NO SVID', detail: 'paste one, or load an example' };
  if (fields.bundles.value.trim() === '') return { tone: 'idle', word: 'NOT VERIFIED', detail: 'paste the bundle of its trust domain' };
  if (error) return saidOf(error);
  if (!result) return { tone: 'idle', word: 'CHECKING' };
  if (result.error) return { tone: 'bad', word: 'REFUSED', code: result.error.code, detail: result.error.detail };
  return { tone: 'good', word: 'ACCEPTED', detail: result.value?.spiffeId };
}

/** Validates an SVID as one types. */
export function SvidTab() {
  const kind = kindOf(fields.svid.value);
  const inspected = useChecked((): (() => Promise<UntrustedToken>) | undefined => {
    const text = fields.svid.value.trim();
    const token = kindOf(text);
    return token === undefined || token === 'x509' ? undefined : () => inspectTokenUntrusted(text);
  });
  const chain = useChecked(() => {
    const text = fields.svid.value;
    const bundles = fields.bundles.value;
    const trustDomain = fields.trustDomain.value;
    return kindOf(text) === 'x509' ? () => readChain(text, bundles, trustDomain) : undefined;
  });
  const checked = useChecked(check);
  const { value: result, error } = checked.value;
  const seen = inspected.value.value;
  const links = chain.value.value;
  const one = isOneBundle(fields.bundles.value);
  return (
    <>
      <Bar tab="svid" examples={() => import('../../examples/svid.json')} names={[['chain', 'X.509 chain'], ['jwt', 'JWT-SVID']]} />
      <Verdict said={said(kind, result, error)} />
      <div class="columns">
        <section class="inputs" aria-label="SVID, bundles, and what is expected">
          <AreaField
            label="SVID"
            value={fields.svid}
            testid="svid-input"
            rows={9}
            placeholder={'-----BEGIN CERTIFICATE-----\nor eyJ…'}
            hint={kind ? KINDS[kind] : 'A certificate chain in PEM, the leaf first; a JWT-SVID; or a WIT-SVID.'}
            accept=".pem,.crt,.cer,.der,.jwt,.txt"
            fromFile={pemOfFile}
          />
          <AreaField
            label="Bundles"
            value={fields.bundles}
            testid="bundles-input"
            rows={7}
            placeholder={'{"prod.example": {"keys": [ … ]}}'}
            hint="A JSON object of SPIFFE bundles by trust domain, or one bundle."
            accept=".json,application/json"
          />
          {one ? <TextField label="Trust domain of the bundle" value={fields.trustDomain} testid="trust-domain-input" placeholder="prod.example" /> : null}
          <FetchBox
            label="URL of a bundle"
            placeholder="https://spire.prod.example/bundle"
            fetches={[
              {
                told: 'Fetch bundle',
                run: async (access, from) => {
                  fields.bundles.value = textOfFile(await access.get(from, 'application/json'));
                },
              },
            ]}
          />
          {kind === 'jwt' || fields.audience.value !== '' ? (
            <TextField
              label="Expected audience"
              value={fields.audience}
              testid="svid-audience-input"
              hint="What the service is called in aud. A JWT-SVID is refused without it."
            />
          ) : null}
          <TimeField value={fields.time} testid="svid-time-input" />
        </section>
        <div class="results">
          {links ? <Chain links={links} verified={result?.value !== undefined} /> : null}
          {seen ? <Untrusted token={seen} title="What the SVID says" /> : null}
          {result ? <Checks findings={result.findings} /> : null}
          {!links && !seen && !result ? <p class="empty">The chain or the claims, and each check, appear here.</p> : null}
        </div>
      </div>
    </>
  );
}

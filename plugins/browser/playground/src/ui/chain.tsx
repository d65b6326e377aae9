/** A certificate chain, drawn from the leaf to its authority. */

import { inspectCertificatesUntrusted, type CertificateDescription } from 'portcullis';

import { readBase64, readBundles } from '../inputs.js';
import { now, tellTime } from '../time.js';

/** A certificate in its place. */
export interface Link {
  readonly role: 'leaf' | 'intermediate' | 'authority' | 'beside';
  readonly certificate: CertificateDescription;
}

const ROLES: Readonly<Record<Link['role'], string>> = {
  leaf: 'Leaf',
  intermediate: 'Intermediate',
  authority: 'Authority, from the bundle',
  beside: 'Not linked to the leaf',
};

/** The authorities in bundles that can be read; those that cannot are passed over, as the check itself tells what is wrong. */
async function authorities(bundles: string, trustDomain: string): Promise<readonly CertificateDescription[]> {
  try {
    const all = Object.values(readBundles(bundles, trustDomain)).flatMap((bundle) => bundle.keys as readonly { x5c?: unknown }[]);
    const ders = all.flatMap(({ x5c }) => (Array.isArray(x5c) && typeof x5c[0] === 'string' ? [readBase64('Bundles', x5c[0])] : []));
    const read = await Promise.all(ders.map((der) => inspectCertificatesUntrusted([der]).catch(() => [])));
    return read.flat();
  } catch {
    return [];
  }
}

/**
 * Puts certificates in order by the names of their issuers. Names alone prove nothing, and this is for looking at: whether each
 * signed the next is for the checks to say.
 */
export async function readChain(pem: string, bundles: string, trustDomain: string): Promise<readonly Link[]> {
  const given = await inspectCertificatesUntrusted(pem);
  const [leaf, ...rest] = given;
  if (!leaf) return [];
  const links: Link[] = [{ role: 'leaf', certificate: leaf }];
  let last = leaf;
  for (;;) {
    const at = rest.findIndex((certificate) => certificate.subject === last.issuer && !last.selfIssued);
    const [next] = at < 0 ? [] : rest.splice(at, 1);
    if (!next) break;
    links.push({ role: 'intermediate', certificate: next });
    last = next;
  }
  const authority = (await authorities(bundles, trustDomain)).find(({ subject }) => subject === last.issuer);
  if (authority) links.push({ role: 'authority', certificate: authority });
  return [...links, ...rest.map((certificate): Link => ({ role: 'beside', certificate }))];
}

function validity({ notBefore, notAfter }: CertificateDescription): string {
  const at = now.value;
  const after = tellTime(notAfter, at);
  const before = tellTime(notBefore, at);
  if (at < notBefore) return `not valid yet: ${before?.relative ?? ''}`;
  return at > notAfter ? `expired ${after?.relative ?? ''}` : `expires ${after?.relative ?? ''}`;
}

function Facts({ certificate }: { readonly certificate: CertificateDescription }) {
  const { uris, dnsNames, notBefore, notAfter, key, keyProblem, isCa, pathLength, keyUsages, purposes, signatureAlgorithm, unknownCritical } = certificate;
  const at = now.value;
  const rows: [string, string][] = [
    ...uris.map((uri): [string, string] => ['URI', uri]),
    ...dnsNames.map((name): [string, string] => ['DNS name', name]),
    ['Issuer', certificate.issuer],
    ['Valid', `${tellTime(notBefore, at)?.utc ?? notBefore} to ${tellTime(notAfter, at)?.utc ?? notAfter} (${validity(certificate)})`],
    ['Key', key ?? (keyProblem ? `${keyProblem.code}: ${keyProblem.detail}` : 'unknown')],
    ['CA', isCa ? `yes${pathLength === undefined ? '' : `, at most ${pathLength} intermediates below`}` : 'no'],
    ...(keyUsages ? [['Key usage', keyUsages.join(', ')] as [string, string]] : []),
    ...(purposes ? [['Purposes', purposes.join(', ')] as [string, string]] : []),
    ['Signature', signatureAlgorithm],
    ...(unknownCritical.length > 0 ? [['Critical, not understood', unknownCritical.join(', ')] as [string, string]] : []),
  ];
  return (
    <dl class="facts">
      {rows.map(([name, value], index) => (
        <div key={index}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The chain as boxes with connectors. */
export function Chain({ links, verified }: { readonly links: readonly Link[]; readonly verified: boolean }) {
  return (
    <section class="card">
      <h2>Chain {verified ? null : <span class="tag">not verified</span>}</h2>
      <ol class="chain">
        {links.map(({ role, certificate }, index) => (
          <li key={index} class={role} data-testid="chain-link" data-role={role}>
            {index > 0 && role !== 'beside' ? <p class="connector"><span aria-hidden="true">↓ </span>issued by</p> : null}
            <div class="box">
              <h3><span class="role">{ROLES[role]}</span> <span class="subject">{certificate.subject || '(no subject)'}</span></h3>
              <Facts certificate={certificate} />
            </div>
          </li>
        ))}
      </ol>
      {links.some(({ role }) => role === 'authority') ? null : (
        <p class="hint">No authority in the bundles has the name of the last issuer.</p>
      )}
    </section>
  );
}

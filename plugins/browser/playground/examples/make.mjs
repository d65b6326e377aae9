/**
 * Makes the examples of the playground: `npm run examples`. Needs Node and `openssl`.
 *
 * Every private key is made for one run and thrown away with it: what is written holds public keys, certificates and tokens alone,
 * so that nobody can mistake a committed key for one to use. Each run therefore changes every file.
 */

import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

const ISSUED = 1735689600; // 2025-01-01
const EXPIRES = 4102444800; // 2100-01-01
const LONG_AGO = 1738368000; // 2025-02-01
const DAYS = 26000; // for certificates: past 2090

const ISSUER = 'https://idp.example';
const AUDIENCE = 'https://api.example';
const KEYS_URL = `${ISSUER}/jwks.json`;
const LIST_URL = `${ISSUER}/statuslists/1`;
const TRUST_DOMAIN = 'prod.example';

const base64url = (data) => Buffer.from(data).toString('base64url');

function makeKey(use) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  const kid = thumbprint.slice(0, 12);
  return { privateKey, kid, jwk: { kty, crv, x, y, kid, ...use } };
}

function makeToken(key, header, claims) {
  const signed = [{ alg: 'ES256', kid: key.kid, ...header }, claims].map((part) => base64url(JSON.stringify(part))).join('.');
  const signature = sign('sha256', Buffer.from(signed), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${base64url(signature)}`;
}

function write(name, example) {
  writeFileSync(new URL(`./${name}.json`, import.meta.url), `${JSON.stringify(example, null, 2)}\n`);
}

const pretty = (value) => JSON.stringify(value, null, 2);

// Tokens.

const key = makeKey({ use: 'sig', alg: 'ES256' });
const jwks = pretty({ keys: [key.jwk] });
const claims = {
  iss: ISSUER,
  sub: 'alice',
  aud: AUDIENCE,
  client_id: 'reports-app',
  iat: ISSUED,
  exp: EXPIRES,
  auth_time: ISSUED - 60,
  scope: 'reports:read reports:list',
};
const accessToken = (more) => makeToken(key, { typ: 'at+jwt' }, { ...claims, ...more });
const tokenFields = { keys: jwks, issuer: ISSUER, audience: AUDIENCE, profile: 'at+jwt', time: '' };
write('token', {
  accepted: { ...tokenFields, token: accessToken({ jti: 'c3f7' }) },
  expired: { ...tokenFields, token: accessToken({ jti: 'c3f8', exp: LONG_AGO }) },
});

// Status lists.

function makeList(bits, entries) {
  const bytes = Buffer.alloc(Math.ceil((entries.length * bits) / 8));
  entries.forEach((value, index) => {
    const at = index * bits;
    bytes[at >> 3] |= value << (at & 7);
  });
  const list = { bits, lst: base64url(deflateSync(bytes, { level: 9 })) };
  return makeToken(key, { typ: 'statuslist+jwt' }, { sub: LIST_URL, iat: ISSUED, exp: EXPIRES, ttl: 43200, status_list: list });
}

// Looks scattered, and is the same in every run.
const scattered = (index, of) => (Math.imul(index + 1, 2654435761) >>> 8) % of;
const oneBit = Array.from({ length: 1000 }, (_, index) => (index !== 4 && scattered(index, 16) === 0 ? 1 : 0));
const REVOKED = 42;
oneBit[REVOKED] = 1;
const twoBits = Array.from({ length: 4096 }, (_, index) => {
  if (scattered(index, 23) === 0) return 1;
  return scattered(index, 31) === 0 ? 2 : 0;
});
const list = makeList(1, oneBit);
const listFields = { keys: jwks, uri: LIST_URL, time: '' };
write('status', {
  revoked: { ...listFields, token: list, index: String(REVOKED) },
  suspended: { ...listFields, token: makeList(2, twoBits), index: String(twoBits.indexOf(2)) },
});

// SVIDs.

const folder = mkdtempSync(join(tmpdir(), 'portcullis-examples-'));
const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });

function certificate(name, issuer, extensions) {
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  openssl('req', '-new', '-key', `${name}.key`, '-subj', `/O=Example/CN=${name}`, '-out', `${name}.csr`);
  writeFileSync(join(folder, `${name}.ext`), extensions.join('\n'));
  const signer = issuer ? ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`] : ['-signkey', `${name}.key`];
  const more = ['-days', String(DAYS), '-extfile', `${name}.ext`, '-out', `${name}.pem`];
  openssl('x509', '-req', '-in', `${name}.csr`, '-sha256', ...signer, '-CAcreateserial', ...more);
  return readFileSync(join(folder, `${name}.pem`), 'utf8');
}

let x509;
try {
  const authority = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign', 'subjectKeyIdentifier=hash'];
  const root = certificate('Authority', undefined, [...authority, `subjectAltName=URI:spiffe://${TRUST_DOMAIN}`]);
  const intermediate = certificate('Intermediate', 'Authority', [
    'basicConstraints=critical,CA:TRUE,pathlen:0',
    'keyUsage=critical,keyCertSign',
    'subjectKeyIdentifier=hash',
    'authorityKeyIdentifier=keyid',
  ]);
  const leaf = certificate('billing', 'Intermediate', [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth,clientAuth',
    'authorityKeyIdentifier=keyid',
    `subjectAltName=URI:spiffe://${TRUST_DOMAIN}/ns/billing/sa/worker`,
  ]);
  x509 = { root, chain: leaf + intermediate };
} finally {
  rmSync(folder, { recursive: true });
}

const { kty, crv, x, y } = createPublicKey(x509.root).export({ format: 'jwk' });
const der = x509.root.replace(/-----[A-Z ]+-----|\s/g, '');
const jwtAuthority = makeKey({ use: 'jwt-svid' });
const bundles = pretty({
  [TRUST_DOMAIN]: {
    spiffe_sequence: 1,
    spiffe_refresh_hint: 3600,
    keys: [{ use: 'x509-svid', kty, crv, x, y, x5c: [der] }, jwtAuthority.jwk],
  },
});
const jwtSvid = makeToken(
  jwtAuthority,
  { typ: 'JWT' },
  { sub: `spiffe://${TRUST_DOMAIN}/ns/billing/sa/worker`, aud: ['reports'], iat: ISSUED, exp: EXPIRES },
);
const svidFields = { bundles, trustDomain: '', time: '' };
write('svid', {
  chain: { ...svidFields, svid: x509.chain, audience: '' },
  jwt: { ...svidFields, svid: jwtSvid, audience: 'reports' },
});

// Policies.

const policy = `# Reports for people with a scope; the health page for everybody.
origins = ["${AUDIENCE}"]

[challenge]
realm = "api"

[upstream]
set = { X-User = "subject", X-Scope = "scope" }

[[issuers]]
name = "corp"
issuer = "${ISSUER}"
keys = "${KEYS_URL}"
algorithms = ["ES256"]
status = "if_present"

[[rules]]
name = "health"
methods = ["GET"]
path = "/health"
anonymous = true

[[rules]]
name = "read reports"
methods = ["GET"]
path = "/reports/{id}"
require = { scope = ["reports:read"] }

[[rules]]
name = "pay"
methods = ["POST"]
path = "/payments"
require = { scope = ["payments:write"] }
`;
const bearer = (index) =>
  `Authorization: Bearer ${accessToken({ jti: `d${index}`, status: { status_list: { idx: index, uri: LIST_URL } } })}`;
const documents = { [KEYS_URL]: jwks, [LIST_URL]: list };
const policyFields = { policy, documents, certificate: '', time: '' };
const read = { ...policyFields, method: 'GET', url: `${AUDIENCE}/reports/7` };
write('policy', {
  allowed: { ...read, headers: bearer(4) },
  scope: { ...policyFields, method: 'POST', url: `${AUDIENCE}/payments`, headers: bearer(4) },
  revoked: { ...read, headers: bearer(REVOKED) },
});

/** Tokens and status lists, signed with keys that are made here. */

import { generateKeyPairSync, sign } from 'node:crypto';
import { deflateSync } from 'node:zlib';

/** The time of these tests, as the corpus has it. */
export const AT = 1_790_000_000;

const json = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A key pair, its JWK Set, and what it signs with. */
export function signer(kid = 'a') {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'Ed25519' }] };
  const jwt = (header, claims) => {
    const input = `${json({ alg: 'Ed25519', kid, ...header })}.${json(claims)}`;
    return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
  };
  return { keys, jwt };
}

/** An access token of an issuer. */
export function accessToken({ jwt }, claims = {}) {
  return jwt({ typ: 'at+jwt' }, { iss: 'https://idp.example', aud: ['https://api.example'], sub: 'alice', client_id: 'app', iat: AT - 10, exp: AT + 600, jti: 'j', ...claims });
}

/** A status list token in JWT form over packed bytes. */
export function statusList({ jwt }, uri, packed, bits = 1, claims = {}) {
  const lst = deflateSync(packed, { level: 9 }).toString('base64url');
  return jwt({ typ: 'statuslist+jwt' }, { sub: uri, iat: AT - 10, exp: AT + 600, ttl: 300, status_list: { bits, lst }, ...claims });
}

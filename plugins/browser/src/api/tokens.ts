/** Tokens. */

import type { Engine } from '../engine/engine.js';
import { decode } from '../platform/bytes.js';
import type { Request } from '../worker/protocol.js';
import { ask, camel, defined, explain, list } from './common.js';
import type {
  CallOptions,
  Explained,
  JwkSet,
  KeyDescription,
  UntrustedToken,
  VerifiedToken,
  VerifyTokenOptions,
} from './types.js';

function request(token: string, options: VerifyTokenOptions): Request {
  const { keys, profile, typ, issuer, audience, algorithms, leeway, maxAge, requiredClaims } = options;
  const expect = defined({
    profile,
    typ,
    issuer,
    audience: audience === undefined ? undefined : list(audience),
    algorithms,
    leeway,
    max_age: maxAge,
    require: requiredClaims,
  });
  return { op: 'jwt.verify', token, keys, expect };
}

const verified = (result: Record<string, unknown>): VerifiedToken => result as unknown as VerifiedToken;

/** {@link Portcullis.verifyToken} */
export function verifyToken(engine: Engine, token: string, options: VerifyTokenOptions): Promise<VerifiedToken> {
  return ask(engine, request(token, options), options, verified);
}

/** {@link Portcullis.explainToken} */
export function explainToken(
  engine: Engine,
  token: string,
  options: VerifyTokenOptions,
): Promise<Explained<VerifiedToken>> {
  return explain(engine, request(token, options), options, verified);
}

/** {@link Portcullis.inspectTokenUntrusted} */
export function inspectTokenUntrusted(engine: Engine, token: string, options: CallOptions): Promise<UntrustedToken> {
  return ask(engine, { op: 'jwt.inspect', token }, options, (result) => ({
    header: result['header'] as UntrustedToken['header'],
    ...(result['claims'] !== undefined && { claims: result['claims'] as Record<string, unknown> }),
    payload: decode(result['payload'] as string),
    signatureLength: result['signature_length'] as number,
  }));
}

/** {@link Portcullis.describeKeys} */
export function describeKeys(engine: Engine, keys: JwkSet, options: CallOptions): Promise<readonly KeyDescription[]> {
  return ask(engine, { op: 'keys.describe', keys }, options, (result) => camel<KeyDescription[]>(result['keys']));
}

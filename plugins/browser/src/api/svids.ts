/** SPIFFE SVIDs. */

import type { Engine } from '../engine/engine.js';
import { encode } from '../platform/bytes.js';
import type { Request } from '../worker/protocol.js';
import { ask, camel, explain, list } from './common.js';
import type { Bundles, CallOptions, CertificateDescription, Explained, Svid, VerifiedSvid } from './types.js';

/** Whose word counts. */
export interface ValidateSvidOptions extends CallOptions {
  /** The bundles of the trust domains that are trusted, by their names. */
  readonly bundles: Bundles;
}

function chain(certificates: readonly Uint8Array[] | string): Record<string, unknown> {
  return typeof certificates === 'string' ? { chain_pem: certificates } : { chain: certificates.map(encode) };
}

function request(svid: Svid, { bundles }: ValidateSvidOptions): Request {
  if ('jwt' in svid) return { op: 'svid.jwt', token: svid.jwt, audience: list(svid.audience), bundles };
  if ('wit' in svid) return { op: 'svid.wit', token: svid.wit, bundles };
  return { op: 'svid.x509', ...chain(svid.chain), bundles };
}

function verified(result: Record<string, unknown>): VerifiedSvid {
  const { spiffe_id: spiffeId, ...rest } = result;
  return { spiffeId: spiffeId as string, ...rest };
}

/** {@link Portcullis.validateSvid} */
export function validateSvid(engine: Engine, svid: Svid, options: ValidateSvidOptions): Promise<VerifiedSvid> {
  return ask(engine, request(svid, options), options, verified);
}

/** {@link Portcullis.explainSvid} */
export function explainSvid(engine: Engine, svid: Svid, options: ValidateSvidOptions): Promise<Explained<VerifiedSvid>> {
  return explain(engine, request(svid, options), options, verified);
}

/** {@link Portcullis.inspectCertificatesUntrusted} */
export function inspectCertificatesUntrusted(
  engine: Engine,
  certificates: readonly Uint8Array[] | string,
  options: CallOptions,
): Promise<readonly CertificateDescription[]> {
  const read = (result: Record<string, unknown>): CertificateDescription[] => camel(result['certificates']);
  return ask(engine, { op: 'svid.inspect', ...chain(certificates) }, options, read);
}

/** WIMSE: how one workload knows another. */

import type { WorkloadIdentifier } from '../../generated/wit/interfaces/portcullis-wimse-identifier.js';
import type { Engine } from '../engine/engine.js';
import type { Request } from '../worker/protocol.js';
import { ask, camel, defined, explain, list } from './common.js';
import { type HttpMessage, type HttpRequest, message, written } from './messages.js';
import type { CallOptions, Explained, JwkSet, Plain } from './types.js';

/** The keys of trust domains, by scheme and name: `{ 'wimse://example.com': { jwks } }`. */
export type TrustDomains = Readonly<Record<string, { readonly jwks: JwkSet }>>;

/** A Workload Identifier taken apart. */
export type WorkloadId = Omit<Plain<WorkloadIdentifier>, 'authority'>;

/** Whose word counts, and for whom a proof was made. */
export interface VerifyWorkloadOptions extends CallOptions {
  /** The keys of the trust domains that are trusted. */
  readonly trustDomains: TrustDomains;
  /** What the proof may be for: the URL of the request, without its query, as configuration knows it. Not needed for a response. */
  readonly audience?: string | readonly string[];
  /** Identifiers of proofs, or nonces of signatures, that were used before. */
  readonly seen?: readonly string[];
}

/** The same for a message that is signed. */
export interface VerifyWorkloadMessageOptions extends VerifyWorkloadOptions {
  /** Whether a response has to be signed though its request did not ask for it. */
  readonly requireSigned?: boolean;
}

/** Whose message it is. */
export interface VerifiedWorkload {
  /** The Workload Identifier of its sender. */
  readonly subject: string;
}

function shared({ trustDomains, audience, seen }: VerifyWorkloadOptions): Record<string, unknown> {
  return { trust_domains: trustDomains, ...defined({ audience: audience === undefined ? undefined : list(audience), seen }) };
}

function proof(request: HttpRequest, options: VerifyWorkloadOptions): Request {
  return { op: 'wimse.proof', request: written(request), ...shared(options) };
}

function signature(given: HttpMessage, options: VerifyWorkloadMessageOptions): Request {
  return {
    op: 'wimse.signature',
    ...message(given),
    ...shared(options),
    ...defined({ require_signed: options.requireSigned }),
  };
}

const workload = (result: Record<string, unknown>): VerifiedWorkload => result as unknown as VerifiedWorkload;

/** A response that is not signed, and need not be, is nobody's. */
const perhaps = (result: Record<string, unknown>): VerifiedWorkload | undefined =>
  result['subject'] === undefined ? undefined : workload(result);

/** {@link Portcullis.parseWorkloadIdentifier} */
export function parseWorkloadIdentifier(engine: Engine, value: string, options: CallOptions): Promise<WorkloadId> {
  return ask(engine, { op: 'wimse.id', value }, options, (result) => camel<WorkloadId>(result));
}

/** {@link Portcullis.verifyWorkloadProof} */
export function verifyWorkloadProof(
  engine: Engine,
  request: HttpRequest,
  options: VerifyWorkloadOptions,
): Promise<VerifiedWorkload> {
  return ask(engine, proof(request, options), options, workload);
}

/** {@link Portcullis.explainWorkloadProof} */
export function explainWorkloadProof(
  engine: Engine,
  request: HttpRequest,
  options: VerifyWorkloadOptions,
): Promise<Explained<VerifiedWorkload>> {
  return explain(engine, proof(request, options), options, workload);
}

/** {@link Portcullis.verifyWorkloadSignature} */
export function verifyWorkloadSignature(
  engine: Engine,
  given: HttpMessage,
  options: VerifyWorkloadMessageOptions,
): Promise<VerifiedWorkload | undefined> {
  return ask(engine, signature(given, options), options, perhaps);
}

/** {@link Portcullis.explainWorkloadSignature} */
export function explainWorkloadSignature(
  engine: Engine,
  given: HttpMessage,
  options: VerifyWorkloadMessageOptions,
): Promise<Explained<VerifiedWorkload | undefined>> {
  return explain(engine, signature(given, options), options, perhaps);
}

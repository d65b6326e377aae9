/** HTTP message signatures. */

import type { Engine } from '../engine/engine.js';
import type { Request } from '../worker/protocol.js';
import { ask, defined, explain } from './common.js';
import { type HttpMessage, message } from './messages.js';
import type { Algorithm, CallOptions, Explained, JwkSet } from './types.js';

/** A parameter of a signature that can be required (RFC 9421 section 2.3). */
export type SignatureParameter = 'created' | 'expires' | 'nonce' | 'alg' | 'keyid' | 'tag';

/** Which signature of a message is verified, and what is wanted of it. */
export interface VerifySignatureOptions extends CallOptions {
  /** The keys that may have made it. Its parameter `keyid` selects one by its `kid`. */
  readonly keys: JwkSet;
  /** The label of the signature. Without label and tag, the message has to have one signature only. */
  readonly label?: string;
  /** The tag of the signature, in place of a label. */
  readonly tag?: string;
  /** What it has to cover, for example `@method`, `content-digest` or, in a response, `@path;req`. */
  readonly components?: readonly string[];
  /** Parameters that it has to have. */
  readonly requiredParameters?: readonly SignatureParameter[];
  /** How old it may be, in seconds since `created`, which is required then. */
  readonly createdWithin?: number;
  /** How far the clocks may differ, in seconds. */
  readonly skew?: number;
  /** Acceptable algorithms; every one that the key is for where nothing is said. */
  readonly algorithms?: readonly Algorithm[];
  /** Structured fields that are known beside the registered ones, by their names in lower case. */
  readonly structuredFields?: Readonly<Record<string, 'list' | 'dictionary' | 'item'>>;
}

/** A signature that verified, of a message whose Content-Digest is that of its body where it is covered. */
export interface VerifiedSignature {
  /** Its label, which is not signed. */
  readonly label: string;
  /** The `kid` of the key that made it. */
  readonly keyid?: string;
  /** What it covers, in its order. */
  readonly components: readonly string[];
  /** The algorithm that verified it. */
  readonly algorithm: Algorithm;
  /** When it was made, in seconds since 1970. */
  readonly created?: number;
  /** When it ends, in seconds since 1970. */
  readonly expires?: number;
  /** A value that is unique to it. Whether it was seen before is the caller's to know. */
  readonly nonce?: string;
  /** What it is for. */
  readonly tag?: string;
}

function request(given: HttpMessage, options: VerifySignatureOptions): Request {
  const { keys, label, tag, components, requiredParameters, createdWithin, skew, algorithms, structuredFields } = options;
  const require = defined({ components, parameters: requiredParameters, created_within: createdWithin });
  return {
    op: 'http.signature',
    ...message(given),
    keys,
    require,
    ...defined({ label, tag, skew, algorithms, structured_fields: structuredFields }),
  };
}

const verified = (result: Record<string, unknown>): VerifiedSignature => result as unknown as VerifiedSignature;

/** {@link Portcullis.verifySignature} */
export function verifySignature(
  engine: Engine,
  given: HttpMessage,
  options: VerifySignatureOptions,
): Promise<VerifiedSignature> {
  return ask(engine, request(given, options), options, verified);
}

/** {@link Portcullis.explainSignature} */
export function explainSignature(
  engine: Engine,
  given: HttpMessage,
  options: VerifySignatureOptions,
): Promise<Explained<VerifiedSignature>> {
  return explain(engine, request(given, options), options, verified);
}

/** What the refusals of a resource server want. */

import type { Engine } from '../engine/engine.js';
import { ask, defined } from './common.js';
import { pairs } from './messages.js';
import type { CallOptions, HeaderFields } from './types.js';

/** What a token has to have, as far as challenges say. It is the server's wish; who signs in and consents decides what comes of it. */
export interface Wanted {
  /** Scope tokens, space-separated: all of them. */
  readonly scope?: string;
  /** Authentication context classes, the preferred one first: one of them (RFC 9470). */
  readonly acrValues?: readonly string[];
  /** Seconds that may have passed since the user signed in (RFC 9470). */
  readonly maxAge?: number;
  /** Authorization details, to be asked for as they stand (RFC 9396). */
  readonly authorizationDetails?: readonly object[];
  /** By which a token that was got for an earlier challenge of this origin is found again. It means nothing else. */
  readonly authorizationReference?: string;
  /** Names of claims. Which values they have to have is not told. */
  readonly claims?: readonly string[];
}

/** A refusal that was read. */
export interface ReadChallenge {
  /** What it is about: `other` is an error that no other token is known to mend. */
  readonly asked:
    | 'credential'
    | 'valid_token'
    | 'scope'
    | 'authentication'
    | 'authorization'
    | 'claims'
    | 'dpop_nonce'
    | 'attestation_challenge'
    | 'other';
  /** The scheme of the challenge that counts. */
  readonly scheme: 'Bearer' | 'DPoP';
  /** The OAuth error code, if one is told. */
  readonly error?: string;
  /** What a token has to have. */
  readonly wanted: Wanted;
  /** `DPoP-Nonce`. */
  readonly dpopNonce?: string;
  /** `OAuth-Client-Attestation-Challenge`. */
  readonly attestationChallenge?: string;
  /** Where the resource says its metadata is (RFC 9728); nothing is known of it. */
  readonly resourceMetadata?: string;
}

/** A refusal, as it was received. A `Response` is one; its body is given as a text beside it, where it is to be read. */
export interface Refusal {
  /** The status. */
  readonly status: number;
  /** Header fields: what `Headers` takes. A page sees what `Access-Control-Expose-Headers` names. */
  readonly headers: HeaderFields;
}

/** How a refusal is read. */
export interface ReadChallengeOptions extends CallOptions {
  /** The scheme under which a token was sent. */
  readonly presented?: 'Bearer' | 'DPoP';
  /** The body, of `insufficient_claims`. */
  readonly body?: string;
}

/** What is read of a refusal. */
const FIELDS = ['www-authenticate', 'dpop-nonce', 'oauth-client-attestation-challenge'];

/** A refusal as the component reads it. */
export function refusal({ status, headers }: Refusal, body: string | undefined): Record<string, unknown> {
  const fields = (pairs(headers) ?? []).filter(([name]) => FIELDS.includes(name.toLowerCase()));
  return { status, headers: fields, ...defined({ body }) };
}

/** What the component wants, in this language's names. What stands in authorization details is nobody's to rename. */
export function wanted(told: Record<string, unknown>): Wanted {
  return defined({
    scope: told['scope'],
    acrValues: told['acr_values'],
    maxAge: told['max_age'],
    authorizationDetails: told['authorization_details'],
    authorizationReference: told['authorization_reference'],
    claims: told['claims'],
  }) as Wanted;
}

/** {@link Portcullis.readChallenge} */
export function readChallenge(engine: Engine, given: Refusal, options: ReadChallengeOptions): Promise<ReadChallenge> {
  const { presented, body } = options;
  const request = { op: 'scope.challenge', ...refusal(given, body), ...defined({ presented }) };
  return ask(engine, request, options, (told) => ({
    asked: told['asked'] as ReadChallenge['asked'],
    scheme: told['scheme'] as ReadChallenge['scheme'],
    wanted: wanted(told['wanted'] as Record<string, unknown>),
    ...defined({
      error: told['error'],
      dpopNonce: told['dpop_nonce'],
      attestationChallenge: told['attestation_challenge'],
      resourceMetadata: told['resource_metadata'],
    }),
  }));
}

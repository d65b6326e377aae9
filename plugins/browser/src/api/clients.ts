/** Who the client of a request is. */

import type { Engine } from '../engine/engine.js';
import { encode } from '../platform/bytes.js';
import type { Request } from '../worker/protocol.js';
import { ask, camel, defined, explain } from './common.js';
import { type HttpRequest, written } from './messages.js';
import type { Bundles, CallOptions, Explained, JwkSet } from './types.js';

/** A way in which a client authenticates: its name in metadata (`token_endpoint_auth_method`). */
export type ClientAuthMethod =
  | 'spiffe_jwt'
  | 'spiffe_x509'
  | 'spiffe_wit'
  | 'attest_jwt_client_auth'
  | 'attest_jwt_client_auth_dpop';

/** What is known of a registered client. */
export interface RegisteredClient {
  /** Its identifier. */
  readonly clientId: string;
  /** The SPIFFE IDs it has: one, or with `/*` at its end every one below. */
  readonly spiffeId?: string;
  /** The one way in which it authenticates; any that the server accepts where nothing is said. */
  readonly tokenEndpointAuthMethod?: string;
}

/** A request to a server that wants to know its client. */
export interface ClientRequest extends HttpRequest {
  /** The parameters of its form, decoded. */
  readonly form?: Readonly<Record<string, string>>;
}

/** What the server wants to see, and whom it knows. */
export interface AuthenticateClientOptions extends CallOptions {
  /** Which server it is: an authorization server or a resource server. */
  readonly role: 'as' | 'rs';
  /** Its issuer identifier, or the resource identifier of a resource server. */
  readonly server: string;
  /** The ways to authenticate that it accepts. */
  readonly methods: readonly ClientAuthMethod[];
  /** The registered clients. */
  readonly clients: readonly RegisteredClient[];
  /** The certificates that the client presented in the TLS handshake, as DER, the leaf first. */
  readonly certificateChain?: readonly Uint8Array[];
  /** The keys of the trusted attesters. */
  readonly attesters?: JwkSet;
  /** The bundles of the trust domains that are trusted. */
  readonly bundles?: Bundles;
  /** The challenge that proofs of attestations have to have. */
  readonly challenge?: string;
  /** The nonce that DPoP proofs have to have. */
  readonly nonce?: string;
  /** How far the `iat` of a proof may lie from the time, before and after, in seconds; 300 where nothing is said. */
  readonly window?: number;
  /** The greatest age of an attestation, in seconds since its `iat`. */
  readonly attestationMaxAge?: number;
  /** SPIFFE IDs, each perhaps with `/*` at its end, that may register on first use. */
  readonly register?: readonly string[];
  /** Identifiers of proofs and assertions that were used before. */
  readonly seen?: readonly string[];
}

/** A proof that holds, and may be used once. */
export interface UsedProof {
  /** RFC 7638 thumbprint (SHA-256) of its key, in base64url. */
  readonly jkt: string;
  /** What it was made for. */
  readonly target: string;
  /** Its identifier. */
  readonly jti: string;
  /** When it was made, in seconds since 1970. */
  readonly iat: number;
}

/** A client that is who it says. */
export interface AuthenticatedClient {
  /** Its identifier. */
  readonly clientId: string;
  /** How it authenticated. */
  readonly method: ClientAuthMethod;
  /** Whether it is not registered, and may register on first use. */
  readonly new: boolean;
  /** Its SPIFFE ID. */
  readonly spiffeId?: string;
  /** RFC 7638 thumbprint (SHA-256) of the key that it proved to hold, in base64url. */
  readonly jkt?: string;
  /** The claims of its JWT-SVID, for a client that is to be registered. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** The proofs that came with the request. */
  readonly proofs?: readonly UsedProof[];
}

function request(given: ClientRequest, options: AuthenticateClientOptions): Request {
  const { role, server, methods, clients, certificateChain, attesters, bundles, challenge, nonce, window } = options;
  const client = ({ clientId, spiffeId, tokenEndpointAuthMethod }: RegisteredClient): Record<string, unknown> =>
    defined({ client_id: clientId, spiffe_id: spiffeId, token_endpoint_auth_method: tokenEndpointAuthMethod });
  return {
    op: 'client.authenticate',
    role,
    server,
    request: { ...written(given), ...defined({ form: given.form }) },
    methods,
    clients: clients.map(client),
    ...defined({
      certificate_chain: certificateChain?.map(encode),
      attesters,
      bundles,
      challenge,
      nonce,
      window,
      attestation_max_age: options.attestationMaxAge,
      register: options.register,
      seen: options.seen,
    }),
  };
}

function authenticated({ claims, ...others }: Record<string, unknown>): AuthenticatedClient {
  return { ...camel<AuthenticatedClient>(others), ...defined({ claims }) };
}

/** {@link Portcullis.authenticateClient} */
export function authenticateClient(
  engine: Engine,
  given: ClientRequest,
  options: AuthenticateClientOptions,
): Promise<AuthenticatedClient> {
  return ask(engine, request(given, options), options, authenticated);
}

/** {@link Portcullis.explainClient} */
export function explainClient(
  engine: Engine,
  given: ClientRequest,
  options: AuthenticateClientOptions,
): Promise<Explained<AuthenticatedClient>> {
  return explain(engine, request(given, options), options, authenticated);
}

/** {@link Portcullis.matchClientPattern} */
export function matchClientPattern(
  engine: Engine,
  pattern: string,
  spiffeId: string,
  options: CallOptions,
): Promise<boolean> {
  const read = (result: Record<string, unknown>): boolean => result['match'] === true;
  return ask(engine, { op: 'client.match', pattern, spiffe_id: spiffeId }, options, read);
}

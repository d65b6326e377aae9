/**
 * The types of the package. Where an interface of WIT has the same, they are its types, with its documentation; numbers that WIT
 * has as 64 bits are numbers here.
 */

import type { CertificateDescription as WitCertificate } from '../../generated/wit/interfaces/portcullis-svid-x509.js';
import type { Demand as WitDemand } from '../../generated/wit/interfaces/portcullis-gate-policy.js';
import type {
  Principal as WitPrincipal,
  Readiness as WitReadiness,
  Transaction as WitTransaction,
} from '../../generated/wit/interfaces/portcullis-gate-gate.js';
import type { Expectations as WitExpectations } from '../../generated/wit/interfaces/portcullis-token-jwt.js';
import type { Rejection as WitRejection } from '../../generated/wit/interfaces/portcullis-types-types.js';
import type { Status, ValueCount as WitValueCount } from '../../generated/wit/interfaces/portcullis-status-status-list.js';

/** What WIT has, with numbers for its 64 bits. */
export type Plain<T> = T extends bigint
  ? number
  : T extends Uint8Array
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Plain<Item>[]
      : T extends object
        ? { readonly [Name in keyof T]: Plain<T[Name]> }
        : T;

/** How a call is bounded, and for when it asks. */
export interface CallOptions {
  /** The time to judge by: a date, or seconds since 1970. Now, where nothing is said. */
  readonly at?: Date | number;
  /** The longest it may run, in milliseconds, once its turn has come. 10,000 where nothing is said. */
  readonly deadline?: number;
  /** To give up on it. */
  readonly signal?: AbortSignal;
}

/** A JWK Set (RFC 7517 section 5). Symmetric keys are for tests: in a page they are nobody's secret. */
export interface JwkSet {
  readonly keys: readonly object[];
}

/** A signature or MAC algorithm, by its JOSE name. */
export type Algorithm =
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'ES256K'
  | 'Ed25519'
  | 'EdDSA'
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'HS256'
  | 'HS384'
  | 'HS512';

/** Why something was refused. */
export type Rejection = Plain<WitRejection>;

/** One check of many, as it went. After the first that failed nothing more is checked. */
export interface Finding {
  /** What was checked, in a few words, for example `signature`. */
  readonly check: string;
  /** The document and section that the check comes from. */
  readonly rule: string;
  /** Whether it holds. */
  readonly passed: boolean;
  /** What was seen, or what is wrong; for people. */
  readonly detail: string;
  /** The stable name of what failed. */
  readonly code?: string;
}

/** An answer with every check that led to it. */
export interface Explained<T> {
  /** The checks, in their order. */
  readonly findings: readonly Finding[];
  /** What came of it; absent where it was refused. */
  readonly value?: T;
  /** Why it was refused. */
  readonly error?: import('../errors.js').PortcullisError;
}

/** What the relying party wants to see in a token. What is left out is not looked at. */
export interface VerifyTokenOptions extends CallOptions, Partial<Pick<Plain<WitExpectations>, 'typ' | 'issuer' | 'leeway' | 'maxAge' | 'requiredClaims'>> {
  /** The keys that may have signed it. */
  readonly keys: JwkSet;
  /** Which document's rules hold: RFC 7519, or RFC 9068 for JWT access tokens. */
  readonly profile?: 'jwt' | 'at+jwt';
  /** Acceptable audiences: one of them has to be in `aud`. An empty list accepts none. */
  readonly audience?: string | readonly string[];
  /** Acceptable algorithms; every asymmetric one where nothing is said. */
  readonly algorithms?: readonly Algorithm[];
}

/** A token that verified and is as it was expected. */
export interface VerifiedToken {
  /** The protected header. */
  readonly header: Readonly<Record<string, unknown>>;
  /** The claims. Whole numbers beyond 2^53 lose their last digits here; no time and no rule needs them. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What a token says of itself, none of it verified. */
export interface UntrustedToken {
  /** The header. */
  readonly header: Readonly<Record<string, unknown>>;
  /** The claims, if the payload is one JSON object. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** The payload's bytes. */
  readonly payload: Uint8Array;
  /** The length of the signature in bytes. */
  readonly signatureLength: number;
}

/** What is known of one key of a set. Never holds key material. */
export interface KeyDescription {
  /** The key's `kid`, if it has one. */
  readonly kid?: string;
  /** The type and size, for example `EC P-256`. */
  readonly kind?: string;
  /** SHA-256 thumbprint (RFC 7638) in base64url. */
  readonly thumbprint?: string;
  /** The algorithms that the key may verify. */
  readonly algorithms?: readonly Algorithm[];
  /** Why the key is not used, if it is not. */
  readonly problem?: Rejection;
}

/** What a status means (draft-ietf-oauth-status-list-21 section 7.1). */
export type { Status };

/** One entry of a status list. */
export interface StatusEntry {
  /** The value, from 0 to 2^bits − 1. */
  readonly value: number;
  /** What it means. Only `valid` says that the token is good. */
  readonly status: Status;
}

/** An entry, and for how long the list may be relied upon. */
export interface StatusAnswer extends StatusEntry {
  /** `exp` of the list, in seconds since 1970. */
  readonly expires?: number;
  /** For how many seconds after it was fetched the issuer means the list to be kept. */
  readonly ttl?: number;
}

/** How many entries of a list have a value. */
export type ValueCount = Plain<WitValueCount>;

/** Whose status list it is. */
export interface StatusListOptions extends CallOptions {
  /** The keys that may have signed it. */
  readonly keys: JwkSet;
  /** What refers to the list (`status_list.uri`); its `sub` has to be the same text. */
  readonly uri: string;
}

/** What a token grants. */
export interface Grants {
  /** `scope`, space-separated. */
  readonly scope?: string;
  /** `authorization_details` (RFC 9396). */
  readonly authorizationDetails?: readonly object[];
  /** The claims. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** What a resource requires: everything that is there. */
export interface Requirements {
  /** Scope tokens, space-separated, all of which have to be granted. */
  readonly scope?: string;
  /** Authorization details, all of which have to be granted. */
  readonly authorizationDetails?: readonly object[];
  /** Authentication context classes, one of which has to be `acr`. */
  readonly acrValues?: readonly string[];
  /** Seconds that may have passed since `auth_time`. */
  readonly maxAge?: number;
  /** Claims: `{ name: { equals }, … }`, `contains` or `one_of` (`docs/scope.md`). */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** SPIFFE bundles by trust domain. */
export type Bundles = Readonly<Record<string, JwkSet & { readonly spiffe_sequence?: number; readonly spiffe_refresh_hint?: number }>>;

/** An SVID: a JWT-SVID for an audience, a WIT-SVID, or a certificate chain, the leaf first, as DER or as PEM text. */
export type Svid =
  | { readonly jwt: string; readonly audience: string | readonly string[] }
  | { readonly wit: string }
  | { readonly chain: readonly Uint8Array[] | string };

/** An SVID that verified. */
export interface VerifiedSvid {
  /** Whose it is. */
  readonly spiffeId: string;
  /** The claims of a JWT-SVID. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** `cnf` of a WIT-SVID, which has the key that a proof has to be made with. */
  readonly cnf?: Readonly<Record<string, unknown>>;
}

/** What one certificate says of itself, none of it verified. Times are in seconds since 1970. */
export type CertificateDescription = Omit<Plain<WitCertificate>, 'key'> & {
  /** The type and size of its key. */
  readonly key?: string;
  /** Why its key is none that is used here. */
  readonly keyProblem?: Rejection;
};

/** Something that is wrong with a policy, or that its author should know. */
export interface PolicyProblem {
  /** Stable name of the rule, `policy.reason`. */
  readonly code: string;
  /** The member, for example `rules[2].path`; items are counted from 1. */
  readonly path: string;
  /** What is wrong, for people. */
  readonly detail: string;
  /** What to do about it, for people. */
  readonly remedy: string;
}

/** One thing that a policy asks of a request. */
export type Demand = Plain<WitDemand>;

/** A policy: the object, or its JSON text, which is read as it stands. */
export type Policy = object | string;

/** The certificate of a client. */
export type ClientCertificate =
  /** All that the client presented, in DER, the leaf first. */
  | { readonly chain: readonly Uint8Array[] }
  /** The SHA-256 of the leaf, 32 bytes. */
  | { readonly digest: Uint8Array };

/** Header or trailer fields: what `Headers` takes. */
export type HeaderFields = Iterable<readonly [string, string]> | Readonly<Record<string, string>>;

/** A request to be judged. */
export interface GateRequest {
  /** The method, for example `GET`. */
  readonly method: string;
  /** The absolute URL. */
  readonly url: string;
  /** Header fields, `Authorization` among them. */
  readonly headers?: HeaderFields;
  /** The body, where a rule looks at it. */
  readonly body?: string | Uint8Array;
}

/** What else is known of a request. */
export interface CheckOptions extends CallOptions {
  /** The client's certificate. */
  readonly clientCertificate?: ClientCertificate;
  /** Nonces that the server gave out and that are good now (`DPoP-Nonce`). */
  readonly nonces?: readonly string[];
}

/** Who a request is from, as far as a credential says. */
export type Principal = Plain<WitPrincipal>;

/** The transaction that a request is part of. */
export type Transaction = Plain<WitTransaction>;

/**
 * What the policy says of a request. In a page it is advice: what may be done, the server decides, whatever the page believes.
 */
export interface Decision {
  /** Whether the request may go on. */
  readonly outcome: 'allow' | 'deny';
  /** The HTTP status that a server would answer with; 200 where it goes on. */
  readonly status: number;
  /** Header fields for the client of a denial, or for the upstream. */
  readonly headers: readonly (readonly [string, string])[];
  /** Header fields to strip before those are set; where the request goes on. */
  readonly strip?: readonly string[];
  /** Header fields beside the upstream's own; where the request goes on. */
  readonly responseHeaders?: readonly (readonly [string, string])[];
  /** The body of a denial. */
  readonly body?: string;
  /** Who it is from. */
  readonly principal?: Principal;
  /** The transaction that it is part of, where its Transaction Token verified. */
  readonly transaction?: Transaction;
  /** What was found; the first decides. */
  readonly findings: readonly Rejection[];
  /** The rule that matched, by its name in the policy. */
  readonly rule?: string;
  /** It was let through only because the policy or the rule reports. */
  readonly reported?: boolean;
  /** URLs of documents that were asked for, where one of them could not be had. */
  readonly needs?: readonly string[];
}

/** Whether a gate can decide. */
export type Readiness = Plain<WitReadiness>;

/** A document that a gate needs. */
export type { DocumentNeed } from '../platform/platform.js';

/** How a gate gets what it needs. */
export interface GateOptions extends CallOptions {
  /**
   * Fetches a document, in place of `fetch`: rejects where it cannot be had. Where it is `false` nothing is ever fetched, and
   * documents are given with {@link Gate.provide}.
   */
  readonly fetch?: false | ((need: import('../platform/platform.js').DocumentNeed, signal: AbortSignal) => Promise<Response>);
}

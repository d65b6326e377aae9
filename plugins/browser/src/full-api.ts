/** Everything. */

import { answer } from './api/answer.js';
import * as challenges from './api/challenges.js';
import * as clients from './api/clients.js';
import { Gate } from './api/gate.js';
import * as lifetimes from './api/lifetimes.js';
import type { HttpMessage, HttpRequest } from './api/messages.js';
import * as policies from './api/policies.js';
import * as rights from './api/rights.js';
import * as signatures from './api/signatures.js';
import * as status from './api/status.js';
import * as stepUp from './api/step-up.js';
import * as svids from './api/svids.js';
import type {
  CallOptions,
  CertificateDescription,
  Demand,
  Explained,
  GateOptions,
  Grants,
  Policy,
  PolicyProblem,
  Requirements,
  StatusAnswer,
  StatusListOptions,
  Svid,
  VerifiedSvid,
} from './api/types.js';
import * as workloads from './api/workloads.js';
import { OpenCloudMesh } from './ocm-api.js';
import type { Answer } from './worker/protocol.js';

/** Every check there is, in a worker of its own. What one instance made belongs to it; instances share nothing. */
export class Portcullis extends OpenCloudMesh {
  /**
   * The status of a token in a status list (draft-ietf-oauth-status-list-21): the list is verified, then looked into. A text is a
   * list in JWT form, bytes are one in CWT form.
   *
   * @throws {PortcullisError} `status.*` and those of tokens: nothing is known, and the token is not to be relied upon.
   */
  lookupStatus(
    token: string | Uint8Array,
    options: StatusListOptions & { readonly index: number },
  ): Promise<StatusAnswer> {
    return status.lookupStatus(this.engine, token, options);
  }

  /** The same, with each check told. A refusal is an answer here, too. For people. */
  explainStatus(
    token: string | Uint8Array,
    options: StatusListOptions & { readonly index: number },
  ): Promise<Explained<StatusAnswer>> {
    return status.explainStatus(this.engine, token, options);
  }

  /**
   * Opens a status list, to ask it often or to draw it.
   *
   * @throws {PortcullisError} as {@link lookupStatus}.
   */
  openStatusList(token: string | Uint8Array, options: StatusListOptions): Promise<status.StatusList> {
    return status.StatusList.open(this.engine, token, options);
  }

  /**
   * Whether what a token grants is enough (RFC 6749, RFC 9396, RFC 9470).
   *
   * @throws {PortcullisError} `scope.*`, with the `status` and `challenge` that a server would answer with.
   */
  evaluateScope(granted: Grants, required: Requirements, options: rights.EvaluateOptions = {}): Promise<void> {
    return rights.evaluateScope(this.engine, granted, required, options);
  }

  /** The same, with each check told. For people. */
  explainScope(granted: Grants, required: Requirements, options: rights.EvaluateOptions = {}): Promise<Explained<true>> {
    return rights.explainScope(this.engine, granted, required, options);
  }

  /**
   * What a refusal of a resource server wants (RFC 6750, RFC 9470, RFC 9449, draft-ietf-oauth-rar-metadata-remediation-00).
   *
   * @throws {PortcullisError} `challenge.*`, `scope.*`: it wants nothing of OAuth, or nothing that can be read.
   */
  readChallenge(refusal: challenges.Refusal, options: challenges.ReadChallengeOptions = {}): Promise<challenges.ReadChallenge> {
    return challenges.readChallenge(this.engine, refusal, options);
  }

  /**
   * Sends a request with a token, as `fetch` does. Where it is refused, it is sent once more with a token that is there and fits what
   * the server wants, then once with a new one, and once where a proof lacked a nonce; the last answer is the caller's, whatever it
   * is. No token goes to another origin, and no redirect is followed.
   *
   * @throws {PortcullisError} `host.other_origin`, `host.redirected`, `host.body_gone`, and those that say that nobody knows.
   *
   * @example
   * ```ts
   * const tokens = new AccessTokens('https://api.example');
   * const answer = await fetchWithStepUp('https://api.example/payments', { method: 'POST', body }, { tokens, obtain: signInAgain });
   * ```
   */
  fetchWithStepUp(input: string | URL | Request, init: RequestInit | undefined, options: stepUp.StepUpOptions): Promise<Response> {
    return stepUp.fetchWithStepUp(this.engine, input, init, options);
  }

  /**
   * Watches what a token endpoint answered: warns the user before access ends, exchanges the refresh token in time, and asks when
   * nothing works any more without the user. It looks again when a page is seen again, and is ended by `close` or `signal`.
   *
   * @example
   * ```ts
   * const watch = watchLifetimes(response, { receivedAt: sentAt, warn: show, ask: signIn, refresh, failed: console.error });
   * ```
   */
  watchLifetimes(response: object, options: lifetimes.WatchOptions): lifetimes.LifetimesWatch {
    return lifetimes.watchLifetimes(this.engine, response, options);
  }

  /**
   * Validates an SVID with the bundle of its own trust domain: JWT-SVID, WIT-SVID, or X.509-SVID with its chain.
   *
   * @throws {PortcullisError} `svid.*`, `spiffe.*`, `bundle.*` and those of tokens.
   */
  validateSvid(svid: Svid, options: svids.ValidateSvidOptions): Promise<VerifiedSvid> {
    return svids.validateSvid(this.engine, svid, options);
  }

  /** The same, with each check told. For people. */
  explainSvid(svid: Svid, options: svids.ValidateSvidOptions): Promise<Explained<VerifiedSvid>> {
    return svids.explainSvid(this.engine, svid, options);
  }

  /**
   * Takes a chain apart without verifying anything: for people to look at, never to decide by.
   *
   * @throws {PortcullisError} `svid.*`: they are no certificates.
   */
  inspectCertificatesUntrusted(
    chain: readonly Uint8Array[] | string,
    options: CallOptions = {},
  ): Promise<readonly CertificateDescription[]> {
    return svids.inspectCertificatesUntrusted(this.engine, chain, options);
  }

  /**
   * Verifies a signature of a message (RFC 9421), and the digest of its body where it is covered.
   *
   * @throws {PortcullisError} `signature.*`, `key.*`, `crypto.*`.
   */
  verifySignature(message: HttpMessage, options: signatures.VerifySignatureOptions): Promise<signatures.VerifiedSignature> {
    return signatures.verifySignature(this.engine, message, options);
  }

  /** The same, with each check told. For people. */
  explainSignature(
    message: HttpMessage,
    options: signatures.VerifySignatureOptions,
  ): Promise<Explained<signatures.VerifiedSignature>> {
    return signatures.explainSignature(this.engine, message, options);
  }

  /**
   * Reads a Workload Identifier (draft-ietf-wimse-identifier-03).
   *
   * @throws {PortcullisError} `wimse.identifier_*`, `spiffe.*`.
   */
  parseWorkloadIdentifier(value: string, options: CallOptions = {}): Promise<workloads.WorkloadId> {
    return workloads.parseWorkloadIdentifier(this.engine, value, options);
  }

  /**
   * Verifies the Workload Identity Token of a request and the Workload Proof Token that came with it (draft-ietf-wimse-wpt-02).
   *
   * @throws {PortcullisError} `wimse.*`, `svid.confirmation_*` and those of tokens.
   */
  verifyWorkloadProof(
    request: HttpRequest,
    options: workloads.VerifyWorkloadOptions,
  ): Promise<workloads.VerifiedWorkload> {
    return workloads.verifyWorkloadProof(this.engine, request, options);
  }

  /** The same, with each check told. For people. */
  explainWorkloadProof(
    request: HttpRequest,
    options: workloads.VerifyWorkloadOptions,
  ): Promise<Explained<workloads.VerifiedWorkload>> {
    return workloads.explainWorkloadProof(this.engine, request, options);
  }

  /**
   * Verifies the Workload Identity Token of a message and its signature (draft-ietf-wimse-http-signature-07). A response that is not
   * signed, and need not be, is `undefined`: nobody's.
   *
   * @throws {PortcullisError} `wimse.*`, `signature.*`, `svid.confirmation_*` and those of tokens.
   */
  verifyWorkloadSignature(
    message: HttpMessage,
    options: workloads.VerifyWorkloadMessageOptions,
  ): Promise<workloads.VerifiedWorkload | undefined> {
    return workloads.verifyWorkloadSignature(this.engine, message, options);
  }

  /** The same, with each check told. For people. */
  explainWorkloadSignature(
    message: HttpMessage,
    options: workloads.VerifyWorkloadMessageOptions,
  ): Promise<Explained<workloads.VerifiedWorkload | undefined>> {
    return workloads.explainWorkloadSignature(this.engine, message, options);
  }

  /**
   * Says who the client of a request is: by a SPIFFE identity (draft-ietf-oauth-spiffe-client-auth-02), or by an attestation
   * (draft-ietf-oauth-attestation-based-client-auth-11).
   *
   * @throws {PortcullisError} `client.*`, `attestation.*`, `pop.*`, `svid.*`, `dpop.*` and those of tokens, with the `status`,
   * `oauthError` and `headers` that a server answers with.
   */
  authenticateClient(
    request: clients.ClientRequest,
    options: clients.AuthenticateClientOptions,
  ): Promise<clients.AuthenticatedClient> {
    return clients.authenticateClient(this.engine, request, options);
  }

  /** The same, with each check told. For people. */
  explainClient(
    request: clients.ClientRequest,
    options: clients.AuthenticateClientOptions,
  ): Promise<Explained<clients.AuthenticatedClient>> {
    return clients.explainClient(this.engine, request, options);
  }

  /**
   * Whether a SPIFFE ID is one of those that a pattern means: the client metadata `spiffe_id`, a SPIFFE ID that may end in `/*`.
   *
   * @throws {PortcullisError} `spiffe.*`.
   */
  matchClientPattern(pattern: string, spiffeId: string, options: CallOptions = {}): Promise<boolean> {
    return clients.matchClientPattern(this.engine, pattern, spiffeId, options);
  }

  /**
   * Reads a policy, and tells what its author should know though it is good.
   *
   * @throws {PortcullisError} `policy.*`, with everything that is wrong in `problems`.
   */
  checkPolicy(policy: Policy, options: CallOptions = {}): Promise<readonly PolicyProblem[]> {
    return policies.checkPolicy(this.engine, policy, options);
  }

  /** What a policy asks of a request with a method and an absolute URL, step by step. */
  explainPolicy(policy: Policy, method: string, url: string, options: CallOptions = {}): Promise<readonly Demand[]> {
    return policies.explainPolicy(this.engine, policy, method, url, options);
  }

  /**
   * Makes a gate of a policy: the form that `portcullis policy export` makes for pages. Symmetric keys, listeners, files and a
   * memory of proofs shared with other hosts are refused. What the gate says is advice: the server decides.
   *
   * @throws {PortcullisError} `policy.*`, with everything that is wrong in `problems`.
   *
   * @example
   * ```ts
   * const gate = await createGate(policy);
   * const decision = await gate.check({ method: 'GET', url: 'https://api.example/reports/7', headers: { authorization } });
   * if (decision.outcome === 'allow') show(button);
   * ```
   */
  createGate(policy: Policy, options: GateOptions = {}): Promise<Gate> {
    return Gate.load(this.engine, policy, options);
  }

  /**
   * Answers one request of `docs/batch.md`, as `portcullis batch` does: an object, or one line of JSON text, which is taken byte by
   * byte.
   */
  answer(
    request: object | string,
    options: Pick<CallOptions, 'deadline' | 'signal'> = {},
  ): Promise<Answer & { readonly id: unknown }> {
    return answer(this.engine, request, options);
  }
}

export { AccessTokens } from './api/access-tokens.js';
export type { AccessToken } from './api/access-tokens.js';
export type { ReadChallenge, ReadChallengeOptions, Refusal, Wanted } from './api/challenges.js';
export { Gate } from './api/gate.js';
export { LifetimesWatch } from './api/lifetimes.js';
export type { WatchOptions } from './api/lifetimes.js';
export type { ObtainContext, ProofRequest, StepUpOptions } from './api/step-up.js';
export { StatusList } from './api/status.js';
export type {
  AuthenticateClientOptions,
  AuthenticatedClient,
  ClientAuthMethod,
  ClientRequest,
  RegisteredClient,
  UsedProof,
} from './api/clients.js';
export type { HttpMessage, HttpRequest, HttpResponse } from './api/messages.js';
export type { EvaluateOptions } from './api/rights.js';
export type { SignatureParameter, VerifiedSignature, VerifySignatureOptions } from './api/signatures.js';
export type { ValidateSvidOptions } from './api/svids.js';
export type {
  TrustDomains,
  VerifiedWorkload,
  VerifyWorkloadMessageOptions,
  VerifyWorkloadOptions,
  WorkloadId,
} from './api/workloads.js';
export type {
  Bundles,
  CertificateDescription,
  CheckOptions,
  ClientCertificate,
  Decision,
  Demand,
  DocumentNeed,
  GateOptions,
  GateRequest,
  Grants,
  HeaderFields,
  Policy,
  PolicyProblem,
  Principal,
  Readiness,
  Requirements,
  Status,
  StatusAnswer,
  StatusEntry,
  StatusListOptions,
  Svid,
  ValueCount,
  VerifiedSvid,
} from './api/types.js';
export type { Answer } from './worker/protocol.js';
export * from './oauth-api.js';
export * from './ocm-api.js';
export * from './token-api.js';

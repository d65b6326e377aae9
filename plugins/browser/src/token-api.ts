/** What both entries have: tokens. */

import * as tokens from './api/tokens.js';
import type {
  CallOptions,
  Explained,
  JwkSet,
  KeyDescription,
  UntrustedToken,
  VerifiedToken,
  VerifyTokenOptions,
} from './api/types.js';
import { Engine } from './engine/engine.js';
import type { Platform } from './platform/platform.js';

/**
 * Verification of tokens, in a worker of its own. What one instance made belongs to it; instances share nothing.
 */
export class Tokens {
  /** @internal */
  protected readonly engine: Engine;

  /** Made by `createTokens` or `createPortcullis`, which know where they run. */
  constructor(platform: Platform) {
    this.engine = new Engine(platform);
  }

  /**
   * Verifies a JWT: form, signature, and what is expected of its claims (RFC 7515, RFC 7519, RFC 8725bis, RFC 9068).
   *
   * @throws {PortcullisError} `token.*`, `key.*`, `crypto.*`, `json.*`, `base64.*`: the token is refused.
   *
   * @example
   * ```ts
   * const { claims } = await verifyToken(token, { keys, issuer: 'https://idp.example', audience: 'https://api.example' });
   * ```
   */
  verifyToken(token: string, options: VerifyTokenOptions): Promise<VerifiedToken> {
    return tokens.verifyToken(this.engine, token, options);
  }

  /** The same, with each check told. A refusal is an answer here, too. For people. */
  explainToken(token: string, options: VerifyTokenOptions): Promise<Explained<VerifiedToken>> {
    return tokens.explainToken(this.engine, token, options);
  }

  /**
   * Takes a token apart without verifying anything: for people to look at, never to decide by.
   *
   * @throws {PortcullisError} `token.*`, `json.*`, `base64.*`: it is no token at all.
   */
  inspectTokenUntrusted(token: string, options: CallOptions = {}): Promise<UntrustedToken> {
    return tokens.inspectTokenUntrusted(this.engine, token, options);
  }

  /**
   * The keys of a JWK Set in their order, those that cannot be used with the reason.
   *
   * @throws {PortcullisError} `key.set_*`, `json.*`: it is no JWK Set.
   */
  describeKeys(keys: JwkSet, options: CallOptions = {}): Promise<readonly KeyDescription[]> {
    return tokens.describeKeys(this.engine, keys, options);
  }

  /** Ends the worker. Calls that wait are rejected with `host.closed`. */
  close(): void {
    this.engine.close();
  }
}

export type {
  Algorithm,
  CallOptions,
  Explained,
  Finding,
  JwkSet,
  KeyDescription,
  Rejection,
  UntrustedToken,
  VerifiedToken,
  VerifyTokenOptions,
} from './api/types.js';
export { PortcullisError } from './errors.js';
export type { ErrorData, HostCode } from './errors.js';

/** What only the whole package has: younger pieces of OAuth, beside tokens. */

import * as oauth from './api/oauth.js';
import type { CallOptions, Explained, HeaderFields } from './api/types.js';
import { Tokens } from './token-api.js';

/** Lifetimes of tokens and consent, the way between apps, transaction tokens, and deferred key binding. */
export class OAuth extends Tokens {
  /**
   * Reads how long a refresh token and the user's authorization last, and says what to do next
   * (draft-ietf-oauth-refresh-token-expiration-03). `response` is what the token endpoint answered, parsed.
   *
   * @throws {PortcullisError} `lifetimes.*`: the answer contradicts itself. Its tokens are not touched by that; when they end is not
   * known.
   *
   * @example
   * ```ts
   * const sentAt = new Date();
   * const response = await (await fetch(tokenEndpoint, { method: 'POST', body })).json();
   * const { next, warn, askAt } = await readLifetimes(response, { receivedAt: sentAt });
   * ```
   */
  readLifetimes(response: object, options: oauth.LifetimesOptions): Promise<oauth.Lifetimes> {
    return oauth.readLifetimes(this.engine, response, options);
  }

  /** The same, with each check told. For people. */
  explainLifetimes(response: object, options: oauth.LifetimesOptions): Promise<Explained<oauth.Lifetimes>> {
    return oauth.explainLifetimes(this.engine, response, options);
  }

  /**
   * Decides what follows in a flow from app to app without a browser (draft-zehavi-oauth-app2app-browserless-07): from a server's
   * answer, or from a call of your app. Nothing is fetched and nothing opened. What a server does wrong is a decision, with its
   * reason.
   *
   * @throws {PortcullisError} `app2app.*`: the flow is none, or the call has nothing to do with it; then ignore it and go on waiting.
   */
  stepApp2App(
    flow: oauth.App2AppFlow,
    event: oauth.App2AppEvent,
    options: CallOptions = {},
  ): Promise<oauth.App2AppDecision> {
    return oauth.stepApp2App(this.engine, flow, event, options);
  }

  /** The same, with each check told. For people. */
  explainApp2App(
    flow: oauth.App2AppFlow,
    event: oauth.App2AppEvent,
    options: CallOptions = {},
  ): Promise<Explained<oauth.App2AppDecision>> {
    return oauth.explainApp2App(this.engine, flow, event, options);
  }

  /**
   * Verifies the Transaction Token of a request (draft-ietf-oauth-transaction-tokens-11), by its header fields. It authorizes and
   * never authenticates: who sent the request is to be known by something else.
   *
   * @throws {PortcullisError} `txn.*`, `scope.*` and those of tokens.
   */
  verifyTransactionToken(
    headers: HeaderFields,
    options: oauth.VerifyTransactionTokenOptions,
  ): Promise<oauth.VerifiedTransactionToken> {
    return oauth.verifyTransactionToken(this.engine, headers, options);
  }

  /** The same, with each check told. For people. */
  explainTransactionToken(
    headers: HeaderFields,
    options: oauth.VerifyTransactionTokenOptions,
  ): Promise<Explained<oauth.VerifiedTransactionToken>> {
    return oauth.explainTransactionToken(this.engine, headers, options);
  }

  /**
   * How a token is bound, by its verified claims and the key that was proved (draft-richer-oauth-tmb-claim-01).
   *
   * @throws {PortcullisError} `binding.*`, `cnf.*`: it is bound otherwise than the policy accepts.
   */
  evaluateBinding(claims: object, options: oauth.EvaluateBindingOptions): Promise<oauth.KeyBinding> {
    return oauth.evaluateBinding(this.engine, claims, options);
  }

  /** The same, with each check told. For people. */
  explainBinding(claims: object, options: oauth.EvaluateBindingOptions): Promise<Explained<oauth.KeyBinding>> {
    return oauth.explainBinding(this.engine, claims, options);
  }
}

export type {
  App2AppDecision,
  App2AppEvent,
  App2AppFlow,
  App2AppPrompt,
  EvaluateBindingOptions,
  InstalledApp,
  KeyBinding,
  Lifetimes,
  LifetimesOptions,
  VerifiedTransactionToken,
  VerifyTransactionTokenOptions,
} from './api/oauth.js';

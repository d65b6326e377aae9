import type { PolicyProblem } from './api/types.js';

/** What an error has beside its code. */
export interface ErrorData {
  /** Everything that is wrong with a policy. */
  readonly problems?: readonly PolicyProblem[];
  /** The HTTP status to answer with. */
  readonly status?: number;
  /** The value of `WWW-Authenticate` to answer with. */
  readonly challenge?: string;
  /** OAuth's error code to answer with. */
  readonly oauthError?: string;
  /** Header fields to answer with. */
  readonly headers?: readonly (readonly [string, string])[];
}

/**
 * The one class of errors of this package. Programs decide by `code`; `detail` is for people and may change.
 *
 * Codes that begin with `host.` say that nobody knows: the instance failed, ran out of time or was cancelled ({@link HostCode}).
 * They are never a refusal of a credential, and never an approval. `docs/codes.md` has every other code.
 */
export class PortcullisError extends Error {
  /** Stable name of what failed: `area.reason`, for example `token.expired`. */
  readonly code: string;
  /** What was found, for people. Holds nothing secret. */
  readonly detail: string;
  /** Everything that is wrong with a policy, in the order of its text; of a policy that is refused. */
  readonly problems: readonly PolicyProblem[] | undefined;
  /** The HTTP status that a server answers with; of rights that fall short, and of clients that are refused. */
  readonly status: number | undefined;
  /** The value of `WWW-Authenticate` that a server answers with; of rights that fall short. */
  readonly challenge: string | undefined;
  /** OAuth's error code that a server answers with, for example `invalid_client`; of clients that are refused. */
  readonly oauthError: string | undefined;
  /** Header fields that a server answers with; of clients that are refused. */
  readonly headers: readonly (readonly [string, string])[] | undefined;

  constructor(code: string, detail: string, data: ErrorData = {}) {
    super(`${code}: ${detail}`);
    this.name = 'PortcullisError';
    this.code = code;
    this.detail = detail;
    this.problems = data.problems;
    this.status = data.status;
    this.challenge = data.challenge;
    this.oauthError = data.oauthError;
    this.headers = data.headers;
  }
}

/** The codes that are this package's own. */
export type HostCode =
  /** The component, or the worker that it runs in, could not be loaded. */
  | 'host.load_failed'
  /** The component failed in a way that is no answer. Its instance was replaced. */
  | 'host.trapped'
  /** The call ran longer than its deadline. The instance was replaced. */
  | 'host.deadline_exceeded'
  /** The caller gave up (`signal`). */
  | 'host.cancelled'
  /** The instance in which a check began is gone. */
  | 'host.evaluation_lost'
  /** What was accepted before was refused by the instance that replaced another. */
  | 'host.state_not_recreated'
  /** As many calls wait as may. */
  | 'host.too_many_calls'
  /** It was closed. */
  | 'host.closed'
  /** A token is for another origin than a request goes to. Nothing was sent. */
  | 'host.other_origin'
  /** An answer to a request with a token leads elsewhere, and was not followed. */
  | 'host.redirected'
  /** A request that was refused cannot be sent again: its body was a stream, and is gone. */
  | 'host.body_gone';

/** An error of this package's own. */
export function hostError(code: HostCode, detail: string, data: ErrorData = {}): PortcullisError {
  return new PortcullisError(code, detail, data);
}

/** The tokens that an app has for one origin. */

import { defined } from './common.js';

/** Most tokens that are kept: one a sign-in and one a kind of details, and some more. The oldest goes first. */
const MAX_KEPT = 32;

/** `b64token` (RFC 6750 section 2.1). Anything else would be told whole by the error of a header. */
const TOKEN = /^[\w.~+/-]+=*$/;

const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost'];

/** A token, with what its app knows of it. What nobody told counts as not granted when another challenge is answered from memory. */
export interface AccessToken {
  /** The token. */
  readonly accessToken: string;
  /** `token_type` of the answer that it came in; `Bearer` where nothing is said. */
  readonly tokenType?: 'Bearer' | 'DPoP';
  /** When it ends, in seconds since 1970. */
  readonly expiresAt?: number;
  /** `scope` of the answer that it came in, or what was asked for where it has none. */
  readonly scope?: string;
  /** `authorization_details` of the answer that it came in. */
  readonly authorizationDetails?: readonly object[];
  /** Claims that are known of it: `acr` and `auth_time`, as the ID token of the same answer has them. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A token that is held. */
export interface HeldToken {
  readonly id: number;
  readonly token: AccessToken;
  readonly references: readonly string[];
}

/**
 * The tokens of one user for one origin, in memory and nowhere else. They are sent to that origin alone. Make another one for another
 * origin, and for whoever signs in next.
 */
export class AccessTokens {
  /** The origin, as `https://api.example`. */
  readonly origin: string;
  /** The newest first. */
  #held: HeldToken[] = [];
  #last = 0;
  /** @internal What the server gave for the next proof. */
  nonce: string | undefined;
  /** @internal */
  attestationChallenge: string | undefined;

  /** `origin` is that of the resource server: `https`, or this machine. */
  constructor(origin: string | URL) {
    const url = new URL(origin);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.includes(url.hostname))) {
      throw new TypeError('tokens are for an https origin, or for one of this machine');
    }
    this.origin = url.origin;
  }

  /** Keeps a token, to be tried before the ones that are there. One that is there already is described anew. */
  add(token: AccessToken): void {
    this.keep(token, []);
  }

  /** Lets go of a token. */
  remove(accessToken: string): void {
    this.#held = this.#held.filter(({ token }) => token.accessToken !== accessToken);
  }

  /** Lets go of all, as when the user signs out. */
  clear(): void {
    this.#held = [];
    this.nonce = undefined;
    this.attestationChallenge = undefined;
  }

  /** The tokens, the newest first. */
  list(): readonly AccessToken[] {
    return this.#held.map(({ token }) => token);
  }

  /** @internal A token with a number, which is kept nowhere. */
  numbered(token: AccessToken, references: readonly string[]): HeldToken {
    if (!TOKEN.test(token.accessToken)) throw new TypeError('an access token is a text of the characters of RFC 6750 section 2.1');
    this.#last += 1;
    return { id: this.#last, token, references };
  }

  /** @internal */
  keep(token: AccessToken, references: readonly string[]): HeldToken {
    const known = this.#held.filter((held) => held.token.accessToken === token.accessToken);
    const held = this.numbered(token, [...known.flatMap((one) => one.references), ...references]);
    this.remove(token.accessToken);
    this.#held = [held, ...this.#held].slice(0, MAX_KEPT);
    return held;
  }

  /** @internal */
  held(): readonly HeldToken[] {
    return this.#held;
  }
}

/** A token as the component reads it: what is known of it, and not the token. */
export function described({ id, token, references }: HeldToken): Record<string, unknown> {
  const { tokenType, expiresAt, scope, authorizationDetails, claims } = token;
  const granted = defined({ scope, authorization_details: authorizationDetails, claims });
  return { id, granted, references, ...defined({ scheme: tokenType, expires_at: expiresAt && Math.floor(expiresAt) }) };
}

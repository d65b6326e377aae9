/** Requests with a token, and what is done when they are refused. The rule is the component's (`scope.retry`). */

import type { Engine } from '../engine/engine.js';
import { hostError, PortcullisError } from '../errors.js';
import { chunks, readAtMost } from '../platform/bytes.js';
import { within } from '../platform/within.js';
import { described, type AccessToken, type AccessTokens, type HeldToken } from './access-tokens.js';
import { refusal, wanted, type Wanted } from './challenges.js';
import { ask } from './common.js';
import type { CallOptions } from './types.js';

/** The most that is read of a refusal's body, in bytes, as the component does; and for how long, in milliseconds. */
const MAX_BODY = 64 * 1024;
const BODY_WITHIN = 5_000;

/** What a proof of possession is made for. */
export interface ProofRequest {
  readonly method: string;
  /** The URL without query and fragment, as `htu` has it (RFC 9449 section 4.2). */
  readonly url: string;
  /** The token that it goes with. */
  readonly accessToken: string | undefined;
  /** The nonce that the server gave last. */
  readonly nonce: string | undefined;
  /** The challenge for attestations that the server gave last. */
  readonly attestationChallenge: string | undefined;
}

/** For what a token is wanted. */
export interface ObtainContext {
  readonly method: string;
  readonly url: string;
  /** The token that was refused last. A new one should have what it had, and what is wanted. */
  readonly presented: AccessToken | undefined;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal | undefined;
}

/** How a request is sent, and what is done when it is refused. It is given up by its own `signal`, as `fetch` has it. */
export interface StepUpOptions extends Omit<CallOptions, 'signal'> {
  /** The tokens of the origin to which it goes. A new one is kept there, unless the server means it to be used once. */
  readonly tokens: AccessTokens;
  /**
   * Gets a token that has all that is wanted: asks the user for another sign-in or for consent, or exchanges a refresh token. Called
   * once a request at most. Where it answers nothing, the refusal is the answer; what it throws is thrown.
   */
  readonly obtain: (wanted: Wanted, context: ObtainContext) => Promise<AccessToken | undefined> | AccessToken | undefined;
  /** Makes the header fields of a proof: `DPoP`, or those of an attestation. Needed where tokens are bound to a key. */
  readonly prove?: (proof: ProofRequest, signal: AbortSignal | undefined) => Promise<HeadersInit> | HeadersInit;
  /** What sends, in place of `fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

interface Attempt {
  readonly sent: 'first' | 'proved' | 'cached' | 'fresh';
  readonly token?: number;
  readonly status: number;
}

interface Step {
  readonly do: 'send' | 'prove' | 'cached' | 'obtain' | 'stop';
  readonly token?: number;
  readonly wanted?: Record<string, unknown>;
}

/** {@link Portcullis.fetchWithStepUp} */
export async function fetchWithStepUp(
  engine: Engine,
  input: string | URL | Request,
  init: RequestInit | undefined,
  options: StepUpOptions,
): Promise<Response> {
  const asked = new Asked(input, init, options.tokens.origin);
  const { signal } = asked;
  try {
    return await run(engine, asked, signal, options);
  } catch (thrown) {
    // As `fetch` has it, whatever was under way.
    if (signal?.aborted) throw signal.reason;
    throw thrown;
  }
}

async function run(engine: Engine, asked: Asked, signal: AbortSignal | undefined, options: StepUpOptions): Promise<Response> {
  const { tokens, at, deadline } = options;
  const call = { ...(at !== undefined && { at }), ...(deadline !== undefined && { deadline }), ...(signal && { signal }) };
  const attempts: Attempt[] = [];
  // Tokens of this request that are to be used once, and the last one that was sent, even if nobody keeps it any more.
  let own: HeldToken[] = [];
  let answer: Response | undefined;
  let presented: HeldToken | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const held = [...tokens.held(), ...own.filter(({ id }) => !tokens.held().some((kept) => kept.id === id))];
    const step = await ask(engine, { op: 'scope.retry', attempts, tokens: held.map(described) }, call, (told) => told as unknown as Step);
    if (step.do === 'stop' || (step.do === 'prove' && !options.prove)) return last(answer);
    if (answer) asked.again(answer);
    if (step.do === 'obtain') {
      const what = wanted(step.wanted ?? {});
      const context = { method: asked.method, url: asked.url, presented: presented?.token, signal };
      const fresh = await unlessAborted(async () => options.obtain(what, context), signal);
      if (!fresh) return last(answer);
      presented = kept(tokens, fresh, what);
    } else {
      presented = held.find(({ id }) => id === step.token);
    }
    own = presented ? [...own, presented] : own;
    // Nobody reads it any more, and its connection is free.
    void answer?.body?.cancel().catch(() => {});
    answer = await asked.send(presented?.token, options, signal);
    if (answer.status !== 401 && answer.status !== 403) return answer;
    const body = await told(answer, signal);
    const sent = ({ send: 'first', prove: 'proved', cached: 'cached', obtain: 'fresh' } as const)[step.do];
    attempts.push({ sent, ...(presented && { token: presented.id }), ...(refusal(answer, body) as { status: number }) });
  }
}

/** Keeps a new token, unless it is to be used once: details without a reference (draft-ietf-oauth-rar-metadata-remediation-00). */
function kept(tokens: AccessTokens, fresh: AccessToken, { authorizationDetails, authorizationReference }: Wanted): HeldToken {
  if (authorizationDetails && authorizationReference === undefined) return tokens.numbered(fresh, []);
  return tokens.keep(fresh, authorizationReference === undefined ? [] : [authorizationReference]);
}

function last(answer: Response | undefined): Response {
  if (answer) return answer;
  throw new PortcullisError('request.malformed', 'a request that was never sent is not stopped');
}

/** A request that can be sent more than once, if its body can. */
class Asked {
  readonly method: string;
  readonly url: string;
  readonly signal: AbortSignal | undefined;
  readonly #input: string | URL | Request;
  readonly #init: RequestInit | undefined;
  readonly #follows: boolean;
  readonly #once: boolean;

  constructor(input: string | URL | Request, init: RequestInit | undefined, origin: string) {
    // A request of its own would take the body along.
    const request = input instanceof Request ? input : new Request(input, { ...init, body: null });
    const headers = new Headers(init?.headers ?? request.headers);
    if (headers.has('authorization') || headers.has('dpop')) {
      throw new TypeError('the header fields of a request have a credential already');
    }
    this.url = request.url;
    if (new URL(this.url).origin !== origin) {
      throw hostError('host.other_origin', `the tokens are for ${origin}, and the request goes elsewhere`);
    }
    this.method = (init?.method ?? request.method).toUpperCase();
    this.signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    this.#input = input;
    this.#init = init;
    this.#follows = (init?.redirect ?? request.redirect) !== 'manual';
    this.#once = init?.body === undefined ? input instanceof Request && input.body !== null : isStream(init.body);
  }

  /** Refuses to be sent again where that cannot be. */
  again(answer: Response): void {
    if (!this.#once) return;
    const challenge = answer.headers.get('www-authenticate');
    throw hostError('host.body_gone', 'the request was refused, and its body was a stream that cannot be sent again', {
      status: answer.status,
      ...(challenge !== null && { challenge }),
    });
  }

  /** Sends it with a token. Where the answer leads to, a token is nobody's to bring. */
  async send(token: AccessToken | undefined, options: StepUpOptions, signal: AbortSignal | undefined): Promise<Response> {
    const { tokens, prove, fetch: send = fetch } = options;
    const { nonce, attestationChallenge } = tokens;
    const scheme = token?.tokenType ?? 'Bearer';
    if (scheme === 'DPoP' && !prove) throw new TypeError('a token that is bound to a key needs `prove`');
    const headers = new Headers(this.#init?.headers ?? (this.#input instanceof Request ? this.#input.headers : undefined));
    if (prove) {
      const { origin, pathname } = new URL(this.url);
      const proof = { method: this.method, url: origin + pathname, accessToken: token?.accessToken, nonce, attestationChallenge };
      const proven = new Headers(await unlessAborted(async () => prove(proof, signal), signal));
      proven.forEach((value, name) => headers.set(name, value));
    }
    if (token) headers.set('authorization', `${scheme} ${token.accessToken}`);
    const init = { ...this.#init, headers, redirect: 'manual', ...(signal && { signal }) } as const;
    const answer = await send(new Request(this.#input, init));
    tokens.nonce = answer.headers.get('dpop-nonce') ?? tokens.nonce;
    tokens.attestationChallenge = answer.headers.get('oauth-client-attestation-challenge') ?? tokens.attestationChallenge;
    const leads = answer.type === 'opaqueredirect' || (answer.headers.has('location') && answer.status >= 300 && answer.status < 400);
    if (leads && this.#follows) {
      void answer.body?.cancel().catch(() => {});
      throw hostError('host.redirected', 'the answer leads elsewhere, and a token goes nowhere but where it was asked to go');
    }
    return answer;
  }
}

/** Whether a body is gone once it was sent. Everything else that `fetch` takes is read anew each time. */
function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && (body instanceof ReadableStream || Symbol.asyncIterator in body);
}

/** The text of a refusal's body, where it is short JSON; the answer keeps its own. */
async function told(answer: Response, signal: AbortSignal | undefined): Promise<string | undefined> {
  if (!answer.body || !/\bjson\b/i.test(answer.headers.get('content-type') ?? '')) return undefined;
  const body = answer.clone().body as ReadableStream<Uint8Array>;
  const ending = signal ?? new AbortController().signal;
  try {
    const bytes = await within(BODY_WITHIN, ending, (late) => unlessAborted(() => readAtMost(chunks(body), MAX_BODY), late));
    return new TextDecoder().decode(bytes);
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** Waits for some work, until somebody gives up. */
async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work();
  signal.throwIfAborted();
  let abandon = (): void => {};
  const given = new Promise<never>((_, reject) => {
    abandon = () => reject(signal.reason);
    signal.addEventListener('abort', abandon, { once: true });
  });
  const working = work();
  // It may still fail when nobody waits for it.
  working.catch(() => {});
  try {
    return await Promise.race([working, given]);
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}

/** Younger pieces of OAuth: lifetimes of tokens and consent, the way between apps, transaction tokens, deferred key binding. */

import type { Engine } from '../engine/engine.js';
import type { Request } from '../worker/protocol.js';
import { ask, camel, defined, explain, seconds } from './common.js';
import { type HttpResponse, message, pairs } from './messages.js';
import type { Algorithm, CallOptions, Explained, HeaderFields, JwkSet, Rejection } from './types.js';

/** What else is known of an answer about lifetimes. */
export interface LifetimesOptions extends CallOptions {
  /** When the answer came or, better, when the request was sent: a date, or seconds since 1970. */
  readonly receivedAt: Date | number;
  /** Whose answer it is: the token endpoint's, or the introspection endpoint's about a refresh token. `token` where nothing is said. */
  readonly of?: 'token' | 'introspection';
  /** Whether a refresh token was presented for it, which stays good where the answer has no new one. */
  readonly refreshed?: boolean;
  /** How long ahead of an end something is to be done, in seconds: 30, 86,400 and 259,200 where nothing is said. */
  readonly ahead?: { readonly refresh?: number; readonly rotate?: number; readonly warn?: number };
  /** The metadata of the authorization server (RFC 8414). */
  readonly metadata?: object;
}

/** What ends when, and what to do. Times are seconds since 1970; one that is not there was not told, or does not come. */
export interface Lifetimes {
  /** When the access token ends. */
  readonly accessExpires?: number;
  /** When the refresh token ends if it is not exchanged before. */
  readonly refreshExpires?: number;
  /** When the user's authorization ends. */
  readonly authorizationExpires?: number;
  /**
   * What to do now: nothing; exchange the refresh token when an access token is needed; exchange it now, or it is lost; or begin a
   * new authorization request.
   */
  readonly next: 'none' | 'refresh' | 'rotate' | 'ask';
  /** From when on `refresh` is what to do. */
  readonly refreshAt?: number;
  /** From when on `rotate` is what to do. */
  readonly rotateAt?: number;
  /** When nothing works any more without the user, if the client does what `next` says until then. */
  readonly askAt?: number;
  /** From when on the user should be told of it. */
  readonly warnAt?: number;
  /** Whether that has come. */
  readonly warn: boolean;
  /** What has no fixed end by the server's own word. Only with `metadata` that declares it. */
  readonly indefinite?: readonly ('refresh_token' | 'authorization')[];
}

/** An app on the device. */
export interface InstalledApp {
  /** Its identifier: a package name, or a team and bundle identifier. */
  readonly id: string;
  /** The https URLs it claims, without a query. */
  readonly links: readonly string[];
}

/** What is remembered of a flow between apps. You write the first; each decision has the next, to be handed in as it came. */
export interface App2AppFlow {
  /** The URLs that were called. The first is your request to the server's native authorization endpoint. */
  readonly visited: readonly string[];
  /** Your own redirect URI, an https deep link of your app. */
  readonly redirectUri: string;
  /** The S256 challenge of your request. */
  readonly codeChallenge: string;
  /** Where the app calls back; the redirect URI where nothing is said. */
  readonly nativeCallbackUri?: string;
  /** The `state` of your request. */
  readonly state?: string;
  /** The identifier of the server that was asked first. */
  readonly issuer?: string;
  /** The apps on the device, where that is known. */
  readonly apps?: readonly InstalledApp[];
  /** The DNS names that may be called; that of the first URL where nothing is said. */
  readonly allowed?: readonly string[];
  /** Whether that list never grows. */
  readonly closed?: boolean;
  /** A new, ordinary authorization request for the browser. */
  readonly fallback?: string;
  /** Kept for you. */
  readonly phase?: 'request' | 'app' | 'response';
  /** Kept for you. */
  readonly waitingFor?: string;
  /** Kept for you: secrets between the flow and one origin each. */
  readonly cookies?: readonly {
    readonly origin: string;
    readonly path: string;
    readonly name: string;
    readonly value: string;
  }[];
}

/** What came of the last step: a server's answer, or a call of your app by another. */
export type App2AppEvent =
  | { readonly response: HttpResponse }
  | { readonly callback: string; readonly sender?: string };

/** What a server asks the user. Its texts and logos are the server's: show them as text. */
export interface App2AppPrompt {
  /** The interaction identifier, which goes back with the answer. */
  readonly id?: string;
  /** The server's logo: a URL or an image in base64. */
  readonly logo?: string;
  /** What is to be chosen: one value each. */
  readonly options: readonly {
    readonly name: string;
    readonly title?: string;
    readonly description?: string;
    readonly values: readonly { readonly value: string; readonly name: string; readonly logo?: string }[];
  }[];
  /** What is to be entered. */
  readonly inputs: readonly {
    readonly name: string;
    readonly title?: string;
    readonly hint?: string;
    readonly description?: string;
  }[];
}

/** What to do, and the flow after that. Where there is no flow, it is over. */
export type App2AppDecision =
  /** GET the URL with the cookie, no redirects followed, and only at a public address. */
  | { readonly action: 'follow'; readonly url: string; readonly cookie?: string; readonly flow: App2AppFlow }
  /** Open the URL, only in an app that claims it. */
  | { readonly action: 'app'; readonly url: string; readonly app?: string; readonly flow: App2AppFlow }
  /** Show the prompt, and send what was entered to the URL. */
  | {
      readonly action: 'prompt';
      readonly url: string;
      readonly method: 'GET' | 'POST';
      readonly prompt: App2AppPrompt;
      readonly cookie?: string;
      readonly flow: App2AppFlow;
    }
  /** Begin anew in the browser, with the URL if the flow has a fallback. */
  | { readonly action: 'browser'; readonly url?: string; readonly error?: string; readonly reason: Rejection }
  /** Complete: the URL is your redirect URI with the answer. Else the flow is over, by the reason. */
  | {
      readonly action: 'stop';
      readonly complete: boolean;
      readonly url?: string;
      readonly error?: string;
      readonly reason?: Rejection;
    };

/** Whose word counts for a Transaction Token, and what is expected of it. */
export interface VerifyTransactionTokenOptions extends CallOptions {
  /** The keys of the trust domain's Transaction Token Service. */
  readonly keys: JwkSet;
  /** The trust domain, which `aud` has to be. */
  readonly trustDomain: string;
  /** What `iss` has to be; not looked at where nothing is said. */
  readonly issuer?: string;
  /** Acceptable algorithms; every asymmetric one where nothing is said. A MAC is never accepted. */
  readonly algorithms?: readonly Algorithm[];
  /** The longest time from `iat` to `exp`, in seconds. */
  readonly lifetime?: number;
  /** How far the clocks may differ, in seconds; 0 where nothing is said. */
  readonly leeway?: number;
  /** The `txn` of tokens that were used before, where each may be used once. */
  readonly seen?: readonly string[];
}

/** A Transaction Token that holds. It says what its transaction may do, and nothing of who sent it. */
export interface VerifiedTransactionToken {
  /** Its claims. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** How a token was presented, and what of it is accepted. */
export interface EvaluateBindingOptions extends CallOptions {
  /** The key that was proved: the RFC 7638 thumbprint of a DPoP key, or the SHA-256 of a certificate, in base64url. */
  readonly proved?: string;
  /** What an operator lets be (`docs/key-binding.md`). */
  readonly policy: object;
  /** Whether the token is being issued or used. `issuance` where nothing is said. */
  readonly moment?: 'issuance' | 'use';
}

/** To a key that was proved when the token was issued, to one that the requester named, or to none. */
export type KeyBinding = 'proved' | 'deferred' | 'none';

/** Names as the door writes them, in a flow: the component made its names, and none of its members is open. */
function snake(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== 'object' || value === null) return value;
  const name = (text: string): string => text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [name(key), snake(item)]));
}

function lifetimes(response: object, { receivedAt, of, refreshed, ahead, metadata }: LifetimesOptions): Request {
  const known = defined({ of, refreshed, ahead, metadata });
  return { op: 'lifetimes.read', response, received_at: seconds(receivedAt), ...known };
}

function step(flow: App2AppFlow, event: App2AppEvent): Request {
  const came = 'response' in event ? message(event) : defined({ callback: event.callback, sender: event.sender });
  return { op: 'app2app.step', flow: snake(flow), ...came };
}

function transaction(headers: HeaderFields, options: VerifyTransactionTokenOptions): Request {
  const { keys, trustDomain, issuer, algorithms, lifetime, leeway, seen } = options;
  const expect = defined({ issuer, algorithms, lifetime, leeway, seen });
  return { op: 'txn.verify', headers: pairs(headers) ?? [], keys, trust_domain: trustDomain, ...expect };
}

function binding(claims: object, { proved, policy, moment }: EvaluateBindingOptions): Request {
  return { op: 'binding.evaluate', claims, proved: proved ?? null, policy, ...defined({ moment }) };
}

const verified = (result: Record<string, unknown>): VerifiedTransactionToken => ({
  claims: result['claims'] as Record<string, unknown>,
});

const bound = (result: Record<string, unknown>): KeyBinding => result['binding'] as KeyBinding;

/** {@link Portcullis.readLifetimes} */
export function readLifetimes(engine: Engine, response: object, options: LifetimesOptions): Promise<Lifetimes> {
  return ask(engine, lifetimes(response, options), options, (result) => camel<Lifetimes>(result));
}

/** {@link Portcullis.explainLifetimes} */
export function explainLifetimes(
  engine: Engine,
  response: object,
  options: LifetimesOptions,
): Promise<Explained<Lifetimes>> {
  return explain(engine, lifetimes(response, options), options, (result) => camel<Lifetimes>(result));
}

/** {@link Portcullis.stepApp2App} */
export function stepApp2App(
  engine: Engine,
  flow: App2AppFlow,
  event: App2AppEvent,
  options: CallOptions,
): Promise<App2AppDecision> {
  return ask(engine, step(flow, event), options, (result) => camel<App2AppDecision>(result));
}

/** {@link Portcullis.explainApp2App} */
export function explainApp2App(
  engine: Engine,
  flow: App2AppFlow,
  event: App2AppEvent,
  options: CallOptions,
): Promise<Explained<App2AppDecision>> {
  return explain(engine, step(flow, event), options, (result) => camel<App2AppDecision>(result));
}

/** {@link Portcullis.verifyTransactionToken} */
export function verifyTransactionToken(
  engine: Engine,
  headers: HeaderFields,
  options: VerifyTransactionTokenOptions,
): Promise<VerifiedTransactionToken> {
  return ask(engine, transaction(headers, options), options, verified);
}

/** {@link Portcullis.explainTransactionToken} */
export function explainTransactionToken(
  engine: Engine,
  headers: HeaderFields,
  options: VerifyTransactionTokenOptions,
): Promise<Explained<VerifiedTransactionToken>> {
  return explain(engine, transaction(headers, options), options, verified);
}

/** {@link Portcullis.evaluateBinding} */
export function evaluateBinding(engine: Engine, claims: object, options: EvaluateBindingOptions): Promise<KeyBinding> {
  return ask(engine, binding(claims, options), options, bound);
}

/** {@link Portcullis.explainBinding} */
export function explainBinding(
  engine: Engine,
  claims: object,
  options: EvaluateBindingOptions,
): Promise<Explained<KeyBinding>> {
  return explain(engine, binding(claims, options), options, bound);
}

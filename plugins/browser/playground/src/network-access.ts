/**
 * Whether this page may fetch. Only the entry of `network.html` puts something here, so that the other page holds no code that
 * fetches and no button that asks for it.
 */

import type { DocumentNeed } from 'portcullis';

/** What a page with network access can do. */
export interface NetworkAccess {
  /** Fetches a document. Rejects with a {@link FetchProblem} where it cannot be had. */
  get(url: string, accept?: string): Promise<Uint8Array>;
  /** Finds the keys of an issuer (RFC 8414, OpenID Connect Discovery). */
  discover(issuer: string): Promise<Uint8Array>;
  /** Fetches what a gate asks for, and tells it to `had`. */
  forGate(had: (url: string, body: Uint8Array) => void): (need: DocumentNeed, signal: AbortSignal) => Promise<Response>;
}

/** A fetch that failed. */
export class FetchProblem extends Error {}

let access: NetworkAccess | undefined;

/** Lets this page fetch. */
export function allowNetwork(given: NetworkAccess): void {
  access = given;
}

/** What this page can fetch with; `undefined` where it may not. */
export function networkAccess(): NetworkAccess | undefined {
  return access;
}

/** Where the package runs: what a page and Node do each in their own way. */

import type { Asked, Told } from '../worker/protocol.js';

/** A worker. */
export interface Port {
  post(asked: Asked): void;
  /** Ends it at once, whatever it does. */
  terminate(): void;
  /** Whether it keeps the process alive; of no meaning in a page. */
  busy(busy: boolean): void;
}

/** What a worker tells, and that it failed as a whole. */
export interface Listener {
  told(told: Told): void;
  failed(why: string): void;
}

/** A document that a gate needs, in the gate's own words. */
export interface DocumentNeed {
  readonly url: string;
  readonly class: 'policy' | 'credential' | 'peer';
  readonly kind: 'metadata' | 'keys' | 'bundle' | 'status-list';
  readonly accept: string;
  /** The most to read of it, in bytes. */
  readonly most: number;
}

/** What came of a fetch, in the gate's own words. */
export interface Fetched {
  readonly url: string;
  readonly fetched_at: number;
  readonly status?: number;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body_b64?: string;
  /** Why there is none. */
  readonly failed?: string;
}

/** Asks the gate whether a redirect may be followed; rejects where it may not. */
export type AdmitRedirect = (hops: number, location: string) => Promise<void>;

/** Fetches one document, within its bounds. What could not be had is told as `failed`, never thrown. */
export type FetchDocument = (need: DocumentNeed, admit: AdmitRedirect, signal: AbortSignal) => Promise<Fetched>;

/** Where the package runs. */
export interface Platform {
  /** Starts a worker. */
  start(listener: Listener): Port;
  readonly fetchDocument: FetchDocument;
}

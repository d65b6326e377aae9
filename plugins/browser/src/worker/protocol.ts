/** What a page and its worker say to each other. */

/** Members of a request of `docs/batch.md`, without `id`. */
export interface Request {
  readonly op: string;
  readonly [member: string]: unknown;
}

/** In place of the number of something that the worker holds. */
export interface Reference {
  readonly $handle: number;
}

/** What the component answers. */
export type Answer =
  | { readonly ok: true; readonly result: Record<string, unknown>; readonly findings?: unknown[] }
  | { readonly ok: false; readonly error: ErrorAnswer; readonly findings?: unknown[] };

/** Why not: `code`, `detail`, and what an operation has beside them. */
export interface ErrorAnswer {
  readonly code: string;
  readonly detail: string;
  readonly [beside: string]: unknown;
}

/** Something that has to be there before a call. */
export interface Made {
  /** The page's number for it. */
  readonly handle: number;
  /** The request that makes it, and the member of its result that has the instance's own number. */
  readonly make: Request;
  readonly member: string;
  /** What it is told then. */
  readonly then: readonly Request[];
}

/** From the page. */
export type Asked =
  | { readonly kind: 'load'; readonly module: WebAssembly.Module | undefined }
  | { readonly kind: 'call'; readonly id: number; readonly made: readonly Made[]; readonly request: Request | string }
  /** Lets go of something: the request is asked with its number, if it is there. */
  | { readonly kind: 'drop'; readonly handle: number; readonly request: Request };

/** From the worker. */
export type Told =
  | { readonly kind: 'loaded'; readonly module: WebAssembly.Module }
  | { readonly kind: 'not-loaded'; readonly why: string }
  | { readonly kind: 'answered'; readonly id: number; readonly answer: Answer }
  /** Something that had to be made first was refused. */
  | { readonly kind: 'not-made'; readonly id: number; readonly handle: number; readonly error: ErrorAnswer }
  /** The request cannot be written as JSON. The instance heard nothing of it. */
  | { readonly kind: 'malformed'; readonly id: number; readonly why: string }
  /** Anything else. The instance is not used again. */
  | { readonly kind: 'trapped'; readonly id: number; readonly why: string };

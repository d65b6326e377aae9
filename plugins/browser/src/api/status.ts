/** Status lists. */

import type { Engine } from '../engine/engine.js';
import { Handle } from '../engine/handle.js';
import { decode, encode } from '../platform/bytes.js';
import { ask, camel, explain, seconds } from './common.js';
import type { CallOptions, Explained, StatusAnswer, StatusEntry, StatusListOptions, ValueCount } from './types.js';

/** A list in JWT form is a text, one in CWT form bytes. */
function members(token: string | Uint8Array, { keys, uri }: StatusListOptions): Record<string, unknown> {
  return { ...(typeof token === 'string' ? { token } : { token_b64: encode(token) }), keys, uri };
}

/** {@link Portcullis.lookupStatus} */
export function lookupStatus(
  engine: Engine,
  token: string | Uint8Array,
  options: StatusListOptions & { readonly index: number },
): Promise<StatusAnswer> {
  const request = { op: 'status.lookup', ...members(token, options), index: options.index };
  return ask(engine, request, options, (result) => result as unknown as StatusAnswer);
}

/** {@link Portcullis.explainStatus} */
export function explainStatus(
  engine: Engine,
  token: string | Uint8Array,
  options: StatusListOptions & { readonly index: number },
): Promise<Explained<StatusAnswer>> {
  const request = { op: 'status.lookup', ...members(token, options), index: options.index };
  return explain(engine, request, options, (result) => result as unknown as StatusAnswer);
}

/** What a list says of itself. */
interface About {
  readonly bits: number;
  readonly length: number;
  readonly counts: readonly ValueCount[];
  readonly issuedAt: number;
  readonly expires?: number;
  readonly ttl?: number;
}

/** A status list that verified: opened once, asked often. */
export class StatusList implements About {
  /** How many bits an entry has: 1, 2, 4 or 8. */
  readonly bits: number;
  /** How many entries there are. Which of the last ones belong to no token only the issuer knows. */
  readonly length: number;
  /** How many entries have each value; values that no entry has are left out. */
  readonly counts: readonly ValueCount[];
  /** `iat`, in seconds since 1970. */
  readonly issuedAt: number;
  /** `exp`, in seconds since 1970, if the issuer says. */
  readonly expires?: number;
  /** For how many seconds after it was fetched the issuer means the list to be kept, if it says. */
  readonly ttl?: number;
  readonly #engine: Engine;
  readonly #handle: Handle;

  private constructor(engine: Engine, handle: Handle, about: About) {
    this.#engine = engine;
    this.#handle = handle;
    this.bits = about.bits;
    this.length = about.length;
    this.counts = about.counts;
    this.issuedAt = about.issuedAt;
    if (about.expires !== undefined) this.expires = about.expires;
    if (about.ttl !== undefined) this.ttl = about.ttl;
  }

  /** @internal */
  static async open(engine: Engine, token: string | Uint8Array, options: StatusListOptions): Promise<StatusList> {
    const at = seconds(options.at);
    const request = { op: 'status.open', ...members(token, options), at };
    // An instance that replaces another opens it for the time at which it was opened: each look-up has a time of its own.
    const handle = new Handle(engine, {
      make: () => request,
      member: 'list',
      drop: (reference) => ({ op: 'status.close', list: reference }),
    });
    const describe = { op: 'status.describe', list: handle.reference };
    const about = await ask(engine, describe, options, (result) => camel<About>(result), [handle]);
    return new StatusList(engine, handle, about);
  }

  /** The entry at an index, if the list may still be relied upon. */
  get(index: number, options: CallOptions = {}): Promise<StatusEntry> {
    const request = { op: 'status.get', list: this.#handle.reference, index };
    return ask(this.#engine, request, options, (result) => result as unknown as StatusEntry, [this.#handle]);
  }

  /** The values of `count` entries from `first` on, one byte each, at most a million at once: to draw a list. */
  values(first: number, count: number, options: CallOptions = {}): Promise<Uint8Array> {
    const request = { op: 'status.values', list: this.#handle.reference, first, count };
    return ask(this.#engine, request, options, (result) => decode(result['values'] as string), [this.#handle]);
  }

  /** Lets go of it. */
  close(): void {
    this.#handle.close();
  }
}

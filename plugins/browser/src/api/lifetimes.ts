/** What ends when, and what to do before it does. What it means is the component's to say (`lifetimes.read`). */

import type { Engine } from '../engine/engine.js';
import { PortcullisError } from '../errors.js';
import { defined } from './common.js';
import { type Lifetimes, type LifetimesOptions, readLifetimes } from './oauth.js';

/** The longest that nobody looks, in milliseconds. A timer stands still while a machine sleeps, and clocks are set. */
const MAX_NAP = 5 * 60_000;

/** When something that failed is tried again, in milliseconds: soon enough for an access token, and no burden on a server. */
const AGAIN = 30_000;

/** A time in whole seconds since 1970. */
function whole(time: Date | number): number {
  return Math.floor(time instanceof Date ? time.getTime() / 1000 : time);
}

/** What a watch does. Every function is called when it is time, and never twice for the same. */
export interface WatchOptions extends Omit<LifetimesOptions, 'at' | 'of'> {
  /** Tell the user that access ends at `askAt`: begin a new authorization when they say so. */
  readonly warn: (lifetimes: Lifetimes) => void;
  /** The warning is over: what was read anew lasts longer. */
  readonly renewed?: (lifetimes: Lifetimes) => void;
  /** Nothing works any more without the user. */
  readonly ask: (lifetimes: Lifetimes) => void;
  /**
   * Exchanges the refresh token, and answers what the token endpoint answered, `invalid_grant` as well; nothing where it was not
   * exchanged, for example because another tab does. Where it rejects, it is called again after half a minute.
   */
  readonly refresh?: (why: 'refresh' | 'rotate', lifetimes: Lifetimes) => Promise<object | undefined>;
  /** Something went wrong: what the server says of ends contradicts itself, or `refresh` rejected. Told once a cause. */
  readonly failed: (error: unknown) => void;
  /** The time, in milliseconds since 1970. `Date.now`, where nothing is said. */
  readonly now?: () => number;
}

/** A watch over the lifetimes of what a token endpoint answered. */
export class LifetimesWatch {
  readonly #engine: Engine;
  readonly #options: WatchOptions;
  #response: object;
  #receivedAt: number;
  #refreshed: boolean;
  #current: Lifetimes | undefined;
  /** What was done about this answer already. */
  #done = new Set<'refresh' | 'rotate' | 'ask'>();
  #failures = new Set<string>();
  #warned = false;
  #refreshing = false;
  #notBefore = 0;
  #looking: Promise<void> | undefined;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @internal */
  constructor(engine: Engine, response: object, options: WatchOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#response = response;
    this.#receivedAt = whole(options.receivedAt);
    this.#refreshed = options.refreshed ?? false;
    if (options.signal?.aborted) {
      this.#closed = true;
      return;
    }
    options.signal?.addEventListener('abort', this.#close, { once: true });
    if (typeof document !== 'undefined') document.addEventListener('visibilitychange', this.#wake);
    // Not everything that has timers has events.
    globalThis.addEventListener?.('pageshow', this.#wake);
    globalThis.addEventListener?.('online', this.#wake);
    void this.look();
  }

  /** What was read last; nothing before that, and where it could not be read. */
  get current(): Lifetimes | undefined {
    return this.#current;
  }

  /** Looks at the clock now, and does what it is time for. It does so by itself when it is time and when a page is seen again. */
  look(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#looking) {
      this.#again = true;
      return this.#looking;
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Goes on with another answer of the token endpoint. `receivedAt` as {@link LifetimesOptions} has it; now, where nothing is said. */
  update(response: object, options: { readonly receivedAt?: Date | number; readonly refreshed?: boolean } = {}): Promise<void> {
    this.#take(response, options.receivedAt ?? this.#now() / 1000, options.refreshed ?? false);
    return this.look();
  }

  /** Ends it. Nothing is called any more, and no timer is left. */
  close(): void {
    this.#close();
  }

  readonly #close = (): void => {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#close);
    if (typeof document !== 'undefined') document.removeEventListener('visibilitychange', this.#wake);
    globalThis.removeEventListener?.('pageshow', this.#wake);
    globalThis.removeEventListener?.('online', this.#wake);
  };

  readonly #wake = (): void => {
    if (typeof document === 'undefined' || document.visibilityState !== 'hidden') void this.look();
  };

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    do {
      this.#again = false;
      const response = this.#response;
      const read = await this.#read();
      if (this.#closed) return;
      if (response !== this.#response) this.#again = true;
      else if (read) this.#act(read);
    } while (this.#again && !this.#closed);
    if (!this.#closed) this.#sleep();
  }

  async #read(): Promise<Lifetimes | undefined> {
    const { deadline, ahead, metadata } = this.#options;
    const options = { ...defined({ deadline, ahead, metadata }), receivedAt: this.#receivedAt, refreshed: this.#refreshed };
    try {
      this.#current = await readLifetimes(this.#engine, this.#response, { ...options, at: this.#now() / 1000 });
    } catch (error) {
      this.#current = undefined;
      this.#fail(error, error instanceof PortcullisError ? error.code : 'host');
    }
    return this.#current;
  }

  #act(read: Lifetimes): void {
    const { warn, renewed, ask: askUser, refresh } = this.#options;
    const { next } = read;
    // Of what has ended nobody is warned any more.
    if (next !== 'ask' && read.warn !== this.#warned) {
      this.#warned = read.warn;
      this.#guarded(() => (read.warn ? warn(read) : renewed?.(read)));
    }
    if (next === 'none' || this.#done.has(next) || this.#closed) return;
    if (next === 'ask') {
      this.#done.add(next);
      this.#guarded(() => askUser(read));
      return;
    }
    // It may take as long as it takes: what is due meanwhile is done meanwhile.
    if (refresh && !this.#refreshing && this.#now() >= this.#notBefore) void this.#refresh(next, read, refresh);
  }

  async #refresh(next: 'refresh' | 'rotate', read: Lifetimes, refresh: NonNullable<WatchOptions['refresh']>): Promise<void> {
    const asked = this.#now();
    const response = this.#response;
    this.#refreshing = true;
    try {
      const answer = await refresh(next, read);
      // What the app told meanwhile is newer.
      if (response !== this.#response) return;
      if (answer) this.#take(answer, asked / 1000, true);
      else this.#done.add(next);
    } catch (error) {
      this.#notBefore = this.#now() + AGAIN;
      this.#fail(error, 'refresh');
    } finally {
      this.#refreshing = false;
      void this.look();
    }
  }

  /** Goes on with another answer. */
  #take(response: object, receivedAt: Date | number, refreshed: boolean): void {
    this.#response = response;
    this.#receivedAt = whole(receivedAt);
    this.#refreshed = refreshed;
    this.#done = new Set();
    this.#failures = new Set();
    this.#notBefore = 0;
  }

  /** Sleeps until something is due, and never for long. */
  #sleep(): void {
    const now = this.#now();
    const { refreshAt, rotateAt, warnAt, askAt } = this.#current ?? {};
    const due = [refreshAt, rotateAt, warnAt, askAt].flatMap((at) => (at !== undefined && at * 1000 > now ? [at * 1000] : []));
    if (this.#notBefore > now) due.push(this.#notBefore);
    this.#timer = setTimeout(() => void this.look(), Math.min(MAX_NAP, ...due.map((at) => at - now)));
    // In Node, that something will end is no reason for a process to stay.
    if (typeof this.#timer === 'object') this.#timer.unref();
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(error, 'callback');
    }
  }

  #fail(error: unknown, cause: string): void {
    if (this.#closed || this.#failures.has(cause)) return;
    this.#failures.add(cause);
    this.#options.failed(error);
  }
}

/** {@link Portcullis.watchLifetimes} */
export function watchLifetimes(engine: Engine, response: object, options: WatchOptions): LifetimesWatch {
  return new LifetimesWatch(engine, response, options);
}

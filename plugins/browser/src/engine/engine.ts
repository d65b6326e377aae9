/**
 * The page's side of a worker: calls go to it one after the other, each within its deadline. A worker that fails, runs too long or
 * is cancelled is ended and replaced; what the page holds is made again in the new one when it is next used.
 */

import { hostError, PortcullisError } from '../errors.js';
import type { FetchDocument, Listener, Platform, Port } from '../platform/platform.js';
import type { Answer, ErrorAnswer, Request, Told } from '../worker/protocol.js';
import type { Handle } from './handle.js';
import { refused } from './refused.js';

/** What a call that was accepted answers. */
export type Accepted = Extract<Answer, { ok: true }>;

/** How long a call may run where nothing else is said, in milliseconds. A hostile key set or list takes less than a second. */
export const DEFAULT_DEADLINE = 10_000;

/** How long a worker may take to load, in milliseconds: a slow connection, and a few hundred kilobytes. */
const LOAD_WITHIN = 60_000;

/** Most calls that wait at once. A page that asks for more does so by mistake. */
const MAX_WAITING = 1_024;

/** How a call is bounded. */
export interface Bounds {
  /** The longest it may run, in milliseconds, once its turn has come. 10 seconds where nothing is said. */
  readonly deadline?: number | undefined;
  /** To give up on it. */
  readonly signal?: AbortSignal | undefined;
}

interface Job {
  readonly id: number;
  readonly handles: readonly Handle[];
  readonly request: Request | string;
  /** The one instance that can answer, where another could not. */
  readonly generation: number | undefined;
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: PortcullisError) => void;
  abandon: () => void;
}

/** One worker at a time, and the calls that wait for it. */
export class Engine {
  readonly #platform: Platform;
  #port: Port | undefined;
  #ready = false;
  #module: WebAssembly.Module | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #generation = 0;
  #known = new Set<number>();
  #waiting: Job[] = [];
  #running: Job | undefined;
  #last = 0;
  #closed = false;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** How many instances there were before this one. */
  get generation(): number {
    return this.#generation;
  }

  /** How this platform fetches documents. */
  get fetchDocument(): FetchDocument {
    return this.#platform.fetchDocument;
  }

  /**
   * Asks the component, and answers what it says, whatever that is. `handles` are what the request refers to; a request that is a
   * text is sent as it is.
   */
  ask(request: Request | string, handles: readonly Handle[], bounds: Bounds, generation?: number): Promise<Answer> {
    const { signal, deadline = DEFAULT_DEADLINE } = bounds;
    if (!(deadline > 0)) throw new TypeError('a deadline is a positive number of milliseconds');
    if (this.#closed) return Promise.reject(closed());
    if (signal?.aborted) return Promise.reject(cancelled());
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(hostError('host.too_many_calls', `${MAX_WAITING} calls wait already`));
    }
    return new Promise<Answer>((resolve, reject) => {
      this.#last += 1;
      const abandon = (): void => this.#abandon(job);
      const job: Job = { id: this.#last, handles, request, generation, deadline, signal, resolve, reject, abandon };
      signal?.addEventListener('abort', abandon, { once: true });
      this.#waiting.push(job);
      this.#next();
    });
  }

  /** Asks the component, and rejects with its typed error where it refuses. */
  async call(request: Request, handles: readonly Handle[], bounds: Bounds, generation?: number): Promise<Accepted> {
    const answer = await this.ask(request, handles, bounds, generation);
    if (answer.ok) return answer;
    throw refused(answer.error);
  }

  /** Lets go of something that an instance holds. */
  forget(handle: number, request: Request): void {
    if (this.#known.delete(handle)) this.#port?.post({ kind: 'drop', handle, request });
  }

  /** Ends the worker; calls that wait are told so. */
  close(): void {
    this.#closed = true;
    const jobs = this.#running ? [this.#running, ...this.#waiting] : this.#waiting;
    this.#waiting = [];
    this.#end();
    for (const job of jobs) this.#settle(job, () => job.reject(closed()));
  }

  #next(): void {
    if (this.#running) return;
    if (this.#waiting.length === 0) {
      // Whoever waited for it to load may have given up since.
      this.#port?.busy(false);
      return;
    }
    if (!this.#port) this.#start();
    if (!this.#ready) return;
    const job = this.#waiting.shift() as Job;
    if (job.generation !== undefined && job.generation !== this.#generation) {
      this.#settle(job, () => job.reject(hostError('host.evaluation_lost', 'the instance in which it began is gone')));
      this.#next();
      return;
    }
    this.#running = job;
    this.#port?.busy(true);
    const made = job.handles.filter((handle) => !this.#known.has(handle.number)).map((handle) => handle.made());
    this.#timer = setTimeout(() => {
      this.#fail(hostError('host.deadline_exceeded', `the call was cut off after ${job.deadline} ms`));
    }, job.deadline);
    try {
      this.#port?.post({ kind: 'call', id: job.id, made, request: job.request });
    } catch (thrown) {
      // Something that cannot be sent, such as a function.
      this.#finish(job, () => job.reject(new PortcullisError('request.malformed', String(thrown))));
    }
  }

  #start(): void {
    const generation = this.#generation;
    const current = (act: () => void): void => {
      if (generation === this.#generation) act();
    };
    const listener: Listener = {
      told: (told) => current(() => this.#told(told)),
      failed: (why) =>
        current(() => {
          if (this.#ready) this.#fail(hostError('host.trapped', `the worker failed: ${why}`));
          else this.#failToLoad(why);
        }),
    };
    this.#timer = setTimeout(() => this.#failToLoad('it took too long'), LOAD_WITHIN);
    try {
      this.#port = this.#platform.start(listener);
      this.#port.busy(true);
      this.#port.post({ kind: 'load', module: this.#module });
    } catch (thrown) {
      this.#failToLoad(String(thrown));
    }
  }

  #told(told: Told): void {
    if (told.kind === 'loaded') {
      clearTimeout(this.#timer);
      this.#module = told.module;
      this.#ready = true;
      this.#next();
      return;
    }
    if (told.kind === 'not-loaded') {
      this.#failToLoad(told.why);
      return;
    }
    const job = this.#running;
    if (!job || job.id !== told.id) return;
    switch (told.kind) {
      case 'answered':
        this.#keep(job.handles);
        this.#finish(job, () => job.resolve(told.answer));
        break;
      case 'not-made':
        this.#notMade(job, told.handle, told.error);
        break;
      case 'malformed':
        this.#keep(job.handles);
        this.#finish(job, () => job.reject(new PortcullisError('request.malformed', told.why)));
        break;
      case 'trapped':
        this.#fail(hostError('host.trapped', `the component failed and was replaced: ${told.why}`));
        break;
    }
  }

  /** What was made for a job is there now. */
  #keep(handles: readonly Handle[]): void {
    for (const handle of handles) {
      this.#known.add(handle.number);
      handle.wasMade = true;
    }
  }

  #notMade(job: Job, number: number, error: ErrorAnswer): void {
    const at = job.handles.findIndex((handle) => handle.number === number);
    this.#keep(job.handles.slice(0, Math.max(at, 0)));
    const again = job.handles[at]?.wasMade === true;
    const why = `what was accepted before is refused now, with ${error.code}: ${error.detail}`;
    this.#finish(job, () => job.reject(again ? hostError('host.state_not_recreated', why) : refused(error)));
  }

  #finish(job: Job, settle: () => void): void {
    clearTimeout(this.#timer);
    this.#running = undefined;
    this.#settle(job, settle);
    this.#next();
  }

  #settle(job: Job, settle: () => void): void {
    job.signal?.removeEventListener('abort', job.abandon);
    settle();
  }

  /** The instance is of no use any more; who waits gets the next one. */
  #fail(error: PortcullisError): void {
    const job = this.#running;
    this.#end();
    if (job) this.#settle(job, () => job.reject(error));
    this.#next();
  }

  /** Nobody who waits can be served; who asks next tries again. */
  #failToLoad(why: string): void {
    const jobs = this.#waiting;
    this.#waiting = [];
    this.#end();
    const remedy =
      "serve the files of the package from the page's origin, with Content-Security-Policy " +
      "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
    const error = hostError('host.load_failed', `the component could not be loaded (${why}); ${remedy}`);
    for (const job of jobs) this.#settle(job, () => job.reject(error));
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#port?.terminate();
    this.#port = undefined;
    this.#ready = false;
    this.#running = undefined;
    this.#known = new Set();
    this.#generation += 1;
  }

  #abandon(job: Job): void {
    if (this.#running === job) {
      this.#fail(cancelled());
      return;
    }
    const at = this.#waiting.indexOf(job);
    if (at >= 0) this.#waiting.splice(at, 1);
    this.#settle(job, () => job.reject(cancelled()));
  }
}

function closed(): PortcullisError {
  return hostError('host.closed', 'this instance of Portcullis was closed');
}

function cancelled(): PortcullisError {
  return hostError('host.cancelled', 'the caller gave up on it');
}

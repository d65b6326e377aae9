/** The gate: one policy, and decisions about requests. */

import type { Engine } from '../engine/engine.js';
import { Handle } from '../engine/handle.js';
import { refused } from '../engine/refused.js';
import { hostError } from '../errors.js';
import { encode } from '../platform/bytes.js';
import type { DocumentNeed, Fetched } from '../platform/platform.js';
import { bounds, camel, defined, seconds } from './common.js';
import { written } from './messages.js';
import { Proofs } from './proofs.js';
import type {
  CallOptions,
  CheckOptions,
  ClientCertificate,
  Decision,
  Finding,
  GateOptions,
  GateRequest,
  Policy,
  Readiness,
} from './types.js';

/** How often it is asked which documents have to be fetched anew, in seconds. */
const LOOK_AHEAD = 5;

/** Documents that are kept for an instance that replaces another: those of the policy's own issuers, and some lists. */
const MAX_KEPT = 64;

/** What they may take, in characters of base64url. */
const MAX_KEPT_LENGTH = 64 * 1024 * 1024;

interface Need {
  readonly id: number;
  readonly document?: DocumentNeed;
  readonly remember?: { readonly key: string; readonly until: number };
}

interface Step {
  readonly decision?: Record<string, unknown>;
  readonly evaluation?: number;
  readonly needs?: readonly Need[];
}

/**
 * A policy that judges requests, with the documents that it needs. What it says is advice: a page can be changed by whoever has it,
 * and the server decides for itself.
 */
export class Gate {
  readonly #engine: Engine;
  readonly #handle: Handle;
  readonly #fetch: GateOptions['fetch'];
  readonly #documents = new Map<string, Fetched>();
  /** What was given before anything asked for it. */
  readonly #ahead = new Map<string, Fetched>();
  readonly #flights = new Map<string, Promise<void>>();
  readonly #proofs = new Proofs();
  readonly #closed = new AbortController();
  #lookedAhead = 0;

  /** @internal */
  constructor(engine: Engine, policy: Policy, options: GateOptions) {
    this.#engine = engine;
    this.#fetch = options.fetch;
    this.#handle = new Handle(engine, {
      make: () => ({ op: 'gate.load', policy, browser: true }),
      member: 'gate',
      then: (gate) => {
        const documents = [...this.#documents.values()];
        return documents.length === 0 ? [] : [{ op: 'gate.provide', gate, documents, at: seconds(undefined) }];
      },
      drop: (gate) => ({ op: 'gate.drop', gate }),
    });
  }

  /** @internal */
  static async load(engine: Engine, policy: Policy, options: GateOptions): Promise<Gate> {
    const gate = new Gate(engine, policy, options);
    // Asked for its own sake: a policy that is refused is refused here.
    await gate.#call('gate.ready', {}, options);
    return gate;
  }

  /** Fetches what it needs now, if it may fetch, and tells whether every issuer that a rule names has keys. */
  async ready(options: CallOptions = {}): Promise<Readiness> {
    await this.#lookAhead(options);
    const { result } = await this.#call('gate.ready', {}, options);
    return camel(result);
  }

  /**
   * What the policy says of a request. Rejects only where nobody knows ({@link PortcullisError} with a code `host.…`): a denial is
   * an answer.
   */
  async check(request: GateRequest, options: CheckOptions = {}): Promise<Decision> {
    return (await this.#judge(request, options, false)).decision;
  }

  /** The same, with every check that was made. */
  async explain(
    request: GateRequest,
    options: CheckOptions = {},
  ): Promise<{ readonly decision: Decision; readonly findings: readonly Finding[] }> {
    return this.#judge(request, options, true);
  }

  /**
   * Gives it a document in place of a fetch: what somebody pasted, or a file. `mediaType` is what a server would say of it. What is
   * not needed yet, such as a status list before a token names it, is kept until it is. Rejects with the reason where it cannot be
   * used; what was held before is still held.
   */
  async provide(
    url: string,
    body: string | Uint8Array,
    options: CallOptions & { readonly mediaType?: string } = {},
  ): Promise<void> {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const { mediaType } = options;
    const document: Fetched = {
      url,
      fetched_at: seconds(options.at),
      status: 200,
      headers: mediaType === undefined ? [] : [['content-type', mediaType]],
      body_b64: encode(bytes),
    };
    const finding = await this.#provide(document, options);
    if (finding?.code === 'document.unexpected') keep(this.#ahead, document);
    else if (finding) throw refused(finding);
  }

  /** Lets go of it. What is under way is given up. */
  close(): void {
    this.#closed.abort();
    this.#handle.close();
  }

  #call(op: string, members: Record<string, unknown>, options: CallOptions, generation?: number) {
    if (this.#closed.signal.aborted) throw hostError('host.closed', 'this gate was closed');
    const request = { op, gate: this.#handle.reference, ...members, at: seconds(options.at) };
    return this.#engine.call(request, [this.#handle], bounds(options), generation);
  }

  async #judge(
    request: GateRequest,
    options: CheckOptions,
    explain: boolean,
  ): Promise<{ decision: Decision; findings: readonly Finding[] }> {
    const explained = explain ? { explain } : {};
    const asked = {
      request: written(request),
      ...defined({ client_certificate: certificate(options.clientCertificate), nonces: options.nonces }),
      ...explained,
    };
    let answer = await this.#call('gate.start', asked, options);
    for (;;) {
      const { decision, evaluation, needs } = answer.result as Step;
      if (decision) {
        void this.#lookAhead(options).catch(() => {});
        return { decision: camel(decision), findings: (answer.findings ?? []) as Finding[] };
      }
      const generation = this.#engine.generation;
      const supplied = Promise.all((needs ?? []).map((need) => this.#supply(need, options)));
      const answers = await unlessAborted(supplied, options.signal);
      const again = { op: 'gate.answer', evaluation, answers, at: seconds(options.at), ...explained };
      answer = await this.#engine.call(again, [this.#handle], bounds(options), generation);
    }
  }

  async #supply({ id, document, remember }: Need, options: CallOptions): Promise<{ id: number; answer: string }> {
    if (document) {
      await this.#obtain(document, options);
      return { id, answer: 'done' };
    }
    if (remember) return { id, answer: this.#proofs.remember(remember.key, remember.until, seconds(options.at)) };
    return { id, answer: 'unavailable' };
  }

  /** Fetches what has to be fetched anew before it is too old. */
  async #lookAhead(options: CallOptions): Promise<void> {
    if (this.#fetch === false) return;
    const now = seconds(options.at);
    if (now < this.#lookedAhead + LOOK_AHEAD && now >= this.#lookedAhead) return;
    this.#lookedAhead = now;
    const { result } = await this.#call('gate.due', {}, options);
    await Promise.all((result['needs'] as DocumentNeed[]).map((need) => this.#obtain(need, options)));
  }

  /** One fetch for all who need it. */
  #obtain(need: DocumentNeed, options: CallOptions): Promise<void> {
    const known = this.#flights.get(need.url);
    if (known) return known;
    // It is nobody's own: who gives up on a check ends no fetch that another waits for.
    const shared = options.at === undefined ? {} : { at: options.at };
    const flight = this.#fetched(need, shared)
      .then(async (document) => void (await this.#provide(document, shared)))
      .finally(() => this.#flights.delete(need.url));
    this.#flights.set(need.url, flight);
    return flight;
  }

  async #fetched(need: DocumentNeed, options: CallOptions): Promise<Fetched> {
    const at = seconds(options.at);
    const failed = (why: string): Fetched => ({ url: need.url, fetched_at: at, failed: why });
    const { signal } = this.#closed;
    const given = this.#ahead.get(need.url);
    if (given) return given;
    if (this.#fetch === false) return failed('nothing is fetched here, and it was not provided');
    if (!this.#fetch) {
      const admit = async (hops: number, location: string): Promise<void> => {
        await this.#call('gate.admit_redirect', { need, hops, location }, options);
      };
      return { ...(await this.#engine.fetchDocument(need, admit, signal)), fetched_at: at };
    }
    try {
      const response = await this.#fetch(need, signal);
      const type = response.headers.get('content-type');
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (bytes.length > need.most) return failed(`it has more than ${need.most} bytes`);
      const headers: [string, string][] = type === null ? [] : [['content-type', type]];
      return { url: need.url, fetched_at: at, status: response.status, headers, body_b64: encode(bytes) };
    } catch (thrown) {
      return failed(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  /** Gives the gate a document, and tells why it cannot be used, if it cannot. */
  async #provide(document: Fetched, options: CallOptions): Promise<{ code: string; detail: string } | undefined> {
    const { result } = await this.#call('gate.provide', { documents: [document] }, options);
    const [finding] = result['findings'] as { code: string; detail: string }[];
    if (!finding && document.failed === undefined) keep(this.#documents, document);
    return finding;
  }
}

/** Keeps a document within bounds. The oldest goes first: it can be fetched again. */
function keep(documents: Map<string, Fetched>, document: Fetched): void {
  documents.delete(document.url);
  documents.set(document.url, document);
  const length = (): number => [...documents.values()].reduce((sum, kept) => sum + (kept.body_b64?.length ?? 0), 0);
  while (documents.size > MAX_KEPT || length() > MAX_KEPT_LENGTH) {
    const [oldest] = documents.keys();
    if (oldest === undefined) return;
    documents.delete(oldest);
  }
}

/** Waits for a promise, until somebody gives up. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abandon = (): void => reject(hostError('host.cancelled', 'the caller gave up on it'));
    if (signal.aborted) abandon();
    signal.addEventListener('abort', abandon, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abandon));
  });
}

function certificate(given: ClientCertificate | undefined): Record<string, unknown> | undefined {
  if (!given) return undefined;
  return 'chain' in given ? { chain: given.chain.map(encode) } : { digest: encode(given.digest) };
}

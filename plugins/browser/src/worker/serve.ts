/** The worker's side: one instance of a component, and calls on it, one after the other. */

import { decompress } from 'fzstd';

import type { Answer, Asked, Made, Reference, Request, Told } from './protocol.js';

/** `portcullis:gate/text`, as the generated module has it. */
interface Text {
  answer(request: Uint8Array, now: bigint): string;
}

/** What the generated module exports. */
export type Instantiate = (getCoreModule: (path: string) => WebAssembly.Module, imports: object) => { text: Text };

/** Node has no `fetch` for files, and gives this. */
declare global {
  // eslint-disable-next-line no-var
  var portcullisRead: ((url: string) => Promise<Uint8Array>) | undefined;
}

/** Compiles a core. It comes compressed, because few servers compress WebAssembly, and those that do do it with gzip. */
async function compile(url: URL): Promise<WebAssembly.Module> {
  return WebAssembly.compile(decompress(await read(url)) as Uint8Array<ArrayBuffer>);
}

async function read(url: URL): Promise<Uint8Array> {
  if (globalThis.portcullisRead) return globalThis.portcullisRead(url.href);
  const response = await fetch(url, { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`${url.pathname} is answered with ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

class Instance {
  readonly #text: Text;
  /** The instance's own numbers, by the page's. */
  readonly #handles = new Map<number, unknown>();

  constructor(text: Text) {
    this.#text = text;
  }

  /** Makes what is not there yet; the error of the first that is refused. */
  make(made: readonly Made[]): { handle: number; error: Extract<Answer, { ok: false }>['error'] } | undefined {
    for (const { handle, make, member, then } of made) {
      if (this.#handles.has(handle)) continue;
      const answer = this.ask(this.write(make));
      if (!answer.ok) return { handle, error: answer.error };
      this.#handles.set(handle, answer.result[member]);
      for (const request of then) this.ask(this.write(request));
    }
    return undefined;
  }

  drop(handle: number, request: Request): void {
    if (!this.#handles.has(handle)) return;
    this.ask(this.write(request));
    this.#handles.delete(handle);
  }

  /** A request as text, with the instance's own numbers in it. */
  write(request: Request): Uint8Array {
    const members = Object.entries(request).map(([name, value]) => [name, this.#number(value)]);
    return new TextEncoder().encode(JSON.stringify({ id: 0, ...Object.fromEntries(members) }));
  }

  ask(request: Uint8Array): Answer {
    return JSON.parse(this.#text.answer(request, BigInt(Math.floor(Date.now() / 1000)))) as Answer;
  }

  #number(value: unknown): unknown {
    const reference = value as Reference | null | undefined;
    return typeof reference?.$handle === 'number' ? this.#handles.get(reference.$handle) : value;
  }
}

/** The global scope of a worker, as far as it is used. */
interface Scope {
  postMessage(told: Told): void;
  onmessage: ((event: { readonly data: Asked }) => void) | null;
}

/** Serves a component whose core is at a URL. */
export function serve(instantiate: Instantiate, core: URL): void {
  const scope = globalThis as unknown as Scope;
  let instance: Instance | undefined;
  const tell = (told: Told): void => scope.postMessage(told);

  const load = async (compiled: WebAssembly.Module | undefined): Promise<void> => {
    const module = compiled ?? (await compile(core));
    instance = new Instance(instantiate(() => module, {}).text);
    tell({ kind: 'loaded', module });
  };

  const call = ({ id, made, request }: Extract<Asked, { kind: 'call' }>): Told => {
    if (!instance) return { kind: 'trapped', id, why: 'it is not loaded' };
    try {
      const failed = instance.make(made);
      if (failed) return { kind: 'not-made', id, ...failed };
      let text: Uint8Array;
      try {
        text = typeof request === 'string' ? new TextEncoder().encode(request) : instance.write(request);
      } catch (thrown) {
        return { kind: 'malformed', id, why: String(thrown) };
      }
      return { kind: 'answered', id, answer: instance.ask(text) };
    } catch (thrown) {
      // A typed error is an answer. Whatever is thrown is none, and what it left behind is not to be relied upon.
      return { kind: 'trapped', id, why: String(thrown) };
    }
  };

  scope.onmessage = ({ data }) => {
    switch (data.kind) {
      case 'load':
        load(data.module).catch((thrown: unknown) => tell({ kind: 'not-loaded', why: String(thrown) }));
        break;
      case 'call':
        tell(call(data));
        break;
      case 'drop':
        instance?.drop(data.handle, data.request);
        break;
    }
  };
}

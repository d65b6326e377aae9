/** One request judged by one policy, with the documents that were pasted. */

import { createGate, type Decision, type DocumentNeed, type Finding, type GateRequest, type Policy, type Readiness } from 'portcullis';

import { contentOf } from './inputs.js';

/** A document that the gate asked for. */
export interface Asked {
  readonly url: string;
  /** What it is; `undefined` where only its URL is known. */
  readonly kind: DocumentNeed['kind'] | undefined;
}

/** What came of it. */
export interface Decided {
  readonly decision: Decision | undefined;
  readonly findings: readonly Finding[];
  /** What the gate asked for, whether it is there or not. */
  readonly asked: readonly Asked[];
  readonly readiness: Readiness;
}

/** What a request is judged with. */
export interface With {
  readonly documents: Readonly<Record<string, string>>;
  readonly at: number | undefined;
  /** The client's certificates in DER. */
  readonly chain: readonly Uint8Array[] | undefined;
  /** Fetches what is needed, on a page that may. */
  readonly fetching?: (need: DocumentNeed, signal: AbortSignal) => Promise<Response>;
}

function mediaType(need: DocumentNeed, content: string | Uint8Array): string {
  if (need.kind !== 'status-list') return 'application/json';
  return typeof content === 'string' ? 'application/statuslist+jwt' : 'application/statuslist+cwt';
}

/**
 * Judges a request. The gate is made anew each time, so that nothing that was pasted before is remembered. It is given a function
 * in place of a fetch that looks among the documents and nowhere else: so the gate says of each what it is for and when it is
 * needed, which a list of URLs would not tell.
 */
export async function decide(policy: Policy, request: GateRequest | undefined, given: With): Promise<Decided> {
  const { documents, at, chain, fetching } = given;
  const asked = new Map<string, Asked>();
  const fromDocuments = async (need: DocumentNeed): Promise<Response> => {
    const text = Object.hasOwn(documents, need.url) ? documents[need.url] : undefined;
    if (text === undefined || text.trim() === '') throw new Error('it was not pasted here');
    const content = contentOf('Documents', text);
    return new Response(content, { headers: { 'content-type': mediaType(need, content) } });
  };
  const gate = await createGate(policy, {
    fetch: (need, signal) => {
      asked.set(need.url, { url: need.url, kind: need.kind });
      return (fetching ?? fromDocuments)(need, signal);
    },
  });
  try {
    const time = at === undefined ? {} : { at };
    const readiness = await gate.ready(time);
    const certificate = chain ? { clientCertificate: { chain } } : {};
    const judged = request ? await gate.explain(request, { ...time, ...certificate }) : undefined;
    for (const url of judged?.decision.needs ?? []) if (!asked.has(url)) asked.set(url, { url, kind: undefined });
    return { decision: judged?.decision, findings: judged?.findings ?? [], asked: [...asked.values()], readiness };
  } finally {
    gate.close();
  }
}

/** A page, or a worker of one. */

import { chunks, encode, readAtMost } from './bytes.js';
import type { DocumentNeed, FetchDocument, Fetched, Listener, Platform, Port } from './platform.js';
import { within } from './within.js';
import type { Told } from '../worker/protocol.js';

/** How long a whole fetch may take, in milliseconds. */
const FETCH_WITHIN = 5_000;

/** A platform whose worker is started by a function: bundlers look for its URL where it is written. */
export function web(worker: () => Worker): Platform {
  return { start: (listener) => start(worker(), listener), fetchDocument };
}

function start(worker: Worker, listener: Listener): Port {
  worker.onmessage = (event: MessageEvent<Told>) => listener.told(event.data);
  worker.onmessageerror = () => listener.failed('a message could not be read');
  worker.onerror = (event) => {
    event.preventDefault();
    listener.failed(event.message || 'its script cannot be loaded');
  };
  return {
    post: (asked) => worker.postMessage(asked),
    terminate: () => worker.terminate(),
    busy: () => {},
  };
}

const fetchDocument: FetchDocument = async (need, _admit, signal) => {
  const at = Math.floor(Date.now() / 1000);
  try {
    return await within(FETCH_WITHIN, signal, (ending) => ask(need, at, ending));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const failed = thrown instanceof TypeError ? `${reason} (out of reach, or its server allows no pages: CORS)` : reason;
    return { url: need.url, fetched_at: at, failed };
  }
};

async function ask(need: DocumentNeed, at: number, signal: AbortSignal): Promise<Fetched> {
  const response = await fetch(need.url, {
    headers: { accept: need.accept },
    // A page is shown neither where a redirect leads nor what a server without CORS says.
    redirect: 'manual',
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
    cache: 'no-store',
    signal,
  });
  if (response.type === 'opaqueredirect') {
    return { url: need.url, fetched_at: at, failed: 'it redirects, and a page cannot see where to' };
  }
  const type = response.headers.get('content-type');
  const bytes = response.body ? await readAtMost(chunks(response.body), need.most) : new Uint8Array();
  return {
    url: need.url,
    fetched_at: at,
    status: response.status,
    headers: type === null ? [] : [['content-type', type]],
    body_b64: encode(bytes),
  };
}

/** Node. */

import { lookup } from 'node:dns';
import * as http from 'node:http';
import * as https from 'node:https';
import { Worker } from 'node:worker_threads';

import ipaddr from 'ipaddr.js';

import { encode, readAtMost } from './bytes.js';
import type { AdmitRedirect, DocumentNeed, FetchDocument, Fetched, Listener, Platform, Port } from './platform.js';
import { within } from './within.js';
import type { Told } from '../worker/protocol.js';

/** How long a whole fetch may take, its redirects included, in milliseconds. */
const FETCH_WITHIN = 5_000;

/** A platform whose worker has its script at a URL. */
export function node(entry: URL): Platform {
  return { start: (listener) => start(entry, listener), fetchDocument };
}

function start(entry: URL, listener: Listener): Port {
  const worker = new Worker(new URL('./worker-node.js', import.meta.url), { workerData: { entry: entry.href } });
  worker.on('message', (told: Told) => listener.told(told));
  worker.on('error', (error) => listener.failed(error.message));
  worker.on('exit', () => listener.failed('it ended'));
  return {
    post: (asked) => worker.postMessage(asked),
    terminate: () => void worker.terminate(),
    // A worker that has nothing to do is no reason for a process to stay.
    busy: (busy) => (busy ? worker.ref() : worker.unref()),
  };
}

const fetchDocument: FetchDocument = async (need, admit, signal) => {
  const at = Math.floor(Date.now() / 1000);
  try {
    return await within(FETCH_WITHIN, signal, (ending) => follow(need, admit, at, ending));
  } catch (thrown) {
    return { url: need.url, fetched_at: at, failed: thrown instanceof Error ? thrown.message : String(thrown) };
  }
};

/** Fetches a document, and follows the redirects that are admitted. */
async function follow(need: DocumentNeed, admit: AdmitRedirect, at: number, signal: AbortSignal): Promise<Fetched> {
  let url = need.url;
  for (let hops = 0; ; hops += 1) {
    const response = await get(url, need.accept, need.class === 'policy', signal);
    const status = response.statusCode ?? 0;
    const location = response.headers.location;
    if (status >= 300 && status < 400 && location !== undefined) {
      response.destroy();
      url = new URL(location, url).href;
      // How many there may be is the gate's to say, too.
      await admit(hops, url);
      continue;
    }
    const type = response.headers['content-type'];
    return {
      url: need.url,
      fetched_at: at,
      status,
      headers: type === undefined ? [] : [['content-type', type]],
      body_b64: encode(await readAtMost(response as AsyncIterable<Uint8Array>, need.most)),
    };
  }
}

/** What a token, an issuer's metadata or a message named leads to public addresses alone, or whoever names URLs could ask the
 * insides of our network. It is looked at when connecting, not before. */
const publicOnly: http.RequestOptions['lookup'] = (hostname, options, answer) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return answer(error, []);
    const inside = addresses.find(({ address }) => ipaddr.process(address).range() !== 'unicast');
    if (inside) return answer(new Error('the name leads to an address that is not public'), []);
    const [first] = addresses;
    if (options.all) return answer(null, addresses);
    return first ? answer(null, first.address, first.family) : answer(new Error('the name has no address'), []);
  });
};

function get(url: string, accept: string, anyAddress: boolean, signal: AbortSignal): Promise<http.IncomingMessage> {
  const client = url.startsWith('https:') ? https : http;
  const options = { headers: { accept }, signal, agent: false, ...(anyAddress ? {} : { lookup: publicOnly }) };
  return new Promise((resolve, reject) => {
    client.get(url, options, resolve).on('error', reject);
  });
}

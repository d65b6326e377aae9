/** Fetching, on the page that may. Nothing is sent but the URL: no cookies, no referrer, no headers of one's own beside `Accept`. */

import type { NetworkAccess } from './network-access.js';
import { FetchProblem } from './network-access.js';

/** How long a fetch may take, in milliseconds. */
const WITHIN = 10_000;

async function ask(url: string, accept: string, signal?: AbortSignal): Promise<Response> {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new FetchProblem(`"${url}" is no absolute URL.`);
  }
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') throw new FetchProblem(`${url} is neither https nor http.`);
  const timeout = AbortSignal.timeout(WITHIN);
  let response: Response;
  try {
    response = await fetch(parsed, {
      headers: { accept },
      redirect: 'manual',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch {
    const why = timeout.aborted
      ? `there was no answer within ${WITHIN / 1000} seconds`
      : 'the server was not reached, or it does not let other pages read its answers (CORS)';
    throw new FetchProblem(`${url} could not be fetched: ${why}.`);
  }
  if (response.type === 'opaqueredirect') {
    throw new FetchProblem(`${url} could not be fetched: it redirects, and a page cannot see where to.`);
  }
  return response;
}

async function get(url: string, accept = '*/*'): Promise<Uint8Array> {
  const response = await ask(url, accept);
  if (!response.ok) throw new FetchProblem(`${url} was answered with status ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Where metadata may be: RFC 8414 section 3.1 puts its path before the issuer's, OpenID Connect behind it. */
function metadataUrls(issuer: string): string[] {
  const url = new URL(issuer);
  const path = url.pathname.replace(/\/$/, '');
  return [
    `${url.origin}/.well-known/oauth-authorization-server${path}`,
    `${url.origin}${path}/.well-known/openid-configuration`,
  ];
}

async function discover(issuer: string): Promise<Uint8Array> {
  if (!URL.canParse(issuer)) throw new FetchProblem(`"${issuer}" is no URL, so that it has no metadata to look for.`);
  const problems: string[] = [];
  for (const url of metadataUrls(issuer)) {
    try {
      const metadata: unknown = JSON.parse(new TextDecoder().decode(await get(url, 'application/json')));
      const { issuer: named, jwks_uri: keys } = metadata as { issuer?: unknown; jwks_uri?: unknown };
      if (named !== issuer) throw new FetchProblem(`${url} is of another issuer: ${JSON.stringify(named)}.`);
      if (typeof keys !== 'string') throw new FetchProblem(`${url} names no keys (jwks_uri).`);
      return await get(keys, 'application/jwk-set+json, application/json');
    } catch (thrown) {
      problems.push(thrown instanceof FetchProblem ? thrown.message : `${url} is not JSON.`);
    }
  }
  throw new FetchProblem(problems.join(' '));
}

/** Fetching, for the page that may. */
export const network: NetworkAccess = {
  get,
  discover,
  forGate: (had) => async (need, signal) => {
    const response = await ask(need.url, need.accept, signal);
    if (response.ok) had(need.url, new Uint8Array(await response.clone().arrayBuffer()));
    return response;
  },
};

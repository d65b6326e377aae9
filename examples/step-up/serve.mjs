/**
 * Serves the page and its API on this machine alone. The API asks the gateway about each request, as a proxy would.
 *
 *     node serve.mjs [PORT]
 *
 * PORTCULLIS_GATEWAY and PORTCULLIS_ISSUER are where `make run` listens, PORTCULLIS_PACKAGE is the package's folder.
 */

import { readFile } from 'node:fs/promises';
import { createServer, request as ask } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const library = resolve(here, process.env.PORTCULLIS_PACKAGE ?? '../../dist/browser');
const gateway = new URL(process.env.PORTCULLIS_GATEWAY ?? 'http://127.0.0.1:8080');
const issuer = new URL(process.env.PORTCULLIS_ISSUER ?? 'http://127.0.0.1:8081');
const CSP = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self' ${issuer.origin}`;
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };
const OPEN = ['index.html', 'app.js', 'sign-in.js', 'back.html', 'back.js', 'style.css'];

/** What the gateway is told of a request: its credentials, and nothing else that a page can say. */
const FORWARDED = ['authorization', 'dpop'];

/** What the page is told of a denial. */
const TOLD = ['www-authenticate', 'dpop-nonce', 'content-type', 'cache-control'];

/** The file of a path, if there is one to be served. */
function fileOf(path) {
  const name = path === '/' ? 'index.html' : path.slice(1);
  if (OPEN.includes(name)) return join(here, name);
  const inside = resolve(library, name.replace(/^portcullis\//, ''));
  return name.startsWith('portcullis/') && inside.startsWith(library + sep) ? inside : undefined;
}

/** What the gateway says of a request. */
function judged({ method, url, headers }) {
  return new Promise((resolve, reject) => {
    const forwarded = Object.fromEntries(FORWARDED.filter((name) => headers[name]).map((name) => [name, headers[name]]));
    const asked = ask({ host: gateway.hostname, port: gateway.port, method, path: url, headers: { ...forwarded, host: gateway.host } }, resolve);
    asked.setTimeout(5_000, () => asked.destroy(new Error('the gateway does not answer')));
    asked.on('error', reject).end();
  });
}

async function api(request, response) {
  const decision = await judged(request);
  if (decision.statusCode === 200) {
    decision.resume();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ done: `${request.method} ${request.url}` }));
    return;
  }
  const told = Object.entries(decision.headers).filter(([name]) => TOLD.includes(name));
  response.writeHead(decision.statusCode, Object.fromEntries(told));
  decision.pipe(response);
}

const server = createServer(async (request, response) => {
  response.setHeader('content-security-policy', CSP);
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('cache-control', 'no-store');
  // The address that a sign-in comes back to has a code in it.
  response.setHeader('referrer-policy', 'no-referrer');
  try {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (/^\/(reports\/|payments$)/.test(pathname)) return await api(request, response);
    if (pathname === '/issuer') return response.end(issuer.origin);
    const file = fileOf(decodeURIComponent(pathname));
    const body = await readFile(file);
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
    response.end(body);
  } catch (error) {
    if (!response.headersSent) response.writeHead(error.code === 'ECONNREFUSED' ? 502 : 404);
    response.end('not here\n');
  }
});

server.listen(Number(process.argv[2] ?? 5174), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));

/**
 * Serves the page on this machine alone, and only what a page may have.
 *
 *     node serve.mjs [PORT]
 */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const library = resolve(here, process.env.PORTCULLIS_PACKAGE ?? '../../dist/browser');
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.jwt': 'application/jwt' };

// By name, since the gateway's own policy lies beside what the page gets of it.
const OPEN = ['index.html', 'app.js', 'advice.js', 'style.css', 'demo/policy.json', 'demo/reader.jwt', 'demo/writer.jwt', 'demo/long-ago.jwt'];

/** The file of a path, if there is one to be served. */
function fileOf(path) {
  const name = path === '/' ? 'index.html' : path.slice(1);
  if (OPEN.includes(name)) return join(here, name);
  const inside = resolve(library, name.replace(/^portcullis\//, ''));
  return name.startsWith('portcullis/') && inside.startsWith(library + sep) ? inside : undefined;
}

const server = createServer(async (request, response) => {
  response.setHeader('content-security-policy', CSP);
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('cache-control', 'no-store');
  try {
    const file = fileOf(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
    const body = await readFile(file);
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
    response.end(body);
  } catch {
    response.writeHead(404).end('not here\n');
  }
});

server.listen(Number(process.argv[2] ?? 5173), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));

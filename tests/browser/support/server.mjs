/** A static server that counts what it is asked. */

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png' };

/** What a page that imports the package needs, and no more. */
export const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data: blob:";

/**
 * Serves folders: `mounts` is a path's first part and its folder. `answers` are paths that are answered by a function.
 * What was asked is in `asked`.
 */
export async function serve(mounts, { csp = CSP, answers = {} } = {}) {
  const asked = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    asked.push({ method: request.method, path: pathname, headers: request.headers });
    if (csp) response.setHeader('content-security-policy', csp);
    if (pathname === '/favicon.ico') return response.writeHead(204).end();
    if (answers[pathname]) return answers[pathname](request, response);
    const found = mounts.find(([prefix]) => pathname.startsWith(prefix));
    const file = found && join(found[1], normalize(decodeURIComponent(pathname.slice(found[0].length) || 'index.html')));
    const path = file?.endsWith('/') ? join(file, 'index.html') : file;
    if (!path || !existsSync(path) || !statSync(path).isFile()) {
      response.statusCode = 404;
      return response.end('not here\n');
    }
    response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
    createReadStream(path).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}

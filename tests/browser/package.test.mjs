/** The package as others get it: packed, typed, bundled, and small. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { publint } from 'publint';
import { build, createServer } from 'vite';
import webpack from 'webpack';

import { launch, open } from './support/chromium.mjs';
import { dist, root } from './support/places.mjs';
import { serve } from './support/server.mjs';
import { accessToken, AT, signer } from './support/signing.mjs';

const bin = (name) => join(root, 'tests/browser/node_modules/.bin', name);
const issuer = signer();
const good = accessToken(issuer);
const expected = `{ keys: ${JSON.stringify(issuer.keys)}, profile: 'at+jwt', issuer: 'https://idp.example', audience: 'https://api.example', at: ${AT} }`;

/** A page that verifies a token and shows what came of it. */
const page = (from) => `
import { verifyToken, PortcullisError } from '${from}';
const told = [];
for (const token of ['${good}', '${good.slice(0, -4)}AAAA']) {
  try {
    told.push((await verifyToken(token, ${expected})).claims.sub);
  } catch (error) {
    told.push(error instanceof PortcullisError ? error.code : String(error));
  }
}
document.body.dataset.told = told.join(' ');
`;

/** A page that has everything. */
const everything = `
import * as portcullis from 'portcullis';
globalThis.portcullis = portcullis;
${page('portcullis')}
`;

let folder;
let tarball;
let browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-package-'));
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: dist('browser'), encoding: 'utf8' });
  tarball = join(folder, packed.trim().split('\n').at(-1));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A project that has the package, as npm installs it. */
function project(name, files) {
  const place = join(folder, name);
  mkdirSync(join(place, 'node_modules'), { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', join(place, 'node_modules')]);
  cpSync(join(place, 'node_modules/package'), join(place, 'node_modules/portcullis'), { recursive: true });
  rmSync(join(place, 'node_modules/package'), { recursive: true });
  writeFileSync(join(place, 'package.json'), '{"type":"module","private":true}');
  for (const [file, content] of Object.entries(files)) writeFileSync(join(place, file), content);
  return place;
}

const html = (script) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,"><title>test</title></head><body><script type="module" src="${script}"></script></body></html>`;

/** What a built page verifies in Chromium, under the policy that the README names. */
async function told(folderToServe, path = '/') {
  const server = await serve([['/', folderToServe]]);
  const { context, page: tab, errors } = await open(browser);
  try {
    await tab.goto(server.origin + path);
    await tab.waitForFunction(() => document.body?.dataset.told, undefined, { timeout: 20_000 }).catch((error) => {
      throw new Error(`${error.message}; the page says: ${errors.join('; ')}`);
    });
    assert.deepEqual(errors, []);
    return await tab.evaluate(() => document.body.dataset.told);
  } finally {
    await context.close();
    await server.close();
  }
}

const WANTED = 'alice crypto.signature_invalid';

/** Every file that a page ships, its own HTML apart, with its gzipped size. */
function shipped(place) {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.html'))
    .map((entry) => ({ name: entry.name, size: gzipSync(readFileSync(join(entry.parentPath ?? entry.path, entry.name)), { level: 9 }).length }));
}

async function viteBuilt(name, source) {
  const place = project(name, { 'index.html': html('./main.js'), 'main.js': source });
  await build({ root: place, base: './', logLevel: 'error', build: { target: 'es2022', modulePreload: false } });
  return join(place, 'dist');
}

test('it is laid out as npm wants it', async () => {
  const { messages } = await publint({ pkgDir: dist('browser'), strict: true });
  assert.deepEqual(messages, []);
  // It ends with an error where something is wrong.
  execFileSync(bin('attw'), [tarball, '--profile', 'esm-only', '--no-color'], { encoding: 'utf8' });
});

test('its types hold what they say, with their documentation', () => {
  const use = `
import { AccessTokens, authenticateClient, createGate, fetchWithStepUp, readLifetimes, verifySignature, watchLifetimes, verifyToken, type Decision, type StatusList, openStatusList } from 'portcullis';
import { verifyToken as alone } from 'portcullis/token';
const decision: Decision = await (await createGate({})).check({ method: 'GET', url: 'https://api.example/' });
const code: 'allow' | 'deny' = decision.outcome;
const { claims } = await verifyToken('', { keys: { keys: [] }, leeway: 5, maxAge: 60, issuer: 'x', algorithms: ['ES256'] });
await alone('', { keys: { keys: [] } });
const list: StatusList = await openStatusList('', { keys: { keys: [] }, uri: '' });
const entry: { value: number } = await list.get(1);
const { label } = await verifySignature({ request: { method: 'GET', url: 'https://api.example/', headers: { accept: '*/*' } } }, { keys: { keys: [] }, components: ['@method'] });
const client: { clientId: string } = await authenticateClient({ method: 'POST', url: 'https://as.example/token', form: { client_assertion: '' } }, { role: 'as', server: 'https://as.example', methods: ['spiffe_jwt'], clients: [] });
const tokens = new AccessTokens('https://api.example');
const answered: Response = await fetchWithStepUp('https://api.example/', { method: 'POST', body: '' }, { tokens, obtain: (wanted, { signal }) => ({ accessToken: wanted.acrValues?.[0] ?? String(signal?.aborted) }) });
const next: 'none' | 'refresh' | 'rotate' | 'ask' = (await readLifetimes({}, { receivedAt: new Date() })).next;
watchLifetimes({}, { receivedAt: 0, warn: ({ askAt }) => void askAt, ask: () => {}, failed: () => {} }).close();
// @ts-expect-error a token has to come from somewhere
await fetchWithStepUp('https://api.example/', undefined, { tokens });
// @ts-expect-error keys are needed
await verifyToken('', {});
// @ts-expect-error no such algorithm
await verifyToken('', { keys: { keys: [] }, algorithms: ['none'] });
export { answered, claims, client, code, entry, label, next };
`;
  for (const [module, resolution] of [['NodeNext', 'NodeNext'], ['ESNext', 'Bundler']]) {
    const config = { compilerOptions: { module, moduleResolution: resolution, target: 'ES2022', lib: ['ES2022', 'DOM'], strict: true, noEmit: true, types: [] }, include: ['use.ts'] };
    const place = project(`types-${module}`, { 'use.ts': use, 'tsconfig.json': JSON.stringify(config) });
    execFileSync(bin('tsc'), ['-p', place], { encoding: 'utf8' });
  }
  const types = readFileSync(dist('browser/types/generated/wit/interfaces/portcullis-token-jwt.d.ts'), 'utf8');
  assert.match(types, /The `iss` claim, compared byte by byte/);
});

test('a bare script loads it', async () => {
  const place = project('bare', { 'index.html': html('./main.js'), 'main.js': page('./node_modules/portcullis/index.js') });
  assert.equal(await told(place), WANTED);
});

test('Node loads it by its name, and a process ends when nothing is under way', () => {
  const script = `
import { createGate, verifyToken } from 'portcullis';
import { createTokens } from 'portcullis/token';
console.log((await verifyToken('${good}', ${expected})).claims.sub);
await createGate({ origins: ['https://api.example'], rules: [{ path: '/', anonymous: true }] });
const controller = new AbortController();
const given = createTokens().verifyToken('a.b.c', { keys: { keys: [] }, signal: controller.signal }).catch(({ code }) => code);
controller.abort();
console.log(await given);
`;
  const place = project('node', { 'main.js': script });
  assert.equal(execFileSync('node', ['main.js'], { cwd: place, encoding: 'utf8', timeout: 30_000 }), 'alice\nhost.cancelled\n');
});

test('a worker loads it', async () => {
  const source = page('./node_modules/portcullis/index.js').replace('document.body.dataset.told = told', 'postMessage(told').replace("join(' ');", "join(' '));");
  const main = "new Worker('./worker.js', { type: 'module' }).onmessage = ({ data }) => { document.body.dataset.told = data; };";
  const place = project('worker', { 'index.html': html('./main.js'), 'main.js': main, 'worker.js': source });
  assert.equal(await told(place), WANTED);
});

test('a page loads it from the development server of Vite, as the README says', async () => {
  const place = project('vite-dev', { 'index.html': html('./main.js'), 'main.js': page('portcullis') });
  const server = await createServer({ root: place, logLevel: 'error', optimizeDeps: { exclude: ['portcullis'] }, server: { host: '127.0.0.1', port: 0 } });
  await server.listen();
  const { context, page: tab, errors } = await open(browser);
  try {
    const { port } = server.httpServer.address();
    await tab.goto(`http://127.0.0.1:${port}/`);
    await tab.waitForFunction(() => document.body?.dataset.told, undefined, { timeout: 20_000 });
    assert.equal(await tab.evaluate(() => document.body.dataset.told), WANTED);
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
    await server.close();
  }
});

test('a page that webpack has built loads it', async () => {
  const place = project('webpack', { 'main.js': page('portcullis') });
  const stats = await new Promise((resolve, reject) => {
    webpack({ mode: 'production', context: place, entry: './main.js', output: { path: join(place, 'out') }, experiments: { outputModule: false } }, (error, done) => (error ? reject(error) : resolve(done)));
  });
  assert.equal(stats.hasErrors(), false, stats.toString());
  writeFileSync(join(place, 'out/index.html'), html('./main.js'));
  assert.equal(await told(join(place, 'out')), WANTED);
});

/**
 * The most that a page ships, gzipped, in bytes. Raised only with a reason: everything had 400,000 until HTTP message signatures, WIMSE
 * and the authentication of clients came, which are 84,000, 500,000 until the OAuth pieces, attestations and introspection,
 * and 620,000 until Open Cloud Mesh (`docs/browser.md`). The small core has none of them.
 */
const MOST = { 'portcullis/token': 150_000, portcullis: 690_000 };

for (const [from, source] of [['portcullis/token', page('portcullis/token')], ['portcullis', everything]]) {
  test(`a page that Vite has built loads ${from}, and ships no more than it may`, async () => {
    const place = await viteBuilt(`vite-${from.replace('/', '-')}`, source);
    assert.equal(await told(place), WANTED);
    const files = shipped(place);
    const total = files.reduce((sum, { size }) => sum + size, 0);
    console.log(`${from}: ${total} bytes gzipped, of at most ${MOST[from]}: ${files.map(({ name, size }) => `${name} ${size}`).join(', ')}`);
    assert.ok(total <= MOST[from], `${total} bytes`);
  });
}

/**
 * What the npm package costs in a page, in one run beside `jose`: verifications a second, and the time from a click to the first
 * verdict. Run by `make bench`.
 */

import { generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

/** How often each is measured, for how long, and how long it runs unmeasured before: WebAssembly is compiled again as it runs. */
const PLAN = { rounds: 8, milliseconds: 150, warmUp: 400 };

/** How often a page is opened for each, after one time that does not count. */
const CLICKS = 5;

/** Verifications in flight, where there is more than one. */
const IN_FLIGHT = 16;

const TOKENS = 50;

/** What is measured, in the order of the columns. */
const CONTESTANTS = [
  { library: 'jose', inFlight: 1 },
  { library: 'portcullis/token', inFlight: 1 },
  { library: 'jose', inFlight: IN_FLIGHT },
  { library: 'portcullis', inFlight: IN_FLIGHT },
];

/**
 * What a click loads, in the order of the rows; the first is what the others are compared with. `jose` comes as many small modules,
 * which is most of its time as it is; pages have it bundled. The package comes bundled.
 */
const FIRST_VERDICTS = ['jose, bundled', 'jose', 'portcullis/token', 'portcullis'];

const ALGORITHMS = {
  ES256: () => [generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'sha256'],
  Ed25519: () => [generateKeyPairSync('ed25519'), null],
  RS256: () => [generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha256'],
};

const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const TYPES = { '.html': 'text/html', '.js': 'text/javascript' };

/** A key of an algorithm, tokens that it signed, and one that says it did. */
function sample(algorithm) {
  const [{ publicKey, privateKey }, digest] = ALGORITHMS[algorithm]();
  const kid = 'bench';
  const json = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = (jti) => {
    const claims = {
      iss: 'https://idp.example', aud: ['https://api.example'], sub: 'alice', client_id: 'app', scope: 'read', jti,
      iat: 1_700_000_000, exp: 4_102_444_800,
    };
    const input = `${json({ alg: algorithm, kid, typ: 'at+jwt' })}.${json(claims)}`;
    const signature = sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  };
  const tokens = Array.from({ length: TOKENS }, (_, at) => ({ token: signed(`token-${at}`), jti: `token-${at}` }));
  // One's claims with the signature of another.
  const forged = [...tokens[0].token.split('.').slice(0, 2), tokens[1].token.split('.')[2]].join('.');
  return { algorithm, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm }, tokens, forged };
}

/** The files of a folder, by the paths they are served under. In memory: a disk is not what is measured. */
function files(prefix, folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) => [prefix + relative(folder, path), readFileSync(path)]);
}

/** What a page takes of `jose`, in one file. The bundler is the one that has made the package. */
async function bundledJose() {
  const { build } = createRequire(new URL('../../plugins/browser/package.json', import.meta.url))('esbuild');
  const contents = "export { jwtVerify } from 'jose/jwt/verify'; export { importJWK } from 'jose/key/import';";
  const stdin = { contents, resolveDir: dirname(fileURLToPath(import.meta.url)) };
  const { outputFiles } = await build({ stdin, bundle: true, minify: true, format: 'esm', write: false });
  return outputFiles[0].contents;
}

/** Serves files from memory, and counts them in `sent`. */
async function serve(served) {
  const sent = { files: 0, bytes: 0 };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const body = served.get(pathname);
    if (!body) return response.writeHead(404).end();
    sent.files += 1;
    sent.bytes += body.length;
    response.writeHead(200, { 'content-type': TYPES[extname(pathname)] ?? 'application/octet-stream' }).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return { page: `http://127.0.0.1:${port}/page/index.html`, sent, server };
}

/** Opens the page in a context of its own, which has an empty cache, and closes it after `use`. */
async function inPage(browser, url, use) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction(() => 'bench' in globalThis);
    return await use(page);
  } finally {
    await context.close();
  }
}

/** Clicks, and answers how long the first verdict took and what was loaded for it. */
function firstVerdict(browser, { page: url, sent }, library, given) {
  return inPage(browser, url, async (page) => {
    // Kept in the page: an evaluation that waits for the click would have to end before there is one.
    await page.evaluate(([library, given]) => {
      globalThis.verdict = globalThis.bench.onClick(library, given);
      // Whoever waits for it comes later.
      globalThis.verdict.catch(() => {});
    }, [library, given]);
    Object.assign(sent, { files: 0, bytes: 0 });
    await page.click('#verify');
    const milliseconds = await page.evaluate(() => globalThis.verdict);
    return { milliseconds, ...sent };
  });
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A row: a name, and cells with their widths. */
function row(name, cells) {
  console.log(name.padEnd(20) + cells.map(([text, width]) => String(text).padStart(width)).join(''));
}

function printRates(version, algorithms, rates) {
  const one = (text) => [text, 18];
  const ratio = (text) => [text, 8];
  console.log(
    `\nA whole access token in Chromium ${version}, verifications a second (the median of ${PLAN.rounds} rounds; ` +
    'ratio: portcullis ÷ jose, above 1 is faster)\n',
  );
  row('', [
    one('jose'), one('portcullis/token'), ratio('ratio'),
    one(`jose, ${IN_FLIGHT} at once`), one(`portcullis, ${IN_FLIGHT}`), ratio('ratio'),
  ]);
  for (const algorithm of algorithms) {
    const [jose, token, joseMany, full] = CONTESTANTS.map(() => median(rates.shift()));
    row(algorithm, [
      one(jose.toFixed(0)), one(token.toFixed(0)), ratio((token / jose).toFixed(2)),
      one(joseMany.toFixed(0)), one(full.toFixed(0)), ratio((full / joseMany).toFixed(2)),
    ]);
  }
}

function printFirstVerdicts(algorithm, verdicts) {
  console.log(
    `\nFrom a click to the first verdict, ${algorithm}, with an empty cache ` +
    `(the median of ${CLICKS}; ratio: to ${FIRST_VERDICTS[0]}, below 1 is faster)\n`,
  );
  row('', [['ms', 18], ['ratio', 18], ['files', 8], ['KiB', 18]]);
  const time = (library) => median(verdicts.get(library).map(({ milliseconds }) => milliseconds));
  for (const library of FIRST_VERDICTS) {
    const [{ files, bytes }] = verdicts.get(library);
    const ratio = library === FIRST_VERDICTS[0] ? '' : (time(library) / time(FIRST_VERDICTS[0])).toFixed(2);
    row(library, [[time(library).toFixed(1), 18], [ratio, 18], [files, 8], [(bytes / 1024).toFixed(0), 18]]);
  }
}

async function main() {
  const here = (path) => fileURLToPath(new URL(path, import.meta.url));
  const dist = here('../../dist/browser');
  if (!existsSync(join(dist, 'index.js'))) throw new Error(`there is no package in ${dist}: make dist`);
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
  if (!executablePath) throw new Error('there is no Chromium: apt-get install chromium');

  const jose = dirname(fileURLToPath(import.meta.resolve('jose')));
  const serving = await serve(new Map([
    ...files('/page/', here('page')),
    ...files('/package/', dist),
    ...files('/jose/', jose),
    ['/bundled/jose.js', await bundledJose()],
  ]));
  const browser = await chromium.launch({ executablePath, args: QUIET });
  try {
    const algorithms = Object.keys(ALGORITHMS);
    const samples = algorithms.map(sample);
    const measure = ([samples, contestants, plan]) => globalThis.bench.rates(samples, contestants, plan);
    const rates = await inPage(browser, serving.page, (page) => page.evaluate(measure, [samples, CONTESTANTS, PLAN]));
    const verdicts = new Map(FIRST_VERDICTS.map((library) => [library, []]));
    for (let turn = 0; turn <= CLICKS; turn += 1) {
      for (const library of FIRST_VERDICTS) {
        const verdict = await firstVerdict(browser, serving, library, samples[0]);
        // The first page of a browser starts what later ones find there.
        if (turn > 0) verdicts.get(library).push(verdict);
      }
    }
    printRates(browser.version(), algorithms, rates);
    printFirstVerdicts(algorithms[0], verdicts);
    console.log(
      '\njose verifies with WebCrypto, native code of the browser, the package with WebAssembly in a worker: ' +
      'the ratio is about what the same answer everywhere costs.',
    );
  } finally {
    await browser.close();
    serving.server.closeAllConnections();
    serving.server.close();
  }
}

try {
  await main();
} catch (error) {
  // Where in the page it was thrown helps nobody.
  console.error(`bench: ${error.message.split('\n    at ')[0]}`);
  process.exitCode = 1;
}

/** What a gate fetches, from where, and what it does where it cannot. */

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { createGate } from '../../dist/browser/index.node.js';
import { launch, open } from './support/chromium.mjs';
import { dist } from './support/places.mjs';
import { serve } from './support/server.mjs';
import { accessToken, AT, signer, statusList } from './support/signing.mjs';

setFlagsFromString('--expose-gc');
/** Collects garbage now. */
const collect = runInNewContext('gc');

const issuer = signer();
const token = accessToken(issuer, { scope: 'read' });
const request = { method: 'GET', url: 'https://api.example/reports', headers: { authorization: `Bearer ${token}` } };

/** A policy whose keys are at a URL. */
const policy = (keys, more = {}) => ({
  origins: ['https://api.example'],
  issuers: [{ name: 'corp', issuer: 'https://idp.example', keys, audience: ['https://api.example'], profile: 'at+jwt', ...more }],
  rules: [{ path: '/reports', require: { scope: ['read'] } }],
});

const keysAnswer = (cors) => (_, response) => {
  response.setHeader('content-type', 'application/jwk-set+json');
  if (cors) response.setHeader('access-control-allow-origin', '*');
  response.end(JSON.stringify(issuer.keys));
};

let idp;
let server;
let browser;

before(async () => {
  idp = await serve([], {
    csp: null,
    answers: {
      '/keys': keysAnswer(true),
      '/private': keysAnswer(false),
      '/moved': (_, response) => response.writeHead(302, { location: '/keys', 'access-control-allow-origin': '*' }).end(),
      '/round': (_, response) => response.writeHead(302, { location: '/round', 'access-control-allow-origin': '*' }).end(),
      '/large': (_, response) => {
        // It never ends by itself.
        response.setHeader('access-control-allow-origin', '*');
        const piece = ' '.repeat(65_536);
        const more = () => {
          while (!response.destroyed && response.write(piece));
        };
        response.on('drain', more);
        more();
      },
      '/slow': () => {},
    },
  });
  server = await serve([['/package/', dist('browser')], ['/', new URL('pages', import.meta.url).pathname]], {
    csp: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src *",
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.close();
  await idp?.close();
});

/** What a gate says whose keys are at a path: in Node, and in a page. */
async function both(path) {
  const keys = idp.origin + path;
  const short = ({ outcome, status, findings, needs }) => ({ outcome, status, code: findings[0]?.code, detail: findings[0]?.detail, needs });
  const gate = await createGate(policy(keys), { at: AT });
  const inNode = short(await gate.check(request, { at: AT }));
  gate.close();
  const { context, page } = await open(browser);
  try {
    await page.goto(`${server.origin}/bare.html`);
    await page.waitForFunction(() => globalThis.ready);
    const inPage = await page.evaluate(async ([policy, request, at]) => {
      const gate = await globalThis.everything.createGate(policy, { at });
      return gate.check(request, { at });
    }, [policy(keys), request, AT]);
    return { inNode, inPage: short(inPage) };
  } finally {
    await context.close();
  }
}

test('keys are fetched where the policy says, without cookies, credentials or a referrer', async () => {
  idp.asked.length = 0;
  const { inNode, inPage } = await both('/keys');
  assert.equal(inNode.outcome, 'allow');
  assert.equal(inPage.outcome, 'allow');
  assert.equal(idp.asked.length, 2);
  for (const { headers } of idp.asked) {
    assert.match(headers.accept, /jwk-set\+json/);
    for (const name of ['cookie', 'authorization', 'referer']) assert.equal(headers[name], undefined);
  }
});

test('a server that allows no pages is out of reach in a page, and the decision says that nobody knows', async () => {
  const { inNode, inPage } = await both('/private');
  assert.equal(inNode.outcome, 'allow');
  assert.deepEqual([inPage.outcome, inPage.status, inPage.code], ['deny', 503, 'keys.unavailable']);
  assert.match(inPage.detail, /CORS/);
  assert.deepEqual(inPage.needs, [`${idp.origin}/private`]);
});

test('a redirect is followed where the gate admits it and can see it', async () => {
  const { inNode, inPage } = await both('/moved');
  assert.equal(inNode.outcome, 'allow');
  assert.deepEqual([inPage.outcome, inPage.status], ['deny', 503]);
  assert.match(inPage.detail, /redirect/);
});

test('redirects end where the gate says', async () => {
  idp.asked.length = 0;
  const gate = await createGate(policy(`${idp.origin}/round`), { at: AT });
  const decision = await gate.check(request, { at: AT });
  assert.deepEqual([decision.outcome, decision.status], ['deny', 503]);
  assert.match(decision.findings[0].detail, /fetch\.too_many_redirects/);
  assert.equal(idp.asked.length, 4, 'the document, and three redirects');
  gate.close();
});

test('what is too large is not read to its end', async () => {
  const { inNode, inPage } = await both('/large');
  for (const said of [inNode, inPage]) {
    assert.deepEqual([said.outcome, said.status, said.code], ['deny', 503, 'keys.unavailable']);
    assert.match(said.detail, /more than \d+ bytes/);
  }
});

test('a fetch that hangs ends, and who waits for it may give up before', async () => {
  const gate = await createGate(policy(`${idp.origin}/slow`), { at: AT });
  const controller = new AbortController();
  const waiting = gate.check(request, { at: AT, signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, ({ code }) => code === 'host.cancelled');
  const deciding = gate.check(request, { at: AT });
  // What ends it must not be anything that the runtime takes for garbage meanwhile.
  const collecting = setInterval(collect, 100);
  const decision = await deciding.finally(() => clearInterval(collecting));
  assert.deepEqual([decision.outcome, decision.status, decision.findings[0].code], ['deny', 503, 'keys.unavailable']);
  gate.close();
  await assert.rejects(gate.check(request), ({ code }) => code === 'host.closed');
});

test('what a token names is never asked for inside our network', async () => {
  let connections = 0;
  const inside = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise((resolve) => inside.listen(0, '127.0.0.1', resolve));
  const origin = `https://localhost:${inside.address().port}`;
  const uri = `${origin}/list`;
  const revocable = accessToken(issuer, { scope: 'read', status: { status_list: { idx: 1, uri } } });
  const gate = await createGate(policy(issuer.keys, { status: 'required', status_origins: [origin] }), { at: AT });
  const decision = await gate.check({ ...request, headers: { authorization: `Bearer ${revocable}` } }, { at: AT });
  assert.deepEqual([decision.outcome, decision.status, decision.findings[0].code], ['deny', 503, 'status.unavailable']);
  assert.match(decision.findings[0].detail, /not public/);
  assert.deepEqual(decision.needs, [uri]);
  assert.equal(connections, 0);
  // What is provided serves as well as what is fetched.
  const good = await createGate(policy(issuer.keys, { status: 'required', status_origins: [origin] }), { at: AT, fetch: false });
  await good.provide(uri, statusList(issuer, uri, Buffer.from([0])), { at: AT, mediaType: 'application/statuslist+jwt' });
  assert.equal((await good.check({ ...request, headers: { authorization: `Bearer ${revocable}` } }, { at: AT })).outcome, 'allow');
  await assert.rejects(good.provide(uri, 'no list', { at: AT, mediaType: 'application/statuslist+jwt' }));
  gate.close();
  good.close();
  inside.close();
});

test('a proof is used once', async () => {
  const gate = await createGate({ origins: ['https://api.example'], rules: [{ path: '/open', anonymous: true }] }, { fetch: false });
  assert.equal((await gate.check({ method: 'GET', url: 'https://api.example/open' })).outcome, 'allow');
  assert.deepEqual(await gate.ready(), { ready: true, missing: [] });
  gate.close();
});

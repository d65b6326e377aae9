/** What is meant to do harm: a page goes on, in its own origin, and what it held it still holds. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, open } from './support/chromium.mjs';
import { dist } from './support/places.mjs';
import { serve } from './support/server.mjs';
import { accessToken, AT, signer, statusList } from './support/signing.mjs';

const issuer = signer();
const good = accessToken(issuer);
const verify = { keys: issuer.keys, profile: 'at+jwt', issuer: 'https://idp.example', audience: 'https://api.example', at: AT };
const policy = {
  origins: ['https://api.example'],
  issuers: [{ name: 'corp', issuer: 'https://idp.example', keys: 'https://idp.example/jwks', audience: ['https://api.example'] }],
  rules: [{ path: '/reports', require: { scope: ['read'] } }],
};

let server;
let browser;
let page;
let errors;

before(async () => {
  server = await serve([['/package/', dist('browser')], ['/', new URL('pages', import.meta.url).pathname]]);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** A fresh page with the package, and a heartbeat that tells the longest time it stood still. */
async function fresh() {
  await page?.context().close();
  ({ page, errors } = await open(browser));
  await page.goto(`${server.origin}/bare.html`);
  await page.waitForFunction(() => globalThis.ready);
  await page.evaluate(() => {
    globalThis.beats = 0;
    setInterval(() => (globalThis.beats += 1), 5);
  });
}

/** Runs in the page; a rejection is its code. */
const coded = (name, args) => page.evaluate(async ([name, args]) => {
  try {
    const value = await globalThis.everything[name](...args);
    return { value: JSON.parse(JSON.stringify(value ?? null)) };
  } catch (error) {
    return { code: error.code, own: error instanceof globalThis.everything.PortcullisError };
  }
}, [name, args]);

const verifies = async () => assert.equal((await coded('verifyToken', [good, verify])).value.claims.sub, 'alice');

test('hostile tokens, keys, lists, chains and policies are refused with a code, and the page goes on', async () => {
  await fresh();
  const script = '<img src=x onerror="globalThis.harmed = true"><script>globalThis.harmed = true</script>';
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const encoded = (text) => Buffer.from(text).toString('base64url');
  const rules = Array.from({ length: 20_000 }, (_, at) => ({ path: `/${at}`, anonymous: true }));
  const hostile = [
    ['verifyToken', ['a'.repeat(10_000_000), verify]],
    ['verifyToken', [`${encoded(deep)}.${encoded(deep)}.`, verify]],
    ['verifyToken', [`${encoded('{"alg":"none"}')}.${encoded(JSON.stringify({ sub: script }))}.`, verify]],
    ['verifyToken', [script, verify]],
    ['verifyToken', [`${encoded('{"__proto__":{"alg":"none"},"alg":"Ed25519"}')}.e30.AAAA`, verify]],
    ['describeKeys', [{ keys: Array.from({ length: 10_000 }, () => ({ kty: 'RSA', n: 'A'.repeat(4_000), e: 'AQAB' })) }]],
    ['openStatusList', [statusList(issuer, 'https://idp.example/list', Buffer.alloc(70_000_000)), { keys: issuer.keys, uri: 'https://idp.example/list', at: AT }]],
    ['lookupStatus', [statusList(issuer, 'https://idp.example/other', Buffer.alloc(10)), { keys: issuer.keys, uri: 'https://idp.example/list', index: 0, at: AT }]],
    ['inspectCertificatesUntrusted', ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'.repeat(2_000)]],
    ['validateSvid', [{ chain: script }, { bundles: {} }]],
    ['verifySignature', [{ request: { method: script, url: script, headers: { 'Signature-Input': deep, Signature: 'a=:AAAA:' } } }, { keys: issuer.keys }]],
    ['verifySignature', [{ response: { status: 200, headers: Array.from({ length: 20_000 }, () => ['Signature', 'a=:AAAA:']) } }, { keys: issuer.keys }]],
    ['verifyWorkloadProof', [{ method: 'GET', url: 'https://api.example/', headers: { 'Workload-Identity-Token': script } }, { trustDomains: {}, audience: script }]],
    ['verifyWorkloadSignature', [{ request: { method: 'GET', url: script } }, { trustDomains: { [script]: { jwks: issuer.keys } }, audience: [] }]],
    ['authenticateClient', [{ method: 'POST', url: script, form: { client_assertion: deep, client_assertion_type: script } }, { role: 'as', server: script, methods: ['spiffe_jwt'], clients: [] }]],
    ['matchClientPattern', ['spiffe://*'.repeat(100_000), script]],
    ['readLifetimes', [{ expires_in: script }, { receivedAt: AT, at: AT }]],
    ['stepApp2App', [{ visited: [script], redirectUri: script, codeChallenge: script }, { callback: script, sender: deep }]],
    ['verifyTransactionToken', [{ 'Txn-Token': script }, { keys: issuer.keys, trustDomain: script }]],
    ['evaluateBinding', [{ cnf: { jkt: script } }, { policy: {}, proved: script }]],
    ['createGate', [{ ...policy, rules }]],
    ['createGate', [deep]],
    ['createGate', ['{"origins":["https://api.example"],"mode":"report","mode":"enforce"}']],
    ['createGate', [{ origins: [script] }]],
    ['checkPolicy', [JSON.stringify({ origins: ['https://api.example'], [script]: 1 })]],
  ];
  for (const [name, args] of hostile) {
    const { code, own } = await coded(name, args);
    assert.ok(own && /^[a-z0-9]+\.[a-z0-9_]+$/.test(code), `${name}: ${code}`);
    assert.ok(!code.startsWith('host.'), `${name}: the instance failed: ${code}`);
  }
  await verifies();
  assert.equal(await page.evaluate(() => globalThis.harmed), undefined);
  assert.equal(await page.evaluate(() => Object.prototype.alg), undefined);
  assert.ok(page.url().startsWith(server.origin));
  assert.deepEqual(errors, []);
});

test('a policy that is not for pages is refused, with everything that is wrong', async () => {
  await fresh();
  const oct = { keys: [{ kty: 'oct', kid: 'a', k: Buffer.alloc(32, 7).toString('base64url') }] };
  const rules = [{ path: '/open', anonymous: true }];
  const of = (more) => ({ origins: ['https://api.example'], rules, ...more });
  const cases = {
    'policy.browser_listener': of({ listeners: [{ name: 'main', address: '127.0.0.1:1' }] }),
    'policy.browser_store': of({ replay: 'shared' }),
    'policy.browser_secret': of({ issuers: [{ name: 'own', issuer: 'https://own.example', algorithms: ['HS256'], keys: oct }] }),
    'policy.browser_file': of({ issuers: [{ name: 'own', issuer: 'https://own.example', keys: 'file:/etc/keys' }] }),
  };
  for (const [code, policy] of Object.entries(cases)) assert.equal((await coded('createGate', [policy])).code, code);
  const problems = await page.evaluate((policy) => globalThis.everything.createGate(policy).catch(({ problems }) => problems.map(({ code }) => code)), { ...cases['policy.browser_listener'], replay: 'shared' });
  assert.deepEqual(problems.sort(), ['policy.browser_listener', 'policy.browser_store']);
});

test('what takes long holds up nothing but itself: it is cut off at its deadline, and can be given up', async () => {
  await fresh();
  await verifies();
  const uri = 'https://idp.example/list';
  const list = statusList(issuer, uri, Buffer.alloc(60_000_000, 0x55), 1);
  const cut = await page.evaluate(async ([list, options]) => {
    const { openStatusList, verifyToken } = globalThis.everything;
    const before = globalThis.beats;
    const code = (promise) => promise.then(() => 'done', (error) => error.code);
    const long = code(openStatusList(list, { ...options, deadline: 30 }));
    // What waits behind it is served by the instance that replaces the one that was cut off.
    const behind = code(verifyToken('a.b.c', { keys: options.keys }));
    const told = [await long, await behind];
    const controller = new AbortController();
    const given = code(openStatusList(list, { ...options, signal: controller.signal }));
    const queued = new AbortController();
    const second = code(openStatusList(list, { ...options, signal: queued.signal }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    queued.abort();
    controller.abort();
    told.push(await given, await second);
    return { told, beats: globalThis.beats - before };
  }, [list, { keys: issuer.keys, uri, at: AT }]);
  assert.deepEqual(cut.told, ['host.deadline_exceeded', 'base64.length', 'host.cancelled', 'host.cancelled']);
  assert.ok(cut.beats > 0, 'the page stood still');
  await verifies();
});

test('an instance that traps is replaced, and has the policy, the documents and the lists again', async () => {
  await fresh();
  const uri = 'https://idp.example/list';
  const told = await page.evaluate(async ([policy, keys, token, list, uri, at]) => {
    const { answer, createGate, openStatusList, PortcullisError } = globalThis.everything;
    let fetched = 0;
    const fetch = async () => {
      fetched += 1;
      return Response.json(keys);
    };
    const gate = await createGate(policy, { fetch, at });
    const request = { method: 'GET', url: 'https://api.example/reports', headers: { authorization: `Bearer ${token}` } };
    const opened = await openStatusList(list, { keys, uri, at });
    const before = [(await gate.check(request, { at })).outcome, (await opened.get(9, { at })).status];
    // More than an instance's memory holds.
    const trapped = await answer(`{"id":"${'a'.repeat(100_000_000)}","op":"spiffe.id"}`, { deadline: 60_000 }).then(
      (said) => JSON.stringify(said).slice(0, 200),
      (error) => (error instanceof PortcullisError ? error.code : String(error)),
    );
    const after = [(await gate.check(request, { at })).outcome, (await opened.get(9, { at })).status];
    return { before, trapped, after, fetched };
  }, [policy, issuer.keys, accessToken(issuer, { scope: 'read' }), statusList(issuer, uri, Buffer.from([0, 2])), uri, AT]);
  assert.deepEqual(told, { before: ['allow', 'invalid'], trapped: 'host.trapped', after: ['allow', 'invalid'], fetched: 1 });
  assert.deepEqual(errors, []);
});

test('a check whose instance is lost says that nobody knows, and so do calls beyond those that may wait', async () => {
  await fresh();
  const told = await page.evaluate(async ([policy, keys, token, at]) => {
    const { answer, createGate } = globalThis.everything;
    const code = (promise) => promise.then(() => 'answered', (error) => error.code);
    let arrive;
    const fetched = new Promise((resolve) => (arrive = resolve));
    let give;
    const fetch = () => {
      arrive();
      return new Promise((resolve) => (give = resolve));
    };
    const gate = await createGate(policy, { fetch, at });
    const request = { method: 'GET', url: 'https://api.example/reports', headers: { authorization: `Bearer ${token}` } };
    const lost = code(gate.check(request, { at }));
    await fetched;
    const trapped = await code(answer(`{"id":"${'a'.repeat(100_000_000)}","op":"spiffe.id"}`, { deadline: 60_000 }));
    give(Response.json(keys));
    const evaluation = await lost;
    const many = await Promise.all(Array.from({ length: 1_100 }, () => code(answer({ op: 'spiffe.id', value: 'spiffe://a/b' }))));
    return { trapped, evaluation, answered: many.filter((one) => one === 'answered').length, refused: [...new Set(many)].sort() };
  }, [policy, issuer.keys, accessToken(issuer, { scope: 'read' }), AT]);
  assert.deepEqual([told.trapped, told.evaluation], ['host.trapped', 'host.evaluation_lost']);
  assert.deepEqual(told.refused, ['answered', 'host.too_many_calls']);
  assert.ok(told.answered >= 1_024);
  await verifies();
});

test('a page whose policy allows no workers is told what to do', async () => {
  const strict = await serve([['/package/', dist('browser')], ['/', new URL('pages', import.meta.url).pathname]], { csp: "default-src 'none'; script-src 'self'; worker-src 'none'; connect-src 'self'" });
  const { context, page: other } = await open(browser);
  try {
    await other.goto(`${strict.origin}/bare.html`);
    await other.waitForFunction(() => globalThis.ready);
    const error = await other.evaluate(() => globalThis.everything.answer({ op: 'spiffe.id', value: 'x' }).then(() => 'answered', ({ code, detail }) => ({ code, detail })));
    assert.equal(error.code, 'host.load_failed');
    assert.match(error.detail, /worker-src 'self'/);
  } finally {
    await context.close();
    await strict.close();
  }
});

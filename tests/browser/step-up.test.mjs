/** Requests that are refused, and sent again: with a real server of Node's, which tells what it was asked. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';

import { AccessTokens, createPortcullis, fetchWithStepUp, PortcullisError, readChallenge } from '../../dist/browser/index.node.js';

/** What the server answers, in order, and what it was asked. */
let script = [];
const asked = [];
let server;
let origin;
let elsewhere;

before(async () => {
  server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    asked.push({ method: request.method, path: request.url, headers: request.headers, body: Buffer.concat(pieces).toString() });
    const answer = script.shift() ?? { status: 500, body: 'nothing more was expected' };
    if (answer.hang) return;
    response.writeHead(answer.status, answer.headers);
    if (answer.unfinished) response.write(answer.body);
    else response.end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${server.address().port}`;
  elsewhere = `http://localhost:${server.address().port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  script = [];
  asked.length = 0;
});

const refuse = (challenge, { status = 401, headers = {}, body = 'refused' } = {}) => ({ status, headers: { 'www-authenticate': challenge, ...headers }, body });
const OK = { status: 200, headers: {}, body: 'done' };
const SCOPE = refuse('Bearer error="insufficient_scope", scope="read write"', { status: 403 });
const INVALID = refuse('Bearer error="invalid_token"');
const NONCE = (nonce) => refuse('DPoP error="use_dpop_nonce"', { headers: { 'dpop-nonce': nonce } });
const ACR = refuse('Bearer error="insufficient_user_authentication", acr_values="phr phrh", max_age="300"');
const remediation = (value) => refuse(`Bearer error="insufficient_authorization", authorization_remediation="${Buffer.from(JSON.stringify(value)).toString('base64url')}"`);

const presented = () => asked.map(({ headers }) => headers.authorization);
const never = () => assert.fail('nothing was to be got');

/** Tokens of the server's origin, the first one preferred. */
function held(...tokens) {
  const all = new AccessTokens(origin);
  for (const token of tokens.toReversed()) all.add(token);
  return all;
}

/** What `obtain` was asked for, and what it answers. */
function obtaining(...answers) {
  const calls = [];
  const obtain = async (wanted, context) => {
    calls.push({ wanted, context });
    return answers.shift();
  };
  return { calls, obtain };
}

async function text(response) {
  return [response.status, await response.text()];
}

test('a request that is not refused is sent once, with the newest token that has not ended', async () => {
  script = [OK];
  const now = Math.floor(Date.now() / 1000);
  const tokens = held({ accessToken: 'ended', expiresAt: now - 1 }, { accessToken: 'good', expiresAt: now + 60 }, { accessToken: 'older' });
  assert.deepEqual(await text(await fetchWithStepUp(`${origin}/a?b=c`, undefined, { tokens, obtain: never })), [200, 'done']);
  assert.deepEqual(presented(), ['Bearer good']);
  assert.equal(asked[0].path, '/a?b=c');
});

test('once with a token that is there, then once with a new one, and then it is the caller\'s', async () => {
  const tokens = held({ accessToken: 'one', scope: 'read' }, { accessToken: 'two', scope: 'write read' }, { accessToken: 'three', scope: 'read write' });
  script = [SCOPE, SCOPE, { ...SCOPE, body: 'the last' }, OK];
  const { calls, obtain } = obtaining({ accessToken: 'four', scope: 'read write' });
  const response = await fetchWithStepUp(`${origin}/`, { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }, { tokens, obtain });
  assert.deepEqual(await text(response), [403, 'the last']);
  assert.match(response.headers.get('www-authenticate'), /insufficient_scope/);
  assert.deepEqual(presented(), ['Bearer one', 'Bearer two', 'Bearer four']);
  assert.deepEqual(asked.map(({ method, body, headers }) => [method, body, headers['content-type']]), Array(3).fill(['POST', '{"a":1}', 'application/json']));
  assert.deepEqual(calls.map(({ wanted }) => wanted), [{ scope: 'read write' }]);
  const { method, url, presented: refused } = calls[0].context;
  assert.deepEqual([method, url, refused.accessToken], ['POST', `${origin}/`, 'two']);
  assert.deepEqual(tokens.list().map(({ accessToken }) => accessToken), ['four', 'one', 'two', 'three']);
});

test('a token that is there is enough, and nobody is asked', async () => {
  const now = Math.floor(Date.now() / 1000);
  const tokens = held({ accessToken: 'one' }, { accessToken: 'old', claims: { acr: 'phr', auth_time: now - 900 } }, { accessToken: 'new', claims: { acr: 'phr', auth_time: now - 10 } });
  script = [ACR, OK];
  assert.deepEqual(await text(await fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain: never })), [200, 'done']);
  assert.deepEqual(presented(), ['Bearer one', 'Bearer new']);
});

test('without any token the server says what it wants', async () => {
  script = [refuse('Bearer scope="read"'), OK];
  const { calls, obtain } = obtaining({ accessToken: 'new' });
  const response = await fetchWithStepUp(`${origin}/`, undefined, { tokens: held(), obtain });
  assert.deepEqual(await text(response), [200, 'done']);
  assert.deepEqual(presented(), [undefined, 'Bearer new']);
  assert.deepEqual(calls.map(({ wanted, context }) => [wanted, context.presented]), [[{ scope: 'read' }, undefined]]);
});

test('what is wanted is told whole, and details as they stand', async () => {
  const details = [{ type: 'payment', instructed_amount: { currency_code: 'EUR' } }];
  const cases = [
    [ACR, { acrValues: ['phr', 'phrh'], maxAge: 300 }],
    [remediation({ authorization_details: details, authorization_reference: 'r' }), { authorizationDetails: details, authorizationReference: 'r' }],
    [refuse('Bearer error="insufficient_claims"', { status: 403, headers: { 'content-type': 'application/json' }, body: '{"error":"insufficient_claims","required_claims":["email"]}' }), { claims: ['email'] }],
    [INVALID, {}],
  ];
  for (const [refusal, wanted] of cases) {
    script = [refusal, OK];
    const { calls, obtain } = obtaining({ accessToken: 'new' });
    await fetchWithStepUp(`${origin}/`, undefined, { tokens: held({ accessToken: 'one' }), obtain });
    assert.deepEqual(calls.map((call) => call.wanted), [wanted]);
  }
});

test('a token for details is found again by its reference, of the same tokens alone, unless it is to be used once', async () => {
  const wanted = { authorization_details: [{ type: 'payment' }], authorization_reference: 'r1' };
  const tokens = held({ accessToken: 'plain' });
  script = [remediation(wanted), OK, INVALID, OK];
  await fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain: () => ({ accessToken: 'paid' }) });
  tokens.add({ accessToken: 'newer' });
  script = [remediation(wanted), OK];
  await fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain: never });
  assert.deepEqual(presented(), ['Bearer plain', 'Bearer paid', 'Bearer newer', 'Bearer paid']);

  asked.length = 0;
  const others = held({ accessToken: 'plain' });
  const once = remediation({ authorization_details: [{ type: 'payment' }] });
  script = [once, OK, once, OK];
  for (const accessToken of ['first', 'second']) await fetchWithStepUp(`${origin}/`, undefined, { tokens: others, obtain: () => ({ accessToken }) });
  assert.deepEqual(presented(), ['Bearer plain', 'Bearer first', 'Bearer plain', 'Bearer second']);
  assert.deepEqual(others.list().map(({ accessToken }) => accessToken), ['plain']);
});

test('a proof is made anew once, whatever the server asks for after', async () => {
  const tokens = held({ accessToken: 'bound', tokenType: 'DPoP' });
  const proofs = [];
  const prove = (proof) => {
    proofs.push(proof);
    return { DPoP: `proof-${proofs.length}-${proof.nonce}` };
  };
  script = [NONCE('n1'), { ...OK, headers: { 'dpop-nonce': 'n2' } }];
  const response = await fetchWithStepUp(`${origin}/a?q=1`, { method: 'put' }, { tokens, obtain: never, prove });
  assert.equal(response.status, 200);
  assert.deepEqual(asked.map(({ headers }) => [headers.authorization, headers.dpop]), [['DPoP bound', 'proof-1-undefined'], ['DPoP bound', 'proof-2-n1']]);
  assert.deepEqual([proofs[0].method, proofs[0].url, proofs[0].accessToken], ['PUT', `${origin}/a`, 'bound']);

  // The nonce of the last answer is for the next request; a second refusal for a nonce is the caller's.
  script = [NONCE('n3'), NONCE('n4'), OK];
  assert.equal((await fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain: never, prove })).status, 401);
  assert.deepEqual(asked.slice(2).map(({ headers }) => headers.dpop), ['proof-3-n2', 'proof-4-n3']);

  // It is not one of the two retries.
  script = [NONCE('n5'), INVALID, OK];
  const { obtain } = obtaining({ accessToken: 'next', tokenType: 'DPoP' });
  assert.equal((await fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain, prove })).status, 200);
  assert.deepEqual(asked.slice(4).map(({ headers }) => headers.authorization), ['DPoP bound', 'DPoP bound', 'DPoP next']);

  // A server that never has enough: five times, and no more.
  script = [NONCE('a'), refuse('DPoP error="use_attestation_challenge"', { headers: { 'oauth-client-attestation-challenge': 'c' } }), INVALID, INVALID, INVALID, OK];
  asked.length = 0;
  const both = held({ accessToken: 'x', tokenType: 'DPoP' }, { accessToken: 'y', tokenType: 'DPoP' });
  assert.equal((await fetchWithStepUp(`${origin}/`, undefined, { tokens: both, obtain: () => ({ accessToken: 'z', tokenType: 'DPoP' }), prove })).status, 401);
  assert.deepEqual(presented(), ['DPoP x', 'DPoP x', 'DPoP x', 'DPoP y', 'DPoP z']);
  assert.equal(proofs.at(-1).attestationChallenge, 'c');
});

test('a nonce that cannot be seen, and a token that is bound without a way to prove, end it', async () => {
  script = [refuse('DPoP error="use_dpop_nonce"'), OK];
  const tokens = held({ accessToken: 'bound', tokenType: 'DPoP' });
  assert.equal((await fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain: never, prove: () => ({}) })).status, 401);
  await assert.rejects(fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain: never }), /needs `prove`/);
  assert.equal(asked.length, 1);
});

test('what no token mends is the caller\'s at once', async () => {
  for (const refusal of [
    refuse('Bearer error="invalid_request"', { status: 400 }),
    refuse('DPoP error="invalid_dpop_proof"'),
    refuse('Basic realm="x"'),
    refuse('Bearer error="insufficient_user_authentication", max_age="soon"'),
    { status: 401, headers: {}, body: '' },
    { status: 403, headers: {}, body: '' },
    { status: 503, headers: {}, body: '' },
  ]) {
    script = [refusal, OK];
    asked.length = 0;
    const response = await fetchWithStepUp(`${origin}/`, undefined, { tokens: held({ accessToken: 'one' }, { accessToken: 'two' }), obtain: never });
    assert.deepEqual([response.status, asked.length], [refusal.status, 1]);
  }
});

test('where nothing is got the refusal is the answer, with its body; and what is thrown is thrown', async () => {
  script = [INVALID, INVALID];
  const tokens = held({ accessToken: 'one' });
  assert.deepEqual(await text(await fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain: () => undefined })), [401, 'refused']);
  const failed = new Error('the window was closed');
  await assert.rejects(fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain: () => Promise.reject(failed) }), failed);
  assert.equal(asked.length, 2);
});

test('bodies are sent again as they were, and a stream never is', async () => {
  const form = new FormData();
  form.set('a', 'b');
  for (const body of ['text', new URLSearchParams({ a: 'b' }), new Uint8Array([97, 98]), new Blob(['blob']), form]) {
    script = [INVALID, OK];
    asked.length = 0;
    await fetchWithStepUp(`${origin}/`, { method: 'POST', body }, { tokens: held({ accessToken: 'one' }), obtain: () => ({ accessToken: 'two' }) });
    // A boundary is made anew each time.
    const plain = asked.map((one) => one.body.replaceAll(/-{4,}\S+/g, ''));
    assert.equal(plain.length, 2);
    assert.ok(plain[0].length > 0 && plain[0] === plain[1], plain.join(' | '));
  }
  const stream = () => new ReadableStream({ pull: (controller) => { controller.enqueue(new TextEncoder().encode('once')); controller.close(); } });
  for (const [input, init] of [
    [`${origin}/`, { method: 'POST', body: stream(), duplex: 'half' }],
    [new Request(`${origin}/`, { method: 'POST', body: 'text' }), undefined],
  ]) {
    script = [SCOPE, OK];
    asked.length = 0;
    await assert.rejects(fetchWithStepUp(input, init, { tokens: held({ accessToken: 'one' }, { accessToken: 'two', scope: 'read write' }), obtain: never }), (error) => {
      assert.ok(error instanceof PortcullisError);
      assert.deepEqual([error.code, error.status], ['host.body_gone', 403]);
      assert.match(error.challenge, /insufficient_scope/);
      return true;
    });
    assert.equal(asked.length, 1);
  }
  // Where nothing is refused, a stream is as good as any.
  script = [OK];
  assert.equal((await fetchWithStepUp(`${origin}/`, { method: 'POST', body: stream(), duplex: 'half' }, { tokens: held({ accessToken: 'one' }), obtain: never })).status, 200);
});

test('a token goes to no other origin', async () => {
  const tokens = held({ accessToken: 'one' });
  for (const url of [`${elsewhere}/`, 'https://api.example/', origin.replace('http:', 'https:')]) {
    await assert.rejects(fetchWithStepUp(url, undefined, { tokens, obtain: never }), { code: 'host.other_origin' });
  }
  assert.equal(asked.length, 0);
  for (const status of [302, 307, 308]) {
    for (const location of [`${elsewhere}/`, '/same']) {
      script = [{ status, headers: { location } }, OK];
      asked.length = 0;
      await assert.rejects(fetchWithStepUp(`${origin}/`, undefined, { tokens, obtain: never }), { code: 'host.redirected' });
      assert.equal(asked.length, 1);
    }
  }
  script = [{ status: 302, headers: { location: `${elsewhere}/` } }];
  assert.equal((await fetchWithStepUp(`${origin}/`, { redirect: 'manual' }, { tokens, obtain: never })).status, 302);
  for (const bad of ['http://api.example', 'ftp://127.0.0.1', 'http://127.0.0.1.example']) assert.throws(() => new AccessTokens(bad), TypeError);
  for (const name of ['Authorization', 'DPoP']) {
    await assert.rejects(fetchWithStepUp(`${origin}/`, { headers: { [name]: 'x' } }, { tokens, obtain: never }), TypeError);
  }
});

test('an error never tells a token', async () => {
  for (const accessToken of ['secret\r\nx: y', 'secret secret', '', 'sécret']) {
    assert.throws(() => held({ accessToken }), (error) => error instanceof TypeError && !error.message.includes('cret'));
    script = [INVALID];
    await assert.rejects(fetchWithStepUp(`${origin}/`, undefined, { tokens: held(), obtain: () => ({ accessToken }) }), (error) => !error.message.includes('cret'));
  }
});

test('it is given up as fetch is, at every step', async () => {
  const tokens = held({ accessToken: 'one' });
  const give = async (use, options = {}) => {
    const controller = new AbortController();
    const reason = new Error('given up');
    const going = fetchWithStepUp(`${origin}/`, { signal: controller.signal }, { tokens, obtain: never, ...options });
    await use(() => controller.abort(reason), controller);
    await assert.rejects(going, reason);
  };
  await give((abort) => abort());
  // While the server thinks.
  script = [{ hang: true }];
  await give(async (abort) => {
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    abort();
  });
  // While the user does, and what comes of it is nobody's any more.
  script = [INVALID, OK];
  asked.length = 0;
  let got;
  await give(async (abort) => {
    const signal = await new Promise((resolve) => { got = resolve; });
    abort();
    assert.equal(signal.aborted, true);
  }, { obtain: (_, { signal }) => { got(signal); return new Promise(() => {}); } });
  // While a body does not end.
  script = [{ status: 401, headers: { 'content-type': 'application/json', 'www-authenticate': 'Bearer' }, body: '{', unfinished: true }];
  await give(async (abort) => {
    while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    abort();
  });
  assert.equal(asked.length, 2);
});

test('bodies of refusals are read within bounds, and stay the caller\'s', async () => {
  const json = { 'content-type': 'application/json' };
  const long = `{"required_claims":["${'c'.repeat(70_000)}"]}`;
  script = [refuse('Bearer error="insufficient_claims"', { status: 403, headers: json, body: long })];
  const { calls, obtain } = obtaining(undefined);
  const response = await fetchWithStepUp(`${origin}/`, undefined, { tokens: held({ accessToken: 'one' }), obtain });
  assert.deepEqual(calls[0].wanted, {});
  assert.equal(await response.text(), long);
});

test('each instance has its own worker, and one that is closed says so', async () => {
  const own = createPortcullis();
  script = [OK];
  assert.equal((await own.fetchWithStepUp(`${origin}/`, undefined, { tokens: held({ accessToken: 'one' }), obtain: never })).status, 200);
  own.close();
  await assert.rejects(own.fetchWithStepUp(`${origin}/`, undefined, { tokens: held(), obtain: never }), { code: 'host.closed' });
  assert.equal(asked.length, 1);
});

test('a challenge is read for people, too', async () => {
  const response = new Response('', { status: 401, headers: { 'www-authenticate': 'Basic realm="x", DPoP error="use_dpop_nonce", Bearer error="insufficient_user_authentication", max_age=60', 'dpop-nonce': 'n' } });
  assert.deepEqual(await readChallenge(response, { presented: 'DPoP' }), { asked: 'dpop_nonce', scheme: 'DPoP', error: 'use_dpop_nonce', wanted: {}, dpopNonce: 'n' });
  const { asked: about, wanted } = await readChallenge(response, { presented: 'Bearer' });
  assert.deepEqual([about, wanted], ['authentication', { maxAge: 60 }]);
  await assert.rejects(readChallenge({ status: 401, headers: {} }), { code: 'challenge.absent' });
  await assert.rejects(readChallenge({ status: 500, headers: { 'WWW-Authenticate': 'Bearer' } }), { code: 'challenge.status' });
});

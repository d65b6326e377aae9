/** The example of a page that gets a stronger sign-in where it is needed, against the gateway and its issuer for demonstration. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import axe from 'axe-core';

import { launch, open } from './support/chromium.mjs';
import { artifacts, dist, root } from './support/places.mjs';

const example = join(root, 'examples/step-up');

/** What a page may wait for, in milliseconds, where a clock has to go on. */
const PATIENCE = { timeout: 30_000 };

let folder;
let gateway;
let server;
let origin;
let issuer;
let browser;

async function freePort() {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

before(async () => {
  const [listen, admin] = [await freePort(), await freePort()];
  issuer = `http://127.0.0.1:${admin}`;
  folder = mkdtempSync(join(tmpdir(), 'portcullis-step-up-'));
  const policy = join(folder, 'policy.toml');
  writeFileSync(policy, readFileSync(join(root, 'examples/demo/policy.toml'), 'utf8').replaceAll(':8080', `:${listen}`));
  const serve = ['serve', '--policy', policy, '--demo', '--listen', `127.0.0.1:${listen}`, '--admin', `127.0.0.1:${admin}`];
  gateway = spawn(dist('bin/portcullis'), serve, { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let tries = 0; ; tries += 1) {
    // 503 until it has the issuer's keys.
    const up = await fetch(`http://127.0.0.1:${listen}/reports/7`).then(({ status }) => status === 401, () => false);
    if (up) break;
    assert.ok(tries < 200 && gateway.exitCode === null, 'the gateway did not come up');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const env = { ...process.env, PORTCULLIS_PACKAGE: dist('browser'), PORTCULLIS_GATEWAY: `http://127.0.0.1:${listen}`, PORTCULLIS_ISSUER: issuer };
  server = spawn(process.execPath, [join(example, 'serve.mjs'), '0'], { stdio: ['ignore', 'pipe', 'inherit'], env });
  const [line] = await once(server.stdout, 'data');
  origin = new URL(String(line).trim()).origin;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  server?.kill();
  gateway?.kill();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** The page, with every request that had a token. */
async function opened(use, options = {}) {
  const { context, page, errors } = await open(browser, options);
  const credentials = [];
  context.on('request', (asked) => {
    const { authorization } = asked.headers();
    if (authorization) credentials.push([new URL(asked.url()).origin, asked.method(), new URL(asked.url()).pathname, authorization]);
  });
  try {
    await page.goto(origin);
    await use(page, credentials);
    assert.deepEqual(credentials.filter(([to]) => to !== origin), [], 'a token went elsewhere');
    // That requests are refused is what this is about.
    assert.deepEqual(errors.filter((error) => !/status of 40[13]/.test(error)), []);
  } finally {
    await context.close();
  }
}

/** Presses a button, and another one in the window that opens. Answers what that window said. */
async function decide(page, button, decision) {
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.click(button)]);
  const choice = popup.locator(`button[name="decision"][value="${decision}"]`);
  await choice.waitFor();
  const asked = new URL(popup.url());
  const text = await popup.textContent('main');
  await Promise.all([popup.waitForEvent('close'), choice.click()]);
  await page.waitForFunction((id) => !document.querySelector(id).disabled, button);
  return { parameters: Object.fromEntries(asked.searchParams), text };
}

async function press(page, button) {
  await page.click(button);
  await page.waitForFunction((id) => !document.querySelector(id).disabled, button);
}

const log = (page) => page.locator('#log li').allTextContents();

test('step-up end to end', () => opened(async (page, credentials) => {
  const first = await decide(page, '#sign-in', 'allow');
  assert.equal(first.parameters.acr_values, undefined);
  assert.equal(await page.textContent('#who'), 'You have signed in.');
  await press(page, '#read');
  assert.deepEqual(await log(page), ['GET /reports/7: done']);

  // The gateway wants a strong and recent sign-in, and just that is asked for.
  const second = await decide(page, '#pay', 'allow');
  assert.deepEqual([second.parameters.acr_values, second.parameters.max_age, second.parameters.scope], ['phr', '300', 'reports:read payments:write']);
  assert.match(second.text, /phr/);
  assert.deepEqual((await log(page)).slice(1), ['The server wants a stronger sign-in: phr, and a sign-in not longer ago than 300 seconds.', 'POST /payments: done']);

  // It was sent twice: once with each token, and no more.
  const payments = () => credentials.filter(([, , path]) => path === '/payments').map(([, method, , token]) => [method, token]);
  assert.equal(payments().length, 2);
  assert.notEqual(payments()[0][1], payments()[1][1]);

  // The new token is there, and nobody is asked.
  await press(page, '#pay');
  assert.equal((await log(page)).at(-1), 'POST /payments: done');
  assert.equal(payments().length, 3);
}));

test('who declines is refused, and is not asked again', () => opened(async (page, credentials) => {
  await decide(page, '#sign-in', 'allow');
  await decide(page, '#pay', 'deny');
  assert.equal((await log(page)).at(-1), 'POST /payments: refused with 401');
  assert.equal(credentials.length, 1);
}));

test('who closes the window has declined', () => opened(async (page) => {
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.click('#sign-in')]);
  await popup.locator('button[value="allow"]').waitFor();
  await popup.close();
  await page.waitForFunction(() => !document.querySelector('#sign-in').disabled, undefined, PATIENCE);
  assert.deepEqual(await log(page), ['Nothing was allowed.']);
}));

test('without any sign-in the server says what it wants', () => opened(async (page) => {
  await decide(page, '#read', 'allow');
  assert.equal((await log(page)).at(-1), 'GET /reports/7: done');
}));

test('a SPA warns before consent expires', () => opened(async (page) => {
  await page.selectOption('#lasts', '16');
  const { parameters } = await decide(page, '#sign-in', 'allow');
  assert.equal(parameters.authorization_expires_in, '16');
  assert.equal(await page.isVisible('#warning'), false);
  await page.waitForSelector('#warning:not([hidden])', PATIENCE);
  assert.match(await page.textContent('#ends'), /^What you allowed ends at .+\d/);
  // What was allowed has not ended yet.
  await press(page, '#read');
  assert.equal((await log(page)).at(-1), 'GET /reports/7: done');

  await page.selectOption('#lasts', '');
  await decide(page, '#renew', 'allow');
  await page.waitForSelector('#warning', { state: 'hidden', ...PATIENCE });
  assert.ok((await log(page)).includes('What you allowed lasts longer now.'));
}));

test('what ends without an answer to the warning is said, too', () => opened(async (page) => {
  await page.selectOption('#lasts', '16');
  await decide(page, '#sign-in', 'allow');
  await page.waitForFunction(() => document.querySelector('#who').textContent.includes('has ended'), undefined, PATIENCE);
  assert.equal(await page.isVisible('#warning'), false);
}));

test('a nonce and a challenge of another origin are seen only where it lets them', async () => {
  // What docs/browser.md says of Access-Control-Expose-Headers.
  const api = createHttp(({ method, url }, response) => {
    const shown = url === '/shown' ? { 'access-control-expose-headers': 'WWW-Authenticate, DPoP-Nonce' } : {};
    response.writeHead(method === 'OPTIONS' ? 204 : 401, { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization, dpop', 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n', ...shown }).end();
  });
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const { context, page } = await open(browser, { bypassCSP: true });
  try {
    await page.goto(origin);
    const asked = await page.evaluate(async (at) => {
      const { AccessTokens, fetchWithStepUp } = await import('./portcullis/index.js');
      const told = [];
      for (const path of ['/hidden', '/shown']) {
        const tokens = new AccessTokens(at);
        tokens.add({ accessToken: 't', tokenType: 'DPoP' });
        const nonces = [];
        const prove = ({ nonce }) => (nonces.push(nonce ?? null), { DPoP: 'proof' });
        const { status } = await fetchWithStepUp(at + path, undefined, { tokens, obtain: () => undefined, prove });
        told.push([status, nonces]);
      }
      return told;
    }, `http://127.0.0.1:${api.address().port}`);
    assert.deepEqual(asked, [[401, [null]], [401, [null, 'n']]]);
  } finally {
    await context.close();
    api.closeAllConnections();
    api.close();
  }
});

test('a page follows no redirect with a token', async () => {
  const api = createHttp(({ method }, response) => response.writeHead(method === 'OPTIONS' ? 204 : 302, { location: '/elsewhere', 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization' }).end());
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const { context, page } = await open(browser, { bypassCSP: true });
  try {
    await page.goto(origin);
    const code = await page.evaluate(async (at) => {
      const { AccessTokens, fetchWithStepUp } = await import('./portcullis/index.js');
      const tokens = new AccessTokens(at);
      return fetchWithStepUp(`${at}/`, undefined, { tokens, obtain: () => undefined }).catch((error) => error.code);
    }, `http://127.0.0.1:${api.address().port}`);
    assert.equal(code, 'host.redirected');
  } finally {
    await context.close();
    api.closeAllConnections();
    api.close();
  }
});

test('it can be used on a small screen, in the dark, and by those who do not see it', async () => {
  mkdirSync(artifacts, { recursive: true });
  for (const [width, colorScheme] of [[1000, 'light'], [360, 'dark']]) {
    await opened(async (page) => {
      await decide(page, '#sign-in', 'allow');
      await page.evaluate(() => { document.getElementById('warning').hidden = false; document.getElementById('ends').textContent = 'What you allowed ends at 12:00:00.'; });
      await page.screenshot({ path: join(artifacts, `step-up-${width}-${colorScheme}.png`), fullPage: true });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
    }, { viewport: { width, height: 800 }, colorScheme });
  }
});

test('its server gives what a page may have, and nothing beside it', async () => {
  const { hostname: host, port } = new URL(origin);
  // Not by `fetch`, which tidies a path before it is sent.
  const get = async (path) => {
    const [response] = await once(request({ host, port, path }).end(), 'response');
    response.resume();
    return response.statusCode;
  };
  for (const path of ['/', '/app.js', '/back.html?code=x', '/portcullis/index.js']) assert.equal(await get(path), 200, path);
  assert.equal(await get('/reports/7'), 401);
  for (const path of ['/serve.mjs', '/README.md', '/../README.md', '/portcullis/../package.json', '/portcullis/..%2f..%2fREADME.md', '/portcullis/', '/%', '//', '/payments/x']) {
    assert.equal(await get(path), 404, path);
  }
});

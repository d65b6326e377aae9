/** The example of a page that hides what its user may not do. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import axe from 'axe-core';

import { launch, open } from './support/chromium.mjs';
import { artifacts, dist, root } from './support/places.mjs';
import { serve } from './support/server.mjs';

const spa = join(root, 'examples/spa');
const csp = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self'";

let demo;
let server;
let browser;
const answers = {};

before(async () => {
  demo = mkdtempSync(join(tmpdir(), 'portcullis-spa-test-'));
  execFileSync(process.execPath, [join(spa, 'make-demo.mjs'), demo], { env: { ...process.env, PORTCULLIS: dist('bin/portcullis') } });
  server = await serve([['/portcullis/', dist('browser')], ['/demo/', demo], ['/', spa]], { csp, answers });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(demo, { recursive: true, force: true });
});

const token = (name) => readFileSync(join(demo, `${name}.jwt`), 'utf8').trim();
const claims = (name) => JSON.parse(Buffer.from(token(name).split('.')[1], 'base64url').toString());
const settled = (page) => page.waitForFunction(() => document.getElementById('actions').ariaBusy === 'false');

/** The page, opened at a time, with what it asked for and from where. */
async function opened(use, { at, ...options } = {}) {
  const { context, page, errors } = await open(browser, options);
  const elsewhere = [];
  context.on('request', (asked) => {
    if (new URL(asked.url()).origin !== server.origin) elsewhere.push(asked.url());
  });
  try {
    if (at !== undefined) await page.clock.setFixedTime(at * 1000);
    await page.goto(server.origin);
    await settled(page);
    await use(page, errors);
    assert.deepEqual(elsewhere, []);
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
  }
}

async function choose(page, who) {
  await page.check(`input[value="${who}"]`);
  await settled(page);
}

async function paste(page, text) {
  await choose(page, 'pasted');
  await page.fill('#pasted', text);
  await settled(page);
}

/** The actions that are in the document, each as it is marked, and whether it can be pressed. */
const offered = (page) => page.evaluate(() => Object.fromEntries([...document.querySelectorAll('[data-action]')].map(({ dataset, children: [button, note] }) => [
  dataset.action,
  [dataset.is, button.disabled ? 'disabled' : 'enabled', note.textContent],
])));

const ALLOWED = ['allowed', 'enabled', ''];
const UNKNOWN = ['unknown', 'disabled', 'Cannot know right now.'];
const all = (state) => ({ read: state, write: state, delete: state, pay: state });

test('what the page gets of the policy holds nothing of the gateway, and nothing secret', () => {
  const text = readFileSync(join(demo, 'policy.json'), 'utf8');
  const policy = JSON.parse(text);
  assert.deepEqual(Object.keys(policy).sort(), ['issuers', 'origins', 'rules']);
  assert.doesNotMatch(text, /127\.0\.0\.1|X-User/i);
  assert.deepEqual(policy.issuers[0].keys.keys.map((key) => Object.keys(key).sort()), [['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']]);
  assert.match(readFileSync(join(demo, 'policy.toml'), 'utf8'), /listeners[^]*X-User/);
  assert.deepEqual(readdirSync(demo).sort(), ['long-ago.jwt', 'policy.json', 'policy.toml', 'reader.jwt', 'writer.jwt']);
  for (const name of readdirSync(demo)) assert.doesNotMatch(readFileSync(join(demo, name), 'utf8'), /PRIVATE KEY|\bd = /);
});

test('each of the three is offered what they may do', () => opened(async (page) => {
  assert.deepEqual(await offered(page), { read: ALLOWED });
  assert.equal(await page.textContent('#summary'), 'Signed in as rita: 1 of these may be done now.');

  await choose(page, 'writer');
  assert.deepEqual(await offered(page), all(ALLOWED));
  await page.click('[data-action="pay"] button');
  assert.match(await page.textContent('#sent'), /^POST \/payments HTTP\/1\.1\nHost: api\.example\nAuthorization: Bearer eyJ/);

  await choose(page, 'long-ago');
  const { read, write, delete: remove, pay } = await offered(page);
  assert.deepEqual([read, write], [ALLOWED, ALLOWED]);
  assert.deepEqual([remove[0], remove[1], pay[0], pay[1]], ['step-up', 'disabled', 'step-up', 'disabled']);
  assert.match(remove[2], /stronger sign-in: .*passkey \(acr_values: phr\)/);
  assert.match(pay[2], /fresh sign-in: .*15 minutes \(max_age: 900\)/);
  assert.equal(await page.textContent('#sent'), 'Nothing yet.');
  assert.match(await page.textContent('.server'), /server decides/);
}));

test('a token that is not good offers nothing', () => opened(async (page) => {
  const [header, payload, signature] = token('writer').split('.');
  const other = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1);
  for (const bad of [`${header}.${payload}.${other}`, 'nothing', '<b>ä\n', '']) {
    await paste(page, bad);
    assert.deepEqual(await offered(page), {}, bad);
    assert.match(await page.textContent('#summary'), /not good .*Nothing is offered/);
  }
  await paste(page, ` ${token('writer')}\n`);
  assert.deepEqual(await offered(page), all(ALLOWED));
}));

test('an expired token offers nothing', () => opened(async (page) => {
  await paste(page, token('writer'));
  assert.deepEqual(await offered(page), {});
  assert.match(await page.textContent('#summary'), /token\.expired/);
}, { at: claims('writer').exp + 120 }));

test('a token that is about to expire is offered what it may do, with a note; and its sign-in is old by then', () => opened(async (page) => {
  await choose(page, 'writer');
  const { pay, ...rest } = await offered(page);
  assert.deepEqual(rest, { read: ALLOWED, write: ALLOWED, delete: ALLOWED });
  assert.equal(pay[0], 'step-up');
  assert.equal(await page.textContent('#expiry'), 'This sign-in ends in 3 minutes.');
}, { at: claims('writer').exp - 170 }));

test('where nobody knows, nothing is offered', async () => {
  const unreachable = JSON.parse(readFileSync(join(demo, 'policy.json'), 'utf8'));
  unreachable.issuers[0].keys = `${server.origin}/keys`;
  const broken = {
    '/demo/policy.json': [
      (_, response) => response.writeHead(500).end(),
      (_, response) => response.end('{"rules": 1}'),
      (_, response) => response.end(JSON.stringify(unreachable)),
    ],
    '/portcullis/index.js': [(_, response) => response.writeHead(404).end()],
    '/portcullis/worker-full.js': [(_, response) => response.writeHead(404).end()],
  };
  for (const [path, ways] of Object.entries(broken)) {
    for (const way of ways) {
      answers[path] = way;
      try {
        await opened(async (page, errors) => {
          await choose(page, 'writer');
          assert.deepEqual(await offered(page), all(UNKNOWN), `${path}: ${way}`);
          assert.match(await page.textContent('#summary'), /^Cannot know/);
          // That something could not be loaded is what this is about.
          errors.length = 0;
        });
      } finally {
        delete answers[path];
      }
    }
  }
});

test('it can be used on a small screen, in the dark, and by those who do not see it', async () => {
  mkdirSync(artifacts, { recursive: true });
  for (const [width, colorScheme] of [[1000, 'light'], [1000, 'dark'], [360, 'light'], [360, 'dark']]) {
    await opened(async (page) => {
      await choose(page, 'long-ago');
      await page.click('[data-action="write"] button');
      await page.screenshot({ path: join(artifacts, `spa-${width}-${colorScheme}.png`), fullPage: true });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
    }, { viewport: { width, height: 800 }, colorScheme });
  }
});

test('its own server gives what a page may have, and nothing beside it', async () => {
  const child = spawn(process.execPath, [join(spa, 'serve.mjs'), '0'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, PORTCULLIS_PACKAGE: dist('browser') } });
  try {
    const [line] = await once(child.stdout, 'data');
    const { port } = new URL(String(line).trim());
    // Not by `fetch`, which tidies a path before it is sent.
    const get = async (path) => {
      const [response] = await once(request({ host: '127.0.0.1', port, path }).end(), 'response');
      response.resume();
      return [response.statusCode, response.headers['content-security-policy']];
    };
    for (const path of ['/', '/app.js', '/portcullis/index.js']) assert.deepEqual(await get(path), [200, csp], path);
    for (const path of ['/demo/policy.toml', '/policy.toml', '/serve.mjs', '/../README.md', '/portcullis/../package.json', '/portcullis/..%2f..%2fREADME.md', '/portcullis/%2e%2e%2f%2e%2e%2fREADME.md', '/portcullis/', '/%', '//']) {
      assert.equal((await get(path))[0], 404, path);
    }
  } finally {
    child.kill();
  }
});

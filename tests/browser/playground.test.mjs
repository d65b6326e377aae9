/** The playground, driven as a person would, with pictures to look at afterwards. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, beforeEach, afterEach, test } from 'node:test';

import { launch, open } from './support/chromium.mjs';
import { artifacts, dist, root } from './support/places.mjs';
import { serve } from './support/server.mjs';
import { accessToken, AT, signer, statusList } from './support/signing.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const issuer = signer();

let server;
let other;
let browser;
let page;
let context;
let errors;
let foreign;

before(async () => {
  mkdirSync(artifacts, { recursive: true });
  // The pages bring their own policy.
  server = await serve([['/', dist('playground')]], { csp: null });
  other = await serve([], {
    csp: null,
    answers: {
      '/keys': (_, response) => response.writeHead(200, { 'access-control-allow-origin': '*', 'content-type': 'application/json' }).end(JSON.stringify(issuer.keys)),
      '/private': (_, response) => response.end(JSON.stringify(issuer.keys)),
    },
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.close();
  await other?.close();
});

beforeEach(async () => {
  ({ context, page, errors } = await open(browser, { viewport: { width: 1280, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'] }));
  foreign = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${server.origin}/`) && !request.url().startsWith('blob:')) foreign.push(request.url());
  });
  server.asked.length = 0;
  other.asked.length = 0;
});

afterEach(() => context.close());

const at = (tab, testid) => page.locator(`#panel-${tab} [data-testid="${testid}"]`);

/** Goes to a tab of a page. */
async function go(tab, path = '/index.html') {
  await page.goto(`${server.origin}${path}#${tab}`);
  await at(tab, 'load-example').waitFor();
}

/** Waits for what the verdict says. */
async function verdict(tab, wanted) {
  try {
    await page.waitForFunction(([tab, wanted]) => document.querySelector(`#panel-${tab} [data-testid="verdict"]`)?.textContent.includes(wanted), [tab, wanted], { timeout: 15_000 });
  } catch (error) {
    throw new Error(`${tab}: ${wanted} was wanted, and the verdict is ${await at(tab, 'verdict').textContent()}: ${error.message}`);
  }
}

const picture = (name) => page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: true });

/** Serious and critical faults that axe finds. Its script is let in beside the page's own policy, for the test alone. */
async function accessible(what) {
  await page.evaluate(axe);
  const faults = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run();
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
  });
  assert.deepEqual(faults, [], what);
}

/** Nothing went wrong, and nothing went anywhere. */
function quiet() {
  assert.deepEqual(errors, []);
  assert.deepEqual(foreign, []);
  assert.deepEqual(other.asked, []);
  // What a person pastes is in no request either.
  for (const { method, path } of server.asked) {
    assert.equal(method, 'GET');
    assert.match(path, /^\/(index\.html|network\.html|assets\/[\w.-]+|icon\.svg|favicon\.ico)?$/);
  }
}

test('a token is taken apart and verified as it is typed', async () => {
  await go('token');
  await at('token', 'load-example').click();
  await verdict('token', 'ACCEPTED');
  assert.ok((await at('token', 'check-row').count()) >= 5);
  assert.match(await at('token', 'token-claims').textContent(), /alice/);
  await picture('token');
  await at('token', 'audience-input').fill('https://other.example');
  await verdict('token', 'token.audience_mismatch');
  assert.match(await at('token', 'check-row').last().textContent(), /RFC 7519 section 4\.1\.3/);
  // A person's own token and keys.
  await at('token', 'token-input').fill(accessToken(issuer));
  await at('token', 'keys-input').fill(JSON.stringify(issuer.keys));
  await at('token', 'audience-input').fill('https://api.example');
  await at('token', 'issuer-input').fill('https://idp.example');
  await at('token', 'time-input').fill(new Date((AT + 100) * 1000).toISOString());
  await verdict('token', 'ACCEPTED');
  await at('token', 'time-input').fill(new Date((AT + 10_000) * 1000).toISOString());
  await verdict('token', 'token.expired');
  await picture('token-refused');
  quiet();
});

test('a status list is drawn, counted and looked into', async () => {
  await go('status');
  await at('status', 'load-example').click();
  await verdict('status', 'INVALID');
  await page.waitForFunction(() => document.querySelectorAll('#panel-status [data-testid="check-row"]').length >= 5);
  await picture('status');
  const uri = 'https://idp.example/statuslists/7';
  await at('status', 'status-input').fill(statusList(issuer, uri, Buffer.from([0b00100000, 0]), 1));
  await at('status', 'keys-input').fill(JSON.stringify(issuer.keys));
  await at('status', 'status-uri').fill(uri);
  await at('status', 'status-time').fill(new Date(AT * 1000).toISOString());
  await at('status', 'status-index').fill('5');
  await verdict('status', 'INVALID');
  await at('status', 'status-index').fill('4');
  await verdict('status', 'VALID');
  assert.match(await at('status', 'status-entry').textContent(), /Entry 4.*valid/);
  await at('status', 'status-index').fill('16');
  await verdict('status', 'status.index_out_of_range');
  // What is painted is what the list holds: one entry is another colour than the others.
  const colours = await at('status', 'status-canvas').evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let pixel = 0; pixel < data.length; pixel += 4) seen.add(data.slice(pixel, pixel + 4).join());
    return seen.size;
  });
  assert.ok(colours >= 2);
  quiet();
});

test('a chain is drawn as one, and SVIDs are validated', async () => {
  await go('svid');
  await at('svid', 'load-example').click();
  await verdict('svid', 'ACCEPTED');
  assert.ok((await at('svid', 'chain-link').count()) >= 2);
  await picture('svid');
  await at('svid', 'load-example-jwt').click();
  await verdict('svid', 'ACCEPTED');
  await at('svid', 'svid-audience-input').fill('somebody-else');
  await verdict('svid', 'audience');
  await at('svid', 'bundles-input').fill('{"prod.example":{"keys":[]}}');
  await page.waitForFunction(() => document.querySelector('#panel-svid [data-testid="verdict"]').dataset.tone === 'bad');
  quiet();
});

test('a policy is tried, and its decision explained', async () => {
  await go('policy');
  await at('policy', 'load-example').click();
  await verdict('policy', 'ALLOW');
  assert.equal(await at('policy', 'decision').getAttribute('data-outcome'), 'allow');
  await picture('policy');
  await at('policy', 'load-example-scope').click();
  await verdict('policy', 'scope.insufficient_scope');
  assert.match(await at('policy', 'decision-headers').textContent(), /insufficient_scope/);
  await at('policy', 'load-example-revoked').click();
  await verdict('policy', 'status.revoked');
  await at('policy', 'policy-input').fill('origins = ["https://api.example"]\nmod = "report"\n');
  await at('policy', 'policy-problem').first().waitFor();
  assert.match(await at('policy', 'policy-problem').first().textContent(), /mod/);
  await picture('policy-problem');
  // In JSON, too, what stands twice is seen: nothing reads the text before the component does.
  await at('policy', 'policy-input').fill('{"origins":["https://api.example"],"mode":"report","mode":"enforce"}');
  await verdict('policy', 'policy.duplicate_name');
  quiet();
});

test('a link holds no secret unless asked, and its fragment is sent nowhere', async () => {
  await go('token');
  await at('token', 'load-example').click();
  await verdict('token', 'ACCEPTED');
  const token = await at('token', 'token-input').inputValue();
  const secret = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: issuer.keys.keys[0].x, d: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I' }] };
  await at('token', 'keys-input').fill(JSON.stringify(secret));
  const link = async () => {
    await page.evaluate(() => navigator.clipboard.writeText(''));
    await at('token', 'copy-link').click();
    return page.evaluate(async () => {
      for (let left = 500; left > 0; left -= 1) {
        const text = await navigator.clipboard.readText();
        if (text !== '') return text;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error('nothing was copied');
    });
  };
  const reopened = async (url) => {
    await page.goto('about:blank');
    await page.goto(url);
    await at('token', 'token-input').waitFor();
    return [await at('token', 'token-input').inputValue(), await at('token', 'keys-input').inputValue()];
  };
  const plain = await link();
  await at('token', 'include-token').check();
  const whole = await link();
  assert.ok(plain.length < whole.length);
  const [without, keys] = await reopened(plain);
  assert.equal(without, '');
  assert.ok(!keys.includes('c2VjcmV0'));
  const [withToken, others] = await reopened(whole);
  assert.equal(withToken, token);
  assert.ok(!others.includes('c2VjcmV0'));
  quiet();
});

test('what is pasted stays text', async () => {
  await go('token');
  const script = '<img src=x onerror="globalThis.harmed=true">';
  await at('token', 'token-input').fill(accessToken(issuer, { sub: script, [script]: script }));
  await at('token', 'keys-input').fill(JSON.stringify({ keys: [{ ...issuer.keys.keys[0], kid: script }] }));
  await page.waitForFunction((script) => document.querySelector('#panel-token [data-testid="token-claims"]')?.textContent.includes(script), script);
  assert.equal(await page.locator('img[src="x"]').count(), 0);
  assert.equal(await page.evaluate(() => globalThis.harmed), undefined);
  quiet();
});

test('fetching is another page, which says so, and says what to do where it cannot', async () => {
  await go('token');
  assert.equal(await page.locator('[data-testid="fetch-button"]').count(), 0);
  await go('token', '/network.html');
  await page.locator('[data-testid="network-banner"]').waitFor();
  const fetchFrom = async (url) => {
    await at('token', 'fetch-url').first().fill(url);
    await at('token', 'fetch-button').last().click();
  };
  await fetchFrom(`${other.origin}/keys`);
  await page.waitForFunction(() => document.querySelector('#panel-token [data-testid="keys-input"]').value.includes('Ed25519'));
  await fetchFrom(`${other.origin}/private`);
  await at('token', 'fetch-error').waitFor();
  assert.match(await at('token', 'fetch-error').textContent(), /CORS|allow/i);
  assert.match(await at('token', 'fetch-error').textContent(), /paste|file/i);
  await picture('network');
});

test('everybody can use it: axe finds nothing serious, at any width, light or dark', async () => {
  for (const [colorScheme, width] of [['light', 1280], ['dark', 360]]) {
    await context.close();
    ({ context, page, errors } = await open(browser, { viewport: { width, height: 800 }, colorScheme, bypassCSP: true }));
    for (const tab of ['token', 'status', 'svid', 'policy']) {
      await go(tab);
      await at(tab, 'load-example').click();
      await page.waitForFunction((tab) => ['good', 'bad'].includes(document.querySelector(`#panel-${tab} [data-testid="verdict"]`)?.dataset.tone), tab);
      await accessible(`${tab}, ${colorScheme}, ${width} px`);
      const [scroll, client] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(scroll <= client, `${tab} is ${scroll} px wide on ${client}`);
      await picture(`${tab}-${colorScheme}-${width}`);
    }
    assert.deepEqual(errors, []);
  }
});

test('the gateway serves it on its admin listener', async () => {
  const gateway = spawn(dist('bin/portcullis'), ['serve', '--policy', join(root, 'examples/demo/policy.toml'), '--demo', '--listen', 'envoy=127.0.0.1:0', '--admin', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    let said = '';
    const address = await new Promise((resolve, reject) => {
      gateway.stderr.on('data', (piece) => {
        said += piece;
        const found = /^admin on (\S+)$/m.exec(said);
        if (found) resolve(found[1]);
      });
      gateway.on('exit', () => reject(new Error(`the gateway ended: ${said}`)));
    });
    const response = await page.goto(`http://${address}/`);
    assert.equal(page.url(), `http://${address}/playground/`);
    const headers = response.headers();
    assert.match(headers['content-security-policy'], /frame-ancestors 'none'/);
    assert.deepEqual([headers['x-content-type-options'], headers['referrer-policy']], ['nosniff', 'no-referrer']);
    await at('token', 'load-example').click();
    await verdict('token', 'ACCEPTED');
    assert.deepEqual(errors, []);
    const away = await fetch(`http://${address}/playground/../../../etc/passwd`);
    assert.equal(away.status, 404);
  } finally {
    gateway.kill();
  }
});

test('the keyboard reaches everything: tabs by arrows', async () => {
  await go('token');
  await page.locator('[data-testid="tab-token"]').focus();
  await page.keyboard.press('ArrowRight');
  await at('status', 'status-input').waitFor();
  assert.equal(await page.locator('[data-testid="tab-status"]').getAttribute('aria-selected'), 'true');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'tab-status');
  quiet();
});

/** The corpus and the cases of the gate give the same answers in a page and in Node as in the host. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import * as everything from '../../dist/browser/index.node.js';
import * as token from '../../dist/browser/token.node.js';
import { launch, open } from './support/chromium.mjs';
import { hostAnswers, requests } from './support/cases.mjs';
import { sameAnswers, sameTyped } from './support/compare.mjs';
import { dist } from './support/places.mjs';
import { serve } from './support/server.mjs';
import { typed } from './pages/typed.js';

const asked = requests();
let host;
let browser;
let server;
let page;
let errors;

before(async () => {
  host = await hostAnswers(asked);
  server = await serve([['/package/', dist('browser')], ['/', new URL('pages', import.meta.url).pathname]], {
    answers: { '/cases': (_, response) => response.end(JSON.stringify(asked)) },
  });
  browser = await launch();
  ({ page, errors } = await open(browser));
  await page.goto(`${server.origin}/bare.html`);
  await page.waitForFunction(() => globalThis.ready);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Typed functions that have to be tried, and how often at least. */
const LEAST = {
  'jwt.verify': 60,
  'status.lookup': 100,
  'svid.x509': 50,
  'svid.jwt': 40,
  'svid.wit': 25,
  'scope.evaluate': 30,
  'scope.challenge': 30,
  'lifetimes.read': 30,
  'http.signature': 25,
  'wimse.id': 10,
  'wimse.proof': 25,
  'wimse.signature': 25,
  'client.authenticate': 100,
  'client.match': 10,
  'lifetimes.read': 60,
  'app2app.step': 80,
  'txn.verify': 50,
  'binding.evaluate': 30,
  'ocm.address': 10,
  'ocm.contact': 5,
  'ocm.invite': 10,
  'ocm.wayf': 5,
  'ocm.discovery': 30,
  'ocm.directory': 5,
  'gate.check': 600,
};

function enough(counts) {
  for (const [op, least] of Object.entries(LEAST)) assert.ok((counts[op] ?? 0) >= least, `${op}: ${counts[op]} of ${least}`);
}

test('Node answers as the host does', async () => {
  const answers = [];
  for (const request of asked) answers.push(await everything.answer(JSON.stringify(request)));
  sameAnswers('Node', asked, answers, host);
});

test('a page answers as the host does', async () => {
  const answers = await page.evaluate(async () => {
    const cases = await (await fetch('/cases')).json();
    const told = [];
    for (const request of cases) told.push(await globalThis.everything.answer(JSON.stringify(request)));
    return JSON.stringify(told);
  });
  sameAnswers('Chromium', asked, JSON.parse(answers), host);
  assert.deepEqual(errors, []);
});

test('typed functions say in Node what the host says', async () => {
  const answers = [];
  for (const request of asked) answers.push(await typed(everything, request));
  enough(sameTyped('Node', asked, answers, host));
});

test('typed functions say in a page what the host says', async () => {
  const answers = await page.evaluate(async () => {
    const cases = await (await fetch('/cases')).json();
    const told = [];
    for (const request of cases) told.push((await globalThis.typed(globalThis.everything, request)) ?? null);
    return JSON.stringify(told);
  });
  enough(sameTyped('Chromium', asked, JSON.parse(answers), host));
});

test('the small core verifies tokens as the host does', async () => {
  const tokens = asked.map((request, at) => [request, host[at]]).filter(([request]) => request.op === 'jwt.verify');
  const [some, theirs] = [tokens.map(([request]) => request), tokens.map(([, answer]) => answer)];
  const inNode = [];
  for (const request of some) inNode.push(await typed(token, request));
  sameTyped('Node, small core', some, inNode, theirs);
  const inPage = await page.evaluate(async () => {
    const cases = await (await fetch('/cases')).json();
    const told = [];
    for (const request of cases.filter(({ op }) => op === 'jwt.verify')) told.push((await globalThis.typed(globalThis.token, request)) ?? null);
    return JSON.stringify(told);
  });
  sameTyped('Chromium, small core', some, JSON.parse(inPage), theirs);
});

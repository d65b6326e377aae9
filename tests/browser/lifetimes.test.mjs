/** A watch over what ends when, in Node, with a clock of its own. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { createPortcullis, PortcullisError, readLifetimes, watchLifetimes } from '../../dist/browser/index.node.js';

const AT = 1_790_000_000;
const HOUR = 3_600;
const DAY = 24 * HOUR;
const answer = (more = {}) => ({ access_token: 'a', token_type: 'Bearer', expires_in: HOUR, refresh_token: 'r', refresh_token_timeout: 7 * DAY, authorization_expires_in: 10 * DAY, ...more });

/** A page's document and window, as far as a watch knows them. */
let shown;
let seen;

beforeEach(() => {
  shown = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  seen = new EventTarget();
  globalThis.document = shown;
  globalThis.addEventListener = seen.addEventListener.bind(seen);
  globalThis.removeEventListener = seen.removeEventListener.bind(seen);
});

afterEach(() => {
  for (const name of ['document', 'addEventListener', 'removeEventListener']) delete globalThis[name];
});

/** A watch whose clock is set by hand, and whose timers are seen. */
function watching(response, options = {}) {
  const told = [];
  const clock = { now: AT * 1000 };
  const tell = (name) => (lifetimes) => void told.push([name, lifetimes.askAt]);
  const timers = mock.method(globalThis, 'setTimeout');
  const watch = watchLifetimes(response, {
    receivedAt: AT,
    warn: tell('warn'),
    renewed: tell('renewed'),
    ask: tell('ask'),
    failed: (error) => void told.push(['failed', error.code ?? error.message]),
    now: () => clock.now,
    ...options,
  });
  /** At a time, when everything that it is time for was done. */
  const at = async (seconds) => {
    clock.now = seconds * 1000;
    await watch.look();
    await watch.look();
    await new Promise((resolve) => setImmediate(resolve));
    await watch.look();
    return told.splice(0);
  };
  const end = () => {
    watch.close();
    timers.mock.restore();
  };
  return { watch, at, told, clock, timers, end };
}

/** The naps of a watch: timers that are neither a call's deadline nor a worker's. */
const naps = (timers) => timers.mock.calls.map(({ arguments: [, delay] }) => delay).filter((delay) => delay !== 10_000 && delay !== 60_000);

test('what an answer says of ends is read', async () => {
  assert.deepEqual(await readLifetimes(answer(), { receivedAt: AT, at: AT }), {
    accessExpires: AT + HOUR,
    refreshExpires: AT + 7 * DAY,
    authorizationExpires: AT + 10 * DAY,
    next: 'none',
    refreshAt: AT + HOUR - 30,
    rotateAt: AT + 6 * DAY,
    askAt: AT + 10 * DAY,
    warnAt: AT + 7.5 * DAY,
    warn: false,
  });
  const metadata = { refresh_token_expiration_types_supported: ['authorization'] };
  const { indefinite } = await readLifetimes({ access_token: 'a', refresh_token: 'r' }, { receivedAt: new Date(AT * 1000), at: AT, metadata });
  assert.deepEqual(indefinite, ['refresh_token', 'authorization']);
  await assert.rejects(readLifetimes(answer({ consent_expires_in: 1 }), { receivedAt: AT, at: AT }), { code: 'lifetimes.conflict' });
});

test('it warns once, asks once, and never before', async () => {
  const page = watching({ access_token: 'a', expires_in: HOUR });
  assert.deepEqual(await page.at(AT + 1), []);
  assert.deepEqual(await page.at(AT + 0.75 * HOUR - 1), []);
  assert.deepEqual(await page.at(AT + 0.75 * HOUR), [['warn', AT + HOUR]]);
  assert.deepEqual(await page.at(AT + HOUR - 1), []);
  assert.deepEqual(await page.at(AT + HOUR), [['ask', AT + HOUR]]);
  assert.deepEqual(await page.at(AT + 2 * HOUR), []);
  assert.equal(page.watch.current.next, 'ask');
  page.end();
});

test('it exchanges the refresh token, goes on with the answer, and says that a warning is over', async () => {
  const exchanged = [];
  const answers = [answer({ authorization_expires_in: 10 * DAY - HOUR }), answer({ authorization_expires_in: 30 * DAY })];
  const page = watching(answer(), { refresh: async (why) => { exchanged.push(why); return answers.shift(); } });
  assert.deepEqual(await page.at(AT + HOUR - 30), []);
  assert.deepEqual(exchanged, ['refresh']);
  assert.equal(page.watch.current.next, 'none');
  assert.equal(page.watch.current.refreshAt, AT + HOUR - 30 + HOUR - 30);
  // The second answer lasts longer than what was warned of.
  page.watch.update(answer({ expires_in: 10 * HOUR, authorization_expires_in: 12 * HOUR, refresh_token_timeout: 12 * HOUR }), { receivedAt: AT + HOUR });
  assert.deepEqual(await page.at(AT + HOUR), []);
  assert.deepEqual(await page.at(AT + 10 * HOUR + 1), [['warn', AT + 13 * HOUR]]);
  assert.deepEqual(await page.at(AT + 11 * HOUR), [['renewed', AT + 11 * HOUR + 30 * DAY]]);
  assert.deepEqual(exchanged, ['refresh', 'refresh']);
  page.end();
});

test('where the server says that it is over, it asks', async () => {
  const page = watching(answer(), { refresh: async () => ({ error: 'invalid_grant' }) });
  const told = await page.at(AT + HOUR);
  assert.deepEqual(told.map(([name]) => name), ['ask']);
  page.end();
});

test('a refresh that fails is tried again after half a minute, told once, and keeps nothing else from being done', async () => {
  let calls = 0;
  const page = watching(answer(), { refresh: () => { calls += 1; return Promise.reject(new Error('offline')); } });
  assert.deepEqual(await page.at(AT + HOUR), [['failed', 'offline']]);
  assert.deepEqual(await page.at(AT + HOUR + 29), []);
  assert.equal(calls, 1);
  assert.deepEqual(await page.at(AT + HOUR + 31), []);
  assert.equal(calls, 2);
  page.end();

  const stuck = watching(answer(), { refresh: () => new Promise(() => {}) });
  assert.deepEqual(await stuck.at(AT + HOUR), []);
  assert.deepEqual((await stuck.at(AT + 8 * DAY)).map(([name]) => name), ['ask']);
  stuck.end();
});

test('what the app has exchanged itself is newer than what it was asked for', async () => {
  let answered;
  const page = watching(answer(), { refresh: () => new Promise((resolve) => { answered = resolve; }) });
  assert.deepEqual(await page.at(AT + HOUR), []);
  page.watch.update(answer({ expires_in: 2 * HOUR }), { receivedAt: AT + HOUR });
  answered(answer({ expires_in: 60 }));
  assert.deepEqual(await page.at(AT + HOUR + 1), []);
  assert.equal(page.watch.current.accessExpires, AT + 3 * HOUR);
  page.end();
});

test('no timer is long, and none is left', async () => {
  const page = watching(answer({ expires_in: 9_007_199_254_740_991 - AT, refresh_token_timeout: undefined, authorization_expires_in: undefined, refresh_token: undefined }));
  await page.at(AT);
  const short = watching({ access_token: 'a', expires_in: 100 });
  await short.at(AT);
  const all = naps(page.timers);
  assert.ok(all.length >= 2 && all.every((delay) => delay > 0 && delay <= 300_000), all.join(' '));
  assert.ok(naps(short.timers).includes(75_000), naps(short.timers).join(' '));
  page.end();
  short.end();
  const before = naps(short.timers).length;
  await short.watch.look();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(naps(short.timers).length, before);
  assert.deepEqual(short.told, []);
});

test('it looks when a page is seen again: after a sleep, and where the clock was set', async () => {
  for (const wake of [() => shown.dispatchEvent(new Event('visibilitychange')), () => seen.dispatchEvent(new Event('pageshow')), () => seen.dispatchEvent(new Event('online'))]) {
    const page = watching({ access_token: 'a', expires_in: HOUR });
    await page.at(AT);
    page.clock.now = (AT + 2 * HOUR) * 1000;
    shown.visibilityState = 'hidden';
    shown.dispatchEvent(new Event('visibilitychange'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(page.told, []);
    shown.visibilityState = 'visible';
    wake();
    while (page.told.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    // Nobody is warned of what has ended.
    assert.deepEqual(page.told.map(([name]) => name), ['ask']);
    page.end();
    page.clock.now += HOUR * 1000;
    wake();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(page.told.length, 1);
  }
  // Back before the answer came, nobody knows; and when the clock is right again, it goes on.
  const page = watching({ access_token: 'a', expires_in: HOUR });
  assert.deepEqual(await page.at(AT - HOUR), [['failed', 'lifetimes.received_in_future']]);
  assert.equal(page.watch.current, undefined);
  assert.deepEqual(await page.at(AT - HOUR + 60), []);
  assert.deepEqual(await page.at(AT + 0.8 * HOUR), [['warn', AT + HOUR]]);
  page.end();
});

test('what contradicts itself is told once, and nothing is done by it', async () => {
  const page = watching(answer({ consent_expires_in: 1 }));
  assert.deepEqual(await page.at(AT), [['failed', 'lifetimes.conflict']]);
  assert.deepEqual(await page.at(AT + 20 * DAY), []);
  page.end();
});

test('it ends with its signal and with its instance, and a function that throws ends nothing', async () => {
  const controller = new AbortController();
  const page = watching({ access_token: 'a', expires_in: HOUR }, { signal: controller.signal });
  await page.at(AT);
  controller.abort();
  assert.deepEqual(await page.at(AT + HOUR), []);
  page.end();
  const late = watching({ access_token: 'a', expires_in: HOUR }, { signal: AbortSignal.abort() });
  assert.deepEqual(await late.at(AT + HOUR), []);
  late.end();

  const faulty = watching({ access_token: 'a', expires_in: HOUR }, { warn: () => { throw new Error('mine'); } });
  assert.deepEqual(await faulty.at(AT + 0.8 * HOUR), [['failed', 'mine']]);
  assert.deepEqual(await faulty.at(AT + HOUR), [['ask', AT + HOUR]]);
  faulty.end();

  const own = createPortcullis();
  const failures = [];
  const watch = own.watchLifetimes(answer(), { receivedAt: AT, warn: () => {}, ask: () => {}, failed: (error) => failures.push(error), now: () => AT * 1000 });
  await watch.look();
  own.close();
  await watch.look();
  assert.deepEqual(failures.map(({ code }) => code), ['host.closed']);
  assert.ok(failures[0] instanceof PortcullisError);
  watch.close();
});

/** The page: requests that may need a stronger sign-in, and a warning before what the user allowed ends. */

import { AccessTokens, fetchWithStepUp, watchLifetimes } from './portcullis/index.js';

import { discover, refresh, signIn } from './sign-in.js';

const SCOPE = 'reports:read payments:write';

const element = (id) => document.getElementById(id);
const tokens = new AccessTokens(location.origin);
const metadata = fetch('./issuer').then(async (response) => discover(await response.text()));

let refreshToken;
let watch;

function log(text) {
  const item = document.createElement('li');
  item.textContent = text;
  element('log').append(item);
}

/** The token of what the token endpoint answered. */
function tokenOf({ answer, sentAt }) {
  refreshToken = answer.refresh_token ?? refreshToken;
  const { access_token: accessToken, token_type: tokenType, scope = SCOPE, expires_in: lasts } = answer;
  return { accessToken, tokenType, scope, ...(lasts !== undefined && { expiresAt: sentAt + lasts }) };
}

/** Watches what ends when, from what the token endpoint answered on. */
function watchOver({ answer, sentAt }) {
  if (watch) void watch.update(answer, { receivedAt: sentAt });
  else watch = watchLifetimes(answer, { receivedAt: sentAt, warn, renewed, ask: ended, refresh: exchange, failed: (error) => log(String(error)) });
}

/** What the user is asked for; `wanted` is what a challenge says, on top of what was there. */
async function ask(wanted, signal) {
  const scope = [...new Set([...SCOPE.split(' '), ...(wanted.scope?.split(' ') ?? [])])].join(' ');
  const lasts = element('lasts').value;
  const more = lasts === '' ? {} : { authorization_expires_in: lasts };
  const got = await signIn(await metadata, { ...wanted, scope }, { more, signal });
  if (!got) return undefined;
  if (!got.answer.access_token) throw new Error(`the issuer refuses: ${got.answer.error}`);
  refreshToken = undefined;
  watchOver(got);
  element('who').textContent = 'You have signed in.';
  return tokenOf(got);
}

/** The last retry of a request that was refused: another sign-in, which the user may decline. */
async function obtain(wanted, { signal }) {
  const needs = [
    wanted.scope && `more rights: ${wanted.scope}`,
    wanted.acrValues && `a stronger sign-in: ${wanted.acrValues.join(' or ')}`,
    wanted.maxAge !== undefined && `a sign-in not longer ago than ${wanted.maxAge} seconds`,
  ].filter(Boolean);
  log(`The server wants ${needs.join(', and ') || 'a token'}.`);
  return ask(wanted, signal);
}

/** What the watch wants in time. Its answer is the watch's to read, `invalid_grant` as well. */
async function exchange() {
  const got = await refresh(await metadata, refreshToken);
  if (got.answer.access_token) {
    tokens.add(tokenOf(got));
    log('The token was renewed.');
  }
  return got.answer;
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString();

function warn({ askAt }) {
  element('ends').textContent = `What you allowed ends at ${clock(askAt)}.`;
  element('warning').hidden = false;
}

function renewed() {
  element('warning').hidden = true;
  log('What you allowed lasts longer now.');
}

function ended() {
  element('warning').hidden = true;
  tokens.clear();
  element('who').textContent = 'What you allowed has ended. Sign in again.';
}

async function signInAgain() {
  const token = await ask({});
  if (token) tokens.add(token);
  else log('Nothing was allowed.');
}

async function send(path, init) {
  const response = await fetchWithStepUp(path, init, { tokens, obtain });
  log(`${init?.method ?? 'GET'} ${path}: ${response.ok ? 'done' : `refused with ${response.status}`}`);
}

/** One thing at a time: two windows would only confuse. */
function pressed(id, act) {
  const button = element(id);
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      log(String(error));
    } finally {
      button.disabled = false;
    }
  });
}

pressed('sign-in', signInAgain);
pressed('renew', signInAgain);
pressed('read', () => send('/reports/7'));
pressed('pay', () => send('/payments', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"amount":"12.00"}' }));

/** The page: who signs in, and what of the API is offered to them. */

import { advise } from './advice.js';

const API = 'https://api.example';
const ACTIONS = [
  { id: 'read', name: 'Read report 7', method: 'GET', path: '/reports/7' },
  { id: 'write', name: 'Write a report', method: 'POST', path: '/reports', body: '{"title":"Autumn"}' },
  { id: 'delete', name: 'Delete report 7', method: 'DELETE', path: '/reports/7' },
  { id: 'pay', name: 'Pay the invoice', method: 'POST', path: '/payments', body: '{"amount":"12.00"}' },
];
const UNKNOWN = 'Cannot know right now.';

/** A decision is of its moment: sign-ins grow old and tokens expire while a page is open. In milliseconds. */
const ASK_AGAIN = 15_000;

/** In seconds. */
const SOON = 5 * 60;

const element = (id) => document.getElementById(id);
const [list, summary, expiry, sent, pasted] = ['actions', 'summary', 'expiry', 'sent', 'pasted'].map(element);

let gate;
let asked = 0;

/** Text is only set where it changes, so that nothing is read out twice. */
function say(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

async function text(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.text()).trim();
}

/** Imported when it is needed: a page without it still says that it cannot know. */
const library = () => import('./portcullis/index.js');

/** The gate, made once. What failed is tried again the next time. */
function theGate() {
  gate ??= Promise.all([library(), text('./demo/policy.json')])
    // The keys stand in this policy. With keys at a URL, leave `fetch` out.
    .then(([{ createGate }, policy]) => createGate(policy, { fetch: false }))
    .catch((error) => {
      gate = undefined;
      throw error;
    });
  return gate;
}

const chosen = () => document.querySelector('input[name="who"]:checked').value;

function token() {
  return chosen() === 'pasted' ? pasted.value.trim() : text(`./demo/${chosen()}.jwt`);
}

const rows = ACTIONS.map((action) => {
  const item = document.createElement('li');
  const button = document.createElement('button');
  const note = document.createElement('p');
  item.dataset.action = action.id;
  note.id = `note-${action.id}`;
  button.type = 'button';
  button.textContent = action.name;
  button.setAttribute('aria-describedby', note.id);
  item.append(button, note);
  return { action, item, button, note };
});

function show(row, { is, needs }, authorization) {
  const { action, item, button, note } = row;
  item.dataset.is = is;
  button.disabled = is !== 'allowed';
  button.onclick = is === 'allowed' ? () => press(action, authorization) : null;
  say(note, is === 'step-up' ? needs.join(' ') : is === 'unknown' ? UNKNOWN : '');
}

/** What is not for this user is not in the document at all. What stays is not touched, so that it keeps the focus. */
function place() {
  const wanted = rows.map(({ item }) => item).filter(({ dataset }) => !['hidden', 'refused'].includes(dataset.is));
  const same = wanted.length === list.children.length && wanted.every((item, at) => item === list.children[at]);
  if (!same) list.replaceChildren(...wanted);
}

/** A real page would send it here. */
function press({ method, path, body }, authorization) {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${new URL(API).host}`, `Authorization: ${authorization.slice(0, 24)}…`];
  if (body) lines.push('Content-Type: application/json', '', body);
  say(sent, lines.join('\n'));
}

function summarise(advice) {
  const count = (is) => advice.filter((one) => one.is === is).length;
  const refused = advice.find(({ is }) => is === 'refused');
  if (refused) return `This sign-in is not good (${refused.code}): ${refused.why}. Nothing is offered; sign in again.`;
  if (count('unknown') > 0) return `${UNKNOWN} What is not known to be allowed stays disabled.`;
  const who = advice.find(({ principal }) => principal)?.principal.subject ?? 'somebody';
  const others = count('step-up') > 0 ? `, and ${count('step-up')} more with another sign-in` : '';
  return `Signed in as ${who}: ${count('allowed')} of these may be done now${others}.`;
}

/** Only a note, so it may come from a token that nobody verified; what is offered never does. */
async function expiryNote(presented, advice) {
  if (advice.some(({ is }) => is === 'refused')) return '';
  const { inspectTokenUntrusted } = await library();
  const { claims } = await inspectTokenUntrusted(presented);
  const left = claims?.exp - Date.now() / 1000;
  return left < SOON ? `This sign-in ends ${left > 60 ? `in ${Math.ceil(left / 60)} minutes` : 'within a minute'}.` : '';
}

async function ask() {
  const turn = ++asked;
  list.ariaBusy = 'true';
  let authorization = '';
  let advice = ACTIONS.map(() => ({ is: 'unknown' }));
  let soon = '';
  try {
    const [loaded, presented] = await Promise.all([theGate(), token()]);
    authorization = `Bearer ${presented}`;
    const headers = presented === '' ? {} : { authorization };
    advice = await Promise.all(ACTIONS.map(({ method, path }) => advise(loaded, { method, url: API + path, headers })));
    soon = await expiryNote(presented, advice).catch(() => '');
  } catch {
    // Nothing is known, and that is what is shown.
  }
  // Somebody else was chosen meanwhile, and that is shown by the turn that asked about them.
  if (turn !== asked) return;
  rows.forEach((row, at) => show(row, advice[at], authorization));
  place();
  say(summary, summarise(advice));
  say(expiry, soon);
  list.ariaBusy = 'false';
}

/** Another sign-in: what was offered to the one before is taken back before anything is asked. */
function change() {
  element('paste').hidden = chosen() !== 'pasted';
  for (const row of rows) show(row, { is: 'hidden' });
  place();
  say(summary, 'Asking …');
  say(expiry, '');
  say(sent, 'Nothing yet.');
  void ask();
}

for (const choice of document.querySelectorAll('input[name="who"]')) choice.addEventListener('change', change);
pasted.addEventListener('input', change);
setInterval(ask, ASK_AGAIN);
change();

/**
 * Makes what the page shows: a key, three tokens, the policy with that key, and the form of it that a page may have.
 *
 *     node make-demo.mjs [FOLDER]     # `demo` beside this file, where nothing is said
 */

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = resolve(process.argv[2] ?? join(here, 'demo'));
const program = process.env.PORTCULLIS ?? join(here, '../../dist/bin/portcullis');

const portcullis = (...args) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

const now = Math.floor(Date.now() / 1000);
const everything = 'reports:read reports:write payments:write';
const PEOPLE = {
  reader: { sub: 'rita', scope: 'reports:read', auth_time: now },
  writer: { sub: 'walt', scope: everything, acr: 'phr', auth_time: now },
  'long-ago': { sub: 'olga', scope: everything, auth_time: now - 2 * 24 * 3600 },
};

/** The JWK Set of a file as TOML has it: an inline table of texts. */
function inline(file) {
  const { keys } = JSON.parse(readFileSync(file, 'utf8'));
  const members = (key) => Object.entries(key).map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join(', ');
  return `keys = { keys = [${keys.map((key) => `{ ${members(key)} }`).join(', ')}] }`;
}

mkdirSync(out, { recursive: true });
// Not in the demo's own folder, which is served; and gone when the tokens are made.
const secret = mkdtempSync(join(tmpdir(), 'portcullis-spa-'));
try {
  const key = join(secret, 'key.pem');
  const jwks = join(secret, 'jwks.json');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  for (const [name, person] of Object.entries(PEOPLE)) {
    const claims = { iss: 'https://issuer.example', aud: 'https://api.example', client_id: 'spa', ...person };
    const token = portcullis('mint', '--key', key, '--keys-out', jwks, '--typ', 'at+jwt', '--claims', JSON.stringify(claims));
    writeFileSync(join(out, `${name}.jwt`), token);
  }
  const empty = 'keys = { keys = [] }';
  const [before, after, ...more] = readFileSync(join(here, 'policy.toml'), 'utf8').split(empty);
  if (after === undefined || more.length > 0) throw new Error(`policy.toml should have "${empty}" once`);
  const policy = join(out, 'policy.toml');
  writeFileSync(policy, before + inline(jwks) + after);
  portcullis('policy', 'export', policy, '--for', 'browser', '--out', join(out, 'policy.json'));
} finally {
  rmSync(secret, { recursive: true, force: true });
}
console.log(`The demo is in ${out}. Its tokens are good for an hour.`);

/** The corpus and the cases of the gate, as requests, and what the host answers to them. */

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { dist, root } from './places.mjs';

/** The time of a request without one, as the other suites have it. */
const NOW = 1_790_000_000;

function folders() {
  const base = process.env.PORTCULLIS_CORPUS ?? join(root, '../shared/corpus');
  const thirdParty = join(base, 'third-party');
  if (existsSync(thirdParty)) return [join(root, 'tests/corpus'), thirdParty];
  console.log(`notice: no third-party corpus at ${thirdParty} (PORTCULLIS_CORPUS names another): not run`);
  return [join(root, 'tests/corpus')];
}

/** Every request there is, without what a case says beside it. */
export function requests() {
  const files = [...folders(), join(root, 'tests/gate')].flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.ndjson')).map((name) => join(folder, name)));
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const { want, source, note, ...request } = JSON.parse(line);
        return { at: NOW, ...request };
      }),
  );
}

/** What the command line answers, in order. */
export function hostAnswers(asked) {
  return new Promise((resolve, reject) => {
    const batch = spawn(dist('bin/portcullis'), ['batch', '--jobs', '2'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const pieces = [];
    batch.stdout.on('data', (piece) => pieces.push(piece));
    batch.on('error', reject);
    batch.on('close', () => {
      const lines = Buffer.concat(pieces).toString('utf8').trimEnd().split('\n');
      if (lines.length !== asked.length) reject(new Error(`${lines.length} answers to ${asked.length} requests`));
      else resolve(lines.map((line) => JSON.parse(line)));
    });
    batch.stdin.on('error', () => {});
    batch.stdin.end(asked.map((request) => JSON.stringify(request)).join('\n'));
  });
}

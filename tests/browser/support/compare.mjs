/** Answers beside the host's. */

import assert from 'node:assert/strict';

/** Two inflaters have each their own words for what is wrong with a stream; the code is the same. */
const OWN_WORDS = new Set(['status.zlib_data']);

/** Compares answers of the door with the host's, whole. Answers how many there were. */
export function sameAnswers(where, requests, answers, host) {
  const different = [];
  for (const [at, request] of requests.entries()) {
    const [one, other] = [answers[at], host[at]].map((answer) => JSON.parse(JSON.stringify(answer)));
    if (OWN_WORDS.has(one.error?.code) && one.error.code === other.error?.code) {
      delete one.error.detail;
      delete other.error.detail;
    }
    try {
      assert.deepEqual(one, other);
    } catch {
      different.push(`${request.op} ${request.id}: ${JSON.stringify(one).slice(0, 300)} but the host: ${JSON.stringify(other).slice(0, 300)}`);
    }
  }
  console.log(`${where}: ${requests.length} requests, ${different.length} answered otherwise than by the host`);
  assert.equal(different.length, 0, different.slice(0, 20).join('\n'));
}

/** Compares what typed functions answered with the host's answers. */
export function sameTyped(where, requests, answers, host) {
  const different = [];
  const counts = {};
  for (const [at, request] of requests.entries()) {
    const answer = answers[at];
    if (!answer) continue;
    counts[request.op] = (counts[request.op] ?? 0) + 1;
    const told = structuredClone(host[at]);
    // Why a fetch failed is told in each host's own words; the codes are the same.
    if (told.result?.findings) told.result.codes = told.result.findings.map(({ code }) => code);
    const holds = (wanted, is) => Object.entries(is).every(([name, value]) => JSON.stringify(value) === JSON.stringify(wanted[name]));
    const same = answer.ok ? told.ok && holds(told.result, answer.result) : !told.ok && told.error.code === answer.code;
    if (!same) different.push(`${request.op} ${request.id}: ${JSON.stringify(answer).slice(0, 300)} but the host: ${JSON.stringify(told).slice(0, 300)}`);
  }
  console.log(`${where}, typed: ${Object.entries(counts).map(([op, count]) => `${op} ${count}`).join(', ')}; ${different.length} otherwise`);
  assert.equal(different.length, 0, different.slice(0, 20).join('\n'));
  return counts;
}

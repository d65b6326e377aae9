/**
 * Verification of tokens alone, on a core of its own: a third of what everything takes.
 *
 * @packageDocumentation
 */

import { Tokens } from './token-api.js';
// In a page one, in Node another: see "imports" in package.json.
import { platform } from '#token';

let shared: Tokens | undefined;

function common(): Tokens {
  shared ??= createTokens();
  return shared;
}

/** An instance of its own, with a worker of its own; to be closed when it is done with. */
export function createTokens(): Tokens {
  return new Tokens(platform);
}

/** {@link Tokens.verifyToken} of the instance that a page has in common. */
export const verifyToken: Tokens['verifyToken'] = (...args) => common().verifyToken(...args);

/** {@link Tokens.explainToken} of the instance that a page has in common. */
export const explainToken: Tokens['explainToken'] = (...args) => common().explainToken(...args);

/** {@link Tokens.inspectTokenUntrusted} of the instance that a page has in common. */
export const inspectTokenUntrusted: Tokens['inspectTokenUntrusted'] = (...args) => common().inspectTokenUntrusted(...args);

/** {@link Tokens.describeKeys} of the instance that a page has in common. */
export const describeKeys: Tokens['describeKeys'] = (...args) => common().describeKeys(...args);

export * from './token-api.js';

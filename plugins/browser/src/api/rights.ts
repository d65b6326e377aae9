/** Scopes, claims and sign-ins. */

import type { Engine } from '../engine/engine.js';
import type { Request } from '../worker/protocol.js';
import { ask, defined, explain } from './common.js';
import type { CallOptions, Explained, Grants, Requirements } from './types.js';

/** Whose metadata a challenge names. */
export interface EvaluateOptions extends CallOptions {
  /** The resource identifier (RFC 9728), for challenges. */
  readonly resource?: string;
}

function request(granted: Grants, required: Requirements, { resource }: EvaluateOptions): Request {
  const grants = { scope: granted.scope, authorization_details: granted.authorizationDetails, claims: granted.claims };
  const needs = {
    scope: required.scope,
    authorization_details: required.authorizationDetails,
    acr_values: required.acrValues,
    max_age: required.maxAge,
    claims: required.claims,
  };
  return { op: 'scope.evaluate', granted: defined(grants), required: defined(needs), ...defined({ resource }) };
}

/** {@link Portcullis.evaluateScope} */
export function evaluateScope(
  engine: Engine,
  granted: Grants,
  required: Requirements,
  options: EvaluateOptions,
): Promise<void> {
  return ask(engine, request(granted, required, options), options, () => undefined);
}

/** {@link Portcullis.explainScope} */
export function explainScope(
  engine: Engine,
  granted: Grants,
  required: Requirements,
  options: EvaluateOptions,
): Promise<Explained<true>> {
  return explain(engine, request(granted, required, options), options, () => true as const);
}

/** Policies, looked at without being put to work. */

import type { Engine } from '../engine/engine.js';
import { ask } from './common.js';
import type { CallOptions, Demand, Policy, PolicyProblem } from './types.js';

/** {@link Portcullis.checkPolicy} */
export function checkPolicy(engine: Engine, policy: Policy, options: CallOptions): Promise<readonly PolicyProblem[]> {
  const request = { op: 'policy.check', policy };
  return ask(engine, request, options, (result) => result['warnings'] as PolicyProblem[]);
}

/** {@link Portcullis.explainPolicy} */
export function explainPolicy(
  engine: Engine,
  policy: Policy,
  method: string,
  url: string,
  options: CallOptions,
): Promise<readonly Demand[]> {
  const request = { op: 'policy.explain', policy, method, url };
  return ask(engine, request, options, (result) => result['demands'] as Demand[]);
}

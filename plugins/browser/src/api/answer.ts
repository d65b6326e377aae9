/** The door that `portcullis batch` has, too. */

import type { Engine } from '../engine/engine.js';
import type { Answer, Request } from '../worker/protocol.js';
import { bounds } from './common.js';
import type { CallOptions } from './types.js';

/** {@link Portcullis.answer} */
export async function answer(
  engine: Engine,
  request: object | string,
  options: Pick<CallOptions, 'deadline' | 'signal'>,
): Promise<Answer & { readonly id: unknown }> {
  if (typeof request === 'string') {
    return (await engine.ask(request, [], bounds(options))) as Answer & { readonly id: unknown };
  }
  const { id = null, ...members } = request as { readonly id?: unknown };
  return { ...(await engine.ask(members as unknown as Request, [], bounds(options))), id };
}

/** Where things are. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Something that `make dist` has built. */
export const dist = (...names) => join(root, 'dist', ...names);

/** Where tests put what is looked at afterwards. */
export const artifacts = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'browser-tests');

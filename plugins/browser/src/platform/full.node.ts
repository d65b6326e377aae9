/** In Node. */

import { node } from './node.js';

export const platform = node(new URL('./worker-full.js', import.meta.url));

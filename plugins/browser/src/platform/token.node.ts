/** In Node. */

import { node } from './node.js';

export const platform = node(new URL('./worker-token.js', import.meta.url));

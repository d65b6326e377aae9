/** In a page. Bundlers look for the worker's URL where it is written. */

import { web } from './web.js';

export const platform = web(() => new Worker(new URL('./worker-token.js', import.meta.url), { type: 'module', name: 'portcullis' }));

/** The worker with what is about tokens. */

import { instantiate } from '../../generated/token/component.js';
import { serve } from './serve.js';

serve(instantiate, new URL('./token.core.zst', import.meta.url));

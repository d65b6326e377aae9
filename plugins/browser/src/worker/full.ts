/** The worker with every operation. */

import { instantiate } from '../../generated/full/component.js';
import { serve } from './serve.js';

serve(instantiate, new URL('./full.core.zst', import.meta.url));

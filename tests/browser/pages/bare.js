import * as everything from '/package/index.js';
import * as token from '/package/token.js';

import { typed } from './typed.js';

Object.assign(globalThis, { everything, token, typed, ready: true });

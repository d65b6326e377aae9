/** The page that fetches nothing. */

import { start } from './app.js';

start();

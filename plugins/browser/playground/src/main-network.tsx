/** The same page, with network access. */

import { start } from './app.js';
import { network } from './network.js';
import { allowNetwork } from './network-access.js';

allowNetwork(network);
start();

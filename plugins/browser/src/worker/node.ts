/** What a worker of Node needs to be like one of a page: the names that `serve` knows, and files. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

const scope = globalThis as unknown as {
  postMessage: (message: unknown) => void;
  onmessage: ((event: { data: unknown }) => void) | null;
};
const port = parentPort;
if (port) {
  scope.postMessage = (message) => port.postMessage(message);
  globalThis.portcullisRead = async (url) => readFile(fileURLToPath(url));
  await import((workerData as { entry: string }).entry);
  port.on('message', (data: unknown) => scope.onmessage?.({ data }));
}

/** Work that has to end in time. */

/**
 * Does some work, which is told to end after so many milliseconds, or when `signal` says so.
 *
 * Its timer is its own: `AbortSignal.any([signal, AbortSignal.timeout(…)])` holds the timeout so loosely that Node 20 may collect it
 * as garbage, and nothing ends the work then.
 */
export async function within<T>(milliseconds: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const abandon = (): void => ending.abort(signal.reason);
  if (signal.aborted) abandon();
  signal.addEventListener('abort', abandon, { once: true });
  const late = (): void => ending.abort(new DOMException(`it did not end within ${milliseconds} ms`, 'TimeoutError'));
  const timer = setTimeout(late, milliseconds);
  try {
    return await work(ending.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abandon);
  }
}

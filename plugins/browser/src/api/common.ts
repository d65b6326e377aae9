/** What every call has. */

import type { Bounds, Engine } from '../engine/engine.js';
import { refused } from '../engine/refused.js';
import type { Handle } from '../engine/handle.js';
import type { Request } from '../worker/protocol.js';
import type { CallOptions, Explained, Finding } from './types.js';

/** The time of a call, in whole seconds since 1970. */
export function seconds(at: Date | number | undefined): number {
  const time = at ?? Date.now() / 1000;
  const value = Math.floor(time instanceof Date ? time.getTime() / 1000 : time);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError('a time is a date, or seconds since 1970');
  return value;
}

/** What bounds a call. */
export function bounds({ deadline, signal }: CallOptions): Bounds {
  return { deadline, signal };
}

/** A text in a list of its own. */
export function list(texts: string | readonly string[]): readonly string[] {
  return typeof texts === 'string' ? [texts] : texts;
}

/** Members that are there. */
export function defined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** Names as programs in JavaScript write them, in objects that the component made itself: never inside of claims. */
export function camel<T>(value: unknown): T {
  if (Array.isArray(value)) return value.map((item) => camel(item)) as T;
  if (typeof value !== 'object' || value === null) return value as T;
  const name = (text: string): string => text.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [name(key), camel(item)])) as T;
}

/** Asks, and answers what `read` makes of the result. */
export async function ask<T>(
  engine: Engine,
  request: Request,
  options: CallOptions,
  read: (result: Record<string, unknown>) => T,
  handles: readonly Handle[] = [],
): Promise<T> {
  const { result } = await engine.call({ ...request, at: seconds(options.at) }, handles, bounds(options));
  return read(result);
}

/** The same, with every check. A refusal is an answer here; that nobody knows is still thrown. */
export async function explain<T>(
  engine: Engine,
  request: Request,
  options: CallOptions,
  read: (result: Record<string, unknown>) => T,
): Promise<Explained<T>> {
  const answer = await engine.ask({ ...request, at: seconds(options.at), explain: true }, [], bounds(options));
  const findings = (answer.findings ?? []) as Finding[];
  if (answer.ok) return { findings, value: read(answer.result) };
  const error = refused(answer.error);
  if (error.code === 'request.malformed') throw error;
  return { findings, error };
}

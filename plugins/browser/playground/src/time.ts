/** Times, as people read them. */

import { signal } from '@preact/signals';

/** Ticks while the page is looked at, so that "expired 3 h ago" stays true on a page that is open all day. */
export const now = signal(seconds());

const TICK = 15_000;

/** Starts the clock. */
export function startClock(): void {
  const tick = (): void => {
    if (!document.hidden) now.value = seconds();
  };
  setInterval(tick, TICK);
  document.addEventListener('visibilitychange', tick);
}

/** The time now, in whole seconds since 1970. */
export function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** The claims that hold a time (RFC 7519, OpenID Connect Core, RFC 9470), and how what they say is told. */
const CLAIMS: Readonly<Record<string, { readonly past: string; readonly future: string }>> = {
  exp: { past: 'expired', future: 'expires' },
  nbf: { past: 'valid since', future: 'not valid before' },
  iat: { past: 'issued', future: 'issued in the future,' },
  auth_time: { past: 'signed in', future: 'signed in in the future,' },
  updated_at: { past: 'updated', future: 'updated in the future,' },
};

/** A time in the ways that people compare it. */
export interface ToldTime {
  readonly local: string;
  readonly utc: string;
  readonly relative: string;
}

/** Tells the time that a claim holds; `undefined` where it holds none. */
export function tellClaim(name: string, value: unknown, at: number): ToldTime | undefined {
  const words = CLAIMS[name];
  if (!words || typeof value !== 'number') return undefined;
  const told = tellTime(value, at);
  return told && { ...told, relative: `${value <= at ? words.past : words.future} ${told.relative}` };
}

/** Tells a time in seconds since 1970; `undefined` where it is beyond what dates reach. */
export function tellTime(value: number, at: number): ToldTime | undefined {
  const date = new Date(value * 1000);
  if (Number.isNaN(date.getTime())) return undefined;
  const utc = `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const local = new Intl.DateTimeFormat(undefined, {
    dateStyle: 'medium',
    timeStyle: 'medium',
  }).format(date);
  return { local, utc, relative: away(value - at) };
}

const UNITS: readonly (readonly [number, string])[] = [
  [31_557_600, 'y'],
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
];

/** How far away a time is: "3 h ago", "in 2 d". */
export function away(difference: number): string {
  const length = Math.abs(difference);
  const unit = UNITS.find(([size]) => length >= size);
  const told = unit ? `${Math.floor(length / unit[0])} ${unit[1]}` : `${Math.floor(length)} s`;
  return difference < 0 ? `${told} ago` : `in ${told}`;
}

/** How long something lasts: "12 h". */
export function duration(length: number): string {
  return away(length).slice(3);
}

/**
 * Reads a time: seconds since 1970, or a date in the form of RFC 3339. Nothing means now.
 *
 * @throws {RangeError} It is neither.
 */
export function readTime(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === 'now') return undefined;
  const value = /^\d+$/.test(trimmed) ? Number(trimmed) : Math.floor(Date.parse(trimmed) / 1000);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError('The time is neither seconds since 1970 nor a date such as 2030-01-31T12:00:00Z.');
  }
  return value;
}

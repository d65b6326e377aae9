/**
 * What never goes into a link: the private members of keys. Where a text cannot be read well enough to be sure, all of it stays
 * behind.
 */

import { parse, stringify } from 'smol-toml';

/** The private members of JWKs (RFC 7518 section 6, RFC 8037 section 2). */
const PRIVATE = new Set(['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv', 'seed']);

/** A name that could be one of them, in JSON or TOML, or an escape that could spell one. */
const SUSPICIOUS = /\b(?:d|k|p|q|dp|dq|qi|oth|priv|seed)["']?\s*[:=.\]]|\\[uUx]/;

const PRIVATE_PEM = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;

/** A text as a link may have it. */
export interface Shareable {
  readonly text: string;
  /** How many private members were taken out. */
  readonly stripped: number;
}

/**
 * A document in JSON or TOML as a link may have it; `undefined` where it may hold a private key and cannot be read.
 *
 * A text that is suspicious is written anew from what was read: a comment, or a name that occurs twice, would otherwise carry
 * what the reading did not show.
 */
export function shareable(text: string): Shareable | undefined {
  if (PRIVATE_PEM.test(text)) return undefined;
  if (!SUSPICIOUS.test(text)) return { text, stripped: 0 };
  let stripped = 0;
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(clean);
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    const kept = Object.entries(value).filter(([name]) => !PRIVATE.has(name));
    stripped += Object.keys(value).length - kept.length;
    return Object.fromEntries(kept.map(([name, item]) => [name, clean(item)]));
  };
  try {
    return { text: JSON.stringify(clean(JSON.parse(text)), null, 2), stripped };
  } catch {
    try {
      return { text: stringify(clean(parse(text)) as Record<string, unknown>), stripped };
    } catch {
      return undefined;
    }
  }
}

/**
 * The same for a token, a certificate or headers: texts in which base64 looks suspicious and is not. JSON that stands in their
 * place is taken for what it is.
 */
export function shareableToken(text: string): Shareable | undefined {
  if (/^\s*[[{]/.test(text)) return shareable(text);
  return PRIVATE_PEM.test(text) ? undefined : { text, stripped: 0 };
}

/** A URL without its query and fragment, where tokens are sometimes put. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '');
}

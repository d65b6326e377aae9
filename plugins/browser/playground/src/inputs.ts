/** From what was pasted to what the checks take. Each reader throws an {@link InputProblem} that says which field is meant. */

import { parse, TomlError } from 'smol-toml';

import type { Bundles, JwkSet, Policy } from 'portcullis';

import { readTime } from './time.js';

/** A field that cannot be read. Nothing was checked yet. */
export class InputProblem extends Error {
  /** The field, as its label has it. */
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** Reads JSON. */
export function readJson(field: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new InputProblem(field, `This is not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a JWK Set; one JWK is taken for a set of one, and a list for its keys. */
export function readKeys(text: string): JwkSet {
  const value = readJson('Keys', text);
  if (Array.isArray(value)) return { keys: value as object[] };
  if (!isObject(value)) throw new InputProblem('Keys', 'A JWK Set is an object with the member "keys".');
  if ('kty' in value && !('keys' in value)) return { keys: [value] };
  return value as unknown as JwkSet;
}

/** Reads bundles by trust domain; one bundle is taken for that of `trustDomain`. */
export function readBundles(text: string, trustDomain: string): Bundles {
  const value = readJson('Bundles', text);
  if (!isObject(value)) throw new InputProblem('Bundles', 'Bundles are an object: trust domain to bundle, or one bundle.');
  if (!Array.isArray(value['keys'])) return value as unknown as Bundles;
  if (trustDomain.trim() === '') throw new InputProblem('Trust domain', 'This is one bundle: say whose it is.');
  return { [trustDomain.trim()]: value } as unknown as Bundles;
}

/** Whether a text is one bundle, for which the trust domain has to be said. */
export function isOneBundle(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && Array.isArray(value['keys']);
  } catch {
    return false;
  }
}

/**
 * Reads a policy in TOML; one in JSON is left to the package as it stands, which sees what a parser would pass over. An object begins
 * with a brace, which no TOML does.
 */
export function readPolicy(text: string): { readonly format: 'JSON' | 'TOML'; readonly policy: Policy } {
  if (text.trimStart().startsWith('{')) return { format: 'JSON', policy: text };
  try {
    return { format: 'TOML', policy: parse(text) };
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw new InputProblem('Policy', String(thrown));
    const [what] = thrown.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw new InputProblem('Policy', `This is not TOML: line ${thrown.line}, column ${thrown.column}: ${what}`);
  }
}

/** Reads header fields, one a line. */
export function readHeaders(text: string): [string, string][] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const at = line.indexOf(':');
    if (at < 1) throw new InputProblem('Headers', `"${line.slice(0, 40)}" is no header: write a name, a colon and a value.`);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
}

/** Reads a time to judge by; `undefined` means now. */
export function readAt(text: string): number | undefined {
  try {
    return readTime(text);
  } catch (thrown) {
    throw new InputProblem('Time', thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** Reads values that are separated by spaces, commas or lines; `undefined` where there is none. */
export function readList(text: string): string[] | undefined {
  const values = text.split(/[\s,]+/).filter((value) => value !== '');
  return values.length > 0 ? values : undefined;
}

/** The certificates of a PEM text in DER, for what takes nothing else. */
export function readPem(field: string, text: string): Uint8Array[] {
  const blocks = [...text.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g)];
  if (blocks.length === 0) throw new InputProblem(field, 'There is no certificate in it.');
  return blocks.map(([, body]) => readBase64(field, (body ?? '').replace(/\s/g, '')));
}

/** Bytes from base64. */
export function readBase64(field: string, text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new InputProblem(field, 'This is not base64.');
  }
}

const DATA_URL = 'data:application/octet-stream;base64,';

/**
 * Makes a text of a file: its own where it is text, a `data:` URL where it is not. Fields hold texts and nothing else, so that a
 * link can carry them.
 */
export function textOfFile(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!/[\0-\x08\x0e-\x1f]/.test(text)) return text;
  } catch {
    // It is no text.
  }
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return DATA_URL + btoa(binary);
}

/** What a field stands for: its bytes where a binary file was put there, its text without space around it else. */
export function contentOf(field: string, text: string): string | Uint8Array<ArrayBuffer> {
  const trimmed = text.trim();
  return trimmed.startsWith(DATA_URL) ? readBase64(field, trimmed.slice(DATA_URL.length)) : trimmed;
}

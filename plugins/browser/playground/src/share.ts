/**
 * Links that carry the fields of a tab in the fragment of the address, which a browser sends to nobody.
 */

import { shareable, shareableToken, withoutQuery, type Shareable } from './secrets.js';
import { fill, readDocuments, snapshot, TABS, type Tab } from './state.js';

/** The most that a link may inflate to, in bytes: somebody else wrote it. */
const MOST = 16 * 1024 * 1024;

/** A text that looks like a token in compact form, or like bytes that were uploaded. */
const TOKEN = /^\s*(?:data:|[\w-]+\.[\w-]*\.[\w-]*)/;

/** What a link has, and what it was made without. */
export interface Shared {
  readonly fragment: string;
  /** Names of fields, for people. */
  readonly left: readonly string[];
}

/** What of a text goes into a link; `undefined` where nothing does. */
type Clean = (text: string, withTokens: boolean) => Shareable | undefined;

const asIs: Clean = (text) => ({ text, stripped: 0 });
const document: Clean = (text) => shareable(text);
const onlyTicked: Clean = (text, withTokens) => (withTokens ? shareableToken(text) : undefined);
const url: Clean = (text, withTokens) => {
  const kept = withTokens ? text : withoutQuery(text);
  return { text: kept, stripped: kept === text ? 0 : 1 };
};
// Certificates are public; a token is not.
const svid: Clean = (text, withTokens) => onlyTicked(text, withTokens || text.includes('-----BEGIN CERTIFICATE'));
const documents: Clean = (text, withTokens) => {
  const kept: [string, string][] = [];
  let stripped = 0;
  for (const [where, body] of Object.entries(readDocuments(text))) {
    const clean = TOKEN.test(body) ? onlyTicked(body, withTokens) : shareable(body);
    stripped += clean ? clean.stripped : 1;
    if (clean) kept.push([where, clean.text]);
  }
  return { text: JSON.stringify(Object.fromEntries(kept)), stripped };
};

const RULES: Readonly<Record<Tab, Readonly<Record<string, readonly [label: string, clean: Clean]>>>> = {
  token: { token: ['the token', onlyTicked], keys: ['private members of the keys', document] },
  status: { token: ['the status list token', onlyTicked], keys: ['private members of the keys', document] },
  svid: { svid: ['the SVID', svid], bundles: ['private members of the bundles', document] },
  policy: {
    policy: ['private members in the policy', document],
    headers: ['the headers', onlyTicked],
    certificate: ['the client certificate', svid],
    documents: ['tokens among the documents', documents],
    url: ['the query of the URL', url],
  },
};

/** Makes the fragment for a tab as its fields are now. */
export async function share(tab: Tab, withTokens: boolean): Promise<Shared> {
  const left: string[] = [];
  const values: Record<string, string> = {};
  for (const [name, text] of Object.entries(snapshot(tab))) {
    const [label, clean] = RULES[tab][name] ?? ['', asIs];
    if (text === '') continue;
    const kept = clean(text, withTokens);
    if (!kept || kept.stripped > 0) left.push(label);
    if (kept && kept.text !== '') values[name] = kept.text;
  }
  return { fragment: `#${tab}=${await pack(JSON.stringify(values))}`, left };
}

/** The tab that a fragment names; `undefined` where it names none. */
export function tabOf(fragment: string): Tab | undefined {
  const name = /^#?([a-z]+)/.exec(fragment)?.[1];
  return TABS.find((tab) => tab === name);
}

/**
 * Fills the fields of the tab that a fragment names with what it carries, if it carries something.
 *
 * @returns Why it could not be read, for people; `undefined` where nothing was wrong.
 */
export async function restore(fragment: string): Promise<string | undefined> {
  const tab = tabOf(fragment);
  const packed = /^#?[a-z]+=(.+)$/s.exec(fragment)?.[1];
  if (!tab || packed === undefined) return undefined;
  try {
    const values: unknown = JSON.parse(await unpack(packed));
    if (typeof values !== 'object' || values === null) return 'The link holds nothing that this page can read.';
    const texts = Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    fill(tab, Object.fromEntries(texts));
    return undefined;
  } catch {
    return 'The link is damaged: part of it may have been cut off.';
  }
}

/** The first letter tells how it is packed: `z` deflated, `j` as it is. */
async function pack(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  if (typeof CompressionStream === 'undefined') return `j.${encode(bytes)}`;
  return `z.${encode(await through(bytes, new CompressionStream('deflate-raw')))}`;
}

async function unpack(packed: string): Promise<string> {
  const bytes = decode(packed.slice(2));
  const plain = packed.startsWith('z.') ? await through(bytes, new DecompressionStream('deflate-raw')) : bytes;
  return new TextDecoder('utf-8', { fatal: true }).decode(plain);
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > MOST) {
      await reader.cancel();
      throw new RangeError('it inflates to too much');
    }
    chunks.push(value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function encode(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/**
 * What the fields of each tab hold. Everything is text, as it was typed, so that a link can carry all of it and nothing is lost
 * when a tab is left.
 */

import { signal, type Signal } from '@preact/signals';

/** The tabs in their order; the names are fragments of the address. */
export const TABS = ['token', 'status', 'svid', 'policy'] as const;

/** The name of a tab. */
export type Tab = (typeof TABS)[number];

/** The fields of a tab by their names. */
export type Fields = Readonly<Record<string, Signal<string>>>;

function fields<Name extends string>(initial: Readonly<Record<Name, string>>): Readonly<Record<Name, Signal<string>>> {
  const entries = Object.entries<string>(initial).map(([name, value]) => [name, signal(value)]);
  return Object.fromEntries(entries) as Record<Name, Signal<string>>;
}

/** The fields of the tab for tokens. */
export const token = fields({ token: '', keys: '', issuer: '', audience: '', profile: 'jwt', time: '' });

/** The fields of the tab for status lists. */
export const status = fields({ token: '', keys: '', uri: '', index: '', time: '' });

/** The fields of the tab for SVIDs. */
export const svid = fields({ svid: '', bundles: '', trustDomain: '', audience: '', time: '' });

/** The fields of the tab for policies; `documents` is a JSON object of texts by URL. */
export const policy = fields({
  policy: '',
  method: 'GET',
  url: '',
  headers: '',
  certificate: '',
  documents: '{}',
  time: '',
});

/** All fields, by tab. */
export const all: Readonly<Record<Tab, Fields>> = { token, status, svid, policy };

/** What fields held when the page was opened: what they are cleared to. */
const initial = Object.fromEntries(TABS.map((tab) => [tab, snapshot(tab)])) as Record<Tab, Record<string, string>>;

/** The tab that is shown. */
export const current = signal<Tab>('token');

/** What the fields of a tab hold. */
export function snapshot(tab: Tab): Record<string, string> {
  return Object.fromEntries(Object.entries(all[tab]).map(([name, field]) => [name, field.peek()]));
}

/** Puts values into the fields of a tab. Fields that are not named go back to what they were at first; unknown names are dropped. */
export function fill(tab: Tab, values: Readonly<Record<string, string>>): void {
  for (const [name, field] of Object.entries(all[tab])) {
    field.value = Object.hasOwn(values, name) ? (values[name] ?? '') : (initial[tab][name] ?? '');
  }
}

/** Reads the documents of the policy's tab. */
export function readDocuments(text: string): Record<string, string> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
    return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  } catch {
    return {};
  }
}

/** Sets one document of the policy's tab, or takes it away. */
export function setDocument(url: string, text: string | undefined): void {
  const documents = new Map(Object.entries(readDocuments(policy.documents.peek())));
  if (text === undefined) documents.delete(url);
  else documents.set(url, text);
  policy.documents.value = JSON.stringify(Object.fromEntries(documents));
}

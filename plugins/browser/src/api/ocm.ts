/** Open Cloud Mesh: what a page does where people enter addresses, get invites and say where they are from. */

import type { Engine } from '../engine/engine.js';
import type { Request } from '../worker/protocol.js';
import { ask, camel, defined, explain } from './common.js';
import type { CallOptions, Explained } from './types.js';

/** Which servers are named that somebody answers for. */
export interface OcmListedOptions extends CallOptions {
  /** Origins with a port or a name of one label, such as `https://cloud.example.org:8443`. All others are https on the default port. */
  readonly listed?: readonly string[];
}

/** Which servers are spoken with. */
export interface OcmPeerOptions extends OcmListedOptions {
  /** Hosts that nothing is taken from. */
  readonly denied?: readonly string[];
  /** The only hosts that something is taken from. Every one that is not denied, where nothing is said. */
  readonly allowed?: readonly string[];
}

/** An OCM Address, taken apart. */
export interface OcmAddress {
  /** The identifier, as it was written. */
  readonly user: string;
  /** The server: its host and, where it is not 443, its port, in lower case. */
  readonly host: string;
}

/** An entry of an address book. */
export interface OcmContact {
  /** The address, `identifier@host`. */
  readonly address: string;
  /** What to call who it is. */
  readonly name: string;
  /** A mail address, for information. */
  readonly email?: string;
  /** How the address came to be known. */
  readonly source: 'invite' | 'share' | 'direct entry';
  /** Whether both sides established it. */
  readonly trusted: boolean;
}

/** An invite, as its receiver has it. */
export interface OcmInvite {
  /** What shows that it was sent. A secret until it is accepted. */
  readonly token: string;
  /** The host of the server of who sent it. */
  readonly provider: string;
}

/** Whose discovery document it is. */
export interface OcmDiscoveryOptions extends OcmListedOptions {
  /** The host that the document was fetched from. */
  readonly host: string;
}

/** What a server says of itself. */
export interface OcmDiscovery {
  /** Where its API is. */
  readonly endpoint: string;
  /** The version of the API. */
  readonly version: string;
  /** What it can do; what nobody knows, too. */
  readonly capabilities: readonly string[];
  /** What it asks of shares, likewise. */
  readonly criteria: readonly string[];
  /** The URL of its keys. */
  readonly keys: string;
  /** Where shared secrets are exchanged. */
  readonly tokenEndpoint?: string;
}

/** Where people are from. */
export interface OcmAcceptOptions extends OcmPeerOptions {
  /** The host of their own server. */
  readonly host: string;
  /** The discovery document of that server, parsed. */
  readonly document: object;
}

/** A federation's servers. */
export interface OcmDirectory {
  /** What people call the federation. */
  readonly federation: string;
  /** Its servers. */
  readonly servers: readonly { readonly host: string; readonly name: string }[];
}

const peers = ({ listed, denied, allowed }: OcmPeerOptions): Record<string, unknown> =>
  defined({ listed, denied, allowed });

function discovery(document: object, { host, listed }: OcmDiscoveryOptions): Request {
  return { op: 'ocm.discovery', document, host, ...defined({ listed }) };
}

/** {@link Portcullis.parseOcmAddress} */
export function parseAddress(engine: Engine, address: string, options: CallOptions): Promise<OcmAddress> {
  return ask(engine, { op: 'ocm.address', address }, options, (result) => camel<OcmAddress>(result));
}

/** {@link Portcullis.enterOcmContact} */
export function enterContact(engine: Engine, typed: string, options: OcmPeerOptions): Promise<OcmContact> {
  const request = { op: 'ocm.contact', address: typed, ...peers(options) };
  return ask(engine, request, options, (result) => camel<OcmContact>(result['contact']));
}

/** {@link Portcullis.readOcmInvite} */
export function readInvite(engine: Engine, invite: string, options: OcmListedOptions): Promise<OcmInvite> {
  const request = { op: 'ocm.invite', invite, ...defined({ listed: options.listed }) };
  return ask(engine, request, options, (result) => camel<OcmInvite>(result));
}

/** {@link Portcullis.ocmAcceptUrl} */
export function acceptUrl(engine: Engine, invite: string, options: OcmAcceptOptions): Promise<string> {
  const request = { op: 'ocm.wayf', host: options.host, document: options.document, invite, ...peers(options) };
  return ask(engine, request, options, (result) => result['url'] as string);
}

/** {@link Portcullis.readOcmDiscovery} */
export function readDiscovery(engine: Engine, document: object, options: OcmDiscoveryOptions): Promise<OcmDiscovery> {
  return ask(engine, discovery(document, options), options, (result) => camel<OcmDiscovery>(result));
}

/** {@link Portcullis.explainOcmDiscovery} */
export function explainDiscovery(
  engine: Engine,
  document: object,
  options: OcmDiscoveryOptions,
): Promise<Explained<OcmDiscovery>> {
  return explain(engine, discovery(document, options), options, (result) => camel<OcmDiscovery>(result));
}

/** {@link Portcullis.readOcmDirectory} */
export function readDirectory(engine: Engine, payload: object, options: OcmListedOptions): Promise<OcmDirectory> {
  const request = { op: 'ocm.directory', payload, ...defined({ listed: options.listed }) };
  return ask(engine, request, options, (result) => camel<OcmDirectory>(result));
}

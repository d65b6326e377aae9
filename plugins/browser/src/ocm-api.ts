/** Open Cloud Mesh, for the pages of a server that shares resources with other servers' users. */

import * as ocm from './api/ocm.js';
import type { CallOptions, Explained } from './api/types.js';
import { OAuth } from './oauth-api.js';

/** Addresses, contacts, invites and discovery documents. What only a server decides is asked with `answer`. */
export class OpenCloudMesh extends OAuth {
  /**
   * Takes an OCM Address apart: `identifier@host`, at the last `@` (draft-ietf-ocm-open-cloud-mesh-05).
   *
   * @throws {PortcullisError} `ocm.address_malformed`, `ocm.address_host`.
   */
  parseOcmAddress(address: string, options: CallOptions = {}): Promise<ocm.OcmAddress> {
    return ocm.parseAddress(this.engine, address, options);
  }

  /**
   * Reads an address that somebody typed or pasted: into a list of contacts, or on the page of a public link. Its server has to be one
   * that is trusted and can be asked; your server asks it.
   *
   * @throws {PortcullisError} `ocm.address_*`, `ocm.peer_*`.
   *
   * @example
   * ```ts
   * const { address } = await enterOcmContact(input.value, { denied: ['evil.example'] });
   * ```
   */
  enterOcmContact(typed: string, options: ocm.OcmPeerOptions = {}): Promise<ocm.OcmContact> {
    return ocm.enterContact(this.engine, typed, options);
  }

  /**
   * Reads the text of an invite, or the link to a page that asks where people are from: for the dialog in which they accept it.
   *
   * @throws {PortcullisError} `ocm.invite_encoding`, `ocm.invite_form`, `ocm.address_host`, `ocm.peer_*`.
   */
  readOcmInvite(invite: string, options: ocm.OcmListedOptions = {}): Promise<ocm.OcmInvite> {
    return ocm.readInvite(this.engine, invite, options);
  }

  /**
   * Where a page that asks people where they are from sends them with an invite: the place where their own server takes it, by that
   * server's discovery document. It is at that server or nowhere.
   *
   * @throws {PortcullisError} `ocm.contact_dialog`, `ocm.discovery_*`, `ocm.invite_*`, `ocm.address_host`, `ocm.peer_*`.
   */
  ocmAcceptUrl(invite: string, options: ocm.OcmAcceptOptions): Promise<string> {
    return ocm.acceptUrl(this.engine, invite, options);
  }

  /**
   * Judges a discovery document, parsed, that was fetched from a host, and tells what it says.
   *
   * @throws {PortcullisError} `ocm.discovery_*`, `ocm.peer_*`, `ocm.address_host`.
   */
  readOcmDiscovery(document: object, options: ocm.OcmDiscoveryOptions): Promise<ocm.OcmDiscovery> {
    return ocm.readDiscovery(this.engine, document, options);
  }

  /** The same, with each check told. A refusal is an answer here, too. For people. */
  explainOcmDiscovery(document: object, options: ocm.OcmDiscoveryOptions): Promise<Explained<ocm.OcmDiscovery>> {
    return ocm.explainDiscovery(this.engine, document, options);
  }

  /**
   * Reads the list of a federation's servers, to choose one's own from: the payload, parsed, of a JWS that verified before.
   *
   * @throws {PortcullisError} `ocm.directory_*`, `ocm.peer_*`.
   */
  readOcmDirectory(payload: object, options: ocm.OcmListedOptions = {}): Promise<ocm.OcmDirectory> {
    return ocm.readDirectory(this.engine, payload, options);
  }
}

export type {
  OcmAcceptOptions,
  OcmAddress,
  OcmContact,
  OcmDirectory,
  OcmDiscovery,
  OcmDiscoveryOptions,
  OcmInvite,
  OcmListedOptions,
  OcmPeerOptions,
} from './api/ocm.js';

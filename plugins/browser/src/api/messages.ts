/** Requests and responses. */

import { encode } from '../platform/bytes.js';
import { defined } from './common.js';
import type { GateRequest, HeaderFields } from './types.js';

/** A request, as it was received. */
export interface HttpRequest extends GateRequest {
  /** The raw request target, where it is not the origin form of `url` (RFC 9112 section 3.2). */
  readonly target?: string;
  /** Trailer fields. */
  readonly trailers?: HeaderFields;
}

/** A response, as it was received. */
export interface HttpResponse {
  /** The status code. */
  readonly status: number;
  /** Header fields: what `Headers` takes. */
  readonly headers?: HeaderFields;
  /** Trailer fields. */
  readonly trailers?: HeaderFields;
  /** The body. */
  readonly body?: string | Uint8Array;
}

/** A message that carries signatures: a request, or a response and the request that it answers. */
export type HttpMessage =
  | { readonly request: HttpRequest }
  | { readonly response: HttpResponse; readonly relatedRequest?: HttpRequest };

/** Fields as the component reads them. */
export function pairs(fields: HeaderFields | undefined): readonly (readonly [string, string])[] | undefined {
  if (fields === undefined) return undefined;
  const given = Symbol.iterator in fields ? [...fields] : Object.entries(fields);
  return given.map(([name, value]) => [name, value]);
}

function content(body: string | Uint8Array | undefined): Record<string, unknown> {
  return typeof body === 'string' ? { body } : body ? { body_b64: encode(body) } : {};
}

/** A request as the component reads it. */
export function written({ method, url, headers, body, target, trailers }: HttpRequest): Record<string, unknown> {
  return { method, url, headers: pairs(headers) ?? [], ...content(body), ...defined({ target, trailers: pairs(trailers) }) };
}

/** The members of a call about a message. */
export function message(given: HttpMessage): Record<string, unknown> {
  if ('request' in given) return { request: written(given.request) };
  const { response, relatedRequest } = given;
  const { status, headers, trailers, body } = response;
  return {
    response: { status, headers: pairs(headers) ?? [], ...content(body), ...defined({ trailers: pairs(trailers) }) },
    ...defined({ related_request: relatedRequest && written(relatedRequest) }),
  };
}

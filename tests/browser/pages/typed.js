/** Requests of the corpus through the typed functions: what they answer, in the words of the door. */

const camelRequirements = ({ scope, authorization_details, acr_values, max_age, claims }) => defined({
  scope,
  authorizationDetails: authorization_details,
  acrValues: acr_values,
  maxAge: max_age,
  claims,
});

const defined = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));

/** A request or a response of the corpus, as the package takes it. */
const received = ({ body, body_b64, ...rest }) => ({ ...rest, ...defined({ body: body ?? (body_b64 === undefined ? undefined : bytes(body_b64)) }) });

const message = (request, response, related) =>
  response ? { response: received(response), ...defined({ relatedRequest: related && received(related) }) } : { request: received(request) };

/** Names of members as programs in JavaScript have them, and back: of what the component made, never of claims. */
const renamed = (name) => (value) =>
  Array.isArray(value) ? value.map(renamed(name))
  : typeof value !== 'object' || value === null ? value
  : Object.fromEntries(Object.entries(value).map(([key, item]) => [name(key), renamed(name)(item)]));
const camel = renamed((text) => text.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase()));
const snake = renamed((text) => text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

/** Whether there are no others: what is malformed is beyond the types. */
const only = (value, ...names) => typeof value === 'object' && value !== null && Object.keys(value).every((name) => names.includes(name));

/** For each operation that a typed function has: how it is called, or nothing where a request is beyond its types. */
const CALLS = {
  'jwt.verify': async (p, { token, keys, expect, at }) => {
    if (expect.audience !== undefined && !Array.isArray(expect.audience)) return undefined;
    const { profile, typ, issuer, audience, algorithms, leeway, max_age, require } = expect;
    const options = { keys, at, ...defined({ profile, typ, issuer, audience, algorithms, leeway, maxAge: max_age, requiredClaims: require }) };
    return p.verifyToken(token, options);
  },
  'status.lookup': async (p, { token, token_b64, keys, uri, index, at }) => {
    if (!keys || !Number.isInteger(index)) return undefined;
    return p.lookupStatus(token ?? bytes(token_b64), { keys, uri, index, at });
  },
  'svid.jwt': async (p, { token, bundles, audience, at }) => {
    const { spiffeId, claims } = await p.validateSvid({ jwt: token, audience }, { bundles, at });
    return { spiffe_id: spiffeId, claims };
  },
  'svid.wit': async (p, { token, bundles, at }) => {
    const { spiffeId, cnf } = await p.validateSvid({ wit: token }, { bundles, at });
    return { spiffe_id: spiffeId, cnf };
  },
  'svid.x509': async (p, { chain, chain_pem, bundles, at }) => {
    const { spiffeId } = await p.validateSvid({ chain: chain_pem ?? chain.map(bytes) }, { bundles, at });
    return { spiffe_id: spiffeId };
  },
  'scope.evaluate': async (p, { granted, required, resource, at }) => {
    const { scope, authorization_details, claims } = granted;
    await p.evaluateScope(defined({ scope, authorizationDetails: authorization_details, claims }), camelRequirements(required), { at, ...defined({ resource }) });
    return {};
  },
  'scope.challenge': async (p, { status, headers, body, presented, at }) => {
    const { asked, scheme, error, wanted, dpopNonce, attestationChallenge, resourceMetadata } = await p.readChallenge({ status, headers }, { at, ...defined({ presented, body }) });
    const { scope, acrValues, maxAge, authorizationDetails, authorizationReference, claims } = wanted;
    return {
      asked,
      scheme,
      wanted: defined({ scope, acr_values: acrValues, max_age: maxAge, authorization_details: authorizationDetails, authorization_reference: authorizationReference, claims }),
      ...defined({ error, dpop_nonce: dpopNonce, attestation_challenge: attestationChallenge, resource_metadata: resourceMetadata }),
    };
  },
  'lifetimes.read': async (p, { id, op, response, received_at, of, refreshed, ahead, metadata, at, ...others }) => {
    if (!Number.isSafeInteger(received_at) || Object.keys(others).length > 0) return undefined;
    const told = await p.readLifetimes(response, { receivedAt: received_at, at, ...defined({ of, refreshed, ahead, metadata }) });
    return Object.fromEntries(Object.entries(told).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]));
  },
  'http.signature': async (p, { request, response, related_request, keys, label, tag, require, skew, algorithms, structured_fields, at }) => {
    const { components, parameters, created_within } = require ?? {};
    const options = { components, requiredParameters: parameters, createdWithin: created_within, structuredFields: structured_fields };
    return p.verifySignature(message(request, response, related_request), { keys, at, ...defined({ label, tag, skew, algorithms, ...options }) });
  },
  'wimse.id': async (p, { value, at }) => {
    const { trustDomain, path } = await p.parseWorkloadIdentifier(value, { at });
    return { trust_domain: trustDomain, path };
  },
  'wimse.proof': async (p, { request, trust_domains, audience, seen, at }) =>
    p.verifyWorkloadProof(received(request), { trustDomains: trust_domains, at, ...defined({ audience, seen }) }),
  'wimse.signature': async (p, { request, response, related_request, trust_domains, audience, seen, require_signed, at }) => {
    const options = { trustDomains: trust_domains, at, ...defined({ audience, seen, requireSigned: require_signed }) };
    return (await p.verifyWorkloadSignature(message(request, response, related_request), options)) ?? {};
  },
  'client.authenticate': async (p, { role, server, request, methods, clients, certificate_chain, attestation_max_age, id, op, at, ...rest }) => {
    const { form, ...sent } = request;
    const known = clients.map(({ client_id, spiffe_id, token_endpoint_auth_method }) => defined({ clientId: client_id, spiffeId: spiffe_id, tokenEndpointAuthMethod: token_endpoint_auth_method }));
    const options = { role, server, methods, clients: known, at, ...rest, ...defined({ certificateChain: certificate_chain?.map(bytes), attestationMaxAge: attestation_max_age }) };
    const { clientId, spiffeId, ...others } = await p.authenticateClient({ ...received(sent), ...defined({ form }) }, options);
    return { client_id: clientId, ...defined({ spiffe_id: spiffeId }), ...others };
  },
  'client.match': async (p, { pattern, spiffe_id, at }) => ({ match: await p.matchClientPattern(pattern, spiffe_id, { at }) }),
  'lifetimes.read': async (p, { id, op, response, received_at, of, refreshed, ahead, metadata, at, ...others }) => {
    if (!only(others) || typeof response !== 'object' || !Number.isSafeInteger(received_at) || received_at < 0) return undefined;
    return snake(await p.readLifetimes(response, { receivedAt: received_at, at, ...defined({ of, refreshed, ahead, metadata }) }));
  },
  'app2app.step': async (p, { id, op, flow, response, callback, sender, at, ...others }) => {
    if (!only(others) || (response === undefined) === (callback === undefined) || (response && sender !== undefined)) return undefined;
    if (response && (!only(response, 'status', 'headers', 'body', 'body_b64') || !Array.isArray(response.headers))) return undefined;
    const event = response ? { response: received(response) } : { callback, ...defined({ sender }) };
    return snake(await p.stepApp2App(camel(flow), event, { at }));
  },
  'txn.verify': async (p, { id, op, headers, keys, trust_domain, issuer, algorithms, lifetime, leeway, seen, at, ...others }) => {
    if (!only(others) || !Array.isArray(headers)) return undefined;
    const options = { keys, trustDomain: trust_domain, at, ...defined({ issuer, algorithms, lifetime, leeway, seen }) };
    return p.verifyTransactionToken(headers, options);
  },
  'binding.evaluate': async (p, { id, op, claims, proved, policy, moment, at, ...others }) => {
    if (!only(others)) return undefined;
    return { binding: await p.evaluateBinding(claims, { policy, at, ...defined({ proved: proved ?? undefined, moment }) }) };
  },
  'ocm.address': async (p, { address, at }) => p.parseOcmAddress(address, { at }),
  'ocm.contact': async (p, { address, listed, denied, allowed, at }) => ({ contact: await p.enterOcmContact(address, { at, ...defined({ listed, denied, allowed }) }) }),
  'ocm.invite': async (p, { invite, listed, at }) => p.readOcmInvite(invite, { at, ...defined({ listed }) }),
  'ocm.wayf': async (p, { host, document, invite, listed, denied, allowed, at }) => ({ url: await p.ocmAcceptUrl(invite, { host, document, at, ...defined({ listed, denied, allowed }) }) }),
  'ocm.discovery': async (p, { document, host, listed, at }) => snake(await p.readOcmDiscovery(document, { host, at, ...defined({ listed }) })),
  'ocm.directory': async (p, { payload, listed, at }) => p.readOcmDirectory(payload, { at, ...defined({ listed }) }),
  'gate.check': async (p, { policy, request, resources = {}, client_certificate, listener, seen, at }) => {
    // A page has no listeners, no memory before it began, and no word of a proxy about certificates; targets are a server's. It has
    // every body, and fetches nothing from workloads.
    if (listener !== undefined || seen !== undefined || client_certificate?.leaf || request.target !== undefined || request.trailers) return undefined;
    if (request.body_withheld || policy.trust_domains?.some?.((one) => one.bundle_profile === 'https_spiffe')) return undefined;
    // Nobody attests beside a page's requests: such a policy is none for it (`policy.browser_attestation`).
    if (policy.attestation) return undefined;
    if (policy.listeners || policy.replay === 'shared' || JSON.stringify(policy).includes('"oct"')) return undefined;
    if (/"(file:|workload-api)/.test(JSON.stringify(policy))) return undefined;
    const fetch = async (need) => {
      const resource = resources[need.url];
      if (!resource || resource.failed !== undefined) throw new Error('it is not among the resources');
      const { status = 200, headers = [], body, body_b64 } = resource;
      const empty = status === 204 || status === 304;
      return new Response(empty ? null : (body ?? bytes(body_b64 ?? '')), { status, headers });
    };
    const gate = await p.createGate(policy, { fetch, at });
    try {
      const { method, url, headers, body, body_b64 } = request;
      const clientCertificate = client_certificate && (client_certificate.chain ? { chain: client_certificate.chain.map(bytes) } : { digest: bytes(client_certificate.digest) });
      const asked = { method, url, headers, ...defined({ body: body ?? (body_b64 === undefined ? undefined : bytes(body_b64)) }) };
      const { outcome, status, headers: fields, findings } = await gate.check(asked, { at, ...defined({ clientCertificate }) });
      return { outcome, status, headers: fields, codes: findings.map(({ code }) => code) };
    } finally {
      gate.close();
    }
  },
};

/** What the typed function answers; nothing where there is none for a request. */
export async function typed(portcullis, request) {
  const call = CALLS[request.op];
  if (!call) return undefined;
  try {
    const result = await call(portcullis, request);
    return result === undefined ? undefined : { ok: true, result: JSON.parse(JSON.stringify(result)) };
  } catch (error) {
    return { ok: false, code: error.code ?? String(error) };
  }
}

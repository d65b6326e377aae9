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
  'gate.check': async (p, { policy, request, resources = {}, client_certificate, listener, seen, at }) => {
    // A page has no listeners, no memory before it began, and no word of a proxy about certificates; targets are a server's.
    if (listener !== undefined || seen !== undefined || client_certificate?.leaf || request.target !== undefined || request.trailers) return undefined;
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

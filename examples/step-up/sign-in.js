/** Signing in, in a window of its own: the authorization code flow with PKCE (RFC 6749, RFC 7636, RFC 9207, RFC 9700). */

const CLIENT = 'step-up-example';

/** How often it is looked whether somebody closed the window, in milliseconds. */
const LOOK = 500;

const encoded = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const secret = () => encoded(crypto.getRandomValues(new Uint8Array(32)));
const back = () => new URL('back.html', location.href).href;

/** What the issuer says of itself (RFC 8414). */
export async function discover(issuer) {
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`the issuer answers ${response.status}`);
  const metadata = await response.json();
  if (!metadata.authorization_endpoint) throw new Error('the issuer signs nobody in: its admin listener is not at a loopback address');
  return metadata;
}

/**
 * Lets the user sign in or consent. `wanted` is what a challenge asks for; `more` are other parameters. Answers what the token
 * endpoint answered and when it was asked, or nothing where the user closed the window or denied it.
 */
export async function signIn(metadata, { scope, acrValues, maxAge, authorizationDetails }, { more = {}, signal } = {}) {
  const [state, verifier] = [secret(), secret()];
  const challenge = encoded(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  const url = new URL(metadata.authorization_endpoint);
  const parameters = {
    response_type: 'code',
    client_id: CLIENT,
    redirect_uri: back(),
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    scope,
    acr_values: acrValues?.join(' '),
    max_age: maxAge,
    authorization_details: authorizationDetails && JSON.stringify(authorizationDetails),
    ...more,
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  const answer = await asked(url, state, signal);
  if (!answer || answer.get('error') === 'access_denied') return undefined;
  // Whose answer it is (RFC 9207): nobody else's code goes to this issuer.
  if (answer.get('iss') !== metadata.issuer) throw new Error('somebody else answered');
  if (!answer.has('code')) throw new Error(`the issuer refuses: ${answer.get('error')}`);
  return exchange(metadata, { grant_type: 'authorization_code', code: answer.get('code'), redirect_uri: back(), code_verifier: verifier });
}

/** Exchanges a refresh token. */
export const refresh = (metadata, token) => exchange(metadata, { grant_type: 'refresh_token', refresh_token: token });

/** What the user says in a window, as the parameters of the address that it came back to. */
async function asked(url, state, signal) {
  const channel = new BroadcastChannel('sign-in');
  const popup = window.open('about:blank', '_blank', 'popup,width=520,height=640');
  try {
    if (!popup) throw new Error('the browser opened no window: press the button again');
    // The page that asks is another's, and has nothing to do with this one.
    popup.opener = null;
    popup.location.replace(url);
    return await new Promise((resolve, reject) => {
      channel.onmessage = ({ data }) => {
        const answer = new URLSearchParams(data);
        if (answer.get('state') === state) resolve(answer);
      };
      const timer = setInterval(() => {
        if (!popup.closed) return;
        clearInterval(timer);
        // What it said last may still be on its way.
        setTimeout(resolve, LOOK);
      }, LOOK);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  } finally {
    popup?.close();
    channel.close();
  }
}

async function exchange(metadata, form) {
  const sentAt = Date.now() / 1000;
  const response = await fetch(metadata.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ client_id: CLIENT, ...form }),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = await response.json();
  // `invalid_grant` is an answer about what was allowed; anything else is none.
  if (!response.ok && answer.error !== 'invalid_grant') throw new Error(`the issuer refuses: ${answer.error}`);
  return { answer, sentAt };
}

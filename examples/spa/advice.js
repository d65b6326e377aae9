/** What the gate says of an action, as a page can show it. */

/**
 * Asks a gate about a request. Answers one of
 *
 * - `allowed`: it may be offered.
 * - `hidden`: this user may not, and no other sign-in of theirs would help.
 * - `step-up`: it needs another sign-in, which `needs` describes in sentences.
 * - `refused`: the sign-in itself is not good, for the reason in `code` and `why`.
 * - `unknown`: nobody knows right now.
 *
 * Never rejects. Only what is said to be allowed is allowed; whatever is not understood is `unknown`.
 */
export async function advise(gate, request) {
  let decision;
  try {
    decision = await gate.check(request);
  } catch (error) {
    return { is: 'unknown', why: String(error) };
  }
  const { outcome, status, headers, findings, principal } = decision;
  const why = findings[0]?.detail ?? '';
  if (outcome === 'allow') return { is: 'allowed', principal };
  if (status === 403) return { is: 'hidden', why, principal };
  if (status === 400 || status === 401) {
    const challenge = headers.find(([name]) => name.toLowerCase() === 'www-authenticate')?.[1] ?? '';
    const stepUp = parameter(challenge, 'error') === 'insufficient_user_authentication';
    return stepUp ? { is: 'step-up', needs: explained(challenge), why, principal } : { is: 'refused', code: findings[0]?.code ?? String(status), why };
  }
  return { is: 'unknown', why };
}

function parameter(challenge, name) {
  return new RegExp(`[\\s,]${name}="([^"]*)"`).exec(challenge)?.[1];
}

// Names are agreed with one's issuer; these are from OpenID's registry.
const METHODS = { phr: 'a phishing-resistant method, such as a passkey', phrh: 'a phishing-resistant method kept in hardware' };

/** The challenge of RFC 9470 in sentences. */
function explained(challenge) {
  const told = [];
  const acr = parameter(challenge, 'acr_values');
  if (acr) {
    const methods = acr.split(' ').map((value) => (METHODS[value] ? `${METHODS[value]} (acr_values: ${value})` : `acr_values: ${value}`));
    told.push(`Needs a stronger sign-in: ${methods.join(', or ')}.`);
  }
  const age = parameter(challenge, 'max_age');
  if (age) told.push(`Needs a fresh sign-in: not longer ago than ${duration(Number(age))} (max_age: ${age}).`);
  return told.length > 0 ? told : ['Needs another sign-in.'];
}

function duration(seconds) {
  const [count, unit] = seconds % 60 === 0 ? [seconds / 60, 'minute'] : [seconds, 'second'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

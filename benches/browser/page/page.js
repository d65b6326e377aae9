/** What runs in the page. Nothing of a library is loaded before it is asked for: a click pays for all of it. */

const ISSUER = 'https://idp.example';
const AUDIENCE = 'https://api.example';

/** What the profile of access tokens (RFC 9068) requires beside what it checks; `jose` has to be told. */
const REQUIRED = ['exp', 'sub', 'client_id', 'iat', 'jti'];

/** Loads one of them and makes it ready for a key: a function from a token to its claims, which rejects where it is refused. */
const VERIFIERS = {
  jose: async (given) => {
    const [verify, keys] = await Promise.all([import('jose/jwt/verify'), import('jose/key/import')]);
    return withJose({ ...verify, ...keys }, given);
  },
  'jose, bundled': async (given) => withJose(await import('bundled/jose'), given),
  'portcullis/token': async (given) => {
    const { createTokens } = await import('portcullis/token');
    return withPackage(createTokens(), given);
  },
  portcullis: async (given) => {
    const { createPortcullis } = await import('portcullis');
    return withPackage(createPortcullis(), given);
  },
};

async function withJose({ importJWK, jwtVerify }, { algorithm, jwk }) {
  const key = await importJWK(jwk, algorithm);
  const expected = { issuer: ISSUER, audience: AUDIENCE, algorithms: [algorithm], typ: 'at+jwt', requiredClaims: REQUIRED };
  return async (token) => (await jwtVerify(token, key, expected)).payload;
}

function withPackage(instance, { algorithm, jwk }) {
  const expected = { keys: { keys: [jwk] }, profile: 'at+jwt', issuer: ISSUER, audience: AUDIENCE, algorithms: [algorithm] };
  return async (token) => (await instance.verifyToken(token, expected)).claims;
}

/** Verifies one token, and sees that it is the one that was meant. */
async function verified(verify, { token, jti }) {
  const claims = await verify(token);
  if (claims.jti !== jti) throw new Error(`the claims are those of ${claims.jti}, not of ${jti}`);
}

/** Verifications a second, with a number of them in flight. */
async function rate(verify, tokens, inFlight, milliseconds) {
  const begun = performance.now();
  let count = 0;
  const lane = async () => {
    while (performance.now() - begun < milliseconds) {
      await verified(verify, tokens[count++ % tokens.length]);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (count * 1000) / (performance.now() - begun);
}

/** Rejects unless a token is refused: who lets everything through would be fast. */
async function refused(verify, token) {
  const claims = await verify(token).catch(() => undefined);
  if (claims) throw new Error('a token that nobody signed is let through');
}

/**
 * The rates of every contestant with every sample, round by round. In each round all have their turn, every other time in the
 * opposite order: what disturbs the machine for a while disturbs all of them.
 */
async function rates(samples, contestants, { rounds, milliseconds, warmUp }) {
  const turns = [];
  // Each algorithm has an instance of its own, as a page with one issuer has: none is warm from another's tokens.
  for (const sample of samples) {
    for (const { library, inFlight } of contestants) {
      const where = `${library}, ${sample.algorithm}`;
      try {
        const verify = await VERIFIERS[library](sample);
        await refused(verify, sample.forged);
        await rate(verify, sample.tokens, inFlight, warmUp);
        turns.push({ where, verify, tokens: sample.tokens, inFlight, rates: [] });
      } catch (error) {
        throw new Error(`${where}: ${error}`);
      }
    }
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const turn of round % 2 ? turns.toReversed() : turns) {
      try {
        turn.rates.push(await rate(turn.verify, turn.tokens, turn.inFlight, milliseconds));
      } catch (error) {
        throw new Error(`${turn.where}: ${error}`);
      }
    }
  }
  return turns.map((turn) => turn.rates);
}

/** Makes the button verify one token from nothing; resolves with the milliseconds from its click to the verdict. */
function onClick(library, sample) {
  return new Promise((resolve, reject) => {
    const button = document.getElementById('verify');
    button.addEventListener('click', async () => {
      const begun = performance.now();
      try {
        await verified(await VERIFIERS[library](sample), sample.tokens[0]);
        resolve(performance.now() - begun);
      } catch (error) {
        reject(new Error(`${library}, first verdict: ${error}`));
      }
    }, { once: true });
  });
}

globalThis.bench = { rates, onClick };

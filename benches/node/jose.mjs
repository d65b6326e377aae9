// Measures `jose` on Node on the tokens that the criterion run left in its results folder (first argument), and leaves the mean time
// of a verification in nanoseconds by algorithm beside them.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { importJWK, jwtVerify } from 'jose'

const WARM_UP = 500
const MEASURED_MS = 1500

const folder = process.argv[2]
const samples = JSON.parse(await readFile(join(folder, 'tokens.json'), 'utf8'))
const means = {}
for (const { algorithm, token, jwk } of samples) {
  // jose 6 has no ES256K.
  if (algorithm === 'ES256K') continue
  const key = await importJWK(jwk, algorithm)
  const options = { issuer: 'https://idp.example', audience: 'https://api.example', algorithms: [algorithm] }
  for (let i = 0; i < WARM_UP; i += 1) await jwtVerify(token, key, options)
  const start = process.hrtime.bigint()
  let count = 0
  while (Number(process.hrtime.bigint() - start) < MEASURED_MS * 1e6) {
    await jwtVerify(token, key, options)
    count += 1
  }
  means[algorithm] = Number(process.hrtime.bigint() - start) / count
}
await writeFile(join(folder, 'jose.json'), JSON.stringify(means))

// Measures `@sd-jwt/jwt-status-list`, with `jose` for the signatures, on one list, once; the time in seconds goes to standard output.
//
//     node status-list.mjs make PACKED          from packed bytes to a signed token
//     node status-list.mjs open TOKEN KEYS      verified, and ready to be asked
import { readFile } from 'node:fs/promises'
import { SignJWT, compactVerify, createLocalJWKSet, generateKeyPair } from 'jose'
import { StatusList, createHeaderAndPayload, getListFromStatusListJWT } from '@sd-jwt/jwt-status-list'

const [what, file, keys] = process.argv.slice(2)
const seconds = (begun) => Number(process.hrtime.bigint() - begun) / 1e9

if (what === 'make') {
  const { privateKey } = await generateKeyPair('ES256')
  const begun = process.hrtime.bigint()
  const packed = await readFile(file)
  const values = new Array(packed.length * 8)
  for (let index = 0; index < values.length; index += 1) values[index] = (packed[index >> 3] >> (index & 7)) & 1
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: 'https://idp.example/statuslists/1', iat: now, exp: now + 86400, ttl: 3600 }
  const made = createHeaderAndPayload(new StatusList(values, 1), claims, { alg: 'ES256', typ: 'statuslist+jwt' })
  const token = await new SignJWT(made.payload).setProtectedHeader(made.header).sign(privateKey)
  console.log(JSON.stringify({ time: seconds(begun), bytes: token.length }))
} else {
  const set = createLocalJWKSet(JSON.parse(await readFile(keys, 'utf8')))
  const token = await readFile(file, 'utf8')
  const begun = process.hrtime.bigint()
  await compactVerify(token, set, { algorithms: ['ES256'] })
  const list = getListFromStatusListJWT(token)
  const first = list.getStatus(0)
  console.log(JSON.stringify({ time: seconds(begun), first }))
}

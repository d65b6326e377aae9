// Signs and verifies HTTP messages with http-message-signatures from npm: one job a line, one answer a line. The jobs are those of
// peer.py.

import { createPrivateKey, createPublicKey } from "node:crypto";
import { createInterface } from "node:readline";
import { createSigner, createVerifier, httpbis } from "http-message-signatures";

const octets = (text) => Buffer.from(text, "base64url");
const privateKey = (jwk) => (jwk.kty === "oct" ? octets(jwk.k) : createPrivateKey({ key: jwk, format: "jwk" }));
const publicKey = (jwk) => (jwk.kty === "oct" ? octets(jwk.k) : createPublicKey(createPrivateKey({ key: jwk, format: "jwk" })));

/** The lines of a field are an array, its name is in lower case. */
function fields(lines) {
    const fields = {};
    for (const [name, value] of lines) (fields[name.toLowerCase()] ??= []).push(value);
    return fields;
}

const message = (given) => ({ ...given, headers: fields(given.headers) });
const date = (seconds) => (seconds === undefined ? undefined : new Date(seconds * 1000));

async function answer(job) {
    const related = job.related_request && message(job.related_request);
    const jwk = job.keys.find(({ kid }) => kid === job.keyid);
    if (job.do === "sign") {
        const { parameters } = job;
        const signed = await httpbis.signMessage(
            {
                key: createSigner(privateKey(jwk), job.alg, job.keyid),
                name: job.label,
                fields: job.components,
                params: Object.keys(parameters),
                paramValues: { ...parameters, created: date(parameters.created), expires: date(parameters.expires) },
            },
            message(job.message),
            related,
        );
        return { headers: ["Signature-Input", "Signature"].map((name) => [name, signed.headers[name]]) };
    }
    const keyLookup = async ({ keyid }) => {
        const found = job.keys.find(({ kid }) => kid === keyid);
        return found && { id: keyid, algs: [job.alg], verify: createVerifier(publicKey(found), job.alg) };
    };
    const verified = await httpbis.verifyMessage({ keyLookup }, message(job.message), related);
    if (verified !== true) throw new Error(`the answer is ${verified}`);
    return {};
}

for await (const line of createInterface({ input: process.stdin })) {
    const job = JSON.parse(line);
    // Whatever the error is, the message is not accepted.
    const told = await answer(job).then(
        (told) => ({ id: job.id, ok: true, ...told }),
        (error) => ({ id: job.id, ok: false, error: String(error) }),
    );
    console.log(JSON.stringify(told));
}

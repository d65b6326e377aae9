"""Signs and verifies HTTP messages with http-message-signatures from PyPI: one job a line, one answer a line.

A job is {"id", "do": "sign" | "verify", "message", "related_request"?, "keys", "alg", "keyid", "label", and for signing
"components", "parameters"}; messages are as in a batch. An answer is {"id", "ok", and "headers" or "error"}.
"""

import base64
import datetime
import json
import sys
import types

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    MappingKeyResolver,
    algorithms,
)

ALGORITHMS = {
    algorithm.algorithm_id: algorithm
    for algorithm in (
        algorithms.ED25519,
        algorithms.ECDSA_P256_SHA256,
        algorithms.ECDSA_P384_SHA384,
        algorithms.RSA_PSS_SHA512,
        algorithms.RSA_V1_5_SHA256,
        algorithms.HMAC_SHA256,
    )
}


def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text):
    return int.from_bytes(octets(text), "big")


def key_pair(jwk):
    """The keys of a private JWK: what verifies, and what signs."""
    if jwk["kty"] == "oct":
        return octets(jwk["k"]), octets(jwk["k"])
    if jwk["kty"] == "OKP":
        private = ed25519.Ed25519PrivateKey.from_private_bytes(octets(jwk["d"]))
    elif jwk["kty"] == "EC":
        curve = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[jwk["crv"]]
        private = ec.derive_private_key(number(jwk["d"]), curve)
    else:
        public = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"]))
        parts = [number(jwk[name]) for name in ("p", "q", "d", "dp", "dq", "qi")]
        private = rsa.RSAPrivateNumbers(*parts, public).private_key()
    return private.public_key(), private


class Fields:
    """Header fields that keep their lines apart, as the library wants them."""

    def __init__(self, lines):
        self.lines = [tuple(line) for line in lines]

    def items(self):
        return list(self.lines)

    def __iter__(self):
        return iter([name for name, _ in self.lines])

    def __contains__(self, name):
        return any(other.lower() == name.lower() for other, _ in self.lines)

    def __delitem__(self, name):
        self.lines = [line for line in self.lines if line[0].lower() != name.lower()]

    def __setitem__(self, name, value):
        self.lines.append((name, value))


def message_of(job):
    def request(given):
        message = types.SimpleNamespace(method=given["method"], url=given["url"], headers=Fields(given["headers"]))
        if "target" in given:
            message.request_target = given["target"]
        return message

    given = job["message"]
    if "status" not in given:
        return request(given)
    related = request(job["related_request"]) if "related_request" in job else None
    return types.SimpleNamespace(status_code=given["status"], headers=Fields(given["headers"]), request=related)


def time(seconds):
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def answer(job):
    message = message_of(job)
    pairs = {jwk["kid"]: key_pair(jwk) for jwk in job["keys"]}
    resolver = MappingKeyResolver(
        public_keys={kid: pair[0] for kid, pair in pairs.items()},
        private_keys={kid: pair[1] for kid, pair in pairs.items()},
    )
    algorithm = ALGORITHMS[job["alg"]]
    if job["do"] == "sign":
        parameters = job["parameters"]
        HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=resolver).sign(
            message,
            key_id=job["keyid"],
            created=time(parameters.get("created")),
            expires=time(parameters.get("expires")),
            nonce=parameters.get("nonce"),
            tag=parameters.get("tag"),
            label=job["label"],
            include_alg="alg" in parameters,
            covered_component_ids=tuple(job["components"]),
        )
        added = [line for line in message.headers.lines if line[0].lower() in ("signature", "signature-input")]
        return {"headers": added}
    verifier = HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=resolver)
    verifier.verify(message, max_age=None)
    return {}


for line in sys.stdin:
    job = json.loads(line)
    try:
        told = {"id": job["id"], "ok": True, **answer(job)}
    except Exception as error:  # Whatever it is, the message is not accepted.
        told = {"id": job["id"], "ok": False, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(told), flush=True)

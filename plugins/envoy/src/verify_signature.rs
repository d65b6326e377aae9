//! The messages of Envoy's foreign function `verify_signature`, and what its answers mean.

use portcullis_crypto::{Curve, Hash, PublicKey, Scheme, Verdict, ecdsa_to_der, spki};
use prost::Message;

/// Its name.
pub(crate) const NAME: &str = "verify_signature";

/// How Envoy's answer begins where the signature was looked at and is not the key's. Every other error says that it was not.
const INVALID: &str = "Failed to verify digest";

/// `envoy.source.extensions.common.wasm.VerifySignatureArguments`
#[derive(Clone, PartialEq, Message)]
struct Arguments {
    #[prost(string, tag = "1")]
    hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
}

/// `envoy.source.extensions.common.wasm.VerifySignatureResult`
#[derive(Clone, PartialEq, Message)]
struct Told {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

/// A key that Envoy takes, and how.
pub(crate) struct Asking {
    public_key: Vec<u8>,
    hash: &'static str,
    curve: Option<Curve>,
}

impl Asking {
    /// How Envoy is asked; nothing where its library does not verify such signatures, or not by this function.
    pub(crate) fn of(scheme: Scheme, key: &PublicKey) -> Option<Self> {
        let (hash, curve) = match scheme {
            Scheme::EcdsaP256Sha256 => ("sha256", Some(Curve::P256)),
            Scheme::EcdsaP384Sha384 => ("sha384", Some(Curve::P384)),
            Scheme::EcdsaP521Sha512 => ("sha512", Some(Curve::P521)),
            Scheme::RsaPkcs1(Hash::Sha256) => ("sha256", None),
            Scheme::RsaPkcs1(Hash::Sha384) => ("sha384", None),
            Scheme::RsaPkcs1(Hash::Sha512) => ("sha512", None),
            // BoringSSL has no secp256k1, and the function neither PSS nor EdDSA.
            Scheme::EcdsaSecp256k1Sha256 | Scheme::RsaPss(_) | Scheme::Ed25519 => return None,
        };
        Some(Self { public_key: spki::encode(key), hash, curve })
    }

    /// The arguments for a message and its signature.
    pub(crate) fn arguments(&self, message: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
        let signature = match self.curve {
            Some(curve) => ecdsa_to_der(curve, signature)?,
            None => signature.to_vec(),
        };
        let arguments = Arguments {
            hash_function: self.hash.into(),
            public_key: self.public_key.clone(),
            signature,
            text: message.to_vec(),
        };
        Some(arguments.encode_to_vec())
    }
}

/// What an answer says.
pub(crate) fn told(answer: &[u8]) -> Verdict {
    match Told::decode(answer) {
        Ok(told) if told.result && told.error.is_empty() => Verdict::Valid,
        Ok(told) if !told.result && told.error.starts_with(INVALID) => Verdict::Invalid,
        _ => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        let answer = |result, error: &str| Told { result, error: error.into() }.encode_to_vec();
        assert_eq!(told(&answer(true, "")), Verdict::Valid);
        assert_eq!(told(&answer(false, "Failed to verify digest. Error code: 0")), Verdict::Invalid);
        for unclear in [answer(true, "x"), answer(false, ""), answer(false, "sha3 is not supported."), vec![0xff]] {
            assert_eq!(told(&unclear), Verdict::Failed, "{unclear:?}");
        }
        assert_eq!(told(&[]), Verdict::Failed, "no answer at all");
    }
}

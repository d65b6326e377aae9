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
    fn envoy_is_asked_in_its_own_words() {
        let key = PublicKey::ed25519(&[
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1,
            0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
        ])
        .unwrap();
        for scheme in [Scheme::Ed25519, Scheme::EcdsaSecp256k1Sha256, Scheme::RsaPss(Hash::Sha256)] {
            assert!(Asking::of(scheme, &key).is_none(), "{scheme:?} is the software's");
        }
        let asking = Asking::of(Scheme::EcdsaP384Sha384, &key).unwrap();
        let mut fixed = [0; 96];
        (fixed[47], fixed[95]) = (5, 0x80);
        let arguments = Arguments::decode(&*asking.arguments(b"text", &fixed).unwrap()).unwrap();
        assert_eq!(arguments.hash_function, "sha384");
        assert_eq!(arguments.public_key, spki::encode(&key));
        assert_eq!(arguments.signature, [0x30, 7, 2, 1, 5, 2, 2, 0, 0x80]);
        assert_eq!(arguments.text, b"text");
        assert_eq!(asking.arguments(b"text", &[0; 96]), None, "zeros are no signature");
    }

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

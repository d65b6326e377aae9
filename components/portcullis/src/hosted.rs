//! The host's library behind the crypto seam, through `portcullis:crypto/verifier`.

use portcullis_crypto::{Backend, Failed, Hash, Origin, PreparedKey, PublicKey, Scheme, Verdict, spki};

use crate::bindings::portcullis::crypto::verifier;

/// Asks the host.
pub(crate) struct HostedBackend;

impl Backend for HostedBackend {
    fn prepare(&self, scheme: Scheme, key: &PublicKey, _: Origin) -> Result<Box<dyn PreparedKey>, Failed> {
        let algorithm = match scheme {
            Scheme::EcdsaP256Sha256 => verifier::Algorithm::EcdsaP256Sha256,
            Scheme::EcdsaP384Sha384 => verifier::Algorithm::EcdsaP384Sha384,
            Scheme::EcdsaP521Sha512 => verifier::Algorithm::EcdsaP521Sha512,
            Scheme::EcdsaSecp256k1Sha256 => verifier::Algorithm::EcdsaSecp256k1Sha256,
            Scheme::Ed25519 => verifier::Algorithm::Ed25519,
            Scheme::RsaPkcs1(Hash::Sha256) => verifier::Algorithm::RsaPkcs1Sha256,
            Scheme::RsaPkcs1(Hash::Sha384) => verifier::Algorithm::RsaPkcs1Sha384,
            Scheme::RsaPkcs1(Hash::Sha512) => verifier::Algorithm::RsaPkcs1Sha512,
            Scheme::RsaPss(Hash::Sha256) => verifier::Algorithm::RsaPssSha256,
            Scheme::RsaPss(Hash::Sha384) => verifier::Algorithm::RsaPssSha384,
            Scheme::RsaPss(Hash::Sha512) => verifier::Algorithm::RsaPssSha512,
        };
        verifier::PreparedKey::prepare(algorithm, &spki::encode(key))
            .map(|key| Box::new(Prepared(key)) as Box<dyn PreparedKey>)
            .map_err(|()| Failed)
    }
}

struct Prepared(verifier::PreparedKey);

impl PreparedKey for Prepared {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict {
        match self.0.verify(message, signature) {
            verifier::Verdict::Valid => Verdict::Valid,
            verifier::Verdict::Invalid => Verdict::Invalid,
            verifier::Verdict::Failed => Verdict::Failed,
        }
    }
}

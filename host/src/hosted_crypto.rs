//! `portcullis:crypto/verifier` by aws-lc-rs, for the components named `*-hosted.wasm`.
//!
//! The component has judged keys and signatures before it asks; the library judges them once more, and in doubt
//! the answer is no.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256K1_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};

use crate::limits::MAX_PREPARED_KEYS;
use crate::sandbox::State;

mod bindings {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

    wasmtime::component::bindgen!({
        path: ["../wit/types", "../wit/crypto"],
        inline: "
            package portcullis:host;
            world crypto { import portcullis:crypto/verifier@0.1.0; }
        ",
        world: "portcullis:host/crypto",
        with: { "portcullis:crypto/verifier.prepared-key": super::PreparedKey },
        imports: { default: trappable },
    });
}

use bindings::portcullis::crypto::verifier::{self, Algorithm, Verdict};

/// A key in the library's own form.
#[expect(unreachable_pub, reason = "the generated code re-exports it")]
pub struct PreparedKey(ParsedPublicKey);

/// The keys that one instance has prepared.
pub(crate) struct HostedCrypto {
    keys: ResourceTable,
}

impl HostedCrypto {
    pub(crate) fn new() -> Self {
        let mut keys = ResourceTable::new();
        keys.set_max_capacity(MAX_PREPARED_KEYS);
        Self { keys }
    }
}

/// Gives the interface to components.
pub(crate) fn provide(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    verifier::add_to_linker::<_, HasSelf<HostedCrypto>>(linker, |state| &mut state.crypto)
}

impl verifier::Host for HostedCrypto {}

impl verifier::HostPreparedKey for HostedCrypto {
    fn prepare(&mut self, algorithm: Algorithm, spki: Vec<u8>) -> wasmtime::Result<Result<Resource<PreparedKey>, ()>> {
        let prepared = ParsedPublicKey::new(native(algorithm), spki)
            .map_err(drop)
            // A full table is the only way for this to fail.
            .and_then(|key| self.keys.push(PreparedKey(key)).map_err(drop));
        Ok(prepared)
    }

    fn verify(
        &mut self,
        key: Resource<PreparedKey>,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<Verdict> {
        let PreparedKey(key) = self.keys.get(&key)?;
        // The library has one error for all there is, so `failed` is never said here.
        Ok(match key.verify_sig(&message, &signature) {
            Ok(()) => Verdict::Valid,
            Err(_) => Verdict::Invalid,
        })
    }

    fn drop(&mut self, key: Resource<PreparedKey>) -> wasmtime::Result<()> {
        self.keys.delete(key)?;
        Ok(())
    }
}

fn native(algorithm: Algorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        Algorithm::EcdsaP256Sha256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::EcdsaP384Sha384 => &ECDSA_P384_SHA384_FIXED,
        Algorithm::EcdsaP521Sha512 => &ECDSA_P521_SHA512_FIXED,
        Algorithm::EcdsaSecp256k1Sha256 => &ECDSA_P256K1_SHA256_FIXED,
        Algorithm::Ed25519 => &ED25519,
        Algorithm::RsaPkcs1Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RsaPkcs1Sha384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RsaPkcs1Sha512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::RsaPssSha256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::RsaPssSha384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::RsaPssSha512 => &RSA_PSS_2048_8192_SHA512,
    }
}

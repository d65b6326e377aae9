//! The backend inside: RustCrypto, compiled into the component, so that it runs anywhere and imports nothing.

use alloc::{boxed::Box, rc::Rc};

use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{
    Backend, Curve, Failed, Hash, Origin, PreparedKey, PublicKey, Scheme, Verdict, joint,
    public_key::{Inner, MAX_RSA_BITS, MIN_RSA_BITS},
    tables::{self, Slot, Tables},
};

/// Verifies with the software inside. Holds the window tables of its keys: one backend an instance.
#[derive(Default)]
pub struct SoftwareBackend {
    tables: Rc<Tables>,
}

impl Backend for SoftwareBackend {
    fn prepare(&self, scheme: Scheme, key: &PublicKey, origin: Origin) -> Result<Box<dyn PreparedKey>, Failed> {
        Ok(match (key.inner(), scheme) {
            (Inner::Ec { curve: Curve::P256, point }, Scheme::EcdsaP256Sha256) => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Failed)?;
                let slot = match origin {
                    Origin::Configured => Some(self.tables.slot()),
                    Origin::Carried => None,
                };
                Box::new(P256 { key, slot, tables: Rc::clone(&self.tables) })
            }
            (Inner::Ec { curve: Curve::P384, point }, Scheme::EcdsaP384Sha384) => {
                Box::new(P384(p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Failed)?))
            }
            (Inner::Ec { curve: Curve::P521, point }, Scheme::EcdsaP521Sha512) => {
                Box::new(P521(p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Failed)?))
            }
            (Inner::Ec { curve: Curve::Secp256k1, point }, Scheme::EcdsaSecp256k1Sha256) => {
                Box::new(K256(k256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Failed)?))
            }
            (Inner::Ed25519(x), Scheme::Ed25519) => Box::new(Ed25519(**x)),
            (Inner::Rsa { n, e }, Scheme::RsaPkcs1(_) | Scheme::RsaPss(_)) => {
                let n = BoxedUint::from_be_slice_vartime(n);
                let e = BoxedUint::from(*e);
                let key = RsaPublicKey::new_with_size_limits(n, e, MIN_RSA_BITS..=MAX_RSA_BITS).map_err(|_| Failed)?;
                Box::new(Rsa { key, scheme })
            }
            _ => return Err(Failed),
        })
    }
}

fn verdict<E>(result: Result<(), E>) -> Verdict {
    match result {
        Ok(()) => Verdict::Valid,
        Err(_) => Verdict::Invalid,
    }
}

struct P256 {
    key: p256::ecdsa::VerifyingKey,
    slot: Option<Rc<Slot>>,
    tables: Rc<Tables>,
}

impl PreparedKey for P256 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict {
        use p256::ecdsa::signature::hazmat::PrehashVerifier;
        let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else {
            return Verdict::Invalid;
        };
        let hash: [u8; 32] = Sha256::digest(message).into();
        if let Some(slot) = &self.slot {
            let point = (*self.key.as_affine()).into();
            if let Some((generator, table)) = self.tables.used(slot, &point) {
                return if tables::verify(generator, &table, &hash, &signature) {
                    Verdict::Valid
                } else {
                    Verdict::Invalid
                };
            }
        }
        verdict(self.key.verify_prehash(&hash, &signature))
    }
}

struct P384(p384::ecdsa::VerifyingKey);

impl PreparedKey for P384 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict {
        use p384::ecdsa::signature::hazmat::PrehashVerifier;
        let Ok(signature) = p384::ecdsa::Signature::from_slice(signature) else {
            return Verdict::Invalid;
        };
        verdict(self.0.verify_prehash(&Sha384::digest(message), &signature))
    }
}

struct P521(p521::ecdsa::VerifyingKey);

impl PreparedKey for P521 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict {
        use p521::ecdsa::signature::hazmat::PrehashVerifier;
        let Ok(signature) = p521::ecdsa::Signature::from_slice(signature) else {
            return Verdict::Invalid;
        };
        verdict(self.0.verify_prehash(&Sha512::digest(message), &signature))
    }
}

struct K256(k256::ecdsa::VerifyingKey);

impl PreparedKey for K256 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict {
        let Ok(signature) = k256::ecdsa::Signature::from_slice(signature) else { return Verdict::Invalid };
        let hash = Sha256::digest(message).into();
        if joint::verify(&self.0, &hash, &signature) { Verdict::Valid } else { Verdict::Invalid }
    }
}

struct Ed25519(ed25519_dalek::VerifyingKey);

impl PreparedKey for Ed25519 {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict {
        use ed25519_dalek::Verifier;
        let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else {
            return Verdict::Invalid;
        };
        verdict(self.0.verify(message, &signature))
    }
}

struct Rsa {
    key: RsaPublicKey,
    scheme: Scheme,
}

impl PreparedKey for Rsa {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict {
        verdict(match self.scheme {
            Scheme::RsaPkcs1(Hash::Sha256) => {
                self.key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message), signature)
            }
            Scheme::RsaPkcs1(Hash::Sha384) => {
                self.key.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message), signature)
            }
            Scheme::RsaPkcs1(Hash::Sha512) => {
                self.key.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message), signature)
            }
            Scheme::RsaPss(Hash::Sha256) => {
                self.key.verify(Pss::<Sha256>::new_with_salt(32), &Sha256::digest(message), signature)
            }
            Scheme::RsaPss(Hash::Sha384) => {
                self.key.verify(Pss::<Sha384>::new_with_salt(48), &Sha384::digest(message), signature)
            }
            Scheme::RsaPss(Hash::Sha512) => {
                self.key.verify(Pss::<Sha512>::new_with_salt(64), &Sha512::digest(message), signature)
            }
            _ => return Verdict::Failed,
        })
    }
}

//! One key of a set: what it may verify, and the verification.

use alloc::{boxed::Box, format, rc::Rc, string::String, vec::Vec};
use core::cell::RefCell;

use hmac::{Hmac, KeyInit, Mac};
use portcullis_types::{Rejection, limits::excerpt};
use sha2::{Sha256, Sha384, Sha512};

use crate::{Algorithm, Backend, CoseAlgorithm, CryptoCode, Hash, PreparedKey, PublicKey, Scheme, Verdict, signature};

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From a policy, a key set or a bundle: it will be used again, and work ahead may pay.
    Configured,
    /// From a token, a proof or a peer: nobody knows whether it is ever used again, and its bringer may bring many.
    Carried,
}

/// A key that passed every check of its type, with what its JWK allows.
pub struct Key {
    material: Material,
    limits: Limits,
    origin: Origin,
    backend: Rc<dyn Backend>,
    /// Prepared by the backend, for each scheme that was asked for: at most six, those of RSA.
    prepared: RefCell<Vec<(Scheme, Rc<dyn PreparedKey>)>>,
}

enum Material {
    Public(PublicKey),
    /// Never printed, never compared, never handed out.
    Secret(Box<[u8]>),
}

/// What a JWK says of its key's use (RFC 7517 sections 4.2 to 4.4).
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// `use`, unless it is the one that is wanted.
    pub(crate) wrong_use: Option<String>,
    /// `key_ops` without `verify`, or with a repetition.
    pub(crate) wrong_operations: bool,
    /// `alg`.
    pub(crate) algorithm: Option<String>,
}

impl Key {
    /// A public key that no JWK limits: that of a certificate, for example.
    pub fn from_public_key(key: PublicKey, origin: Origin, backend: &Rc<dyn Backend>) -> Self {
        Self::public(key, Limits::default(), origin, backend)
    }

    pub(crate) fn public(key: PublicKey, limits: Limits, origin: Origin, backend: &Rc<dyn Backend>) -> Self {
        Self::new(Material::Public(key), limits, origin, backend)
    }

    pub(crate) fn secret(key: Vec<u8>, limits: Limits, origin: Origin, backend: &Rc<dyn Backend>) -> Self {
        Self::new(Material::Secret(key.into()), limits, origin, backend)
    }

    fn new(material: Material, limits: Limits, origin: Origin, backend: &Rc<dyn Backend>) -> Self {
        Self { material, limits, origin, backend: Rc::clone(backend), prepared: RefCell::default() }
    }

    /// The public key; nothing for a symmetric one.
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.material {
            Material::Public(key) => Some(key),
            Material::Secret(_) => None,
        }
    }

    /// Whether the key is symmetric.
    pub fn is_symmetric(&self) -> bool {
        matches!(self.material, Material::Secret(_))
    }

    /// The type and size, for people.
    pub fn kind(&self) -> String {
        match &self.material {
            Material::Public(key) => key.kind(),
            Material::Secret(_) => "oct".into(),
        }
    }

    /// Whether the key may verify an algorithm's signatures: its type and curve, its length, `use`, `key_ops`, `alg`.
    ///
    /// Errors: `key.algorithm_mismatch`, `key.mac_key_too_short`, `key.use`, `key.operations`, `key.algorithm_other`.
    pub fn permits(&self, algorithm: Algorithm) -> Result<(), Rejection> {
        let meant = |only: &str| Algorithm::from_name(only).is_some_and(|only| only.same_as(algorithm));
        self.permits_as(algorithm, algorithm.name(), meant)
    }

    /// The same for a COSE algorithm. A key for HMAC 256/64 is for nothing else, and a key for HS256 not for it.
    ///
    /// Errors: those of [`Key::permits`].
    pub fn permits_cose(&self, algorithm: CoseAlgorithm) -> Result<(), Rejection> {
        if !algorithm.is_short_mac() {
            return self.permits(algorithm.algorithm());
        }
        self.permits_as(algorithm.algorithm(), algorithm.name(), |only| only == algorithm.name())
    }

    fn permits_as(&self, algorithm: Algorithm, name: &str, meant: impl Fn(&str) -> bool) -> Result<(), Rejection> {
        match &self.material {
            Material::Public(key) if key.can_do(algorithm) => {}
            Material::Secret(secret) if algorithm.is_mac() => {
                let least = algorithm.hash().length();
                if secret.len() < least {
                    return Err(Rejection::new(
                        CryptoCode::MacKeyTooShort,
                        format!("{name} needs a key of at least {least} bytes"),
                    ));
                }
            }
            _ => {
                return Err(Rejection::new(
                    CryptoCode::AlgorithmMismatch,
                    format!("{name} cannot be verified with a key of type {}", self.kind()),
                ));
            }
        }
        if let Some(other) = &self.limits.wrong_use {
            return Err(Rejection::new(CryptoCode::Use, format!("the key's use is {}", excerpt(other))));
        }
        if self.limits.wrong_operations {
            return Err(Rejection::new(CryptoCode::Operations, "the key's key_ops do not let it verify"));
        }
        if let Some(only) = &self.limits.algorithm
            && !meant(only)
        {
            return Err(Rejection::new(
                CryptoCode::AlgorithmOther,
                format!("the key is for {} alone, not for {name}", excerpt(only)),
            ));
        }
        Ok(())
    }

    /// The algorithms the key may verify.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        Algorithm::ALL.iter().copied().filter(|algorithm| self.permits(*algorithm).is_ok()).collect()
    }

    /// Verifies a signature or MAC: [`Key::permits`], the signature's form, then the backend.
    ///
    /// Errors: those of [`Key::permits`], `crypto.*`.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), Rejection> {
        self.permits(algorithm)?;
        match (&self.material, algorithm.scheme()) {
            (Material::Secret(secret), None) => {
                verify_mac(algorithm.hash(), secret, message, signature, algorithm.hash().length())
            }
            (Material::Public(key), Some(scheme)) => {
                signature::check_form(scheme, key, signature)?;
                let failed = || Rejection::new(CryptoCode::BackendFailed, "the signature library gave no answer");
                match self.prepared(scheme, key).ok_or_else(failed)?.verify(message, signature) {
                    Verdict::Valid => Ok(()),
                    Verdict::Invalid => {
                        Err(Rejection::new(CryptoCode::SignatureInvalid, "the signature does not verify under the key"))
                    }
                    Verdict::Failed => Err(failed()),
                }
            }
            // `permits` let neither through.
            _ => Err(Rejection::new(CryptoCode::AlgorithmMismatch, "key and algorithm do not belong together")),
        }
    }

    /// The same for a COSE algorithm.
    ///
    /// Errors: those of [`Key::verify`].
    pub fn verify_cose(&self, algorithm: CoseAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), Rejection> {
        self.permits_cose(algorithm)?;
        match (&self.material, algorithm.mac_length()) {
            (Material::Secret(secret), Some(length)) => {
                verify_mac(algorithm.algorithm().hash(), secret, message, signature, length)
            }
            _ => self.verify(algorithm.algorithm(), message, signature),
        }
    }

    fn prepared(&self, scheme: Scheme, key: &PublicKey) -> Option<Rc<dyn PreparedKey>> {
        let found = self.prepared.borrow().iter().find(|(s, _)| *s == scheme).map(|(_, p)| Rc::clone(p));
        if found.is_some() {
            return found;
        }
        let made: Rc<dyn PreparedKey> = self.backend.prepare(scheme, key, self.origin).ok()?.into();
        self.prepared.borrow_mut().push((scheme, Rc::clone(&made)));
        Some(made)
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Key({})", self.kind())
    }
}

/// HMAC (RFC 7518 section 3.2, RFC 9053 section 3.1), of which the first `length` bytes are sent; compared in constant
/// time.
fn verify_mac(hash: Hash, secret: &[u8], message: &[u8], tag: &[u8], length: usize) -> Result<(), Rejection> {
    fn run<M: Mac + KeyInit>(secret: &[u8], message: &[u8], tag: &[u8]) -> bool {
        M::new_from_slice(secret).is_ok_and(|mac| mac.chain_update(message).verify_truncated_left(tag).is_ok())
    }
    if tag.len() != length {
        return Err(Rejection::new(
            CryptoCode::MacLength,
            format!("the MAC has {} bytes, this algorithm makes {length}", tag.len()),
        ));
    }
    let valid = match hash {
        Hash::Sha256 => run::<Hmac<Sha256>>(secret, message, tag),
        Hash::Sha384 => run::<Hmac<Sha384>>(secret, message, tag),
        Hash::Sha512 => run::<Hmac<Sha512>>(secret, message, tag),
    };
    if valid { Ok(()) } else { Err(Rejection::new(CryptoCode::MacInvalid, "the MAC does not verify under the key")) }
}

//! Who the gateway itself is, towards those that ask it: a Workload Identity Token and its key, in files that others renew.

use std::path::{Path, PathBuf};

use arc_swap::ArcSwap;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::clock::now;
use crate::gate::{Field, OwnIdentity, ReadyAnswer};
use crate::signing_key::{HttpAlgorithm, SigningKey, SigningKeyError};

/// Most bytes of a token's file: more than any token that a recipient reads.
const MAX_TOKEN: u64 = 64 * 1024;

/// Bytes of a nonce: never the same twice, and not to be foreseen.
const NONCE_BYTES: usize = 16;

/// Why the gateway's own identity cannot be used. None tells anything of the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The token's file holds no Workload Identity Token.
    #[error("{} holds no Workload Identity Token: {why}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// The key's file holds no key that can be used.
    #[error("the key in {}: {cause}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: SigningKeyError,
    },
    /// The key is not the one that the token confirms.
    #[error("the key in {} is not the one that the token in {} confirms (cnf.jwk)", key.display(), token.display())]
    OtherKey {
        /// The key's file.
        key: PathBuf,
        /// The token's file.
        token: PathBuf,
    },
}

/// Where the gateway's identity is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The Workload Identity Token: a compact JWT.
    pub token: PathBuf,
    /// Its private key: PEM (PKCS #8) or JWK.
    pub key: PathBuf,
}

/// A token with its key.
struct Current {
    token: String,
    expires: f64,
    key: SigningKey,
}

/// The gateway's own identity. It is replaced when its files change.
pub(crate) struct Identity {
    files: IdentityFiles,
    current: ArcSwap<Current>,
}

impl Identity {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// One cannot be read or used, or they do not fit.
    pub(crate) fn open(files: IdentityFiles) -> Result<Self, IdentityError> {
        let current = read(&files)?;
        Ok(Self { files, current: ArcSwap::from_pointee(current) })
    }

    /// Reads the files again. What cannot be used is told, and the old ones stay: whoever renews them writes one after the other.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub(crate) fn reload(&self) -> Result<(), IdentityError> {
        self.current.store(read(&self.files)?.into());
        Ok(())
    }

    /// The files, to be watched.
    pub(crate) fn paths(&self) -> [PathBuf; 2] {
        [self.files.token.clone(), self.files.key.clone()]
    }

    /// What signs now; nothing where the token has ended, for nobody would believe it.
    pub(crate) fn current(&self) -> Option<Signing> {
        let current = self.current.load_full();
        if current.expires <= now() as f64 {
            return None;
        }
        let mut nonce = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let own = OwnIdentity { token: current.token.clone(), nonce: URL_SAFE_NO_PAD.encode(nonce) };
        Some(Signing { own, current })
    }
}

/// One signature that will be made.
pub(crate) struct Signing {
    /// What the gate is told.
    pub(crate) own: OwnIdentity,
    current: std::sync::Arc<Current>,
}

impl Signing {
    /// The header fields to add to an answer, signed.
    ///
    /// # Errors
    ///
    /// The library that signs failed.
    pub(crate) fn finish(&self, ready: ReadyAnswer) -> Result<Vec<Field>, SigningKeyError> {
        let ReadyAnswer { mut headers, base, label } = ready;
        let signature = STANDARD.encode(self.current.key.sign(base.as_bytes())?);
        headers.push(Field { name: "Signature".into(), value: format!("{label}=:{signature}:") });
        Ok(headers)
    }
}

/// What a token says of its key and its end. Nothing is verified: it is the gateway's own, and others verify it.
fn told(token: &str) -> Result<(Value, f64), &'static str> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err("it is no compact JWT");
    };
    let part = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    let header = part(header).ok_or("its header is no JSON")?;
    let mut claims = part(claims).ok_or("its claims are no JSON")?;
    if header.get("typ").and_then(Value::as_str) != Some("wit+jwt") {
        return Err("its typ is not wit+jwt");
    }
    let expires = claims.get("exp").and_then(Value::as_f64).ok_or("it has no exp")?;
    let jwk = claims.pointer_mut("/cnf/jwk").map(Value::take).ok_or("it has no cnf.jwk")?;
    Ok((jwk, expires))
}

fn read(files: &IdentityFiles) -> Result<Current, IdentityError> {
    let token = text(&files.token)?;
    let token = token.trim();
    let (jwk, expires) = told(token).map_err(|why| IdentityError::Token { path: files.token.clone(), why })?;
    let key_error = |cause| IdentityError::Key { path: files.key.clone(), cause };
    // By the algorithm of the token, which is the one that counts.
    let algorithm = HttpAlgorithm::of_jwk(&jwk).ok_or(IdentityError::Token {
        path: files.token.clone(),
        why: "the alg of its cnf.jwk is none of ES256, ES384, EdDSA, PS512 and RS256",
    })?;
    let key = SigningKey::read(&text(&files.key)?, Some(algorithm)).map_err(key_error)?;
    if !key.verifies_with(&jwk) {
        return Err(IdentityError::OtherKey { key: files.key.clone(), token: files.token.clone() });
    }
    if expires <= now() as f64 {
        tracing::warn!(token = %files.token.display(), "the gateway's own identity token has ended: nothing is signed by it");
    }
    Ok(Current { token: token.into(), expires, key })
}

fn text(path: &Path) -> Result<String, IdentityError> {
    use std::io::Read as _;
    let failed = |why: String| IdentityError::File { path: path.to_owned(), why };
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut text = String::new();
    // An error of a key's file says nothing of the key.
    match file.take(MAX_TOKEN + 1).read_to_string(&mut text) {
        Ok(read) if read as u64 > MAX_TOKEN => Err(failed(format!("it has more than {MAX_TOKEN} bytes"))),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(failed("it is no text".into())),
        Err(error) => Err(failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use jwt_simple::algorithms::ES256KeyPair;
    use serde_json::json;

    use super::*;

    type Tried = Result<(), Box<dyn std::error::Error>>;

    fn files(folder: &Path, typ: &str, alg: &str, pair: &ES256KeyPair, exp: u64) -> std::io::Result<IdentityFiles> {
        let mut jwk: Value = serde_json::from_str(&pair.public_key().to_jwk())?;
        jwk["alg"] = alg.into();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({"sub": "spiffe://prod.example/gate", "exp": exp, "cnf": {"jwk": jwk}});
        let token = format!("{}.{}.AAAA\n", part(&json!({"typ": typ, "alg": "ES256"})), part(&claims));
        std::fs::write(folder.join("token"), token)?;
        Ok(IdentityFiles { token: folder.join("token"), key: folder.join("key") })
    }

    #[test]
    fn a_key_signs_for_its_token_alone() -> Tried {
        let folder = tempfile::tempdir()?;
        let (pair, other) = (ES256KeyPair::generate(), ES256KeyPair::generate());
        let pem = |pair: &ES256KeyPair| pair.to_pem().map_err(|error| error.to_string());
        let later = now() + 600;
        std::fs::write(folder.path().join("key"), pem(&pair)?)?;
        let identity = Identity::open(files(folder.path(), "wit+jwt", "ES256", &pair, later)?)?;
        let signing = identity.current().ok_or("it is good")?;
        assert_ne!(signing.own.nonce, identity.current().ok_or("it is good")?.own.nonce);
        let ready = ReadyAnswer { headers: Vec::new(), base: "base".into(), label: "wimse".into() };
        let fields = signing.finish(ready)?;
        assert!(fields[0].name == "Signature" && fields[0].value.starts_with("wimse=:"), "{fields:?}");

        // A key that is renewed before its token: the old ones stay until both fit.
        std::fs::write(folder.path().join("key"), pem(&other)?)?;
        assert!(matches!(identity.reload(), Err(IdentityError::OtherKey { .. })));
        assert_eq!(identity.current().ok_or("it is good")?.own.token, signing.own.token);
        files(folder.path(), "wit+jwt", "ES256", &other, later)?;
        identity.reload()?;
        assert_ne!(identity.current().ok_or("it is good")?.own.token, signing.own.token);

        files(folder.path(), "wit+jwt", "ES256", &other, now())?;
        identity.reload()?;
        assert!(identity.current().is_none(), "it has ended");
        Ok(())
    }

    #[test]
    fn what_is_no_identity_is_told_without_its_content() -> Tried {
        let folder = tempfile::tempdir()?;
        let pair = ES256KeyPair::generate();
        std::fs::write(folder.path().join("key"), "hunter2")?;
        let told =
            |files: IdentityFiles| Identity::open(files).err().map(|error| error.to_string()).unwrap_or_default();
        let named = files(folder.path(), "wit+jwt", "ES256", &pair, 1)?;
        let error = told(named.clone());
        assert!(error.contains("no private key") && !error.contains("hunter2"), "{error}");
        let error = told(files(folder.path(), "JWT", "ES256", &pair, 1)?);
        assert!(error.contains("typ is not wit+jwt"), "{error}");
        let error = told(files(folder.path(), "wit+jwt", "PS256", &pair, 1)?);
        assert!(error.contains("none of ES256"), "{error}");
        for text in ["hunter2", "a.b.c", ""] {
            std::fs::write(&named.token, text)?;
            let error = told(named.clone());
            assert!(error.contains("holds no Workload Identity Token") && !error.contains("hunter2"), "{error}");
        }
        std::fs::write(&named.token, "a".repeat(70_000))?;
        assert!(told(named.clone()).contains("more than 65536 bytes"));
        std::fs::remove_file(&named.token)?;
        assert!(told(named).contains("cannot read"));
        Ok(())
    }
}

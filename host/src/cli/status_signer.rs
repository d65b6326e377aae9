//! What signs a list token, and what verifies it.

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use portcullis_crypto::{Algorithm, KeySet, SoftwareBackend};
use portcullis_host::{HttpAlgorithm, SigningKey, SigningKeyError};
use portcullis_status::build::{
    CompressedList, Form, ListClaims, Packing, TokenHeader, UnsignedCwt, UnsignedJwt, check_certificates,
    parse_purpose, read_back,
};
use serde_json::{Value, json};

use super::input;
use super::status_build::refused;

/// The algorithms that sign a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListAlgorithm {
    #[value(name = "ES256")]
    Es256,
    #[value(name = "ES384")]
    Es384,
    #[value(name = "EdDSA")]
    EdDsa,
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "PS512")]
    Ps512,
    /// A MAC: everybody who verifies lists can make them
    #[value(name = "HS256")]
    Hs256,
}

/// Each with what it is for HTTP messages, whose keys are read, and for tokens.
const ALGORITHMS: [(ListAlgorithm, HttpAlgorithm, Algorithm); 6] = [
    (ListAlgorithm::Es256, HttpAlgorithm::EcdsaP256, Algorithm::Es256),
    (ListAlgorithm::Es384, HttpAlgorithm::EcdsaP384, Algorithm::Es384),
    (ListAlgorithm::EdDsa, HttpAlgorithm::Ed25519, Algorithm::EdDsa),
    (ListAlgorithm::Rs256, HttpAlgorithm::RsaPkcs1, Algorithm::Rs256),
    (ListAlgorithm::Ps512, HttpAlgorithm::RsaPss, Algorithm::Ps512),
    (ListAlgorithm::Hs256, HttpAlgorithm::Hmac, Algorithm::Hs256),
];

/// Which key signs, and how relying parties know it.
#[derive(Debug, Args)]
pub(crate) struct SignerArguments {
    /// The private key, PEM (PKCS #8) or JWK
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// The algorithm; that of a JWK, and ES256 for PEM, if absent
    #[arg(long, value_enum)]
    alg: Option<ListAlgorithm>,

    /// The key's identifier; that of a JWK if absent
    #[arg(long)]
    kid: Option<String>,

    /// Put these certificates into the token: PEM, the signer's first
    #[arg(long, value_name = "FILE")]
    x5c: Option<PathBuf>,

    /// What the signer's certificate has to be for (an extended key usage), for example 1.3.6.1.5.5.7.3.30
    #[arg(long, value_name = "OID", requires = "x5c")]
    eku: Option<String>,
}

/// A key that signs lists.
pub(crate) struct Signer {
    key: SigningKey,
    algorithm: Algorithm,
    kid: Option<String>,
    certificates: Vec<Vec<u8>>,
    /// What relying parties verify with.
    verifies: KeySet,
    /// The public key in a JWK Set; none for a secret key.
    jwks: Option<Value>,
}

impl SignerArguments {
    pub(crate) fn read(&self) -> anyhow::Result<Signer> {
        let text = String::from_utf8(input::file(&self.key)?)
            .ok()
            .context("the key file is not text; PEM (PKCS #8) and JWK are read")?;
        let is_jwk = text.trim_start().starts_with('{');
        let asked = self.alg.or((!is_jwk).then_some(ListAlgorithm::Es256));
        let asked = asked.and_then(|asked| ALGORITHMS.iter().find(|(name, ..)| *name == asked));
        let key = SigningKey::read(&text, asked.map(|(_, http, _)| *http)).map_err(|error| match error {
            SigningKeyError::Algorithm => anyhow!("{error}: give it with --alg"),
            other => other.into(),
        })?;
        let of_key = ALGORITHMS.iter().find(|(_, http, _)| *http == key.algorithm());
        let (_, _, algorithm) = *of_key.context("no list is signed with this algorithm")?;
        // Section 11.6: a MAC only by who knows what it means.
        ensure!(
            !algorithm.is_mac() || self.alg.is_some(),
            "with a secret key everybody who verifies the list can make one; if that is meant, give --alg HS256"
        );
        let kid = self.kid.clone().or_else(|| key.kid().map(str::to_owned));
        let certificates = self.certificates()?;
        let jwk = match algorithm.is_mac() {
            true => serde_json::from_str(&text).ok().context("the key is no JWK")?,
            false => key.public_jwk().clone(),
        };
        let jwks = json!({ "keys": [published(jwk, kid.as_deref())] });
        let backend = Rc::new(SoftwareBackend::default()) as _;
        // Of the certificate where there is one: so a key that is another's is found when the token is read back.
        let verifies = match certificates.first() {
            Some(der) => KeySet::from_certificate(der, kid.clone(), &backend),
            None => KeySet::from_jwks(jwks.to_string().as_bytes(), &backend),
        }
        .map_err(refused)?;
        let jwks = (!algorithm.is_mac()).then_some(jwks);
        Ok(Signer { key, algorithm, kid, certificates, verifies, jwks })
    }

    fn certificates(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let Some(path) = &self.x5c else { return Ok(Vec::new()) };
        let purpose = self.eku.as_deref().map(parse_purpose).transpose().map_err(refused)?;
        let text = input::file(path)?;
        let chain = chain(&text).with_context(|| format!("{} holds no certificates in PEM", path.display()))?;
        check_certificates(&chain, purpose.as_ref()).map_err(refused)?;
        Ok(chain)
    }
}

impl Signer {
    /// The public key, as relying parties fetch it; none for a secret key.
    pub(crate) fn jwks(&self) -> Option<&Value> {
        self.jwks.as_ref()
    }

    /// Signs a list, and reads it back.
    pub(crate) fn sign(
        &self,
        form: Form,
        claims: &ListClaims<'_>,
        list: &CompressedList,
        packing: &Packing,
    ) -> anyhow::Result<Vec<u8>> {
        let header =
            TokenHeader { algorithm: self.algorithm, kid: self.kid.as_deref(), certificates: &self.certificates };
        let token = match form {
            Form::Jwt => {
                let unsigned = UnsignedJwt::new(&header, claims, list).map_err(refused)?;
                let signature = self.key.sign(unsigned.to_be_signed())?;
                unsigned.finish(&signature)
            }
            Form::Cwt => {
                let unsigned = UnsignedCwt::new(&header, claims, list).map_err(refused)?;
                let signature = self.key.sign(&unsigned.to_be_signed())?;
                unsigned.finish(&signature)
            }
        }
        .map_err(refused)?;
        let read = read_back(&token, form, &self.verifies, self.algorithm, claims, packing);
        read.map_err(refused).context(match self.certificates.is_empty() {
            true => "the list does not read back, and is not written",
            false => "the list does not read back with the key of the first certificate, and is not written",
        })?;
        Ok(token)
    }
}

/// A JWK with the identifier that tokens name it by.
fn published(mut jwk: Value, kid: Option<&str>) -> Value {
    if let (Some(members), Some(kid)) = (jwk.as_object_mut(), kid) {
        members.insert("kid".into(), kid.into());
    }
    jwk
}

/// The certificates of a file in PEM, one after the other.
fn chain(text: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let mut chain = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let end = rest.windows(END.len()).position(|window| window == END).context("a certificate has no end")?;
        let (one, after) = rest.split_at_checked(end + END.len()).context("a certificate has no end")?;
        let (label, der) = pem_rfc7468::decode_vec(one).map_err(|error| anyhow!("{error}"))?;
        if label != "CERTIFICATE" {
            bail!("it holds something else than certificates");
        }
        chain.push(der);
        rest = after.trim_ascii();
    }
    ensure!(!chain.is_empty(), "it is empty");
    Ok(chain)
}

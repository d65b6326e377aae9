//! Keys from files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use portcullis_host::{KeySet, Portcullis};

use super::input;
use super::report::Unusable;

/// Which keys may verify.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// The file with the keys that may verify
    #[arg(long, value_name = "FILE", required_unless_present = "cose_keys")]
    keys: Option<PathBuf>,

    /// What is in that file
    #[arg(long, value_enum, default_value_t, conflicts_with = "cose_keys")]
    key_format: KeyFormat,

    /// The file with the keys, if they are a COSE_KeySet
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    cose_keys: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum KeyFormat {
    /// A JWK Set: `{"keys":[…]}`
    #[default]
    Jwks,
    /// One public key as SubjectPublicKeyInfo, in DER or PEM
    Spki,
    /// One X.509 certificate, in DER or PEM; only its public key is read
    Certificate,
}

impl Keys {
    /// Reads the keys. The arguments' rules see to it that one file is named.
    pub(crate) fn read(&self, portcullis: &mut Portcullis) -> anyhow::Result<KeySet> {
        let path = self.keys.as_ref().or(self.cose_keys.as_ref()).context("no file with keys is named")?;
        let contents = input::file(path)?;
        let verdict = match self.key_format {
            _ if self.cose_keys.is_some() => portcullis.key_set_from_cose_key_set(&contents),
            KeyFormat::Jwks => portcullis.key_set_from_jwks(&contents),
            KeyFormat::Spki => portcullis.key_set_from_spki(&der(path, contents, "PUBLIC KEY")?, None),
            KeyFormat::Certificate => portcullis.key_set_from_certificate(&der(path, contents, "CERTIFICATE")?, None),
        }?;
        Ok(verdict.map_err(|rejection| Unusable { what: format!("the keys in {} are", path.display()), rejection })?)
    }

    /// The JWK Set as it is, for who asks in text. The arguments' rules see to it that it is one.
    pub(crate) fn jwks(&self) -> anyhow::Result<serde_json::Value> {
        let path = self.keys.as_ref().context("no file with keys is named")?;
        // What a parser says of a place in the file would quote nothing, and says too little to be worth it.
        serde_json::from_slice(&input::file(path)?).ok().with_context(|| format!("{} is no JSON", path.display()))
    }
}

/// Takes off the armour of PEM, if there is one.
fn der(path: &Path, contents: Vec<u8>, label: &str) -> anyhow::Result<Vec<u8>> {
    if !contents.starts_with(b"-----BEGIN ") {
        return Ok(contents);
    }
    let (found, der) =
        pem_rfc7468::decode_vec(&contents).with_context(|| format!("{} is not one PEM document", path.display()))?;
    if found != label {
        bail!("{} holds a {found}, and a {label} is needed", path.display());
    }
    Ok(der)
}

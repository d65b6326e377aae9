//! `portcullis mint`.

use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use jwt_simple::prelude::{HeaderOptions, JWTClaims};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::context::Context;
use super::mint_key::{MintAlgorithm, Signer, signer};
use super::output::{self, Readers};
use super::{Outcome, input};

/// Make test tokens (for tests only)
///
/// An issuer needs more care than this: nothing here guards the key. `iat` is the time of --at, `exp` follows from
/// --expires-in, and every token has its own `jti`, unless --claims says otherwise.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis mint --keys-out jwks.json --claims '{\"iss\":\"https://idp.example\",\"sub\":\"alice\"}' > token.jwt
  portcullis mint --alg RS256 --key key.pem --typ at+jwt --claims @claims.json --at 1790000000 --expires-in 300
  portcullis mint --count 100000 --as-batch | portcullis batch --jobs 2")]
pub(crate) struct Mint {
    /// The algorithm
    #[arg(long, value_enum, default_value = "ES256")]
    alg: MintAlgorithm,

    /// The private key, PEM (PKCS #8) or JWK; a fresh one if absent
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Where to put the JWK Set that verifies
    #[arg(long, value_name = "FILE")]
    keys_out: Option<PathBuf>,

    /// The claims
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    claims: String,

    /// The header's `typ`
    #[arg(long, default_value = "JWT")]
    typ: String,

    /// The key's identifier; its thumbprint if absent
    #[arg(long)]
    kid: Option<String>,

    /// How many seconds the tokens are valid
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    expires_in: u64,

    /// How many tokens to make, one a line
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u64,

    /// Print requests for `portcullis batch`, with the keys in them
    #[arg(long)]
    as_batch: bool,
}

pub(crate) fn run(mint: &Mint, context: &Context) -> anyhow::Result<Outcome> {
    if mint.as_batch && mint.alg.is_symmetric() {
        bail!("--as-batch would print the secret key; choose an asymmetric --alg");
    }
    let key = mint.key.as_deref().map(input::file).transpose()?;
    let key = key
        .map(String::from_utf8)
        .transpose()
        .ok()
        .context("the key file is not text; PEM (PKCS #8) and JWK are read")?;
    let signer = signer(mint.alg, key.as_deref(), mint.kid.as_deref())?;
    let keys = format!(r#"{{"keys":[{}]}}"#, signer.verifying_jwk());
    if let Some(path) = &mint.keys_out {
        let readers = if mint.alg.is_symmetric() { Readers::Me } else { Readers::Everybody };
        output::write(path, format!("{keys}\n").as_bytes(), readers)?;
    } else if key.is_none() && !mint.as_batch {
        anstream::eprintln!(
            "the key is not kept, so nobody can verify the tokens; --keys-out FILE keeps what verifies"
        );
    }
    let claims = claims(mint, context.at())?;
    match print(mint, &*signer, &keys, &claims, context.at()) {
        Err(error) if error.downcast_ref().map(std::io::Error::kind) == Some(ErrorKind::BrokenPipe) => {}
        printed => printed?,
    }
    Ok(Outcome::Accepted)
}

/// The claims of every token, but for `jti`.
fn claims(mint: &Mint, at: u64) -> anyhow::Result<Map<String, Value>> {
    let text = input::text_or_file(&mint.claims)?;
    let mut claims: Map<String, Value> =
        serde_json::from_slice(&text).context("the claims are not a JSON object; give --claims JSON or @FILE")?;
    let expires = at.checked_add(mint.expires_in).context("--expires-in is too large")?;
    claims.entry("iat").or_insert(at.into());
    claims.entry("exp").or_insert(expires.into());
    if mint.count > 1 && claims.contains_key("jti") {
        bail!("with --count every token has its own `jti`: take it out of --claims");
    }
    Ok(claims)
}

fn print(mint: &Mint, signer: &dyn Signer, keys: &str, claims: &Map<String, Value>, at: u64) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Request<'a> {
        id: u64,
        op: &'a str,
        at: u64,
        token: &'a str,
        keys: &'a RawValue,
        expect: Map<String, Value>,
    }
    let keys: &RawValue = serde_json::from_str(keys)?;
    let options = HeaderOptions { signature_type: Some(mint.typ.clone()), ..HeaderOptions::default() };
    // Random, so that tokens of different runs differ, too.
    let run = JWTClaims::<Map<String, Value>>::new().create_nonce();
    let mut output = BufWriter::new(std::io::stdout().lock());
    for id in 1..=mint.count {
        let mut custom = claims.clone();
        custom.entry("jti").or_insert_with(|| format!("{run}.{id}").into());
        let token = signer.sign(JWTClaims { custom, ..JWTClaims::new() }, &options)?;
        if mint.as_batch {
            let request = Request { id, op: "jwt.verify", at, token: &token, keys, expect: Map::new() };
            serde_json::to_writer(&mut output, &request).map_err(std::io::Error::from)?;
        } else {
            output.write_all(token.as_bytes())?;
        }
        output.write_all(b"\n")?;
    }
    Ok(output.flush()?)
}

//! Keys that stand in the place of the real ones while a policy is tested, and what is signed with them.
//!
//! So a test needs no secret of any issuer and no network: everything else of the policy holds as it is written.

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{HeaderOptions, JWTClaims};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::mint_key::{MintAlgorithm, Signer, fresh_secret, signer};
use super::policy_test_file::{Holder, Status, SvidSpec, TokenSpec};

/// A policy whose keys are known, and the keys.
pub(crate) struct Stage {
    /// The policy with these keys in it, as JSON.
    pub(crate) policy: String,
    issuers: Vec<Issuer>,
    trust_domains: Vec<TrustDomain>,
    /// The key of DPoP proofs.
    client: SigningKey,
    /// The SHA-256 of the client certificate of the connection, which nobody needs to see.
    certificate: [u8; 32],
}

struct Issuer {
    name: String,
    issuer: String,
    audience: Vec<String>,
    profile: String,
    status_origin: Option<String>,
    key: Box<dyn Signer>,
}

struct TrustDomain {
    name: String,
    audience: Vec<String>,
    key: Box<dyn Signer>,
}

/// The one member of what the TOML reader makes of a date.
const TOML_DATE: &str = "$__toml_private_datetime";

/// Algorithms that tokens are made with, the preferred one first.
const ALGORITHMS: &[(&str, MintAlgorithm)] = &[
    ("ES256", MintAlgorithm::Es256),
    ("EdDSA", MintAlgorithm::Eddsa),
    ("ES384", MintAlgorithm::Es384),
    ("RS256", MintAlgorithm::Rs256),
    ("PS256", MintAlgorithm::Ps256),
];

impl Stage {
    /// Puts fresh keys into a policy. It has to be a good one, or its own problems are told where it is loaded.
    pub(crate) fn set(mut policy: Value) -> anyhow::Result<Self> {
        let origins = texts(&policy["origins"]);
        let mut issuers = Vec::new();
        for entry in policy.get_mut("issuers").and_then(Value::as_array_mut).into_iter().flatten() {
            issuers.extend(issuer(entry, &origins)?);
        }
        let mut trust_domains = Vec::new();
        for entry in policy.get_mut("trust_domains").and_then(Value::as_array_mut).into_iter().flatten() {
            trust_domains.extend(trust_domain(entry, &origins)?);
        }
        let client =
            SigningKey::from_slice(&fresh_secret(32)).map_err(|_| anyhow!("no key could be made: try again"))?;
        let certificate = Sha256::digest(fresh_secret(32)).into();
        Ok(Self { policy: policy.to_string(), issuers, trust_domains, client, certificate })
    }

    /// A token, and the status list that it names, by its URL.
    pub(crate) fn token(&self, spec: &TokenSpec, at: u64) -> anyhow::Result<(String, Option<(String, String)>)> {
        let issuer = self.issuers.iter().find(|issuer| issuer.name == spec.issuer).with_context(|| {
            let names = self.issuers.iter().map(|issuer| &issuer.name);
            format!("the policy has no issuer {:?}: it has {}", spec.issuer, list_of(names))
        })?;
        let (iat, exp) =
            if spec.expired { (at.saturating_sub(7_200), at.saturating_sub(3_600)) } else { (at, at + 300) };
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", json!(issuer.issuer)),
            ("aud", json!(issuer.audience.first())),
            ("sub", json!("test")),
            ("client_id", json!("test-client")),
            ("jti", json!(hex(&fresh_secret(16)))),
            ("iat", json!(iat)),
            ("exp", json!(exp)),
        ] {
            claims.insert(name.into(), value);
        }
        let holder = match (spec.proof, spec.bound) {
            (holder, Holder::Nobody) | (Holder::Nobody, holder) => holder,
            _ => bail!("`proof` says what the token is bound to as well: take `bound` out"),
        };
        match holder {
            Holder::Nobody => None,
            Holder::Dpop => claims.insert("cnf".into(), json!({"jkt": self.client_thumbprint()})),
            Holder::Certificate => {
                claims.insert("cnf".into(), json!({"x5t#S256": URL_SAFE_NO_PAD.encode(self.certificate)}))
            }
        };
        let mut list = None;
        if let Some(status) = spec.status {
            let origin = issuer.status_origin.as_ref().with_context(|| {
                format!("the issuer {:?} has no https origin for a status list: add status_origins", issuer.name)
            })?;
            let (word, value) = match status {
                Status::Valid => ("valid", 0),
                Status::Revoked => ("revoked", 1),
                Status::Suspended => ("suspended", 2),
            };
            let uri = format!("{origin}/policy-test/{word}");
            claims.insert("status".into(), json!({"status_list": {"idx": 0, "uri": uri}}));
            list = Some((uri.clone(), status_list(&*issuer.key, &uri, value, at)?));
        }
        for (name, value) in &spec.claims.0 {
            if value.get(TOML_DATE).is_some() {
                bail!("the claim {name:?} is a date, which JSON has not: write seconds since 1970, or a text");
            }
            claims.insert(name.clone(), value.clone());
        }
        let mut absent: Vec<&String> = spec.without.iter().collect();
        absent.extend(spec.claims.0.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name));
        for name in absent {
            if claims.remove(name).is_none() {
                bail!("the token has no claim {name:?} that could be taken away: it has {}", list_of(claims.keys()));
            }
        }
        let typ = if issuer.profile == "jwt" { "JWT" } else { "at+jwt" };
        Ok((sign(&*issuer.key, claims, typ)?, list))
    }

    /// A JWT-SVID.
    pub(crate) fn svid(&self, spec: &SvidSpec, at: u64) -> anyhow::Result<String> {
        let domain = spec.spiffe_id.strip_prefix("spiffe://").unwrap_or_default().split('/').next().unwrap_or_default();
        let found = self.trust_domains.iter().find(|one| one.name == domain);
        let found = found.with_context(|| {
            let names = self.trust_domains.iter().map(|one| &one.name);
            format!("the policy has no trust domain {domain:?}: it has {}", list_of(names))
        })?;
        let audience = spec.audience.clone().unwrap_or_else(|| found.audience.clone());
        let mut claims = Map::new();
        claims.insert("sub".into(), json!(spec.spiffe_id));
        claims.insert("aud".into(), json!(audience));
        claims.insert("exp".into(), json!(at + 300));
        claims.insert("iat".into(), json!(at));
        sign(&*found.key, claims, "JWT")
    }

    /// A DPoP proof for a request with a token (RFC 9449 section 4.2).
    pub(crate) fn proof(&self, method: &str, url: &str, token: &str, nonce: &str, at: u64) -> String {
        let target = url.split(['?', '#']).next().unwrap_or_default();
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.client_jwk()});
        let claims = json!({
            "jti": hex(&fresh_secret(16)),
            "htm": method,
            "htu": target,
            "iat": at,
            "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes())),
            "nonce": nonce,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(&header), part(&claims));
        let signature: Signature = self.client.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// The SHA-256 of the client certificate that tokens are bound to.
    pub(crate) fn certificate(&self) -> [u8; 32] {
        self.certificate
    }

    fn client_jwk(&self) -> Value {
        let point = self.client.verifying_key().to_sec1_point(false);
        let text = |part: Option<&[u8]>| part.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default();
        json!({
            "crv": "P-256",
            "kty": "EC",
            "x": text(point.x().map(AsRef::as_ref)),
            "y": text(point.y().map(AsRef::as_ref)),
        })
    }

    /// RFC 7638: the members above are sorted and without white space.
    fn client_thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.client_jwk().to_string()))
    }
}

/// Names for a message.
fn list_of<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}

fn issuer(entry: &mut Value, origins: &[String]) -> anyhow::Result<Option<Issuer>> {
    let Some(members) = entry.as_object_mut() else { return Ok(None) };
    let text = |members: &Map<String, Value>, name: &str| members.get(name).and_then(Value::as_str).map(String::from);
    let (Some(name), Some(issuer)) = (text(members, "name"), text(members, "issuer")) else { return Ok(None) };
    let accepted = members.get("algorithms").map(texts);
    let chosen = ALGORITHMS
        .iter()
        .find(|(algorithm, _)| accepted.as_ref().is_none_or(|list| list.iter().any(|one| one == algorithm)))
        .unwrap_or(&ALGORITHMS[0]);
    let key = signer(chosen.1, None, None)?;
    let jwk: Value = serde_json::from_str(&key.verifying_jwk())?;
    members.insert("keys".into(), json!({"keys": [jwk]}));
    members.insert("algorithms".into(), json!([chosen.0]));
    members.remove("status_keys");
    let audience = members.get("audience").map_or_else(|| origins.to_vec(), texts);
    let https = issuer.starts_with("https://").then(|| origin_of(&issuer));
    let status_origin =
        https.or_else(|| members.get("status_origins").map(texts).and_then(|list| list.into_iter().next()));
    let profile = text(members, "profile").unwrap_or_default();
    Ok(Some(Issuer { name, issuer, audience, profile, status_origin, key }))
}

fn origin_of(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

fn trust_domain(entry: &mut Value, origins: &[String]) -> anyhow::Result<Option<TrustDomain>> {
    let Some(members) = entry.as_object_mut() else { return Ok(None) };
    let Some(name) = members.get("name").and_then(Value::as_str).map(String::from) else { return Ok(None) };
    let key = signer(MintAlgorithm::Es256, None, None)?;
    let mut jwk: Value = serde_json::from_str(&key.verifying_jwk())?;
    jwk["use"] = json!("jwt-svid");
    members.insert("bundle".into(), json!({"keys": [jwk]}));
    let audience = members.get("audience").map_or_else(|| origins.to_vec(), texts);
    Ok(Some(TrustDomain { name, audience, key }))
}

fn sign(key: &dyn Signer, claims: Map<String, Value>, typ: &str) -> anyhow::Result<String> {
    let options = HeaderOptions { signature_type: Some(typ.into()), ..HeaderOptions::default() };
    key.sign(JWTClaims { custom: claims, ..JWTClaims::new() }, &options)
}

/// A status list token with one entry of eight bits (draft-ietf-oauth-status-list-21 sections 4 and 5.1).
fn status_list(key: &dyn Signer, uri: &str, value: u8, at: u64) -> anyhow::Result<String> {
    if value > 2 {
        bail!("a status is 0, 1 or 2");
    }
    // A zlib stream that stores one byte (RFC 1951 section 3.2.4); the checksum of one byte is 1 plus it, twice.
    let sum = value + 1;
    let stream = [0x78, 0x01, 0x01, 0x01, 0x00, 0xfe, 0xff, value, 0x00, sum, 0x00, sum];
    let list = json!({"bits": 8, "lst": URL_SAFE_NO_PAD.encode(stream)});
    let mut claims = Map::new();
    for (name, value) in [("sub", json!(uri)), ("iat", json!(at)), ("ttl", json!(300)), ("status_list", list)] {
        claims.insert(name.into(), value);
    }
    sign(key, claims, "statuslist+jwt")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Bundles from the SPIFFE Workload API, as a SPIFFE bundle document (SPIFFE Trust Domain and Bundle section 4).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pkcs1::RsaPublicKeyRef;
use serde_json::{Value, json};
use spiffe::WorkloadApiClient;
use x509_cert::Certificate;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};

/// What a policy writes for a bundle that comes from here: this and the trust domain.
pub(super) const SCHEME: &str = "workload-api:";

/// How soon a bundle is asked for again, in seconds. The agent is near, and an authority that it has just heard of may sign the
/// next SVID.
const REFRESH_HINT: u64 = 10;

/// The bundle of a trust domain, as it is now. The error is for logs.
pub(super) async fn bundle(socket: &str, trust_domain: &str) -> Result<Vec<u8>, String> {
    let down = |error: &dyn std::fmt::Display| format!("the Workload API at {socket} did not answer: {error}");
    let endpoint =
        if socket.contains("://") || socket.starts_with("unix:") { socket.into() } else { format!("unix:{socket}") };
    let client = WorkloadApiClient::connect_to(&endpoint).await.map_err(|error| down(&error))?;
    let name = spiffe::TrustDomain::new(trust_domain).map_err(|error| error.to_string())?;
    let certificates = client.fetch_x509_bundles().await.map_err(|error| down(&error))?;
    let mut keys = Vec::new();
    if let Some(bundle) = certificates.get(&name) {
        for authority in bundle.authorities() {
            keys.push(jwk(authority.as_bytes())?);
        }
    }
    // A workload that is given no JWTs is denied their keys; its certificates are good all the same.
    match client.fetch_jwt_bundles().await {
        Ok(bundles) => {
            for authority in bundles.get(&name).iter().flat_map(|bundle| bundle.jwt_authorities()) {
                let mut key: Value = serde_json::from_slice(authority.jwk_json())
                    .map_err(|_| "the Workload API sent a key that is no JWK".to_owned())?;
                key["use"] = json!("jwt-svid");
                keys.push(key);
            }
        }
        Err(error) => tracing::debug!(%error, "the Workload API gives no keys of JWT-SVIDs"),
    }
    if keys.is_empty() {
        return Err(format!("the Workload API has no bundle of {trust_domain}"));
    }
    Ok(json!({"spiffe_refresh_hint": REFRESH_HINT, "keys": keys}).to_string().into_bytes())
}

/// An authority of X.509-SVIDs as a JWK: its certificate, and the key in it.
fn jwk(der: &[u8]) -> Result<Value, String> {
    let malformed = |error: x509_cert::der::Error| format!("the Workload API sent no certificate: {error}");
    let certificate = Certificate::from_der(der).map_err(malformed)?;
    let key = certificate.tbs_certificate().subject_public_key_info();
    let bytes = key.subject_public_key.as_bytes().unwrap_or_default();
    let curve = key
        .algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.to_der().ok().and_then(|der| <ObjectIdentifier>::from_der(&der).ok()));
    let mut jwk = match (key.algorithm.oid.to_string().as_str(), curve.map(|curve| curve.to_string()).as_deref()) {
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => point("P-256", bytes)?,
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => point("P-384", bytes)?,
        ("1.2.840.10045.2.1", Some("1.3.132.0.35")) => point("P-521", bytes)?,
        ("1.3.101.112", _) => json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(bytes)}),
        ("1.2.840.113549.1.1.1", _) => {
            let key = RsaPublicKeyRef::try_from(bytes).map_err(|error| error.to_string())?;
            let number = |bytes| URL_SAFE_NO_PAD.encode(bytes);
            json!({"kty": "RSA", "n": number(key.modulus.as_bytes()), "e": number(key.public_exponent.as_bytes())})
        }
        (other, _) => {
            return Err(format!("the Workload API sent an authority whose key is of an unknown kind, {other}"));
        }
    };
    jwk["use"] = json!("x509-svid");
    jwk["x5c"] = json!([STANDARD.encode(der)]);
    Ok(jwk)
}

/// The coordinates of an uncompressed point (SEC 1 section 2.3.3), as they stand in it. Whether they are a point is for the
/// gate to see.
fn point(curve: &str, bytes: &[u8]) -> Result<Value, String> {
    let coordinates = match bytes.split_first() {
        Some((4, rest)) if rest.len() % 2 == 0 => rest.split_at(rest.len() / 2),
        _ => return Err("the Workload API sent an authority whose key is no uncompressed point".into()),
    };
    let (x, y) = (URL_SAFE_NO_PAD.encode(coordinates.0), URL_SAFE_NO_PAD.encode(coordinates.1));
    Ok(json!({"kty": "EC", "crv": curve, "x": x, "y": y}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_become_keys_of_a_bundle() {
        for (algorithm, kty, curve) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, "EC", json!("P-256")),
            (&rcgen::PKCS_ECDSA_P384_SHA384, "EC", json!("P-384")),
            (&rcgen::PKCS_ED25519, "OKP", json!("Ed25519")),
        ] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
            let jwk = jwk(certificate.der()).unwrap();
            assert_eq!((jwk["kty"].as_str(), &jwk["crv"]), (Some(kty), &curve));
            assert_eq!(jwk["x5c"][0], STANDARD.encode(certificate.der()));
            assert_eq!(jwk["use"], "x509-svid");
        }
        assert!(jwk(b"no certificate").is_err());
    }

    #[tokio::test]
    async fn a_socket_that_is_not_there_is_told() {
        let error = bundle("/nowhere/agent.sock", "prod.example").await.unwrap_err();
        assert!(error.contains("unix:/nowhere/agent.sock") || error.contains("/nowhere/agent.sock"), "{error}");
    }
}

//! JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_types::{
    Rejection, base64url,
    json::{Object, Value},
    limits::excerpt,
};

use crate::{Backend, CryptoCode, Curve, Key, Origin, PublicKey, key::Limits};

/// Members that only a private key has (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
const PRIVATE_MEMBERS: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Reads one JWK for verification. Its `kid` is the caller's to read ([`kid`]).
///
/// A `use` other than `wanted_use`, wrong `key_ops` and another `alg` do not spoil the key, they bar it from what it
/// may not do ([`Key::permits`]).
///
/// Errors: `key.*`, `json.duplicate_name`, `base64.*`.
pub fn parse(jwk: &Object, wanted_use: &str, origin: Origin, backend: &Rc<dyn Backend>) -> Result<Key, Rejection> {
    let kty = text(jwk, "kty")?.ok_or_else(|| missing("kty"))?;
    let limits = limits(jwk, wanted_use)?;
    match kty {
        "oct" => Ok(Key::secret(bytes(jwk, "k")?, limits, origin, backend)),
        _ => Ok(Key::public(public_key(jwk, kty)?, limits, origin, backend)),
    }
}

/// Reads a public JWK to compare it with others: what it may verify is not looked at, and a symmetric key is none.
///
/// Errors: `key.*`, `json.duplicate_name`, `base64.*`.
pub fn parse_public(jwk: &Object) -> Result<PublicKey, Rejection> {
    let kty = text(jwk, "kty")?.ok_or_else(|| missing("kty"))?;
    public_key(jwk, kty)
}

/// The `kid`, if there is one.
///
/// Error: `key.member_type`.
pub fn kid(jwk: &Object) -> Result<Option<String>, Rejection> {
    Ok(text(jwk, "kid")?.map(Into::into))
}

fn public_key(jwk: &Object, kty: &str) -> Result<PublicKey, Rejection> {
    if !matches!(kty, "EC" | "OKP" | "RSA") {
        return Err(Rejection::new(
            CryptoCode::TypeUnsupported,
            format!("kty {} is not one of EC, OKP, RSA, oct", excerpt(kty)),
        ));
    }
    for name in PRIVATE_MEMBERS {
        if jwk.get(name)?.is_some() {
            return Err(Rejection::new(
                CryptoCode::Private,
                format!("the member {name} belongs to a private key: publish the public one, and replace this key"),
            ));
        }
    }
    let unsupported = |crv: &str| {
        Rejection::new(CryptoCode::CurveUnsupported, format!("crv {} is not used with kty {kty} here", excerpt(crv)))
    };
    match kty {
        "EC" => {
            let crv = text(jwk, "crv")?.ok_or_else(|| missing("crv"))?;
            let curve = Curve::from_name(crv).ok_or_else(|| unsupported(crv))?;
            PublicKey::ec(curve, &bytes(jwk, "x")?, &bytes(jwk, "y")?)
        }
        "OKP" => match text(jwk, "crv")?.ok_or_else(|| missing("crv"))? {
            "Ed25519" => PublicKey::ed25519(&bytes(jwk, "x")?),
            other => Err(unsupported(other)),
        },
        _ => PublicKey::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?),
    }
}

/// `use`, `key_ops` and `alg` (RFC 7517 sections 4.2 to 4.4).
fn limits(jwk: &Object, wanted_use: &str) -> Result<Limits, Rejection> {
    let wrong_use = text(jwk, "use")?.filter(|given| *given != wanted_use).map(Into::into);
    let wrong_operations = match jwk.get("key_ops")? {
        None => false,
        Some(value) => {
            let items = value.as_array().ok_or_else(|| wrong_type("key_ops", value))?;
            let mut names = items
                .iter()
                .map(|item| item.as_str().ok_or_else(|| wrong_type("key_ops", item)))
                .collect::<Result<Vec<_>, _>>()?;
            let count = names.len();
            let verifies = names.contains(&"verify");
            names.sort_unstable();
            names.dedup();
            // "Duplicate key operation values MUST NOT be present in the array" (section 4.3).
            !verifies || names.len() != count
        }
    };
    Ok(Limits { wrong_use, wrong_operations, algorithm: text(jwk, "alg")?.map(Into::into) })
}

fn text<'a>(jwk: &'a Object, name: &str) -> Result<Option<&'a str>, Rejection> {
    match jwk.get(name)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_type(name, other)),
    }
}

fn bytes(jwk: &Object, name: &str) -> Result<Vec<u8>, Rejection> {
    let text = text(jwk, name)?.ok_or_else(|| missing(name))?;
    base64url::decode(text.as_bytes()).map_err(|rejection| rejection.within(name))
}

fn missing(name: &str) -> Rejection {
    Rejection::new(CryptoCode::MemberMissing, format!("the key has no {name}"))
}

fn wrong_type(name: &str, value: &Value) -> Rejection {
    Rejection::new(CryptoCode::MemberType, format!("{name} is {}", value.kind()))
}

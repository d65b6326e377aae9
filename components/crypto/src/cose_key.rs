//! COSE keys (RFC 9052 section 7, RFC 9053 section 7, RFC 8230 section 4, RFC 8812 section 3.2).

use alloc::{format, rc::Rc, vec::Vec};

use coset::iana::{
    Ec2KeyParameter, EllipticCurve, EnumI64, KeyOperation, KeyParameter, KeyType, OkpKeyParameter, RsaKeyParameter,
    SymmetricKeyParameter,
};
use portcullis_types::{
    Rejection,
    cbor::{Map, Value},
    limits::excerpt,
};

use crate::{Backend, CoseAlgorithm, CryptoCode, Curve, Key, Origin, PublicKey, key::Limits};

/// Reads one COSE_Key for verification. Its `kid` is the caller's to read ([`kid`]).
///
/// Wrong `key_ops` and another `alg` do not spoil the key, they bar it from what it may not do ([`Key::permits`]).
///
/// Errors: `key.*`.
pub fn parse(key: &Map<'_>, origin: Origin, backend: &Rc<dyn Backend>) -> Result<Key, Rejection> {
    let kty = key.get(KeyParameter::Kty.to_i64()).ok_or_else(|| missing("kty"))?;
    match kty.as_integer().and_then(KeyType::from_i64) {
        Some(KeyType::Symmetric) => {
            let limits = limits(key, KeyOperation::MacVerify)?;
            Ok(Key::secret(bytes(key, SymmetricKeyParameter::K, "k")?.into(), limits, origin, backend))
        }
        Some(KeyType::EC2) => public(ec2(key)?, key, origin, backend),
        Some(KeyType::OKP) => public(okp(key)?, key, origin, backend),
        Some(KeyType::RSA) => public(rsa(key)?, key, origin, backend),
        _ => Err(Rejection::new(
            CryptoCode::TypeUnsupported,
            format!("kty {} is not one of OKP, EC2, RSA, Symmetric", told(kty)),
        )),
    }
}

/// The `kid`, if there is one.
///
/// Error: `key.member_type`.
pub fn kid(key: &Map<'_>) -> Result<Option<Vec<u8>>, Rejection> {
    match key.get(KeyParameter::Kid.to_i64()) {
        None => Ok(None),
        Some(Value::Bytes(kid)) => Ok(Some(kid.as_ref().into())),
        Some(other) => Err(wrong_type("kid", other)),
    }
}

fn public(public: PublicKey, key: &Map<'_>, origin: Origin, backend: &Rc<dyn Backend>) -> Result<Key, Rejection> {
    Ok(Key::public(public, limits(key, KeyOperation::Verify)?, origin, backend))
}

/// Keys with two coordinates (RFC 9053 section 7.1.1). `y` may be the sign alone.
fn ec2(key: &Map<'_>) -> Result<PublicKey, Rejection> {
    no_private(key, [Ec2KeyParameter::D])?;
    let curve = match curve(key, Ec2KeyParameter::Crv)? {
        EllipticCurve::P_256 => Curve::P256,
        EllipticCurve::P_384 => Curve::P384,
        EllipticCurve::P_521 => Curve::P521,
        EllipticCurve::Secp256k1 => Curve::Secp256k1,
        other => return Err(unsupported_curve(other.to_i64())),
    };
    let x = bytes(key, Ec2KeyParameter::X, "x")?;
    match key.get(Ec2KeyParameter::Y.to_i64()) {
        Some(Value::Bool(odd)) => PublicKey::ec_compressed(curve, x, *odd),
        _ => PublicKey::ec(curve, x, bytes(key, Ec2KeyParameter::Y, "y")?),
    }
}

/// Octet key pairs (RFC 9053 section 7.2).
fn okp(key: &Map<'_>) -> Result<PublicKey, Rejection> {
    no_private(key, [OkpKeyParameter::D])?;
    match curve(key, OkpKeyParameter::Crv)? {
        EllipticCurve::Ed25519 => PublicKey::ed25519(bytes(key, OkpKeyParameter::X, "x")?),
        other => Err(unsupported_curve(other.to_i64())),
    }
}

/// RSA keys (RFC 8230 section 4).
fn rsa(key: &Map<'_>) -> Result<PublicKey, Rejection> {
    use RsaKeyParameter::{D, DI, DP, DQ, Other, P, Q, QInv, RI, TI};
    no_private(key, [D, P, Q, DP, DQ, QInv, Other, RI, DI, TI])?;
    PublicKey::rsa(bytes(key, RsaKeyParameter::N, "n")?, bytes(key, RsaKeyParameter::E, "e")?)
}

fn no_private<P: EnumI64, const N: usize>(key: &Map<'_>, parameters: [P; N]) -> Result<(), Rejection> {
    match parameters.iter().find(|parameter| key.get(parameter.to_i64()).is_some()) {
        None => Ok(()),
        Some(parameter) => Err(Rejection::new(
            CryptoCode::Private,
            format!(
                "the parameter {} belongs to a private key: publish the public one, and replace this key",
                parameter.to_i64()
            ),
        )),
    }
}

/// `key_ops` and `alg` (RFC 9052 section 7.1).
fn limits(key: &Map<'_>, wanted: KeyOperation) -> Result<Limits, Rejection> {
    let wrong_operations = match key.get(KeyParameter::KeyOps.to_i64()) {
        None => false,
        Some(Value::Array(operations)) => {
            if let Some(other) = operations.iter().find(|item| item.as_integer().is_none() && item.as_text().is_none())
            {
                return Err(wrong_type("key_ops", other));
            }
            !operations.iter().any(|item| item.as_integer() == Some(wanted.to_i64()))
        }
        Some(other) => return Err(wrong_type("key_ops", other)),
    };
    let algorithm = match key.get(KeyParameter::Alg.to_i64()) {
        None => None,
        Some(value @ (Value::Unsigned(_) | Value::Negative(_) | Value::Text(_))) => {
            match value.as_integer().and_then(CoseAlgorithm::from_number) {
                Some(algorithm) => Some(algorithm.name().into()),
                // Another algorithm, for which alone the key is. No algorithm here has such a name.
                None => Some(format!("COSE algorithm {}", told(value))),
            }
        }
        Some(other) => return Err(wrong_type("alg", other)),
    };
    Ok(Limits { wrong_use: None, wrong_operations, algorithm })
}

fn curve(key: &Map<'_>, parameter: impl EnumI64) -> Result<EllipticCurve, Rejection> {
    let crv = key.get(parameter.to_i64()).ok_or_else(|| missing("crv"))?;
    match crv {
        Value::Unsigned(_) | Value::Negative(_) => {
            let known = crv.as_integer().and_then(EllipticCurve::from_i64);
            known.ok_or_else(|| unsupported_curve(crv.as_integer().unwrap_or(i64::MAX)))
        }
        Value::Text(name) => Err(Rejection::new(
            CryptoCode::CurveUnsupported,
            format!("crv {} is not used with this kty here", excerpt(name)),
        )),
        other => Err(wrong_type("crv", other)),
    }
}

fn unsupported_curve(number: i64) -> Rejection {
    Rejection::new(CryptoCode::CurveUnsupported, format!("crv {number} is not used with this kty here"))
}

fn bytes<'k>(key: &'k Map<'_>, parameter: impl EnumI64, name: &str) -> Result<&'k [u8], Rejection> {
    match key.get(parameter.to_i64()) {
        None => Err(missing(name)),
        Some(Value::Bytes(bytes)) => Ok(bytes),
        Some(other) => Err(wrong_type(name, other)),
    }
}

fn missing(name: &str) -> Rejection {
    Rejection::new(CryptoCode::MemberMissing, format!("the key has no {name}"))
}

fn wrong_type(name: &str, value: &Value<'_>) -> Rejection {
    Rejection::new(CryptoCode::MemberType, format!("{name} is {}", value.kind()))
}

/// A number or name for a detail.
fn told(value: &Value<'_>) -> alloc::string::String {
    match (value.as_integer(), value.as_text()) {
        (Some(number), _) => format!("{number}"),
        (None, Some(text)) => excerpt(text),
        (None, None) => value.kind().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, KeySet, SoftwareBackend};
    use portcullis_types::base64url;
    use std::vec;

    // RFC 8152 appendix C.7.1, the key "11"
    const X: &[u8] = b"usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8";
    const Y: &[u8] = b"IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4";

    fn backend() -> Rc<dyn Backend> {
        Rc::new(SoftwareBackend::default())
    }

    fn bstr(bytes: &[u8]) -> Vec<u8> {
        [&[0x58, bytes.len() as u8][..], bytes].concat()
    }

    /// A set of one key, from the entries of its map in CBOR.
    fn set(entries: &[&[u8]]) -> Vec<u8> {
        [&[0x81, 0xa0 | entries.len() as u8][..], &entries.concat()].concat()
    }

    fn read(entries: &[&[u8]]) -> KeySet {
        KeySet::from_cose_key_set(&set(entries), &backend()).unwrap()
    }

    fn code(entries: &[&[u8]]) -> &'static str {
        match &read(entries).entries()[0].key {
            Ok(_) => "usable",
            Err(rejection) => rejection.code(),
        }
    }

    /// An EC2 key with further entries: {1: 2, -1: 1, -2: x, -3: y, …}.
    fn ec2(more: &[&[u8]]) -> Vec<Vec<u8>> {
        let coordinate = |label, text| [&[label][..], &bstr(&base64url::decode(text).unwrap())].concat();
        let mut entries = vec![vec![0x01, 0x02], vec![0x20, 0x01], coordinate(0x21, X), coordinate(0x22, Y)];
        entries.extend(more.iter().map(|entry| entry.to_vec()));
        entries
    }

    fn slices(entries: &[Vec<u8>]) -> Vec<&[u8]> {
        entries.iter().map(Vec::as_slice).collect()
    }

    #[test]
    fn a_sign_stands_for_the_coordinate() {
        let thumbprint = |entries: &[Vec<u8>]| {
            let keys = read(&slices(entries));
            keys.entries()[0].key.as_ref().ok().and_then(Key::public_key).map(PublicKey::thumbprint)
        };
        let whole = thumbprint(&ec2(&[])).unwrap();
        let mut compressed = ec2(&[]);
        compressed[3] = vec![0x22, 0xf4];
        assert_eq!(thumbprint(&compressed), Some(whole), "y is even");
        compressed[3] = vec![0x22, 0xf5];
        assert_ne!(thumbprint(&compressed), Some(whole), "the other point with that x");
        compressed[2] = [&[0x21][..], &bstr(&[0xff; 32])].concat();
        assert_eq!(code(&slices(&compressed)), "key.not_on_curve");
        compressed[2] = [&[0x21][..], &bstr(&[1; 31])].concat();
        assert_eq!(code(&slices(&compressed)), "key.coordinate_length");
    }

    #[test]
    fn what_a_key_says_of_its_use_is_enforced() {
        let permits = |more: &[&[u8]], algorithm| {
            let keys = read(&slices(&ec2(more)));
            keys.select_cose(None, CoseAlgorithm::from_number(algorithm).unwrap()).map(|_| ()).map_err(|r| r.code())
        };
        assert_eq!(permits(&[], -7), Ok(()));
        assert_eq!(permits(&[], -9), Ok(()));
        assert_eq!(permits(&[], -36), Err("key.algorithm_mismatch"), "ES512 with P-256");
        assert_eq!(permits(&[], 5), Err("key.algorithm_mismatch"));
        assert_eq!(permits(&[&[0x04, 0x81, 0x02]], -7), Ok(()));
        assert_eq!(permits(&[&[0x04, 0x82, 0x01, 0x02]], -7), Ok(()));
        assert_eq!(permits(&[&[0x04, 0x81, 0x01]], -7), Err("key.operations"));
        assert_eq!(permits(&[&[0x04, 0x81, 0x0a]], -7), Err("key.operations"), "MAC verify");
        assert_eq!(permits(&[&[0x04, 0x80]], -7), Err("key.operations"));
        assert_eq!(permits(&[&[0x03, 0x26]], -9), Ok(()), "ES256 and ESP256 are one");
        assert_eq!(permits(&[&[0x03, 0x28]], -7), Ok(()));
        assert_eq!(permits(&[&[0x03, 0x38, 0x22]], -7), Err("key.algorithm_other"));
        assert_eq!(permits(&[&[0x03, 0x63, b'E', b'S', b'x']], -7), Err("key.algorithm_other"));
        assert_eq!(permits(&[&[0x04, 0x02]], -7), Err("key.member_type"));
        assert_eq!(permits(&[&[0x04, 0x81, 0xf6]], -7), Err("key.member_type"));
        assert_eq!(permits(&[&[0x03, 0xf6]], -7), Err("key.member_type"));
    }

    #[test]
    fn a_secret_is_for_macs_of_its_algorithm() {
        let secret = [&[0x20][..], &bstr(&[7; 32])].concat();
        let permits = |more: &[&[u8]], algorithm| {
            let keys = read(&[&[&[0x01, 0x04][..], &secret], more].concat());
            keys.select_cose(None, CoseAlgorithm::from_number(algorithm).unwrap()).map(|_| ()).map_err(|r| r.code())
        };
        assert_eq!(permits(&[], 5), Ok(()));
        assert_eq!(permits(&[], 4), Ok(()));
        assert_eq!(permits(&[], 6), Err("key.mac_key_too_short"));
        assert_eq!(permits(&[], -7), Err("key.algorithm_mismatch"));
        assert_eq!(permits(&[&[0x03, 0x05]], 5), Ok(()));
        assert_eq!(permits(&[&[0x03, 0x05]], 4), Err("key.algorithm_other"));
        assert_eq!(permits(&[&[0x03, 0x04]], 4), Ok(()));
        assert_eq!(permits(&[&[0x03, 0x04]], 5), Err("key.algorithm_other"));
        assert_eq!(permits(&[&[0x04, 0x81, 0x0a]], 5), Ok(()));
        assert_eq!(permits(&[&[0x04, 0x81, 0x02]], 5), Err("key.operations"), "verify is for signatures");
    }

    #[test]
    fn faults_have_their_codes() {
        for (more, wanted) in [
            (&[0x23, 0x41, 0x01][..], "key.private"),
            (&[0x23, 0xf6], "key.private"),
            (&[0x02, 0x61, b'a'], "key.member_type"),
        ] {
            assert_eq!(code(&slices(&ec2(&[more]))), wanted);
        }
        assert_eq!(code(&[]), "key.member_missing");
        assert_eq!(code(&[&[0x01, 0x05]]), "key.type_unsupported");
        assert_eq!(code(&[&[0x01, 0x62, b'E', b'C']]), "key.type_unsupported");
        assert_eq!(code(&[&[0x01, 0x02]]), "key.member_missing");
        assert_eq!(code(&[&[0x01, 0x02], &[0x20, 0x04]]), "key.curve_unsupported", "X25519");
        assert_eq!(code(&[&[0x01, 0x01], &[0x20, 0x07]]), "key.curve_unsupported", "Ed448");
        assert_eq!(code(&[&[0x01, 0x01], &[0x20, 0x01]]), "key.curve_unsupported", "P-256 is no OKP");
        assert_eq!(code(&[&[0x01, 0x02], &[0x20, 0x61, b'P']]), "key.curve_unsupported");
        assert_eq!(code(&[&[0x01, 0x02], &[0x20, 0xf6]]), "key.member_type");
        assert_eq!(code(&[&[0x01, 0x03], &[0x20, 0x41, 0x01], &[0x21, 0x41, 0x03]]), "key.rsa_size");
        assert_eq!(code(&[&[0x01, 0x03], &[0x20, 0x41, 0x01], &[0x22, 0x41, 0x03]]), "key.private");
        assert_eq!(code(&[&[0x01, 0x04]]), "key.member_missing");
    }

    #[test]
    fn a_set_is_a_list_of_keys_and_nothing_else() {
        let code = |bytes: &[u8]| KeySet::from_cose_key_set(bytes, &backend()).unwrap_err().code();
        assert_eq!(code(&[]), "cbor.empty");
        assert_eq!(code(&[0xa1, 0x01, 0x04]), "key.set_not_list");
        assert_eq!(code(&[0x80, 0x00]), "key.set_trailing");
        assert_eq!(code(&[0x81, 0xa2, 0x01, 0x04, 0x01, 0x04]), "cbor.duplicate_label");
        assert_eq!(code(&[&[0x99, 0x01, 0x01][..], &[0xa0; 257]].concat()), "key.set_too_many");
        assert_eq!(code(&vec![0; portcullis_types::limits::MAX_DOCUMENT + 1]), "key.set_too_large");
        let secret = [&[0xa2, 0x01, 0x04, 0x20][..], &bstr(&[7; 32])].concat();
        let mixed = [&[0x82][..], &secret, &set(&slices(&ec2(&[])))[1..]].concat();
        assert_eq!(code(&mixed), "key.set_mixed");
        // An entry that is no key spoils nothing.
        let with_other = [&[0x82, 0x00][..], &secret].concat();
        let keys = KeySet::from_cose_key_set(&with_other, &backend()).unwrap();
        assert_eq!(keys.entries()[0].key.as_ref().unwrap_err().code(), "key.not_object");
        assert!(keys.select(None, Algorithm::Hs256).is_ok());
    }

    #[test]
    fn key_identifiers_are_bytes() {
        let keys = read(&slices(&ec2(&[&[0x02, 0x42, 0xff, 0x00]])));
        assert_eq!(keys.entries()[0].kid, None);
        let es256 = CoseAlgorithm::from_number(-7).unwrap();
        assert!(keys.select_cose(Some(&[0xff, 0x00]), es256).is_ok());
        assert_eq!(keys.select_cose(Some(&[0xff]), es256).unwrap_err().code(), "key.unknown");
        assert_eq!(keys.select(Some("\u{fffd}"), Algorithm::Es256).unwrap_err().code(), "key.unknown");
        let keys = read(&slices(&ec2(&[&[0x02, 0x42, b'1', b'1']])));
        assert_eq!(keys.entries()[0].kid.as_deref(), Some("11"));
        assert!(keys.select(Some("11"), Algorithm::Es256).is_ok());
    }
}

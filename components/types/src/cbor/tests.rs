//! Boundaries of the reader. RFC 8949 appendix A has the well-formed examples, appendix F the others.

use std::{format, string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::{Label, MAX_ITEMS, Map, Value, parse};
use crate::{json, limits::MAX_NESTING};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn code(text: &str) -> &'static str {
    parse(&hex(text)).unwrap_err().code()
}

fn json(text: &str) -> String {
    json::to_text(&parse(&hex(text)).unwrap().to_json().unwrap())
}

#[test]
fn examples_of_the_specification() {
    for (bytes, text) in [
        ("00", "0"),
        ("1818", "24"),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("3bffffffffffffffff", "-1.8446744073709552e+19"),
        ("3863", "-100"),
        ("f90000", "0.0"),
        ("f93e00", "1.5"),
        ("fa47c35000", "100000.0"),
        ("fb3ff199999999999a", "1.1"),
        ("f4", "false"),
        ("f5", "true"),
        ("f6", "null"),
        ("f7", "null"),
        ("c11a514b67b0", "1363896240"),
        ("d818456449455446", "\"ZElFVEY\""),
        ("4401020304", "\"AQIDBA\""),
        ("62c3bc", "\"ü\""),
        ("8301820203820405", "[1,[2,3],[4,5]]"),
        ("a201020304", r#"{"1":2,"3":4}"#),
        ("a26161016162820203", r#"{"a":1,"b":[2,3]}"#),
        ("5f42010243030405ff", "\"AQIDBAU\""),
        ("7f657374726561646d696e67ff", "\"streaming\""),
        ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
        ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#),
        ("1801", "1"),
    ] {
        assert_eq!(json(bytes), text, "{bytes}");
    }
}

#[test]
fn faults_have_their_codes() {
    for (bytes, wanted) in [
        ("", "cbor.empty"),
        ("18", "cbor.truncated"),
        ("420a", "cbor.truncated"),
        ("81", "cbor.truncated"),
        ("a101", "cbor.truncated"),
        ("9f01", "cbor.truncated"),
        ("c1", "cbor.truncated"),
        ("5f4101", "cbor.truncated"),
        // Lengths beyond the input, beyond 32 and beyond 63 bits.
        ("5b7fffffffffffffff00", "cbor.truncated"),
        ("9bffffffffffffffff1c", "cbor.truncated"),
        ("bb0000000100000000", "cbor.truncated"),
        // Reserved numbers, lengths where none may be, breaks.
        ("1c", "cbor.syntax"),
        ("1f", "cbor.syntax"),
        ("df00", "cbor.syntax"),
        ("ff", "cbor.syntax"),
        ("81ff", "cbor.syntax"),
        ("bf01ff", "cbor.syntax"),
        ("a1ff00", "cbor.syntax"),
        ("5f6161ff", "cbor.chunk"),
        ("5f5f4101ffff", "cbor.chunk"),
        ("7f4101ff", "cbor.chunk"),
        ("62c328", "cbor.utf8"),
        // A character cut in two by the pieces.
        ("7f61c361bcff", "cbor.utf8"),
        ("f0", "cbor.simple"),
        ("f814", "cbor.simple"),
        ("f8ff", "cbor.simple"),
        ("a1f500", "cbor.label_type"),
        ("a1f93c0000", "cbor.label_type"),
        ("a18000", "cbor.label_type"),
        ("a201000100", "cbor.duplicate_label"),
        ("a20100180100", "cbor.duplicate_label"),
        ("a2616101616101", "cbor.duplicate_label"),
        ("a26161007f6161ff00", "cbor.duplicate_label"),
        ("81a201000100", "cbor.duplicate_label"),
        ("0000", "cbor.trailing"),
    ] {
        assert_eq!(code(bytes), wanted, "{bytes}");
    }
}

#[test]
fn labels_of_different_types_are_different_labels() {
    let bytes = hex("a401016131024131032004");
    let value = parse(&bytes).unwrap();
    let map = value.as_map().unwrap();
    assert_eq!(map.len(), 4);
    assert_eq!(map.get(1), Some(&Value::Unsigned(1)));
    assert_eq!(map.get_text("1"), Some(&Value::Unsigned(2)));
    assert_eq!(map.get(-1), Some(&Value::Unsigned(4)));
    assert_eq!(map.get_label(&Label::Bytes(b"1"[..].into())), Some(&Value::Unsigned(3)));
}

#[test]
fn every_label_of_a_large_map_is_found() {
    let n = 2_000u16;
    let mut bytes = vec![0xb9];
    bytes.extend((4 * n).to_be_bytes());
    for i in (0..n).rev() {
        for label in [[0x19], [0x39]] {
            bytes.extend([&label[..], &i.to_be_bytes(), &[0x19], &i.to_be_bytes()].concat());
        }
        for label in [[0x42], [0x62]] {
            // Two bytes below 0x80 each: text as well.
            let name = [(i >> 7) as u8, (i & 0x7f) as u8];
            bytes.extend([&label[..], &name, &[0x19], &i.to_be_bytes()].concat());
        }
    }
    let value = parse(&bytes).unwrap();
    let map = value.as_map().unwrap();
    for i in 0..i64::from(n) {
        let wanted = Some(&Value::Unsigned(i as u64));
        let name = [(i >> 7) as u8, (i & 0x7f) as u8];
        assert_eq!(map.get(i), wanted);
        assert_eq!(map.get(-1 - i), wanted);
        assert_eq!(map.get_text(std::str::from_utf8(&name).unwrap()), wanted);
        assert_eq!(map.get_label(&Label::Bytes(name[..].into())), wanted);
    }
    assert_eq!(map.get(i64::from(n)), None);
    assert_eq!(map.get(i64::MIN), None);
    assert_eq!(map.get_text("none"), None);
}

#[test]
fn depth_is_counted_at_both_sides_of_the_bound() {
    let nested = |head: &[u8], n: usize| [head.repeat(n), vec![0x80]].concat();
    for head in [&[0x81][..], &[0xc1], &[0xa1, 0x01], &[0xd8, 0x3d]] {
        assert!(parse(&nested(head, MAX_NESTING - 1)).is_ok());
        assert_eq!(parse(&nested(head, MAX_NESTING)).unwrap_err().code(), "cbor.depth");
        assert_eq!(parse(&nested(head, 100_000)).unwrap_err().code(), "cbor.depth");
    }
}

#[test]
fn items_are_counted_at_both_sides_of_the_bound() {
    let list = |items: usize| [vec![0x9a], u32::try_from(items).unwrap().to_be_bytes().into(), vec![0; items]].concat();
    assert!(parse(&list(MAX_ITEMS - 1)).is_ok());
    assert_eq!(parse(&list(MAX_ITEMS)).unwrap_err().code(), "cbor.items");
}

#[test]
fn what_json_cannot_tell_is_refused() {
    let code = |text: &str| parse(&hex(text)).unwrap().to_json().unwrap_err().code();
    assert_eq!(code("f97e00"), "cbor.number_range");
    assert_eq!(code("81f97c00"), "cbor.number_range");
    assert_eq!(code("a20100613100"), "cbor.label_ambiguous");
    // h'31' is "MQ" in base64url
    assert_eq!(code("a2413100624d5100"), "cbor.label_ambiguous");
}

#[test]
fn strings_in_one_piece_are_borrowed() {
    let bytes = hex("4401020304");
    assert!(matches!(parse(&bytes).unwrap(), Value::Bytes(std::borrow::Cow::Borrowed(_))));
}

#[test]
fn integers_keep_their_ends() {
    assert_eq!(parse(&hex("1b7fffffffffffffff")).unwrap().as_integer(), Some(i64::MAX));
    assert_eq!(parse(&hex("1b8000000000000000")).unwrap().as_integer(), None);
    assert_eq!(parse(&hex("3b7fffffffffffffff")).unwrap().as_integer(), Some(i64::MIN));
    assert_eq!(parse(&hex("3b8000000000000000")).unwrap().as_integer(), None);
    assert_eq!(format!("{}", Label::Negative(u64::MAX)), "-18446744073709551616");
    assert!(Map::default().is_empty());
}

/// Heads that lead somewhere, so that random bytes get past the first one.
fn cborish() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![0x5f, 0x7f, 0x9f, 0xbf, 0xff, 0x81, 0xa1, 0xd2, 0x41, 0x61, 0x9b, 0xbb, 0xf9, 0xfb]),
    ];
    prop::collection::vec(head, 0..200)
}

proptest! {
    /// Any bytes are a value or have a code; a value is told in JSON or has a code.
    #[test]
    fn no_input_panics(bytes in cborish()) {
        match parse(&bytes) {
            Ok(value) => match value.to_json() {
                Ok(json) => prop_assert!(json::parse(json::to_text(&json).as_bytes()).is_ok()),
                Err(rejection) => prop_assert!(rejection.code().starts_with("cbor.")),
            },
            Err(rejection) => prop_assert!(rejection.code().starts_with("cbor.")),
        }
    }

    /// No proper beginning of an item is an item, and nothing may follow one.
    #[test]
    fn an_item_ends_where_it_ends(bytes in cborish(), more in any::<u8>()) {
        if parse(&bytes).is_ok() {
            for end in 0..bytes.len() {
                prop_assert!(parse(&bytes[..end]).is_err());
            }
            let longer = [&bytes[..], &[more]].concat();
            prop_assert_eq!(parse(&longer).unwrap_err().code(), "cbor.trailing");
        }
    }
}

//! Packing against a reference that spells out section 4.1 bit by bit.

use std::{collections::BTreeMap, vec, vec::Vec};

use portcullis_types::json;
use proptest::prelude::*;

use super::{Bits, Packed, lst_from_json};
use crate::{MAX_INFLATED, testing::compress};

const ALL: [Bits; 4] = [Bits::One, Bits::Two, Bits::Four, Bits::Eight];

/// Sets the bits of each entry one after the other: bit `n` of the list is bit `n % 8` of byte `n / 8`.
fn pack(values: &[u8], bits: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; (values.len() * bits).div_ceil(8)];
    for (index, value) in values.iter().enumerate() {
        for bit in 0..bits {
            let n = index * bits + bit;
            bytes[n / 8] |= ((value >> bit) & 1) << (n % 8);
        }
    }
    bytes
}

fn packed(bytes: &[u8], bits: Bits) -> Packed {
    Packed::from_zlib(bits, &compress(bytes, 6), MAX_INFLATED).unwrap()
}

#[test]
fn the_examples_of_the_specification() {
    let list = packed(&[0xb9, 0xa3], Bits::One);
    let wanted = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
    assert_eq!(list.values(0..16).unwrap().collect::<Vec<_>>(), wanted);
    let list = packed(&[0xc9, 0x44, 0xf9], Bits::Two);
    let wanted = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
    assert_eq!(list.values(0..12).unwrap().collect::<Vec<_>>(), wanted);
}

#[test]
fn an_index_counts_entries_and_ends_with_them() {
    for bits in ALL {
        let list = packed(&[0xff; 5], bits);
        assert_eq!(list.len(), 40 / u64::from(bits.count()));
        let last = list.len() - 1;
        assert_eq!(u32::from(list.get(last).unwrap()), (1u32 << bits.count()) - 1);
        for beyond in [last + 1, last + 8, u64::from(u32::MAX) + 1, 1 << 53, u64::MAX] {
            assert_eq!(list.get(beyond).unwrap_err().code(), "status.index_out_of_range", "{beyond}");
            assert!(list.values(0..beyond).is_ok() == (beyond == last + 1), "{beyond}");
        }
        assert_eq!(list.values(3..3).unwrap().count(), 0);
    }
    let empty = packed(&[], Bits::One);
    assert!(empty.is_empty() && empty.counts().is_empty() && empty.get(0).is_err());
}

#[test]
fn bits_is_one_of_four_integers() {
    let code = |text: &str| Bits::from_json(Some(&json::parse(text.as_bytes()).unwrap())).map_err(|r| r.code());
    assert_eq!(code("1"), Ok(Bits::One));
    assert_eq!(code("8"), Ok(Bits::Eight));
    for wrong in ["0", "3", "5", "6", "7", "9", "16", "257", "-1", "1.0", "1.5", "1e0", "\"1\"", "null", "true", "[1]"]
    {
        assert_eq!(code(wrong), Err("status.bits"), "{wrong}");
    }
    assert_eq!(Bits::from_json(None).unwrap_err().code(), "status.bits_missing");
    for number in 0..300 {
        assert_eq!(Bits::from_number(number).is_ok(), [1, 2, 4, 8].contains(&number), "{number}");
    }
}

#[test]
fn lst_is_base64url() {
    let code = |text: &str| lst_from_json(Some(&json::parse(text.as_bytes()).unwrap())).map_err(|r| r.code());
    assert_eq!(code("\"AQID\""), Ok(vec![1, 2, 3]));
    assert_eq!(code("\"AQID=\""), Err("base64.padding"));
    assert_eq!(code("5"), Err("status.lst_type"));
    assert_eq!(lst_from_json(None).unwrap_err().code(), "status.lst_missing");
}

#[test]
fn a_hundred_million_entries_are_held_in_little_more_than_their_bits() {
    const ENTRIES: u64 = 100_000_000;
    let mut bytes = vec![0u8; (ENTRIES / 8) as usize];
    let revoked = [0, 1, 7, 8, 4_194_303, 4_194_304, 99_999_998, 99_999_999];
    for index in revoked {
        bytes[(index / 8) as usize] |= 1 << (index % 8);
    }
    let list = packed(&bytes, Bits::One);
    assert_eq!(list.len(), ENTRIES);
    for index in revoked {
        assert_eq!(list.get(index).unwrap(), 1, "{index}");
        assert_eq!(list.get(index ^ 2).unwrap(), 0, "{index}");
    }
    assert_eq!(list.get(ENTRIES).unwrap_err().code(), "status.index_out_of_range");
    assert_eq!(list.counts(), [(0, ENTRIES - revoked.len() as u64), (1, revoked.len() as u64)]);
    assert!(list.held_bytes() * 5 <= bytes.len() * 6, "{} bytes held", list.held_bytes());
}

proptest! {
    /// Every value is where the specification puts it, and is counted.
    #[test]
    fn values_stand_where_the_reference_put_them(
        which in 0..4usize,
        mut values in prop::collection::vec(any::<u8>(), 0..3000),
        start in any::<prop::sample::Index>(),
    ) {
        let bits = ALL[which];
        let count = usize::from(bits.count());
        for value in &mut values {
            *value &= u8::MAX >> (8 - count);
        }
        let list = packed(&pack(&values, count), bits);
        // Whole bytes are held: what fills the last one is 0.
        values.resize((values.len() * count).div_ceil(8) * 8 / count, 0);
        prop_assert_eq!(list.len(), values.len() as u64);
        let mut counts = BTreeMap::<u8, u64>::new();
        for (index, value) in values.iter().enumerate() {
            prop_assert_eq!(list.get(index as u64).unwrap(), *value);
            *counts.entry(*value).or_default() += 1;
        }
        prop_assert_eq!(list.counts(), counts.into_iter().collect::<Vec<_>>());
        let start = start.index(values.len() + 1);
        let rest: Vec<u8> = list.values(start as u64..values.len() as u64).unwrap().collect();
        prop_assert_eq!(&rest[..], &values[start..]);
    }
}

//! Streams, bent in every way that RFC 1950 and 1951 know.

use std::{vec, vec::Vec};

use portcullis_types::base64url;
use proptest::prelude::*;

use super::{CHUNK, Chunks, data, header, inflate};
use crate::testing::compress;

/// Larger than anything inflated here.
const PLENTY: usize = 16 * 1024 * 1024;

fn bytes(chunks: &Chunks) -> Vec<u8> {
    chunks.pieces().flatten().copied().collect()
}

fn code(stream: &[u8]) -> &'static str {
    inflate(stream, PLENTY).unwrap_err().code()
}

/// Bytes that do not repeat: a linear congruential generator.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn each_fault_has_its_code() {
    // The list of section 4.1: b9 a3.
    let good = base64url::decode(b"eNrbuRgAAhcBXQ").unwrap();
    assert_eq!(bytes(&inflate(&good, 2).unwrap()), [0xb9, 0xa3]);
    let bent = |at: usize, with: &[u8]| {
        let mut stream = good.clone();
        stream.splice(at..at + with.len(), with.iter().copied());
        stream
    };
    let body = &good[2..];
    for (stream, wanted) in [
        (vec![], "status.zlib_empty"),
        (vec![0x78], "status.zlib_truncated"),
        (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], "status.zlib_gzip"),
        (body.to_vec(), "status.zlib_header"),
        (bent(1, &[0xdb]), "status.zlib_header"),
        // Method 7 and window 7 with its check bits; window 8 likewise; a dictionary.
        (bent(0, &[0x77, 0x85]), "status.zlib_method"),
        (bent(0, &[0x88, 0x1c]), "status.zlib_window"),
        (bent(0, &[0x78, 0xf9]), "status.zlib_dictionary"),
        // Block type 3 does not exist.
        (vec![0x78, 0xda, 0x07, 0, 0, 0, 0, 1], "status.zlib_data"),
        // A stored block whose length is not confirmed.
        (vec![0x78, 0xda, 0x01, 1, 0, 1, 0, 0xff], "status.zlib_data"),
        (good[..good.len() - 4].to_vec(), "status.zlib_checksum_missing"),
        (good[..good.len() - 1].to_vec(), "status.zlib_checksum_missing"),
        (bent(good.len() - 1, &[0x5c]), "status.zlib_checksum"),
        ([&good[..], &[0]].concat(), "status.zlib_trailing"),
        ([&good[..], &good[..]].concat(), "status.zlib_trailing"),
    ] {
        assert_eq!(code(&stream), wanted, "{stream:02x?}");
    }
}

#[test]
fn a_distance_before_the_start_is_no_zeros() {
    // A fixed block: a match of 3 at distance 1 with nothing before it, and the end. The checksum is that of three zeros.
    let stream = [0x78, 0xda, 0x03, 0x02, 0x00, 0x00, 0x03, 0x00, 0x01];
    assert_eq!(code(&stream), "status.zlib_data");
}

#[test]
fn every_window_up_to_32_kib_is_taken() {
    for window in 0..=7u8 {
        let first = (window << 4) | 8;
        let check = 31 - (u16::from_be_bytes([first, 0]) % 31) as u8;
        let stream = [&[first, check][..], &base64url::decode(b"27kYAAIXAV0").unwrap()].concat();
        assert_eq!(bytes(&inflate(&stream, 2).unwrap()), [0xb9, 0xa3], "{window}");
    }
}

#[test]
fn pieces_meet_without_a_seam() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
        for wanted in [vec![0; length], noise(length)] {
            let chunks = inflate(&compress(&wanted, 9), PLENTY).unwrap();
            assert_eq!(chunks.len(), length);
            assert!(bytes(&chunks) == wanted, "{length}");
            assert_eq!(chunks.get(length), None);
            assert_eq!(chunks.get(length.wrapping_sub(1)), wanted.last().copied());
        }
    }
}

#[test]
fn the_bound_is_counted_at_both_sides() {
    for length in [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK] {
        for wanted in [vec![0; length], noise(length)] {
            let stream = compress(&wanted, 9);
            assert!(inflate(&stream, length).is_ok(), "{length}");
            assert_eq!(inflate(&stream, length - 1).unwrap_err().code(), "status.inflates_too_large", "{length}");
        }
    }
    assert!(inflate(&compress(&[], 9), 0).is_ok());
}

#[test]
fn a_bomb_is_never_held_beyond_the_bound() {
    let most = 5 * CHUNK + 1;
    let stream = compress(&vec![0; 64 * CHUNK], 9);
    let mut chunks = Chunks::default();
    let refused = data(header(&stream).unwrap(), most, &mut chunks).unwrap_err();
    assert_eq!(refused.code(), "status.inflates_too_large");
    assert_eq!(chunks.len(), most);
    assert!(chunks.held() < most + 1024);
}

#[test]
fn a_short_list_takes_little() {
    let chunks = inflate(&compress(&[7; 1000], 9), PLENTY).unwrap();
    assert!(chunks.held() <= 1000 + size_of::<Vec<u8>>());
    let chunks = inflate(&compress(&vec![7; 10 * CHUNK], 9), PLENTY).unwrap();
    assert!(chunks.held() <= 10 * (CHUNK + size_of::<Vec<u8>>()));
}

#[test]
fn no_beginning_of_a_stream_is_a_stream() {
    let stream = compress(&noise(3000), 6);
    for end in 0..stream.len() {
        let code = code(&stream[..end]);
        let wanted = match end {
            0 => "status.zlib_empty",
            _ if end >= stream.len() - 4 => "status.zlib_checksum_missing",
            _ => "status.zlib_truncated",
        };
        assert_eq!(code, wanted, "{end} of {}", stream.len());
    }
}

proptest! {
    // Compressing takes its time in a debug build.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What was compressed comes back, whatever the level.
    #[test]
    fn what_goes_in_comes_out(
        pieces in prop::collection::vec((any::<u8>(), 1..20_000usize, any::<bool>()), 0..12),
        level in 0..=9,
    ) {
        let wanted: Vec<u8> =
            pieces.iter().flat_map(|(byte, n, loud)| if *loud { noise(*n) } else { vec![*byte; *n] }).collect();
        let chunks = inflate(&compress(&wanted, level), PLENTY).unwrap();
        prop_assert!(bytes(&chunks) == wanted);
        prop_assert!(chunks.held() <= wanted.len() + wanted.len() / 10 + 64);
    }

}

proptest! {
    /// Bent streams end in a code or in other bytes, never in a panic, and never hold more than they may.
    #[test]
    fn no_stream_panics(
        content in prop::collection::vec(prop::sample::select(vec![0u8, 0, 0, 1, 255]), 0..3000),
        level in 0..=9,
        bends in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        most in 0..4000usize,
    ) {
        let mut stream = compress(&content, level);
        for (at, with) in bends {
            let at = at.index(stream.len());
            stream[at] ^= with;
        }
        stream.truncate(cut.index(stream.len() * 4).min(stream.len()));
        match inflate(&stream, most) {
            Ok(chunks) => prop_assert!(chunks.len() <= most),
            Err(rejection) => prop_assert!(rejection.code().starts_with("status.")),
        }
    }

    /// The same for bytes that never were a stream.
    #[test]
    fn no_bytes_panic(mut stream in prop::collection::vec(any::<u8>(), 0..400), headed in any::<bool>()) {
        if let (true, [first, second, ..]) = (headed, &mut stream[..]) {
            (*first, *second) = (0x78, 0xda);
        }
        let _ = inflate(&stream, 10_000);
    }
}

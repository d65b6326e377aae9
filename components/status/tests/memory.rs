//! What opening and holding a list takes, counted by the allocator.
//!
//! One test, because everything in this process is counted.
#![allow(unsafe_code)]

mod support;

use support::measured;

use portcullis_status::{Bits, MAX_INFLATED, Packed};
use zlib_rs::{DeflateConfig, compress_bound, compress_slice};

fn compress(content: &[u8]) -> Vec<u8> {
    let mut stream = vec![0; compress_bound(content.len()) + 64];
    compress_slice(&mut stream, content, DeflateConfig::new(9)).0.into()
}

/// What inflating needs beside what it holds: a window of 32 KiB, tables, one piece.
const WORKSPACE: usize = 256 * 1024;

#[test]
fn memory_is_bounded() {
    // 102 KB that inflate to 100 MiB.
    let bomb = compress(&vec![0; 100 * 1024 * 1024]);
    assert!(bomb.len() < 105_000, "{}", bomb.len());
    let (refused, left, peak) = measured(|| Packed::from_zlib(Bits::One, &bomb, MAX_INFLATED).map(|_| ()));
    assert_eq!(refused.as_ref().unwrap_err().code(), "status.inflates_too_large");
    assert!(peak <= MAX_INFLATED + WORKSPACE, "{peak} bytes at most");
    assert!(left < 1024, "{left} bytes left");

    for length in [1000, 125_000, 12_500_000, MAX_INFLATED] {
        let stream = compress(&vec![0xa5; length]);
        let (list, left, peak) = measured(|| Packed::from_zlib(Bits::One, &stream, MAX_INFLATED).unwrap());
        assert!(left * 5 <= length * 6, "{left} bytes held for {length}");
        assert!(left <= list.held_bytes(), "{left} bytes held, {} told", list.held_bytes());
        assert!(peak <= length + WORKSPACE, "{peak} bytes at most for {length}");
    }
}

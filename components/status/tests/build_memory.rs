//! What making the largest usual list takes, counted by the allocator.
//!
//! One test, because everything in this process is counted.
#![cfg(feature = "build")]
#![allow(unsafe_code)]

mod support;

use support::measured;

use portcullis_crypto::Algorithm;
use portcullis_status::{
    Bits,
    build::{ListClaims, Packing, TokenHeader, UnsignedCwt, UnsignedJwt},
};

const ENTRIES: u64 = 100_000_000;
const PACKED: usize = 12_500_000;

/// What compressing needs beside its output: a window, tables, one piece.
const WORKSPACE: usize = 512 * 1024;

#[test]
fn memory_is_bounded() {
    let (mut packing, _, taken) = measured(|| Packing::new(Bits::One, ENTRIES, 0).unwrap());
    assert!(taken <= PACKED + 1024, "{taken} bytes");

    // Every other entry at random: nothing that can be compressed, which is the worst there is.
    let mut state = 1u64;
    for index in 0..ENTRIES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        packing.set(index, (state >> 63) as u8).unwrap();
    }
    let (list, _, taken) = measured(|| packing.compress(&mut |_| {}).unwrap());
    assert!(list.zlib.len() > PACKED);
    // A vector that grows is at times held twice, once of it with room to spare.
    assert!(taken <= 3 * PACKED + WORKSPACE, "{taken} bytes");

    let claims = ListClaims {
        uri: "https://example.com/statuslists/1",
        issued_at: 1_790_000_000,
        expires: None,
        ttl: None,
        aggregation_uri: None,
    };
    let header = TokenHeader { algorithm: Algorithm::Es256, kid: None, certificates: &[] };
    // The stream in base64url, in JSON, and that in base64url again.
    let (token, _, taken) = measured(|| UnsignedJwt::new(&header, &claims, &list).unwrap().finish(&[1; 64]).unwrap());
    assert!(token.len() > PACKED * 16 / 9);
    assert!(taken <= 7 * PACKED, "{taken} bytes");
    drop(token);
    let (token, _, taken) = measured(|| {
        let unsigned = UnsignedCwt::new(&header, &claims, &list).unwrap();
        assert!(unsigned.to_be_signed().len() > PACKED);
        unsigned.finish(&[1; 64]).unwrap()
    });
    assert!(token.len() > PACKED);
    assert!(taken <= 7 * PACKED, "{taken} bytes");
}

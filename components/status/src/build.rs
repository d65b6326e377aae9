//! Status lists as their publisher makes them: the opposite of what the rest of this crate reads.
//!
//! Values are packed ([`Packing`]), compressed ([`Packing::compress`]), and put into a token that somebody else signs
//! ([`UnsignedJwt`], [`UnsignedCwt`]): no private key comes here. [`read_back()`] opens what was signed as a relying party does,
//! and compares every value. Which tokens have which index is not decided here either: indices are to be drawn at random by
//! whoever can draw (section 12.5.1).
//!
//! ```
//! use portcullis_crypto::Algorithm;
//! use portcullis_status::{Bits, build::{ListClaims, Packing, TokenHeader, UnsignedJwt}};
//!
//! # fn sign(_: &[u8]) -> Vec<u8> { vec![0; 64] }
//! # fn example() -> Result<(), portcullis_types::Rejection> {
//! let mut packing = Packing::new(Bits::One, 1_000_000, 0)?;
//! packing.set(4711, 1)?;
//! let list = packing.compress(&mut |_| {})?;
//! let claims = ListClaims {
//!     uri: "https://idp.example/statuslists/1",
//!     issued_at: 1_790_000_000,
//!     expires: Some(1_790_086_400),
//!     ttl: Some(43_200),
//!     aggregation_uri: None,
//! };
//! let header = TokenHeader { algorithm: Algorithm::Es256, kid: Some("k1"), certificates: &[] };
//! let unsigned = UnsignedJwt::new(&header, &claims, &list)?;
//! let signature = sign(unsigned.to_be_signed());
//! let token = unsigned.finish(&signature)?;
//! # assert!(token.starts_with(b"eyJ"));
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```

mod aggregation;
mod certificates;
mod claims;
mod code;
mod compress;
mod cwt;
mod jwt;
mod packing;
mod read_back;
#[cfg(test)]
mod testing;

pub use aggregation::{MAX_AGGREGATED, aggregation};
pub use certificates::{check_certificates, parse_purpose};
pub use claims::{ListClaims, MAX_URI, TokenHeader, check_uri};
pub use code::BuildCode;
pub use compress::CompressedList;
pub use cwt::UnsignedCwt;
pub use jwt::UnsignedJwt;
pub use packing::Packing;
pub use read_back::{Form, read_back};

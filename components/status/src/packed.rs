//! Packed statuses (section 4.1): one, two, four or eight bits each, least significant bits first.

use alloc::{format, vec::Vec};
use core::ops::Range;

use portcullis_types::{
    Rejection, base64url,
    json::{Number, Value},
};

use crate::{
    StatusCode,
    inflate::{self, Chunks},
};

#[cfg(test)]
mod tests;

/// How many bits an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bits {
    /// 1
    One,
    /// 2
    Two,
    /// 4
    Four,
    /// 8
    Eight,
}

impl Bits {
    /// From the member `bits`.
    ///
    /// Error: `status.bits`.
    pub fn from_number(bits: u64) -> Result<Self, Rejection> {
        match bits {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            _ => Err(Rejection::new(StatusCode::Bits, format!("bits is {bits}"))),
        }
    }

    /// From the member `bits` of a list in JSON (section 4.2), which is an integer and written as one.
    ///
    /// Errors: `status.bits_missing`, `status.bits`.
    pub fn from_json(bits: Option<&Value>) -> Result<Self, Rejection> {
        match bits {
            None => Err(Rejection::new(StatusCode::BitsMissing, "the list has no bits")),
            Some(Value::Number(Number::Unsigned(bits))) => Self::from_number(*bits),
            Some(Value::Number(_)) => {
                Err(Rejection::new(StatusCode::Bits, "bits is not written as a positive integer"))
            }
            Some(other) => Err(Rejection::new(StatusCode::Bits, format!("bits is {}", other.kind()))),
        }
    }

    /// How many bits.
    pub fn count(self) -> u8 {
        1 << self.exponent()
    }

    fn exponent(self) -> u32 {
        match self {
            Self::One => 0,
            Self::Two => 1,
            Self::Four => 2,
            Self::Eight => 3,
        }
    }

    /// Base two logarithm of how many entries a byte has.
    pub(crate) fn shift(self) -> u32 {
        3 - self.exponent()
    }

    /// How many entries a byte has.
    pub(crate) fn entries_a_byte(self) -> u8 {
        1 << self.shift()
    }

    /// The value of an entry in its byte.
    pub(crate) fn value(self, byte: u8, place: u8) -> u8 {
        // 8 bits have one place, 0; the product is at most 7.
        let mask = u8::MAX >> (8 - self.count());
        (byte >> (place * self.count())) & mask
    }
}

/// A list that was inflated and is held packed: `len() / 8 × bits` bytes and little more.
///
/// ```
/// use portcullis_status::{Bits, MAX_INFLATED, Packed};
///
/// // draft-ietf-oauth-status-list-21 section 4.2
/// let list = Packed::from_base64url(Bits::One, "eNrbuRgAAhcBXQ", MAX_INFLATED).unwrap();
/// assert_eq!(list.len(), 16);
/// assert_eq!(list.get(3).unwrap(), 1);
/// assert_eq!(list.get(16).unwrap_err().code(), "status.index_out_of_range");
/// assert_eq!(list.counts(), [(0, 7), (1, 9)]);
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Packed {
    bits: Bits,
    bytes: Chunks,
}

impl Packed {
    /// Inflates a list to at most `most` bytes. `zlib` is exactly one zlib stream.
    ///
    /// Errors: `status.zlib_*`, `status.inflates_too_large`.
    pub fn from_zlib(bits: Bits, zlib: &[u8], most: usize) -> Result<Self, Rejection> {
        Ok(Self { bits, bytes: inflate::inflate(zlib, most)? })
    }

    /// The same from base64url, as a list in JSON has it (section 4.2).
    ///
    /// Errors: `base64.*`, those of [`Packed::from_zlib`].
    pub fn from_base64url(bits: Bits, lst: &str, most: usize) -> Result<Self, Rejection> {
        Self::from_zlib(bits, &lst_bytes(lst)?, most)
    }

    /// How many bits an entry has.
    pub fn bits(&self) -> Bits {
        self.bits
    }

    /// How many entries there are. Which of the last ones belong to no token only the issuer knows.
    pub fn len(&self) -> u64 {
        (self.bytes.len() as u64) << self.bits.shift()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == 0
    }

    /// The value at an index.
    ///
    /// Error: `status.index_out_of_range`.
    pub fn get(&self, index: u64) -> Result<u8, Rejection> {
        self.find(index).ok_or_else(|| self.out_of_range(index))
    }

    fn find(&self, index: u64) -> Option<u8> {
        let byte = self.bytes.get(usize::try_from(index >> self.bits.shift()).ok()?)?;
        // Less than 8, so it fits.
        let place = (index & u64::from(self.bits.entries_a_byte() - 1)) as u8;
        Some(self.bits.value(byte, place))
    }

    fn out_of_range(&self, index: u64) -> Rejection {
        Rejection::new(
            StatusCode::IndexOutOfRange,
            format!("the index is {index} and the list has {} entries", self.len()),
        )
    }

    /// The values of a range of indices, in their order: to draw a list, or to look for what changed.
    ///
    /// Error: `status.index_out_of_range` where the range does not lie within the list.
    pub fn values(&self, range: Range<u64>) -> Result<impl Iterator<Item = u8>, Rejection> {
        if range.end > self.len() {
            return Err(self.out_of_range(range.end - 1));
        }
        Ok(range.filter_map(|index| self.find(index)))
    }

    /// How many entries have each value, by value; values that no entry has are left out.
    pub fn counts(&self) -> Vec<(u8, u64)> {
        // Bytes first: there are at most eight times fewer of them, and no more than 256 different ones.
        let mut bytes = [0u64; 256];
        for byte in self.bytes.pieces().flatten() {
            bytes[usize::from(*byte)] += 1;
        }
        let mut values = [0u64; 256];
        for (byte, count) in (0..=u8::MAX).zip(bytes) {
            for place in 0..self.bits.entries_a_byte() {
                values[usize::from(self.bits.value(byte, place))] += count;
            }
        }
        (0..=u8::MAX).zip(values).filter(|(_, count)| *count > 0).collect()
    }

    /// Whether the list is packed into exactly these bytes.
    #[cfg(feature = "build")]
    pub(crate) fn has_bytes(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let same = self.bytes.pieces().all(|piece| match rest.split_at_checked(piece.len()) {
            Some((same, after)) if same == piece => {
                rest = after;
                true
            }
            _ => false,
        });
        same && rest.is_empty()
    }

    /// Memory taken by the list, in bytes, apart from what the allocator adds: for whoever keeps a budget.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.held()
    }
}

/// The member `lst` of a list in JSON (section 4.2): base64url of a zlib stream, which is the answer.
///
/// Errors: `status.lst_missing`, `status.lst_type`, `base64.*`.
pub fn lst_from_json(lst: Option<&Value>) -> Result<Vec<u8>, Rejection> {
    match lst {
        None => Err(Rejection::new(StatusCode::LstMissing, "the list has no lst")),
        Some(Value::String(text)) => lst_bytes(text),
        Some(other) => Err(Rejection::new(StatusCode::LstType, format!("lst is {}", other.kind()))),
    }
}

fn lst_bytes(text: &str) -> Result<Vec<u8>, Rejection> {
    base64url::decode(text.as_bytes()).map_err(|rejection| rejection.within("lst"))
}

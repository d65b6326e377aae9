//! Values on their way into a list (section 4.1): one, two, four or eight bits each, least significant bits first.

use alloc::{format, vec::Vec};

use portcullis_types::Rejection;

use super::{BuildCode, CompressedList, compress::Compressor};
use crate::{Bits, MAX_INFLATED};

/// How many bytes are compressed between two reports of how far it is.
const STEP: usize = 256 * 1024;

/// The entries of a list that is being made, held packed: `entries / 8 × bits` bytes, whatever values they have.
///
/// ```
/// use portcullis_status::{Bits, build::Packing};
///
/// // draft-ietf-oauth-status-list-21 section 4.1
/// let mut packing = Packing::empty(Bits::One);
/// for value in [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1] {
///     packing.push(value).unwrap();
/// }
/// assert_eq!(packing.bytes(), [0xb9, 0xa3]);
/// assert_eq!(packing.set(3, 2).unwrap_err().code(), "status.build_value");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    bits: Bits,
    entries: u64,
    bytes: Vec<u8>,
}

impl Packing {
    /// No entries yet.
    pub fn empty(bits: Bits) -> Self {
        Self { bits, entries: 0, bytes: Vec::new() }
    }

    /// So many entries, all of one value: the one that most tokens have (section 13.3).
    ///
    /// Errors: `status.build_empty`, `status.build_too_large`, `status.build_value`.
    pub fn new(bits: Bits, entries: u64, initial: u8) -> Result<Self, Rejection> {
        let mut packing = Self::empty(bits);
        packing.extend_to(entries, initial)?;
        packing.check_not_empty()?;
        Ok(packing)
    }

    /// Entries that are packed already; as many as fit in the bytes.
    ///
    /// Errors: `status.build_empty`, `status.build_too_large`.
    pub fn from_bytes(bits: Bits, bytes: Vec<u8>) -> Result<Self, Rejection> {
        check_size(bytes.len() as u64)?;
        let packing = Self { bits, entries: (bytes.len() as u64) << bits.shift(), bytes };
        packing.check_not_empty()?;
        Ok(packing)
    }

    /// Adds entries of one value until there are so many. A list never becomes shorter: tokens may have the indices.
    ///
    /// Errors: `status.build_too_large`, `status.build_value`, `status.build_index` where there are more already.
    pub fn extend_to(&mut self, entries: u64, initial: u8) -> Result<(), Rejection> {
        self.check_value(initial)?;
        if entries < self.entries {
            return Err(Rejection::new(
                BuildCode::Index,
                format!("there are {} entries already, more than {entries}", self.entries),
            ));
        }
        let length = check_size(self.bytes_for(entries))?;
        // The last byte may have room left.
        while self.entries < entries && !self.at_a_byte() {
            self.push(initial)?;
        }
        if self.entries < entries {
            self.bytes.resize(length, self.filled(initial));
            self.entries = entries;
        }
        Ok(())
    }

    /// Adds an entry at the end.
    ///
    /// Errors: `status.build_value`, `status.build_too_large`.
    pub fn push(&mut self, value: u8) -> Result<(), Rejection> {
        self.check_value(value)?;
        let index = self.entries;
        if self.at_a_byte() {
            check_size(self.bytes.len() as u64 + 1)?;
            self.bytes.push(0);
        }
        self.entries = index + 1;
        self.put(index, value);
        Ok(())
    }

    /// Gives an entry a value.
    ///
    /// Errors: `status.build_value`, `status.build_index`.
    pub fn set(&mut self, index: u64, value: u8) -> Result<(), Rejection> {
        self.check_value(value)?;
        if index >= self.entries {
            return Err(Rejection::new(
                BuildCode::Index,
                format!("the index is {index} and the list has {} entries", self.entries),
            ));
        }
        self.put(index, value);
        Ok(())
    }

    /// The value of an entry, if there is one.
    pub fn get(&self, index: u64) -> Option<u8> {
        if index >= self.entries {
            return None;
        }
        let byte = self.bytes.get(usize::try_from(index >> self.bits.shift()).ok()?)?;
        Some(self.bits.value(*byte, self.place(index)))
    }

    /// How many entries there are. Entries come in whole bytes (section 13.4): [`Packing::complete`] adds what is missing.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// How many bits an entry has.
    pub fn bits(&self) -> Bits {
        self.bits
    }

    /// The packed bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The packed bytes, for whoever goes on with them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Fills the last byte with entries of a value, so that nobody can tell them from others. How many were added is the
    /// answer.
    ///
    /// Error: `status.build_value`.
    pub fn complete(&mut self, initial: u8) -> Result<u64, Rejection> {
        let before = self.entries;
        self.extend_to((self.bytes.len() as u64) << self.bits.shift(), initial)?;
        Ok(self.entries - before)
    }

    /// Compresses the list at the highest level (section 4.1 step 4). Tells again and again how many bytes of
    /// [`Packing::bytes`] are done.
    ///
    /// Errors: `status.build_empty`, `status.build_read_back`.
    pub fn compress(&self, progress: &mut dyn FnMut(usize)) -> Result<CompressedList, Rejection> {
        self.check_not_empty()?;
        let mut compressor = Compressor::new();
        let mut done = 0;
        for piece in self.bytes.chunks(STEP) {
            compressor.write(piece)?;
            done += piece.len();
            progress(done);
        }
        Ok(CompressedList { bits: self.bits, zlib: compressor.finish()? })
    }

    fn put(&mut self, index: u64, value: u8) {
        let shift = self.bits.count() * self.place(index);
        let others = !(self.greatest() << shift);
        let byte = usize::try_from(index >> self.bits.shift()).ok().and_then(|at| self.bytes.get_mut(at));
        if let Some(byte) = byte {
            *byte = (*byte & others) | (value << shift);
        }
    }

    /// The place of an entry in its byte, counted from the least significant bits.
    fn place(&self, index: u64) -> u8 {
        // Less than 8, so it fits.
        (index & u64::from(self.bits.entries_a_byte() - 1)) as u8
    }

    /// Whether the next entry begins a byte.
    fn at_a_byte(&self) -> bool {
        self.entries.is_multiple_of(u64::from(self.bits.entries_a_byte()))
    }

    /// The greatest value that an entry can have.
    fn greatest(&self) -> u8 {
        u8::MAX >> (8 - self.bits.count())
    }

    /// A byte whose entries all have one value, which fits.
    fn filled(&self, value: u8) -> u8 {
        (0..self.bits.entries_a_byte()).fold(0, |byte, place| byte | (value << (place * self.bits.count())))
    }

    fn bytes_for(&self, entries: u64) -> u64 {
        entries.div_ceil(u64::from(self.bits.entries_a_byte()))
    }

    /// Section 4.1 steps 1 and 3: a value fits the bits of the list.
    fn check_value(&self, value: u8) -> Result<(), Rejection> {
        if value > self.greatest() {
            return Err(Rejection::new(
                BuildCode::Value,
                format!(
                    "the value is {value} and an entry has {} bits, at most {}",
                    self.bits.count(),
                    self.greatest()
                ),
            ));
        }
        Ok(())
    }

    fn check_not_empty(&self) -> Result<(), Rejection> {
        if self.entries == 0 {
            return Err(Rejection::new(BuildCode::Empty, "the list has no entries"));
        }
        Ok(())
    }
}

/// A list inflates to what relying parties take (`docs/limits.md`). The answer is the same number.
fn check_size(bytes: u64) -> Result<usize, Rejection> {
    usize::try_from(bytes).ok().filter(|bytes| *bytes <= MAX_INFLATED).ok_or_else(|| {
        Rejection::new(
            BuildCode::TooLarge,
            format!("{bytes} bytes packed, and relying parties inflate at most {MAX_INFLATED}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;
    use crate::Packed;

    const ALL: [Bits; 4] = [Bits::One, Bits::Two, Bits::Four, Bits::Eight];

    #[test]
    fn the_examples_of_the_specification() {
        // Sections 4.1 and 4.2.
        let list = |bits, values: &[u8]| {
            let mut packing = Packing::empty(bits);
            values.iter().for_each(|value| packing.push(*value).unwrap());
            packing
        };
        let one = list(Bits::One, &[1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
        assert_eq!(one.bytes(), [0xb9, 0xa3]);
        let two = list(Bits::Two, &[1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
        assert_eq!(two.bytes(), [0xc9, 0x44, 0xf9]);
        // Byte by byte what the text shows, though another compressor could differ.
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| std::format!("{byte:02x}")).collect::<std::string::String>();
        assert_eq!(hex(&one.compress(&mut |_| {}).unwrap().zlib), "78dadbb918000217015d");
        assert_eq!(hex(&two.compress(&mut |_| {}).unwrap().zlib), "78da3be9f2130003df0207");
    }

    #[test]
    fn each_fault_has_its_code() {
        let code = |result: Result<(), Rejection>| result.unwrap_err().code();
        for (bits, greatest) in [(Bits::One, 1), (Bits::Two, 3), (Bits::Four, 15)] {
            let mut packing = Packing::new(bits, 10, greatest).unwrap();
            assert_eq!(code(packing.set(9, greatest + 1)), "status.build_value");
            assert_eq!(code(packing.push(greatest + 1)), "status.build_value");
            assert_eq!(code(packing.extend_to(20, greatest + 1)), "status.build_value");
            assert_eq!(code(packing.complete(u8::MAX).map(|_| ())), "status.build_value");
            assert_eq!(Packing::new(bits, 10, greatest + 1).unwrap_err().code(), "status.build_value");
            assert_eq!(packing.entries(), 10);
        }
        let mut packing = Packing::new(Bits::One, 10, 0).unwrap();
        // The byte has room for it, the list has not.
        assert_eq!(code(packing.set(10, 1)), "status.build_index");
        assert_eq!(code(packing.set(u64::MAX, 1)), "status.build_index");
        assert_eq!(code(packing.extend_to(9, 0)), "status.build_index");
        assert_eq!(Packing::new(Bits::One, 0, 0).unwrap_err().code(), "status.build_empty");
        assert_eq!(Packing::from_bytes(Bits::One, Vec::new()).unwrap_err().code(), "status.build_empty");
        assert_eq!(Packing::empty(Bits::One).compress(&mut |_| {}).unwrap_err().code(), "status.build_empty");
    }

    #[test]
    fn a_list_is_no_larger_than_what_relying_parties_inflate() {
        let most = MAX_INFLATED as u64;
        assert!(Packing::new(Bits::Eight, most, 0).is_ok());
        for (bits, entries) in [(Bits::Eight, most + 1), (Bits::One, 8 * most + 1), (Bits::One, u64::MAX)] {
            assert_eq!(Packing::new(bits, entries, 0).unwrap_err().code(), "status.build_too_large", "{entries}");
        }
        let mut full = Packing::from_bytes(Bits::Eight, vec![0; MAX_INFLATED]).unwrap();
        assert_eq!(full.push(0).unwrap_err().code(), "status.build_too_large");
        assert_eq!(full.entries(), most);
        let more = Packing::from_bytes(Bits::Eight, vec![0; MAX_INFLATED + 1]);
        assert_eq!(more.unwrap_err().code(), "status.build_too_large");
    }

    #[test]
    fn what_fills_the_last_byte_is_of_the_initial_value() {
        for (bits, initial) in [(Bits::One, 1), (Bits::Two, 2), (Bits::Four, 9), (Bits::Eight, 200)] {
            let mut packing = Packing::new(bits, 1, initial).unwrap();
            packing.complete(initial).unwrap();
            assert_eq!(packing.entries(), 8 / u64::from(bits.count()));
            assert!((0..packing.entries()).all(|index| packing.get(index) == Some(initial)), "{bits:?}");
            assert_eq!(packing.complete(initial).unwrap(), 0);
        }
    }

    #[test]
    fn progress_ends_with_everything() {
        let packing = Packing::new(Bits::One, 8 * (3 * STEP as u64 + 5), 0).unwrap();
        let mut told = Vec::new();
        packing.compress(&mut |done| told.push(done)).unwrap();
        assert_eq!(told, [STEP, 2 * STEP, 3 * STEP, 3 * STEP + 5]);
    }

    #[test]
    fn a_hundred_million_entries_take_their_bits_and_come_back() {
        const ENTRIES: u64 = 100_000_000;
        let mut packing = Packing::new(Bits::One, ENTRIES, 0).unwrap();
        let revoked: Vec<u64> = (0..1000).map(|n: u64| n * n * 97 % ENTRIES).collect();
        revoked.iter().for_each(|index| packing.set(*index, 1).unwrap());
        assert_eq!(packing.bytes().len(), 12_500_000);
        let list = packing.compress(&mut |_| {}).unwrap();
        let packed = Packed::from_zlib(Bits::One, &list.zlib, MAX_INFLATED).unwrap();
        assert_eq!(packed.len(), ENTRIES);
        assert!(revoked.iter().all(|index| packed.get(*index).unwrap() == 1));
        let counted: std::collections::BTreeSet<_> = revoked.iter().collect();
        assert_eq!(packed.counts(), [(0, ENTRIES - counted.len() as u64), (1, counted.len() as u64)]);
    }

    proptest! {
        /// Every value comes back from its index, by our reader, whether it was set, pushed or filled in.
        #[test]
        fn values_come_back_from_every_index(
            which in 0..4usize,
            values in prop::collection::vec(any::<u8>(), 1..2000),
            pushed in any::<prop::sample::Index>(),
            sets in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..50),
            initial in any::<u8>(),
        ) {
            let bits = ALL[which];
            let mask = u8::MAX >> (8 - bits.count());
            let pushed = pushed.index(values.len() + 1);
            let mut wanted: Vec<u8> = values.iter().map(|value| value & mask).collect();
            wanted[pushed..].fill(initial & mask);
            let mut packing = Packing::empty(bits);
            for value in &wanted[..pushed] {
                packing.push(*value).unwrap();
            }
            packing.extend_to(wanted.len() as u64, initial & mask).unwrap();
            for (at, value) in sets {
                let at = at.index(wanted.len());
                wanted[at] = value & mask;
                packing.set(at as u64, value & mask).unwrap();
            }
            prop_assert_eq!(packing.entries(), wanted.len() as u64);
            packing.complete(initial & mask).unwrap();
            wanted.resize(packing.entries() as usize, initial & mask);
            let list = packing.compress(&mut |_| {}).unwrap();
            let packed = Packed::from_zlib(bits, &list.zlib, MAX_INFLATED).unwrap();
            prop_assert_eq!(packed.len(), wanted.len() as u64);
            for (index, value) in wanted.iter().enumerate() {
                prop_assert_eq!(packed.get(index as u64).unwrap(), *value);
                prop_assert_eq!(packing.get(index as u64), Some(*value));
            }
            prop_assert_eq!(Packing::from_bytes(bits, packing.bytes().to_vec()).unwrap(), packing);
        }
    }
}

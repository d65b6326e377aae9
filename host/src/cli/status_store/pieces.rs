//! A list in pieces, those that were looked at held until they are written.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use portcullis_status::build::Packing;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::super::status_build::refused;
use super::super::status_random::Random;
use super::KeptList;

/// Entries of a piece: with one bit an entry it is a row of 1.5 KiB. Eight is a factor, so that each piece has whole bytes.
pub(super) const PIECE: u64 = 4096;

/// How often an index is drawn blindly. While half of a list is free, 64 failures happen once in 2^64 times; beyond that the
/// free ones are counted.
const DRAWS: u32 = 64;

/// Entries beside each other.
struct Piece {
    taken: Vec<u8>,
    decoys: Vec<u8>,
    statuses: Packing,
    changed: bool,
}

/// The pieces of a list within a transaction.
pub(super) struct Pieces<'t> {
    transaction: &'t Transaction<'t>,
    list: KeptList,
    held: BTreeMap<u64, Piece>,
}

impl<'t> Pieces<'t> {
    pub(super) fn new(transaction: &'t Transaction<'t>, list: &KeptList) -> Self {
        Self { transaction, list: list.clone(), held: BTreeMap::new() }
    }

    /// All of them, for a list that is being made. They are written together, so that nothing in the file tells which one was used
    /// first.
    pub(super) fn make(&mut self) -> anyhow::Result<()> {
        for number in 0..self.numbers() {
            let (entries, bytes) = (self.entries(number), self.bytes(number)?);
            let statuses = Packing::new(self.list.bits, entries, self.list.initial).map_err(refused)?;
            let piece = Piece { taken: vec![0; bytes], decoys: vec![0; bytes], statuses, changed: true };
            self.held.insert(number, piece);
        }
        Ok(())
    }

    /// How many pieces there are.
    pub(super) fn numbers(&self) -> u64 {
        self.list.entries.div_ceil(PIECE)
    }

    /// An index that nobody has, each as likely as any other. `free` is how many there are.
    pub(super) fn draw(&mut self, free: u64, random: &mut Random) -> anyhow::Result<u64> {
        for _ in 0..DRAWS {
            let index = random.below(self.list.entries)?;
            if !self.piece(index / PIECE)?.has(Bitmap::Taken, index) {
                return Ok(index);
            }
        }
        let mut rank = random.below(free)?;
        for number in 0..self.numbers() {
            let entries = self.entries(number);
            let piece = self.piece(number)?;
            let here = entries - ones(&piece.taken);
            match rank.checked_sub(here) {
                Some(rest) => rank = rest,
                None => {
                    let first = number * PIECE;
                    let mut indices = (first..first + entries).filter(|index| !piece.has(Bitmap::Taken, *index));
                    let nth = usize::try_from(rank).ok().and_then(|rank| indices.nth(rank));
                    return nth.context("the store is damaged: a piece has fewer free entries than were counted");
                }
            }
        }
        bail!("the store is damaged: fewer entries are free than were counted")
    }

    /// Gives an entry to a token, or makes it a decoy.
    pub(super) fn take(&mut self, index: u64, decoy: bool) -> anyhow::Result<()> {
        let piece = self.piece(index / PIECE)?;
        piece.put(Bitmap::Taken, index);
        if decoy {
            piece.put(Bitmap::Decoys, index);
        }
        Ok(())
    }

    /// Whether a token has an entry.
    pub(super) fn is_tokens(&mut self, index: u64) -> anyhow::Result<bool> {
        if index >= self.list.entries {
            return Ok(false);
        }
        let piece = self.piece(index / PIECE)?;
        Ok(piece.has(Bitmap::Taken, index) && !piece.has(Bitmap::Decoys, index))
    }

    /// Gives an entry a value, and says whether that is another one.
    pub(super) fn set(&mut self, index: u64, value: u8) -> anyhow::Result<bool> {
        let piece = self.piece(index / PIECE)?;
        let changes = piece.statuses.get(index % PIECE) != Some(value);
        piece.statuses.set(index % PIECE, value).map_err(refused)?;
        piece.changed |= changes;
        Ok(changes)
    }

    /// The decoys of a piece that have the initial value.
    pub(super) fn idle_decoys(&mut self, number: u64) -> anyhow::Result<Vec<u64>> {
        let (first, entries, initial) = (number * PIECE, self.entries(number), self.list.initial);
        let piece = self.piece(number)?;
        let idle =
            |index: &u64| piece.has(Bitmap::Decoys, *index) && piece.statuses.get(*index % PIECE) == Some(initial);
        Ok((first..first + entries).filter(idle).collect())
    }

    /// How many decoys have the initial value.
    pub(super) fn count_idle_decoys(&mut self) -> anyhow::Result<u64> {
        let mut count = 0;
        for number in 0..self.numbers() {
            count += self.idle_decoys(number)?.len() as u64;
        }
        Ok(count)
    }

    /// The whole list. Pieces are read one after the other, and not held.
    pub(super) fn packing(&mut self) -> anyhow::Result<Packing> {
        let initial = Packing::new(self.list.bits, self.list.entries, self.list.initial).map_err(refused)?;
        let mut bytes = initial.into_bytes();
        let mut statement = self.transaction.prepare("SELECT number, statuses FROM piece WHERE list = ?1")?;
        let mut rows = statement.query([self.list.id])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            let (number, statuses): (u64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let length = PIECE / 8 * u64::from(self.list.bits.count());
            let at = number.checked_mul(length).and_then(|at| usize::try_from(at).ok());
            let place = at.and_then(|at| bytes.get_mut(at..)).and_then(|rest| rest.get_mut(..statuses.len()));
            let expected = self.entries(number) / 8 * u64::from(self.list.bits.count());
            match place {
                Some(place) if statuses.len() as u64 == expected => place.copy_from_slice(&statuses),
                _ => bail!("the store is damaged: piece {number} of {} has no place", self.list.uri),
            }
            found += 1;
        }
        ensure!(found == self.numbers(), "the store is damaged: pieces of {} are missing", self.list.uri);
        Packing::from_bytes(self.list.bits, bytes).map_err(refused)
    }

    /// Writes what has changed.
    pub(super) fn write(&mut self) -> anyhow::Result<()> {
        let mut statement = self.transaction.prepare(
            "INSERT INTO piece (list, number, taken, decoys, statuses) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (list, number) DO UPDATE SET taken = ?3, decoys = ?4, statuses = ?5",
        )?;
        for (number, piece) in &mut self.held {
            if std::mem::take(&mut piece.changed) {
                statement.execute(params![self.list.id, number, piece.taken, piece.decoys, piece.statuses.bytes()])?;
            }
        }
        Ok(())
    }

    /// How many entries a piece has: the last one may have fewer.
    fn entries(&self, number: u64) -> u64 {
        self.list.entries.saturating_sub(number.saturating_mul(PIECE)).min(PIECE)
    }

    fn piece(&mut self, number: u64) -> anyhow::Result<&mut Piece> {
        if !self.held.contains_key(&number) {
            let piece = self.read(number)?;
            self.held.insert(number, piece);
        }
        self.held.get_mut(&number).context("a piece is not there after it was read")
    }

    /// Of a bitmap of a piece.
    fn bytes(&self, number: u64) -> anyhow::Result<usize> {
        Ok(usize::try_from(self.entries(number) / 8)?)
    }

    fn read(&self, number: u64) -> anyhow::Result<Piece> {
        let (taken, decoys, statuses) = self
            .transaction
            .prepare("SELECT taken, decoys, statuses FROM piece WHERE list = ?1 AND number = ?2")?
            .query_row(params![self.list.id, number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?
            .with_context(|| format!("the store is damaged: piece {number} of {} is missing", self.list.uri))?;
        let statuses = Packing::from_bytes(self.list.bits, statuses).map_err(refused)?;
        let piece = Piece { taken, decoys, statuses, changed: false };
        let bytes = self.bytes(number)?;
        let sound = piece.taken.len() == bytes
            && piece.decoys.len() == bytes
            && piece.statuses.entries() == self.entries(number);
        ensure!(sound, "the store is damaged: piece {number} of {} has another size", self.list.uri);
        Ok(piece)
    }
}

#[derive(Debug, Clone, Copy)]
enum Bitmap {
    Taken,
    Decoys,
}

impl Piece {
    fn has(&self, which: Bitmap, index: u64) -> bool {
        let bitmap = match which {
            Bitmap::Taken => &self.taken,
            Bitmap::Decoys => &self.decoys,
        };
        let (at, bit) = place(index);
        // What has no place is nobody's to give.
        bitmap.get(at).is_none_or(|byte| byte & bit != 0)
    }

    fn put(&mut self, which: Bitmap, index: u64) {
        let bitmap = match which {
            Bitmap::Taken => &mut self.taken,
            Bitmap::Decoys => &mut self.decoys,
        };
        let (at, bit) = place(index);
        if let Some(byte) = bitmap.get_mut(at) {
            *byte |= bit;
            self.changed = true;
        }
    }
}

/// Byte and bit of an entry in the bitmaps of its piece.
fn place(index: u64) -> (usize, u8) {
    let within = index % PIECE;
    // Less than 4,096, so it fits.
    ((within / 8) as usize, 1 << (within % 8))
}

fn ones(bitmap: &[u8]) -> u64 {
    bitmap.iter().map(|byte| u64::from(byte.count_ones())).sum()
}

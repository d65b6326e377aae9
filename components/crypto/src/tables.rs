//! Window tables: P-256 verification for keys that are used often.
//!
//! A table of a point holds all its multiples `d · 256^i` for each byte position i and each digit d from 1 to 255, so
//! that a multiplication by a scalar is one addition a byte. The points and their sums are the `p256` crate's; nothing
//! of the field is done here, and the tables are tested against the crate and against Wycheproof. Only public data is
//! multiplied, so that time may vary with it.
//!
//! A table costs more than half a MiB and the work of some twenty verifications. So it is built only for keys that were
//! configured ([`Origin::Configured`](crate::Origin)), only after [`TABLE_THRESHOLD`] uses, one at a time, and all of
//! them together stay within [`MAX_TABLE_BYTES`]: the least used one gives way.

use alloc::{
    rc::{Rc, Weak},
    vec::Vec,
};
use core::cell::{Cell, OnceCell, RefCell};

use p256::{
    AffinePoint, FieldBytes, ProjectivePoint, Scalar,
    ecdsa::Signature,
    elliptic_curve::{
        Group,
        ops::Reduce,
        point::{AffineCoordinates, BatchNormalize},
        zeroize::Zeroize as _,
    },
};

/// Uses of a key after which its table is built: about as many as the table costs, so that a key used less never pays
/// for it twice.
pub const TABLE_THRESHOLD: u64 = 32;

/// What all tables of one instance may hold, in bytes (`semantics.md`, "The crypto seam").
pub const MAX_TABLE_BYTES: usize = 32 * 1024 * 1024;

/// Byte positions of a scalar.
const POSITIONS: usize = 32;
/// Digits that are not zero.
const DIGITS: usize = 255;

/// Bytes of one table.
pub(crate) const TABLE_BYTES: usize = POSITIONS * DIGITS * size_of::<AffinePoint>();

/// The multiples of one point.
pub(crate) struct WindowTable {
    points: Vec<AffinePoint>,
}

impl WindowTable {
    /// Builds the table of a point: one position after the other, so that little more than the table itself is held.
    pub(crate) fn new(point: &ProjectivePoint) -> Self {
        let mut points = Vec::with_capacity(POSITIONS * DIGITS);
        let mut base = *point;
        let mut row = Vec::with_capacity(DIGITS);
        for _ in 0..POSITIONS {
            row.clear();
            let mut multiple = base;
            for _ in 0..DIGITS {
                row.push(multiple);
                multiple += base;
            }
            // 255 additions on, this is 256 times the base: the base of the next position.
            base = multiple;
            points.extend_from_slice(&ProjectivePoint::batch_normalize(row.as_slice()));
        }
        row.zeroize();
        Self { points }
    }

    /// Adds the point times a scalar.
    fn add_multiple(&self, sum: &mut ProjectivePoint, scalar: &Scalar) {
        let bytes = scalar.to_bytes();
        // Positions count from the least significant byte; scalars are big-endian.
        for (row, digit) in self.points.chunks_exact(DIGITS).zip(bytes.iter().rev()) {
            if let Some(point) = usize::from(*digit).checked_sub(1).and_then(|at| row.get(at)) {
                *sum += point;
            }
        }
    }
}

/// Verifies an ECDSA signature over a hash with the tables of the generator and of the key (SEC 1 section 4.1.4, steps
/// 3 to 8; the ranges of r and s are the signature type's own).
pub(crate) fn verify(generator: &WindowTable, key: &WindowTable, hash: &[u8; 32], signature: &Signature) -> bool {
    let (r, s) = signature.split_scalars();
    let s_inverse = s.as_ref().invert_vartime();
    let Some(s_inverse) = Option::<Scalar>::from(s_inverse) else {
        return false;
    };
    let z = <Scalar as Reduce<FieldBytes>>::reduce(&FieldBytes::from(*hash));
    let u1 = z * s_inverse;
    let u2 = *r * s_inverse;
    let mut point = ProjectivePoint::IDENTITY;
    generator.add_multiple(&mut point, &u1);
    key.add_multiple(&mut point, &u2);
    if bool::from(point.is_identity()) {
        return false;
    }
    let x = point.to_affine().x();
    <Scalar as Reduce<FieldBytes>>::reduce(&x) == *r
}

/// The tables of one instance.
#[derive(Default)]
pub(crate) struct Tables {
    generator: OnceCell<WindowTable>,
    slots: RefCell<Vec<Weak<Slot>>>,
}

/// One key's place for a table.
pub(crate) struct Slot {
    uses: Cell<u64>,
    table: RefCell<Option<Rc<WindowTable>>>,
}

impl Tables {
    /// A place for a key that may get a table.
    pub(crate) fn slot(&self) -> Rc<Slot> {
        let slot = Rc::new(Slot { uses: Cell::new(0), table: RefCell::new(None) });
        let mut slots = self.slots.borrow_mut();
        slots.retain(|other| other.strong_count() > 0);
        slots.push(Rc::downgrade(&slot));
        slot
    }

    /// Counts a use of the key, and gives the tables to verify it with, if they are there by now.
    pub(crate) fn used(&self, slot: &Slot, point: &ProjectivePoint) -> Option<(&WindowTable, Rc<WindowTable>)> {
        slot.uses.set(slot.uses.get().saturating_add(1));
        let held = slot.table.borrow().clone();
        let table = match held {
            Some(table) => table,
            None => {
                if slot.uses.get() < TABLE_THRESHOLD || !self.make_room(slot.uses.get()) {
                    return None;
                }
                let table = Rc::new(WindowTable::new(point));
                *slot.table.borrow_mut() = Some(Rc::clone(&table));
                table
            }
        };
        let generator = self.generator.get_or_init(|| WindowTable::new(&ProjectivePoint::GENERATOR));
        Some((generator, table))
    }

    /// Whether one more table fits: into free room, or into that of the least used one, if that is used less than the
    /// newcomer. Counts are halved when a table gives way, so that old fame does not last.
    fn make_room(&self, newcomer_uses: u64) -> bool {
        // The generator's table counts too.
        const MOST: usize = MAX_TABLE_BYTES / TABLE_BYTES - 1;
        let holders: Vec<Rc<Slot>> =
            self.slots.borrow().iter().filter_map(Weak::upgrade).filter(|slot| slot.table.borrow().is_some()).collect();
        if holders.len() < MOST {
            return true;
        }
        match holders.iter().min_by_key(|slot| slot.uses.get()) {
            Some(least) if least.uses.get() < newcomer_uses => {
                *least.table.borrow_mut() = None;
                for slot in &holders {
                    slot.uses.set(slot.uses.get() / 2);
                }
                true
            }
            _ => false,
        }
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        let slots = self.slots.borrow();
        slots.iter().filter_map(Weak::upgrade).filter(|slot| slot.table.borrow().is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::elliptic_curve::PrimeField as _;

    fn scalar(seed: u64) -> Scalar {
        let bytes = crate::sha256(&seed.to_be_bytes());
        <Scalar as Reduce<FieldBytes>>::reduce(&FieldBytes::from(bytes))
    }

    #[test]
    fn multiples_are_those_of_the_crate() {
        let point = ProjectivePoint::GENERATOR * scalar(7);
        let table = WindowTable::new(&point);
        assert_eq!(table.points.len() * size_of::<AffinePoint>(), TABLE_BYTES);
        let edges = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, Scalar::from_u128(256), Scalar::from_u128(255)];
        for k in edges.into_iter().chain((0..50).map(scalar)) {
            let mut sum = ProjectivePoint::IDENTITY;
            table.add_multiple(&mut sum, &k);
            assert_eq!(sum, point * k);
        }
    }

    #[test]
    fn tables_come_after_the_threshold_and_give_way() {
        let tables = Tables::default();
        let point = ProjectivePoint::GENERATOR;
        let slot = tables.slot();
        for _ in 1..TABLE_THRESHOLD {
            assert!(tables.used(&slot, &point).is_none());
        }
        assert!(tables.used(&slot, &point).is_some());
        assert_eq!(tables.held(), 1);
        drop(slot);
        assert_eq!(tables.held(), 0, "a key that is gone holds nothing");

        // Fill the room without building: what is counted is who holds one.
        let some = Rc::new(WindowTable { points: Vec::new() });
        let most = MAX_TABLE_BYTES / TABLE_BYTES - 1;
        let holders: Vec<_> = (0..most)
            .map(|n| {
                let slot = tables.slot();
                slot.uses.set(100 + n as u64);
                *slot.table.borrow_mut() = Some(Rc::clone(&some));
                slot
            })
            .collect();
        assert!(!tables.make_room(100), "used no more than the least used");
        assert_eq!(tables.held(), most);
        assert!(tables.make_room(101));
        assert_eq!(tables.held(), most - 1);
        assert!(holders[0].table.borrow().is_none());
        assert!(TABLE_BYTES * (most + 1) <= MAX_TABLE_BYTES);
    }
}

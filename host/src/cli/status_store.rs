//! Status lists whose entries are being given to tokens: in one file of SQLite, of which what was answered is on the disk.
//!
//! An index is drawn at random among those that nobody has (draft-ietf-oauth-status-list-21 section 12.5.1), and the file
//! remembers that it is given, not when or in which order: so neither an index nor the file tells when a token was issued. It
//! remembers no tokens either: which token has which entry is for the issuer to keep. Decoys are entries that no token ever
//! gets (section 12.4).
//!
//! A list is kept in pieces of [`pieces::PIECE`] entries, each a row.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use portcullis_status::Bits;
use portcullis_status::build::{Packing, check_uri};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::status_build::refused;
use super::status_progress::Progress;
use super::status_random::Random;

mod pieces;
#[cfg(test)]
mod tests;

use pieces::Pieces;

/// Most credentials that get entries at once: enough for any batch, few enough to be printed and held.
pub(crate) const MAX_ALLOCATED: u64 = 100_000;

/// Most lists in one store, so that a mistake in a script does not fill a disk.
const MAX_LISTS: u64 = 10_000;

/// How long a change waits while another process makes one.
const BUSY: Duration = Duration::from_secs(10);

/// Marks the file as one of ours (SQLite's `application_id`): "PtcS".
const APPLICATION: i32 = 0x5074_6353;

/// The version of the tables (SQLite's `user_version`).
const SCHEMA: i32 = 1;

/// `taken` counts the entries of tokens and the decoys. Of a piece, `taken` and `decoys` have a bit an entry; `statuses` is
/// packed as in the list.
const TABLES: &str = "
    CREATE TABLE list (
        id INTEGER PRIMARY KEY,
        uri TEXT NOT NULL UNIQUE,
        bits INTEGER NOT NULL,
        entries INTEGER NOT NULL,
        initial INTEGER NOT NULL,
        taken INTEGER NOT NULL,
        decoys INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE piece (
        list INTEGER NOT NULL REFERENCES list (id),
        number INTEGER NOT NULL,
        taken BLOB NOT NULL,
        decoys BLOB NOT NULL,
        statuses BLOB NOT NULL,
        PRIMARY KEY (list, number)
    ) STRICT;";

/// What is known of a list as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptList {
    id: i64,
    pub(crate) uri: String,
    pub(crate) bits: Bits,
    pub(crate) entries: u64,
    pub(crate) initial: u8,
    /// How many entries tokens have, and decoys.
    pub(crate) taken: u64,
    pub(crate) decoys: u64,
}

impl KeptList {
    /// How many entries nobody has.
    pub(crate) fn free(&self) -> u64 {
        self.entries.saturating_sub(self.taken)
    }
}

/// An entry of a list: what a token's `status_list` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allocated {
    pub(crate) uri: String,
    pub(crate) index: u64,
}

/// The lists in a file.
pub(crate) struct StatusStore(Connection);

impl StatusStore {
    /// Opens the file. It is made where `make` says so: for its owner alone, because it tells which entries are decoys.
    pub(crate) fn open(path: &Path, make: bool) -> anyhow::Result<Self> {
        let opened = || -> anyhow::Result<Self> {
            make_private(path, make)?;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let mut connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY)?;
            // What a file says of functions to run when it is read is not believed.
            connection.pragma_update(None, "trusted_schema", false)?;
            // Each commit is on the disk before it is answered.
            connection.pragma_update(None, "synchronous", "extra")?;
            set_up(&mut connection)?;
            Ok(Self(connection))
        };
        opened().with_context(|| format!("cannot use the store {}", path.display()))
    }

    /// Makes a list, with decoys at random places. The number of entries is rounded up to a multiple of eight.
    pub(crate) fn create(
        &mut self,
        uri: &str,
        bits: Bits,
        entries: u64,
        initial: u8,
        decoys: u64,
        progress: &mut Progress,
    ) -> anyhow::Result<KeptList> {
        check_uri(uri).map_err(refused)?;
        let entries = entries.checked_next_multiple_of(8).context("--entries is too large")?;
        // A list that could be built: its size and its initial value are right.
        Packing::new(bits, entries, initial).map_err(refused)?;
        ensure!(decoys <= entries / 2, "at most half of the entries may be decoys: {}", entries / 2);
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let count: u64 = transaction.query_row("SELECT count(*) FROM list", [], |row| row.get(0))?;
        ensure!(count < MAX_LISTS, "the store has {count} lists already, and takes no more");
        if find(&transaction, uri)?.is_some() {
            bail!("the store has a list with this URI already; indices of a list are never given anew");
        }
        transaction.execute(
            "INSERT INTO list (uri, bits, entries, initial, taken, decoys) VALUES (?1, ?2, ?3, ?4, 0, 0)",
            params![uri, bits.count(), entries, initial],
        )?;
        let mut list = find(&transaction, uri)?.context("the list is not there after it was made")?;
        let mut random = Random::new();
        let mut pieces = Pieces::new(&transaction, &list);
        pieces.make()?;
        for done in 0..decoys {
            let index = pieces.draw(list.free(), &mut random)?;
            pieces.take(index, true)?;
            list.taken += 1;
            list.decoys += 1;
            progress.at(done, decoys);
        }
        pieces.write()?;
        drop(pieces);
        count_taken(&transaction, &list)?;
        transaction.commit()?;
        Ok(list)
    }

    /// Gives entries to so many credentials: each one entry of one of the lists, whichever it is, or with `each` one entry of
    /// each of them. Nobody gets them again, whatever happens to whoever asked.
    pub(crate) fn allocate(&mut self, uris: &[String], each: bool, count: u64) -> anyhow::Result<Vec<Vec<Allocated>>> {
        ensure!((1..=MAX_ALLOCATED).contains(&count), "from 1 to {MAX_ALLOCATED} credentials get entries at once");
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut lists = some(&transaction, uris)?;
        let room = match each {
            true => lists.iter().map(KeptList::free).min().unwrap_or(0),
            false => lists.iter().map(KeptList::free).fold(0, u64::saturating_add),
        };
        ensure!(room >= count, "there is room for {room} more credentials and not for {count}: create another list");
        let mut random = Random::new();
        let mut pieces: Vec<Pieces<'_>> = lists.iter().map(|list| Pieces::new(&transaction, list)).collect();
        let mut credentials = Vec::new();
        for _ in 0..count {
            let chosen = if each { None } else { Some(choose(&lists, &mut random)?) };
            let mut entries = Vec::new();
            for (at, (list, pieces)) in lists.iter_mut().zip(&mut pieces).enumerate() {
                if chosen.is_none_or(|chosen| chosen == at) {
                    let index = pieces.draw(list.free(), &mut random)?;
                    pieces.take(index, false)?;
                    list.taken += 1;
                    entries.push(Allocated { uri: list.uri.clone(), index });
                }
            }
            credentials.push(entries);
        }
        for (list, pieces) in lists.iter().zip(&mut pieces) {
            pieces.write()?;
            count_taken(&transaction, list)?;
        }
        drop(pieces);
        transaction.commit()?;
        Ok(credentials)
    }

    /// Gives entries of tokens other statuses: all of them, or none where one is no token's.
    pub(crate) fn set(
        &mut self,
        uri: &str,
        changes: impl IntoIterator<Item = anyhow::Result<(u64, u8)>>,
    ) -> anyhow::Result<u64> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let list = named(&transaction, uri)?;
        let mut pieces = Pieces::new(&transaction, &list);
        let mut changed = 0;
        for change in changes {
            let (index, value) = change?;
            ensure!(pieces.is_tokens(index)?, "no token has the index {index}: it is free, a decoy, or beyond the end");
            changed += u64::from(pieces.set(index, value)?);
        }
        pieces.write()?;
        drop(pieces);
        transaction.commit()?;
        Ok(changed)
    }

    /// Gives so many more decoys a status, chosen at random among those with the initial one. A decoy that has a status keeps
    /// it: one that changed back would be known as a decoy where tokens never do.
    pub(crate) fn set_decoys(&mut self, uri: &str, count: u64, value: u8) -> anyhow::Result<()> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let list = named(&transaction, uri)?;
        ensure!(value != list.initial, "{value} is the initial value, which the decoys have already");
        let mut pieces = Pieces::new(&transaction, &list);
        let mut left = pieces.count_idle_decoys()?;
        ensure!(left >= count, "{left} decoys have the initial value, and {count} are to change");
        let mut wanted = count;
        let mut random = Random::new();
        for number in 0..pieces.numbers() {
            for index in pieces.idle_decoys(number)? {
                // Each subset is as likely as any other (selection sampling).
                if random.below(left)? < wanted {
                    pieces.set(index, value)?;
                    wanted -= 1;
                }
                left -= 1;
            }
        }
        pieces.write()?;
        drop(pieces);
        transaction.commit()?;
        Ok(())
    }

    /// The entries of a list, packed, as they are at one moment.
    pub(crate) fn packing(&mut self, uri: &str) -> anyhow::Result<(KeptList, Packing)> {
        let transaction = self.0.transaction()?;
        let list = named(&transaction, uri)?;
        let packing = Pieces::new(&transaction, &list).packing()?;
        Ok((list, packing))
    }

    /// Every list, in the order in which they were made.
    pub(crate) fn lists(&mut self) -> anyhow::Result<Vec<KeptList>> {
        all(&self.0.transaction()?)
    }
}

/// One of the lists, each as likely as it has room.
fn choose(lists: &[KeptList], random: &mut Random) -> anyhow::Result<usize> {
    let room = lists.iter().map(KeptList::free).fold(0, u64::saturating_add);
    let mut rank = random.below(room)?;
    for (at, list) in lists.iter().enumerate() {
        match rank.checked_sub(list.free()) {
            Some(rest) => rank = rest,
            None => return Ok(at),
        }
    }
    bail!("no list has room")
}

const COLUMNS: &str = "SELECT id, uri, bits, entries, initial, taken, decoys FROM list";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<(KeptList, u64)> {
    let bits: u64 = row.get(2)?;
    let list = KeptList {
        id: row.get(0)?,
        uri: row.get(1)?,
        bits: Bits::One,
        entries: row.get(3)?,
        initial: row.get(4)?,
        taken: row.get(5)?,
        decoys: row.get(6)?,
    };
    Ok((list, bits))
}

/// What a file says of its bits is judged like everything else that is read.
fn judged((list, bits): (KeptList, u64)) -> anyhow::Result<KeptList> {
    let bits = Bits::from_number(bits).map_err(refused)?;
    let list = KeptList { bits, ..list };
    let sound = list.entries.is_multiple_of(8) && list.decoys <= list.taken && list.taken <= list.entries;
    ensure!(sound, "the store is damaged: {} has numbers that cannot be", list.uri);
    Ok(list)
}

fn find(transaction: &Transaction<'_>, uri: &str) -> anyhow::Result<Option<KeptList>> {
    let found = transaction.query_row(&format!("{COLUMNS} WHERE uri = ?1"), [uri], read).optional()?;
    found.map(judged).transpose()
}

fn named(transaction: &Transaction<'_>, uri: &str) -> anyhow::Result<KeptList> {
    find(transaction, uri)?.with_context(|| format!("the store has no list {uri}: `status create` makes one"))
}

fn all(transaction: &Transaction<'_>) -> anyhow::Result<Vec<KeptList>> {
    let mut statement = transaction.prepare(&format!("{COLUMNS} ORDER BY id"))?;
    let rows = statement.query_map([], read)?;
    rows.map(|row| judged(row?)).collect()
}

/// The lists that are named; without a name, all of them.
fn some(transaction: &Transaction<'_>, uris: &[String]) -> anyhow::Result<Vec<KeptList>> {
    if uris.is_empty() {
        let lists = all(transaction)?;
        ensure!(!lists.is_empty(), "the store has no list: `status create` makes one");
        return Ok(lists);
    }
    let mut lists: Vec<KeptList> = Vec::new();
    for uri in uris {
        ensure!(lists.iter().all(|list| list.uri != *uri), "{uri} is named twice");
        lists.push(named(transaction, uri)?);
    }
    Ok(lists)
}

fn count_taken(transaction: &Transaction<'_>, list: &KeptList) -> anyhow::Result<()> {
    transaction
        .execute("UPDATE list SET taken = ?2, decoys = ?3 WHERE id = ?1", params![list.id, list.taken, list.decoys])?;
    Ok(())
}

/// A file that its owner alone may use.
fn make_private(path: &Path, make: bool) -> anyhow::Result<()> {
    if !make {
        // SQLite would say no more than that it cannot.
        fs::metadata(path)?;
        return Ok(());
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

/// Makes the tables of an empty file; of another one, sees whose they are and how old.
fn set_up(connection: &mut Connection) -> anyhow::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version, tables) {
        (0, 0, 0) => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", SCHEMA)?;
            transaction.commit()?;
            Ok(())
        }
        (APPLICATION, SCHEMA, _) => Ok(()),
        (APPLICATION, found, _) => {
            bail!("its tables are of version {found}, and {SCHEMA} is the newest that is known here")
        }
        _ => bail!("it is no store of status lists"),
    }
}

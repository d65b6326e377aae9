//! Where records of clients are kept: texts by key, each until its time, in one file of SQLite. What a text says, and whether it
//! may be there, is the component's to decide; here it is only put in the place of what the decision was made about.
//!
//! A put names what it found: nothing, or a revision. If something else is there by now, nothing changes, and whoever put
//! decides again. Several gateways on one machine may share the file; SQLite lets one of them write at a time. What a put has
//! answered is on the disk, whatever happens to the process or the machine then.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};

/// Most records, ended ones that nobody has purged yet included. With the longest records it is 2 GiB; at the usual size of some
/// hundred bytes, some tens of MiB.
pub(crate) const CAPACITY: u64 = 100_000;

/// The longest key, in bytes: a SPIFFE ID has at most 2,048.
const MAX_KEY: usize = 2_048;

/// The longest text, in bytes: that of a record has at most 20 KiB.
const MAX_TEXT: usize = 32 * 1_024;

/// How long a put waits while another process writes.
const BUSY: Duration = Duration::from_secs(5);

/// Marks the file as one of ours (SQLite's `application_id`): "PtcC".
const APPLICATION: i32 = 0x5074_6343;

/// The version of the tables (SQLite's `user_version`).
const SCHEMA: i32 = 1;

/// The tables. The last revision stands apart, so that a record which was purged and made again never has one that was seen
/// before.
const TABLES: &str = "
    CREATE TABLE client (
        key TEXT NOT NULL PRIMARY KEY,
        text TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        revision INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX client_by_end ON client (expires_at);
    CREATE TABLE last (revision INTEGER NOT NULL) STRICT;
    INSERT INTO last VALUES (0);";

/// Why the store cannot be used. None tells a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be made or looked at.
    #[error("cannot use {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Others may read or write the file.
    #[error("{} may be used by others than its owner (mode {mode:o}): chmod 600 it", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file is one of something else.
    #[error("{} is no store of clients", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is of a newer version of this program.
    #[error("{} has tables of version {found}, and {SCHEMA} is the newest that is known here", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version of its tables.
        found: i32,
    },
    /// The file is damaged.
    #[error("{} is damaged ({why}): put a copy of it, or nothing, in its place", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        why: String,
    },
    /// There are as many records as there may be, and none of them has ended.
    #[error("the store holds {capacity} clients that have not ended, and takes no more")]
    Full {
        /// How many there may be.
        capacity: u64,
    },
    /// A key or a text is longer than is kept.
    #[error("a {what} of {length} bytes, at most {most} are kept")]
    TooLarge {
        /// What is.
        what: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        most: usize,
    },
    /// SQLite cannot do it.
    #[error("the store of clients failed: {0}")]
    Failed(#[from] rusqlite::Error),
}

/// A text that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The text.
    pub text: String,
    /// Its end, in seconds since 1970. Until somebody purges, it is there afterwards, too.
    pub expires_at: u64,
    /// Which put it is of. No two puts have the same.
    pub revision: u64,
}

/// What a put expects to find in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Nothing,
    /// What was put with this revision.
    Revision(u64),
}

/// What came of a put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is kept, and on the disk.
    Kept {
        /// Its revision.
        revision: u64,
    },
    /// Something else is in its place, and stays: decide again.
    Changed(Option<Stored>),
}

/// The store. Its calls wait for the disk: not for a thread that serves connections.
pub struct ClientStore {
    /// One connection, and with it one writer of this process.
    connection: Mutex<Connection>,
    capacity: u64,
}

impl ClientStore {
    /// Opens the store in a file, or makes it: readable by its owner alone.
    ///
    /// # Errors
    ///
    /// The file cannot be used, is somebody else's, or of a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::with_capacity(path, CAPACITY)
    }

    fn with_capacity(path: &Path, capacity: u64) -> Result<Self, StoreError> {
        make_private(path)?;
        let damaged = |error: rusqlite::Error| as_damage(error, path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        // What a file says of functions to run when it is read is not believed.
        connection.pragma_update(None, "trusted_schema", false)?;
        set_up(&mut connection, path)?;
        let mode = keep_a_log(&connection).map_err(damaged)?;
        if mode != "wal" {
            let why = format!("its file system knows no shared memory (SQLite's journal is {mode:?}, not in WAL)");
            return Err(StoreError::File { path: path.to_owned(), why });
        }
        // Each commit is on the disk before it is answered.
        connection.pragma_update(None, "synchronous", "full")?;
        let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(damaged)?;
        if sound != "ok" {
            return Err(StoreError::Damaged { path: path.to_owned(), why: sound });
        }
        Ok(Self { connection: Mutex::new(connection), capacity })
    }

    /// What is kept under a key, ended or not.
    ///
    /// # Errors
    ///
    /// SQLite fails.
    pub fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        Ok(stored(&self.lock(), key)?)
    }

    /// Puts a text under a key, if what is there is what is expected, in one transaction. Where the store is full, those that
    /// have ended by `now` make room; one that is replaced needs none.
    ///
    /// # Errors
    ///
    /// The key or the text is too long, the store is full, or SQLite fails: nothing has changed then.
    pub fn put(&self, key: &str, text: &str, expires_at: u64, expected: Expected, now: u64) -> Result<Put, StoreError> {
        for (what, value, most) in [("key", key, MAX_KEY), ("text", text, MAX_TEXT)] {
            if value.len() > most {
                return Err(StoreError::TooLarge { what, length: value.len(), most });
            }
        }
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = stored(&transaction, key)?;
        match (&found, expected) {
            (None, Expected::Nothing) => self.make_room(&transaction, now)?,
            (Some(found), Expected::Revision(revision)) if found.revision == revision => {}
            _ => return Ok(Put::Changed(found)),
        }
        let revision: u64 =
            transaction
                .query_row("UPDATE last SET revision = revision + 1 RETURNING revision", [], |row| row.get(0))?;
        transaction.execute(
            "INSERT INTO client (key, text, expires_at, revision) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (key) DO UPDATE SET text = ?2, expires_at = ?3, revision = ?4",
            params![key, text, time(expires_at), revision],
        )?;
        transaction.commit()?;
        Ok(Put::Kept { revision })
    }

    /// Removes what is kept under a key: a client that is registered no more. Says whether something was.
    ///
    /// # Errors
    ///
    /// SQLite fails.
    pub fn remove(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.lock().execute("DELETE FROM client WHERE key = ?1", [key])? > 0)
    }

    /// Removes what has ended by a time, and says how many.
    ///
    /// # Errors
    ///
    /// SQLite fails.
    pub fn purge(&self, now: u64) -> Result<usize, StoreError> {
        Ok(purge(&self.lock(), now)?)
    }

    /// How many there are, ended ones that nobody has purged yet included.
    ///
    /// # Errors
    ///
    /// SQLite fails.
    pub fn count(&self) -> Result<u64, StoreError> {
        Ok(count(&self.lock())?)
    }

    /// A panic while the connection was held left no transaction open: each ends when it is dropped.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_room(&self, transaction: &Transaction<'_>, now: u64) -> Result<(), StoreError> {
        if count(transaction)? < self.capacity {
            return Ok(());
        }
        purge(transaction, now)?;
        match count(transaction)? < self.capacity {
            true => Ok(()),
            false => Err(StoreError::Full { capacity: self.capacity }),
        }
    }
}

/// A file that its owner alone may use, made if it is not there. SQLite gives those beside it the same permissions.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::File { path: path.to_owned(), why: error.to_string() };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            // The mask may have taken more away than others' rights, and a directory's defaults may add some.
            file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
            match mode & 0o077 {
                0 => Ok(()),
                _ => Err(StoreError::Mode { path: path.to_owned(), mode }),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

/// Makes the tables of an empty file; of another one, sees whose they are and how old.
fn set_up(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let made = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let (application, version) = (number("application_id")?, number("user_version")?);
        let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if (application, version, tables) == (0, 0, 0) {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", SCHEMA)?;
            transaction.commit()?;
            return Ok((APPLICATION, SCHEMA));
        }
        Ok((application, version))
    })();
    match made.map_err(|error| as_damage(error, path))? {
        (APPLICATION, SCHEMA) => Ok(()),
        (APPLICATION, found) => Err(StoreError::Version { path: path.to_owned(), found }),
        _ => Err(StoreError::Foreign { path: path.to_owned() }),
    }
}

/// Switches to a log that readers read beside the file (WAL), and says what the journal is then. SQLite does not wait where
/// another process opens the file at the same time, so it is asked again.
fn keep_a_log(connection: &Connection) -> rusqlite::Result<String> {
    let start = Instant::now();
    loop {
        let made = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        match &made {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && start.elapsed() < BUSY => {
                std::thread::sleep(Duration::from_millis(10));
            }
            _ => return made,
        }
    }
}

/// An error of SQLite about what is in the file, told as that.
fn as_damage(error: rusqlite::Error, path: &Path) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path: path.to_owned(), why: error.to_string() },
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path: path.to_owned() },
        _ => StoreError::Failed(error),
    }
}

fn stored(connection: &Connection, key: &str) -> rusqlite::Result<Option<Stored>> {
    let mut statement = connection.prepare("SELECT text, expires_at, revision FROM client WHERE key = ?1")?;
    statement
        .query_row([key], |row| Ok(Stored { text: row.get(0)?, expires_at: row.get(1)?, revision: row.get(2)? }))
        .optional()
}

fn purge(connection: &Connection, now: u64) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM client WHERE expires_at <= ?1", [time(now)])
}

fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM client", [], |row| row.get(0))
}

/// A time as SQLite has it. Those beyond its numbers never come.
fn time(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

//! The store: no entry is given twice, whatever happens.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tempfile::TempDir;

use super::pieces::PIECE;
use super::*;

const URI: &str = "https://example.com/statuslists/1";
const OTHER: &str = "https://example.com/statuslists/2";

struct Folder(TempDir);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(TempDir::new()?))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("lists.db")
    }

    fn open(&self) -> anyhow::Result<StatusStore> {
        StatusStore::open(&self.path(), true)
    }
}

fn create(store: &mut StatusStore, uri: &str, bits: Bits, entries: u64, decoys: u64) -> anyhow::Result<KeptList> {
    store.create(uri, bits, entries, 0, decoys, &mut Progress::new("drawing"))
}

fn indices(credentials: &[Vec<Allocated>]) -> Vec<u64> {
    credentials.iter().flatten().map(|entry| entry.index).collect()
}

fn error<T>(result: anyhow::Result<T>) -> String {
    result.err().map(|error| format!("{error:#}")).unwrap_or_default()
}

#[test]
fn every_entry_is_given_once_and_then_there_is_no_room() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    // More than one piece, and the last one shorter.
    let entries = 2 * PIECE + 8;
    let list = create(&mut folder.open()?, URI, Bits::One, entries - 3, 100)?;
    assert_eq!((list.entries, list.decoys, list.free()), (entries, 100, entries - 100));
    let mut given = BTreeSet::new();
    for count in [1, 1000, entries - 100 - 1001] {
        // A new process each time.
        let credentials = folder.open()?.allocate(&[], false, count)?;
        assert_eq!(credentials.len() as u64, count);
        for index in indices(&credentials) {
            assert!(index < entries);
            assert!(given.insert(index), "{index} is given twice");
        }
    }
    let refused = error(folder.open()?.allocate(&[], false, 1));
    assert!(refused.contains("room for 0 more"), "{refused}");
    // What was not given are the decoys.
    let lists = folder.open()?.lists()?;
    assert_eq!((lists[0].free(), given.len() as u64), (0, entries - 100));
    Ok(())
}

#[test]
fn indices_do_not_tell_when_they_were_given() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    create(&mut folder.open()?, URI, Bits::One, 1 << 20, 0)?;
    let given = indices(&folder.open()?.allocate(&[], false, 10_000)?);
    // As often up as down, and spread over the whole list: five standard deviations.
    let up = given.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((4855..=5145).contains(&up), "{up}");
    let mut eighths = [0_usize; 8];
    for index in &given {
        eighths[usize::try_from(index >> 17)?] += 1;
    }
    assert!(eighths.iter().all(|count| (1085..=1415).contains(count)), "{eighths:?}");
    Ok(())
}

#[test]
fn a_credential_gets_one_entry_of_any_list_or_one_of_each() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    let mut store = folder.open()?;
    create(&mut store, URI, Bits::One, 64, 0)?;
    create(&mut store, OTHER, Bits::Two, 512, 0)?;
    let each = store.allocate(&[], true, 60)?;
    for entries in &each {
        assert_eq!(entries.iter().map(|entry| entry.uri.as_str()).collect::<Vec<_>>(), [URI, OTHER]);
    }
    // One list is nearly full, and is not overdrawn.
    let any = store.allocate(&[], false, 4 + 512 - 60)?;
    assert!(any.iter().all(|entries| entries.len() == 1));
    let first: BTreeSet<u64> =
        each.iter().chain(&any).flatten().filter(|entry| entry.uri == URI).map(|entry| entry.index).collect();
    assert_eq!(first.len(), 64);
    assert!(error(store.allocate(&[], true, 1)).contains("room for 0"));
    assert!(error(store.allocate(&[URI.into(), URI.into()], true, 1)).contains("named twice"));
    assert!(error(store.allocate(&["https://example.com/3".into()], true, 1)).contains("no list"));
    for count in [0, MAX_ALLOCATED + 1] {
        assert!(error(store.allocate(&[], false, count)).contains("at once"), "{count}");
    }
    Ok(())
}

#[test]
fn statuses_are_those_that_were_set() -> anyhow::Result<()> {
    for bits in [Bits::One, Bits::Two, Bits::Four, Bits::Eight] {
        let folder = Folder::new()?;
        create(&mut folder.open()?, URI, bits, 3 * PIECE, 10)?;
        let greatest = u8::MAX >> (8 - bits.count());
        let given = indices(&folder.open()?.allocate(&[], false, 500)?);
        let changes: Vec<(u64, u8)> = given.iter().step_by(2).map(|index| (*index, greatest)).collect();
        assert_eq!(folder.open()?.set(URI, changes.iter().copied().map(Ok))?, 250);
        assert_eq!(folder.open()?.set(URI, changes.iter().copied().map(Ok))?, 0, "nothing is different");
        let (list, packing) = folder.open()?.packing(URI)?;
        assert_eq!((packing.bits(), packing.entries()), (bits, list.entries));
        let changed: BTreeSet<u64> = changes.iter().map(|(index, _)| *index).collect();
        for index in 0..list.entries {
            let wanted = if changed.contains(&index) { greatest } else { 0 };
            assert_eq!(packing.get(index), Some(wanted), "{index}");
        }
        folder.open()?.set(URI, [Ok((changes[0].0, 0))])?;
        assert_eq!(folder.open()?.packing(URI)?.1.get(changes[0].0), Some(0));
    }
    Ok(())
}

#[test]
fn changes_are_made_together_or_not_at_all() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    let mut store = folder.open()?;
    create(&mut store, URI, Bits::One, 64, 16)?;
    let given = indices(&store.allocate(&[], false, 8)?);
    let free = (0..64).find(|index| !given.contains(index)).unwrap_or(0);
    for (wrong, words) in [
        (Ok((free, 1)), "no token has the index"),
        (Ok((64, 1)), "no token has the index"),
        (Ok((u64::MAX, 1)), "no token has the index"),
        (Ok((given[1], 2)), "status.build_value"),
        (Err(anyhow::anyhow!("line 7")), "line 7"),
    ] {
        let refused = error(store.set(URI, [Ok((given[0], 1)), wrong]));
        assert!(refused.contains(words), "{refused}");
        assert_eq!(store.packing(URI)?.1.bytes(), [0; 8], "{words}");
    }
    // Neither a free entry nor a decoy is a token's.
    let others: Vec<u64> = (0..64).filter(|index| !given.contains(index)).collect();
    assert_eq!(others.len(), 56);
    for index in others {
        assert!(error(store.set(URI, [Ok((index, 1))])).contains("no token"), "{index}");
    }
    Ok(())
}

#[test]
fn decoys_change_at_random_and_never_back() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    let mut store = folder.open()?;
    create(&mut store, URI, Bits::One, 4 * PIECE, 2000)?;
    let given: BTreeSet<u64> = indices(&store.allocate(&[], false, 5000)?).into_iter().collect();
    let mut before = BTreeSet::new();
    for step in [500, 0, 700, 800] {
        store.set_decoys(URI, step, 1)?;
        let (list, packing) = store.packing(URI)?;
        let revoked: BTreeSet<u64> = (0..list.entries).filter(|index| packing.get(*index) == Some(1)).collect();
        assert_eq!(revoked.len() as u64, before.len() as u64 + step);
        assert!(before.is_subset(&revoked) && revoked.is_disjoint(&given));
        if step == 500 {
            // Of 2,000 decoys in four pieces a quarter each: five standard deviations are 48.
            let first = revoked.iter().filter(|index| **index < PIECE).count();
            assert!((70..=180).contains(&first), "{first}");
        }
        before = revoked;
    }
    assert!(error(store.set_decoys(URI, 1, 1)).contains("0 decoys"));
    assert!(error(store.set_decoys(URI, 1, 0)).contains("initial value"));
    // They are nobody's to have.
    let rest = store.allocate(&[], false, 4 * PIECE - 2000 - 5000)?;
    assert!(indices(&rest).iter().all(|index| !before.contains(index)));
    Ok(())
}

#[test]
fn a_list_that_cannot_be_is_not_made() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    let mut store = folder.open()?;
    create(&mut store, URI, Bits::One, 64, 0)?;
    let mut refused = |uri, bits, entries, initial, decoys| {
        error(store.create(uri, bits, entries, initial, decoys, &mut Progress::new("drawing")))
    };
    assert!(refused(URI, Bits::One, 64, 0, 0).contains("already"));
    assert!(refused("nowhere", Bits::One, 64, 0, 0).contains("status.build_uri"));
    assert!(refused(OTHER, Bits::One, 0, 0, 0).contains("status.build_empty"));
    assert!(refused(OTHER, Bits::One, u64::MAX, 0, 0).contains("--entries is too large"));
    assert!(refused(OTHER, Bits::Eight, 1 << 30, 0, 0).contains("status.build_too_large"));
    assert!(refused(OTHER, Bits::Two, 64, 4, 0).contains("status.build_value"));
    assert!(refused(OTHER, Bits::One, 64, 0, 33).contains("half"));
    assert_eq!(store.lists()?.len(), 1);
    Ok(())
}

#[test]
fn entries_begin_with_the_initial_value() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    let mut store = folder.open()?;
    store.create(URI, Bits::Four, PIECE + 8, 5, 3, &mut Progress::new("drawing"))?;
    let given = indices(&store.allocate(&[], false, 10)?);
    store.set(URI, [Ok((given[0], 1))])?;
    let (_, packing) = store.packing(URI)?;
    for index in 0..packing.entries() {
        assert_eq!(packing.get(index), Some(if index == given[0] { 1 } else { 5 }), "{index}");
    }
    Ok(())
}

#[test]
fn many_processes_may_ask_at_once() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    create(&mut folder.open()?, URI, Bits::One, 1024, 24)?;
    let path = folder.path();
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || -> anyhow::Result<Vec<u64>> {
                let mut given = Vec::new();
                for _ in 0..50 {
                    given.extend(indices(&StatusStore::open(&path, false)?.allocate(&[], false, 5)?));
                }
                Ok(given)
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    for asker in askers {
        let given = asker.join().map_err(|_| anyhow::anyhow!("a thread failed"))??;
        for index in given {
            assert!(all.insert(index), "{index} is given twice");
        }
    }
    assert_eq!(all.len(), 1000);
    Ok(())
}

#[test]
fn what_is_not_committed_is_not_there() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    create(&mut folder.open()?, URI, Bits::One, 64, 0)?;
    let before = std::fs::read(folder.path())?;
    {
        // A process that dies within an allocation: everything is drawn and written, and nothing is committed.
        let mut store = folder.open()?;
        let transaction = store.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let list = named(&transaction, URI)?;
        let mut pieces = Pieces::new(&transaction, &list);
        let index = pieces.draw(list.free(), &mut Random::new())?;
        pieces.take(index, false)?;
        pieces.write()?;
    }
    assert_eq!(folder.open()?.lists()?[0].free(), 64);
    assert_eq!(indices(&folder.open()?.allocate(&[], false, 64)?).len(), 64);
    assert_ne!(std::fs::read(folder.path())?, before);
    Ok(())
}

#[test]
fn files_that_are_no_store_are_not_touched() -> anyhow::Result<()> {
    let folder = Folder::new()?;
    assert!(error(StatusStore::open(&folder.path(), false)).contains("lists.db"), "it is not there");
    assert!(!folder.path().exists());
    std::fs::write(
        folder.path(),
        "a file of something else, longer than SQLite's own header has to be, by far, and on",
    )?;
    assert!(error(folder.open()).contains("cannot use the store"));
    std::fs::remove_file(folder.path())?;
    Connection::open(folder.path())?.execute_batch("CREATE TABLE other (x)")?;
    assert!(error(folder.open()).contains("no store of status lists"));
    std::fs::remove_file(folder.path())?;
    drop(folder.open()?);
    Connection::open(folder.path())?.pragma_update(None, "user_version", 2)?;
    assert!(error(folder.open()).contains("version 2"));
    Ok(())
}

#[test]
fn a_damaged_store_is_refused() -> anyhow::Result<()> {
    for harm in [
        "UPDATE piece SET taken = x'00'",
        "UPDATE piece SET statuses = x'0000'",
        "UPDATE list SET bits = 3",
        "UPDATE list SET entries = 7",
        "UPDATE list SET taken = 9, decoys = 10",
        "UPDATE list SET entries = -8",
        "UPDATE piece SET number = 7",
        "DELETE FROM piece",
    ] {
        let folder = Folder::new()?;
        create(&mut folder.open()?, URI, Bits::One, 64, 8)?;
        Connection::open(folder.path())?.execute_batch(harm)?;
        let mut store = folder.open()?;
        let refused = (store.allocate(&[], false, 1).is_err(), store.packing(URI).is_err());
        assert!(refused.0 || refused.1, "{harm}");
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new()?;
    drop(folder.open()?);
    assert_eq!(folder.path().metadata()?.permissions().mode() & 0o777, 0o600);
    Ok(())
}

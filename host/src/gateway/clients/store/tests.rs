//! The store: what a put finds, what it leaves, and what outlives a process.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::*;

const NOW: u64 = 1_790_000_000;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clients.sqlite");
    (folder, path)
}

fn kept(put: Put) -> u64 {
    match put {
        Put::Kept { revision } => revision,
        Put::Changed(found) => panic!("{found:?} was in its place"),
    }
}

#[test]
fn a_put_replaces_what_it_saw_and_nothing_else() {
    let (_folder, path) = folder();
    let store = ClientStore::open(&path).unwrap();
    assert_eq!(store.get("a").unwrap(), None);
    let first = kept(store.put("a", "one", NOW + 10, Expected::Nothing, NOW).unwrap());
    let one = Stored { text: "one".into(), expires_at: NOW + 10, revision: first };
    assert_eq!(store.get("a").unwrap(), Some(one.clone()));

    // Somebody was faster.
    let put = store.put("a", "two", NOW + 20, Expected::Nothing, NOW).unwrap();
    assert_eq!(put, Put::Changed(Some(one.clone())));
    let put = store.put("a", "two", NOW + 20, Expected::Revision(first + 1), NOW).unwrap();
    assert_eq!(put, Put::Changed(Some(one)));
    let put = store.put("b", "two", NOW + 20, Expected::Revision(first), NOW).unwrap();
    assert_eq!(put, Put::Changed(None));

    let second = kept(store.put("a", "two", NOW + 20, Expected::Revision(first), NOW).unwrap());
    assert_eq!(store.get("a").unwrap(), Some(Stored { text: "two".into(), expires_at: NOW + 20, revision: second }));

    // One that was removed and made again is not the one that was seen.
    assert!(store.remove("a").unwrap() && !store.remove("a").unwrap());
    let third = kept(store.put("a", "three", NOW + 30, Expected::Nothing, NOW).unwrap());
    assert!(third > second && second > first);
    assert!(matches!(store.put("a", "x", NOW, Expected::Revision(second), NOW).unwrap(), Put::Changed(Some(_))));
    // Keys are compared letter by letter.
    assert_eq!(store.get("A").unwrap(), None);
}

#[test]
fn of_many_who_register_one_client_at_once_one_does() {
    let (_folder, path) = folder();
    // Two processes have two connections.
    let stores = [ClientStore::open(&path).unwrap(), ClientStore::open(&path).unwrap()];
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let store = &stores[number % 2];
                scope.spawn(move || {
                    let put = store.put("a", &number.to_string(), NOW + 10, Expected::Nothing, NOW).unwrap();
                    usize::from(matches!(put, Put::Kept { .. }))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((won, stores[0].count().unwrap()), (1, 1));
    assert_eq!(stores[0].get("a").unwrap(), stores[1].get("a").unwrap());
}

#[test]
fn many_may_open_a_new_file_at_once() {
    let (_folder, path) = folder();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| ClientStore::open(&path).map(|_| ()))).collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn what_has_ended_is_there_until_it_is_purged_or_its_room_is_needed() {
    let (_folder, path) = folder();
    let store = ClientStore::with_capacity(&path, 3).unwrap();
    for (key, end) in [("a", NOW), ("b", NOW + 1), ("c", NOW + 2)] {
        kept(store.put(key, "x", end, Expected::Nothing, NOW - 5).unwrap());
    }
    assert!(store.get("a").unwrap().is_some(), "who asks decides whether it has ended");

    let full = store.put("d", "x", NOW + 9, Expected::Nothing, NOW - 1);
    assert!(matches!(full, Err(StoreError::Full { capacity: 3 })), "{full:?}");
    assert_eq!((store.count().unwrap(), store.get("d").unwrap()), (3, None));
    // One that is there already needs no room.
    let b = store.get("b").unwrap().unwrap();
    kept(store.put("b", "y", NOW + 1, Expected::Revision(b.revision), NOW - 1).unwrap());

    kept(store.put("d", "x", NOW + 9, Expected::Nothing, NOW).unwrap());
    assert_eq!((store.count().unwrap(), store.get("a").unwrap()), (3, None));
    assert_eq!((store.purge(NOW).unwrap(), store.purge(NOW + 2).unwrap(), store.count().unwrap()), (0, 2, 1));
}

#[test]
fn keys_and_texts_are_bounded() {
    let (_folder, path) = folder();
    let store = ClientStore::open(&path).unwrap();
    let (key, text) = ("k".repeat(MAX_KEY), "t".repeat(MAX_TEXT));
    kept(store.put(&key, &text, NOW, Expected::Nothing, NOW).unwrap());
    for (key, text) in [(format!("{key}k"), "t".into()), ("k".into(), format!("{text}t"))] {
        let put = store.put(&key, &text, NOW, Expected::Nothing, NOW);
        assert!(matches!(put, Err(StoreError::TooLarge { .. })), "{put:?}");
    }
    kept(store.put("far", "t", u64::MAX, Expected::Nothing, NOW).unwrap());
    assert_eq!(store.purge(NOW).unwrap(), 1);
}

#[test]
fn the_files_are_the_owners_alone() {
    let (_folder, path) = folder();
    let store = ClientStore::open(&path).unwrap();
    kept(store.put("a", "x", NOW, Expected::Nothing, NOW).unwrap());
    let modes = || {
        let files = fs::read_dir(path.parent().unwrap()).unwrap().map(|file| file.unwrap());
        files.map(|file| file.metadata().unwrap().permissions().mode() & 0o777).collect::<Vec<_>>()
    };
    assert!(modes().len() >= 3, "the file, its log and its index");
    assert!(modes().iter().all(|mode| *mode == 0o600), "{:?}", modes());
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = ClientStore::open(&path).map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::Mode { mode: 0o640, .. }), "{refused}");
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let (folder, path) = folder();
    let refused = |path: &Path| ClientStore::open(path).map(|_| ()).unwrap_err();
    let private = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let text = private("text", &b"no database, but long enough to be looked at as one. ".repeat(20));
    assert!(matches!(refused(&text), StoreError::Foreign { .. }));

    let other = private("other", b"");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 1").unwrap();
    let before = fs::read(&other).unwrap();
    assert!(matches!(refused(&other), StoreError::Foreign { .. }));
    assert_eq!(fs::read(&other).unwrap(), before);

    drop(ClientStore::open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    assert!(matches!(refused(&path), StoreError::Version { found: 2, .. }));

    assert!(matches!(refused(&folder.path().join("no/such/folder")), StoreError::File { .. }));
    assert!(matches!(refused(folder.path()), StoreError::Mode { .. } | StoreError::Failed(_)));
}

#[test]
fn a_damaged_file_is_told_when_it_is_opened() {
    let (_folder, path) = folder();
    let store = ClientStore::open(&path).unwrap();
    for number in 0..200 {
        kept(store.put(&format!("key {number}"), &"x".repeat(500), NOW, Expected::Nothing, NOW).unwrap());
    }
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    // The pages after the first, which says what file it is.
    bytes[4_096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let refused = ClientStore::open(&path).map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}

#[test]
fn a_copy_of_the_files_holds_what_was_kept_before_it() {
    let (folder, path) = folder();
    let store = ClientStore::open(&path).unwrap();
    kept(store.put("a", "x", NOW, Expected::Nothing, NOW).unwrap());
    // As after a loss of power: the log has not been carried into the file, and its last write is torn.
    let copy = folder.path().join("copy");
    let wal = |path: &Path| path.with_file_name(format!("{}-wal", path.file_name().unwrap().to_str().unwrap()));
    fs::copy(&path, &copy).unwrap();
    let whole = fs::read(wal(&path)).unwrap();
    kept(store.put("b", "x", NOW, Expected::Nothing, NOW).unwrap());
    let longer = fs::read(wal(&path)).unwrap();
    assert!(longer.len() > whole.len());
    fs::write(wal(&copy), &longer[..longer.len() - 100]).unwrap();
    let found = ClientStore::open(&copy).unwrap();
    assert!(found.get("a").unwrap().is_some());
    assert_eq!((found.get("b").unwrap(), found.count().unwrap()), (None, 1));
}

/// Names the file to the writer below.
const FILE: &str = "PORTCULLIS_TEST_STORE";

/// What the test below starts in a process of its own, and kills: it writes until then, and says what it was answered.
#[test]
fn writer_that_is_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let store = ClientStore::open(Path::new(&path)).unwrap();
    for number in 0u64.. {
        kept(store.put(&format!("key {number}"), "x", NOW + 1, Expected::Nothing, NOW).unwrap());
        println!("kept {number}");
    }
}

#[test]
fn what_was_answered_outlives_a_killed_process() {
    let (_folder, path) = folder();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writer_that_is_killed", "--nocapture", "--test-threads=1"])
        .env(FILE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut kept = lines.filter_map(|line| line.split("kept ").nth(1)?.parse::<u64>().ok());
    let enough = kept.by_ref().take(20).last().unwrap();
    child.kill().unwrap();
    let last = kept.last().unwrap_or(enough);
    child.wait().unwrap();
    let store = ClientStore::open(&path).unwrap();
    for number in 0..=last {
        assert!(store.get(&format!("key {number}")).unwrap().is_some(), "{number} of {last}");
    }
    assert!(store.count().unwrap() <= last + 2, "at most one more was on its way");
}

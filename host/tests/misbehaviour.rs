//! A component that loops, traps or eats memory is cut off, and the process goes on.
#![cfg(feature = "compiler")]

mod support;

use std::time::Duration;

use portcullis_host::{Code, HostError, Runtime, TextDoor};

const OK: &str = r#"{"id":null,"ok":true,"result":{}}"#;

/// Long enough for everything but a loop, however loaded the machine is.
const PATIENT: Duration = Duration::from_secs(600);

fn door(memory_limit: usize, deadline: Duration) -> Result<TextDoor, HostError> {
    let runtime = Runtime::builder()
        .deadline(deadline)
        .memory_limit(memory_limit)
        // One instance: a discarded one that was not freed would be noticed.
        .max_instances(1)
        .without_cache()
        .build()?;
    TextDoor::new(&runtime.load_file(support::misbehaving())?)
}

/// Sends the request, and then another one.
fn code_and_recovery(request: &[u8], deadline: Duration) -> Result<Option<Code>, HostError> {
    let mut door = door(32 * 1024 * 1024, deadline)?;
    assert_eq!(door.answer(b"hello", 0)?, OK);
    let code = door.answer(request, 0).err().map(|error| error.code());
    assert_eq!(door.answer(b"hello again", 0)?, OK);
    Ok(code)
}

#[test]
fn a_loop_is_cut_off_by_the_deadline() -> Result<(), HostError> {
    assert_eq!(code_and_recovery(b"loop", Duration::from_secs(1))?, Some(Code::DeadlineExceeded));
    Ok(())
}

#[test]
fn a_trap_is_told_as_such() -> Result<(), HostError> {
    assert_eq!(code_and_recovery(b"trap", PATIENT)?, Some(Code::Trapped));
    Ok(())
}

#[test]
fn eating_memory_is_told_from_other_traps() -> Result<(), HostError> {
    assert_eq!(code_and_recovery(b"eat", PATIENT)?, Some(Code::OutOfMemory));
    Ok(())
}

#[test]
fn misbehaving_again_and_again_leaves_nothing_behind() -> Result<(), HostError> {
    let mut door = door(32 * 1024 * 1024, PATIENT)?;
    for _ in 0..100 {
        assert!(matches!(door.answer(b"trap", 0), Err(HostError::Trapped { .. })));
        assert_eq!(door.answer(b"hello", 0)?, OK);
    }
    Ok(())
}

#[test]
fn a_request_larger_than_the_memory_is_out_of_memory() -> Result<(), HostError> {
    let mut door = door(2 * 1024 * 1024, PATIENT)?;
    let large = vec![b' '; 3 * 1024 * 1024];
    assert!(matches!(door.answer(&large, 0), Err(HostError::OutOfMemory { .. })));
    assert_eq!(door.answer(b"hello", 0)?, OK);
    Ok(())
}

#[test]
fn a_memory_limit_below_the_first_page_is_noticed_at_once() {
    assert!(matches!(door(1, PATIENT), Err(HostError::OutOfMemory { .. })));
}

#[test]
fn no_more_instances_live_than_allowed() -> Result<(), HostError> {
    let runtime = Runtime::builder().max_instances(2).without_cache().build()?;
    let component = runtime.load_file(support::misbehaving())?;
    let first = TextDoor::new(&component)?;
    let second = TextDoor::new(&component)?;
    assert!(matches!(TextDoor::new(&component), Err(HostError::TooManyInstances { limit: 2 })));
    drop(first);
    let mut third = TextDoor::new(&component)?;
    assert_eq!(third.answer(b"hello", 0)?, OK);
    drop(second);
    Ok(())
}

#[test]
fn operations_are_listed() -> Result<(), HostError> {
    assert_eq!(door(32 * 1024 * 1024, PATIENT)?.operations()?, ["eat", "loop", "trap"]);
    Ok(())
}

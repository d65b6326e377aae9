//! No message of another server makes the component trap, loop, tell without bound, or take what nobody vouched for.

#[path = "support/hostile.rs"]
mod hostile;

use hostile::{Material, run};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

#[test]
fn properties_of_hostile_servers() {
    let material = Material::new();
    let cases =
        std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000u32).max(20_000);
    let taken = std::cell::Cell::new([0u32; 10]);
    let mut runner = TestRunner::new(Config { cases, ..Config::default() });
    runner
        .run(&prop::collection::vec(any::<u8>(), 1..200), |bytes| {
            let mut counts = taken.get();
            counts[usize::from(bytes[0] % 10)] += u32::from(run(&bytes, &material));
            taken.set(counts);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    println!("{cases} messages, taken of each kind: {:?}", taken.get());
    // Messages that are all refused show nothing of what may be taken.
    assert!(taken.get().iter().all(|taken| *taken > 20), "too hostile to show anything: {:?}", taken.get());
}

/// Seeds: what no change spoils is taken, of every kind of message.
#[test]
fn what_is_left_as_it_is_is_taken() {
    let material = Material::new();
    let zeros = [0; 64];
    for kind in [0, 3, 4, 5, 7] {
        let mut seed = zeros;
        seed[0] = kind;
        assert!(run(&seed, &material), "kind {kind}");
    }
}

/// Bytes of any length and of one value, which repeat one change without end.
#[test]
fn nothing_grows_without_bound() {
    let material = Material::new();
    for byte in 0..=u8::MAX {
        for kind in 0..10 {
            let mut seed = vec![byte; 4_096];
            seed[0] = kind;
            run(&seed, &material);
        }
    }
}

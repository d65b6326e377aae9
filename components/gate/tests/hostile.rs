//! No sequence of steps, answers and documents makes a gate trap, loop or allow what nothing vouched for.

#[path = "support/hostile.rs"]
mod hostile;
mod support;

use hostile::{Material, run};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use support::*;

#[test]
fn properties_of_hostile_hosts() {
    let material = Material::new();
    let cases =
        std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000u32).max(20_000);
    let allowed = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases, ..Config::default() });
    runner
        .run(&prop::collection::vec(any::<u8>(), 0..400), |bytes| {
            allowed.set(allowed.get() + run(&bytes, &material));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    println!("{cases} hosts, {} requests allowed", allowed.get());
    assert!(allowed.get() > 100, "the hosts are too hostile to show anything: {} allowed", allowed.get());
}

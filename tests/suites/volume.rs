//! Many tokens: all are answered, and memory does not grow with their number.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    thread,
};

use portcullis_tests::{corpus::NOW, dist};
use serde_json::Value;

const TOKENS: usize = 100_000;

/// Resident memory of a process in KiB, from the kernel's own record.
fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_hundred_thousand_tokens_with_two_jobs_in_flat_memory() {
    let minted = Command::new(dist("bin/portcullis"))
        .args(["--at", &NOW.to_string(), "mint", "--alg", "ES256", "--count", &TOKENS.to_string(), "--as-batch"])
        .output()
        .expect("mint runs");
    assert!(minted.status.success(), "{}", String::from_utf8_lossy(&minted.stderr));
    let mut child = Command::new(dist("bin/portcullis"))
        .args(["--at", &NOW.to_string(), "batch", "--jobs", "2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("batch starts");
    let pid = child.id();
    let mut stdin = child.stdin.take().expect("piped");
    let input = minted.stdout;
    let writer = thread::spawn(move || stdin.write_all(&input));
    let mut early = 0;
    let mut late = 0;
    let mut count = 0;
    for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
        let answer: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        assert_eq!(answer["ok"], true, "{answer}");
        count += 1;
        // A tenth of the way everything is warm: instances, key sets, window tables.
        if count == TOKENS / 10 {
            early = resident(pid).unwrap_or(0);
        }
        // Near the end, while the process still has work.
        if count % 1000 == 0 && count >= TOKENS / 2 {
            late = late.max(resident(pid).unwrap_or(0));
        }
    }
    writer.join().expect("the writer ends").expect("all was read");
    assert!(child.wait().expect("it ends").success());
    assert_eq!(count, TOKENS);
    println!("resident KiB after a tenth: {early}, most in the second half: {late}");
    assert!(early > 0 && late > 0, "memory was measured");
    assert!(late <= early + early / 10 + 4096, "memory grew from {early} to {late} KiB");
}

//! Asking `dist/bin/portcullis batch`.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    thread,
};

use serde_json::Value;

use crate::{corpus::NOW, dist};

/// Runs `portcullis batch` over bytes and waits for its end.
///
/// # Panics
///
/// Where the command cannot be run at all.
pub fn run(arguments: &[&str], input: Vec<u8>) -> Output {
    let mut child = Command::new(dist("bin/portcullis"))
        .arg("batch")
        .args(["--at", &NOW.to_string()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("portcullis does not start: {error}"));
    let mut stdin = child.stdin.take().unwrap_or_else(|| unreachable!("it is piped"));
    // Written beside the reading: a pipe holds less than a corpus.
    let writer = thread::spawn(move || {
        // A command that ends early breaks the pipe; its output tells.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("portcullis does not end: {error}"));
    let _ = writer.join();
    output
}

/// The answers to requests, one each and in their order.
///
/// # Panics
///
/// Where an answer is missing or is no JSON.
pub fn answers(arguments: &[&str], requests: &[Value]) -> Vec<Value> {
    let input: String = requests.iter().map(|request| format!("{request}\n")).collect();
    lines(&run(arguments, input.into_bytes()), requests.len())
}

/// The answers in an output, of which there have to be so many.
///
/// # Panics
///
/// Where there are more or fewer, or one is no JSON.
pub fn lines(output: &Output, count: usize) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON: {error}: {line:.200}")))
        .collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(answers.len(), count, "one answer a request; standard error: {errors}");
    answers
}

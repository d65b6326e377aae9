//! The `portcullis` command, with the component that misbehaves and with arguments that are wrong.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn portcullis(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).env_remove("PORTCULLIS_COMPONENTS").env_remove("PORTCULLIS_CRYPTO").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> std::io::Result<Output> {
    portcullis(arguments).output()
}

/// A deadline in milliseconds that only a loop reaches.
const PATIENT: &str = "600000";

/// `batch` with the component that misbehaves, patient with a loaded machine unless told otherwise.
fn batch(deadline: &str, more: &[&str]) -> Command {
    let component = support::misbehaving();
    let component = component.to_string_lossy();
    portcullis(&[&["batch", "--no-cache", "--component", &component, "--deadline", deadline], more].concat())
}

fn answers(mut batch: Command, input: &[u8]) -> Result<(String, Option<i32>), Box<dyn std::error::Error>> {
    let mut child = batch.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| "the writer panicked")??;
    Ok((String::from_utf8(output.stdout)?, output.status.code()))
}

const OK: &str = r#"{"id":null,"ok":true,"result":{}}"#;

#[test]
fn a_batch_goes_on_after_misbehaviour_and_keeps_the_order() -> Outcome {
    for jobs in ["1", "3"] {
        let (answers, code) = answers(batch(PATIENT, &["--jobs", jobs]), b"trap\nx\neat\nx")?;
        assert_eq!(codes(&answers), ["host.trapped", "", "host.out_of_memory", ""]);
        assert_eq!(code, Some(0));
    }
    Ok(())
}

#[test]
fn a_batch_goes_on_after_a_loop() -> Outcome {
    let (answers, code) = answers(batch("1000", &[]), b"loop\nx\n")?;
    assert_eq!(codes(&answers), ["host.deadline_exceeded", ""]);
    assert_eq!(code, Some(0));
    Ok(())
}

/// The code of every answer; nothing for an answer that is ok.
fn codes(answers: &str) -> Vec<&str> {
    answers
        .lines()
        .map(|line| {
            let error = line.strip_prefix(r#"{"id":null,"ok":false,"error":{"code":""#);
            error.and_then(|rest| rest.split('"').next()).unwrap_or(if line == OK { "" } else { line })
        })
        .collect()
}

#[test]
fn a_line_that_is_too_long_is_dropped_and_the_next_is_answered() -> Outcome {
    let mut input = vec![b'x'; 16 * 1024 * 1024 + 1];
    input.extend_from_slice(b"\nx\n");
    let (answers, code) = answers(batch(PATIENT, &[]), &input)?;
    let (first, second) = answers.split_once('\n').ok_or("one line")?;
    assert!(first.starts_with(r#"{"id":null,"ok":false,"error":{"code":"request.malformed""#), "{first}");
    assert_eq!(second.trim_end(), OK);
    assert_eq!(code, Some(1));
    Ok(())
}

#[test]
fn an_answer_comes_before_more_input() -> Outcome {
    let mut child = batch(PATIENT, &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    let mut stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
    for _ in 0..3 {
        stdin.write_all(b"x\n")?;
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        assert_eq!(line.trim_end(), OK);
    }
    drop(stdin);
    assert!(child.wait()?.success());
    Ok(())
}

#[test]
fn a_reader_that_leaves_ends_the_batch_quietly() -> Outcome {
    let mut child = batch(PATIENT, &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    drop(child.stdout.take());
    // The batch stops reading at some time, which is no failure of the test.
    let _ = stdin.write_all(&b"x\n".repeat(100_000));
    drop(stdin);
    let output = child.wait_with_output()?;
    assert_eq!(String::from_utf8(output.stderr)?, "");
    assert_eq!(output.status.code(), Some(0));
    Ok(())
}

#[test]
fn many_lines_come_back_in_order() -> Outcome {
    let input = "x\n".repeat(10_000);
    let (answers, code) = answers(batch(PATIENT, &["--jobs", "2"]), input.as_bytes())?;
    assert_eq!(answers.lines().filter(|line| *line == OK).count(), 10_000);
    assert_eq!(code, Some(0));
    Ok(())
}

#[test]
fn wrong_arguments_end_with_one() -> Outcome {
    for arguments in [
        &["--no-such-option"][..],
        &[],
        &["token"],
        &["token", "verify", "x"],
        &["batch", "--jobs", "0"],
        &["batch", "--jobs", "x"],
        &["token", "verify", "x", "--keys", "k", "--alg", "none"],
        &["batch", "/no/such/file"],
    ] {
        let output = run(arguments)?;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    Ok(())
}

#[test]
fn a_missing_component_is_told_with_the_remedy() -> Outcome {
    let output = run(&["token", "inspect", "x", "--components", "/no/such/folder"])?;
    let error = String::from_utf8(output.stderr)?;
    assert!(error.contains("no component at /no/such/folder/portcullis.wasm"), "{error}");
    assert!(error.contains("make dist") && error.contains("--components"), "{error}");
    assert_eq!(output.status.code(), Some(1));
    Ok(())
}

#[test]
fn help_and_version_end_with_zero() -> Outcome {
    assert_eq!(run(&["--help"])?.status.code(), Some(0));
    assert_eq!(run(&["token", "verify", "--help"])?.status.code(), Some(0));
    let version = run(&["--version"])?;
    assert_eq!(version.status.code(), Some(0));
    assert!(version.stdout.starts_with(b"portcullis "));
    Ok(())
}

#[test]
fn completions_are_printed() -> Outcome {
    let output = run(&["completions", "bash"])?;
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout)?.contains("_portcullis"));
    Ok(())
}

#[test]
fn a_component_is_precompiled_and_asked() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("misbehaving.cwasm");
    let (from, to) = (support::misbehaving(), file.to_string_lossy());
    let output = run(&["component", "precompile", &from.to_string_lossy(), "-o", &to])?;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (answers, code) = answers(portcullis(&["batch", "--component", &to]), b"x\n")?;
    assert_eq!((answers.trim_end(), code), (OK, Some(0)));
    let list = run(&["component", "list", "--components", &folder.path().to_string_lossy()])?;
    assert!(String::from_utf8(list.stdout)?.starts_with(r#"[{"name":"misbehaving.cwasm","sha256":""#));
    Ok(())
}

#[test]
fn minted_tokens_differ_and_their_key_is_written() -> Outcome {
    let folder = tempfile::tempdir()?;
    let keys = folder.path().join("jwks.json");
    let output = run(&["mint", "--count", "3", "--at", "1000", "--keys-out", &keys.to_string_lossy()])?;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let tokens = String::from_utf8(output.stdout)?;
    let different: std::collections::BTreeSet<_> = tokens.lines().collect();
    assert_eq!(different.len(), 3);
    assert!(different.iter().all(|token| token.split('.').count() == 3));
    let keys = std::fs::read_to_string(keys)?;
    assert!(keys.starts_with(r#"{"keys":[{"kty":"EC""#) && !keys.contains(r#""d":"#), "{keys}");
    Ok(())
}

#[test]
fn requests_are_minted_with_the_time_of_minting() -> Outcome {
    let output = run(&["mint", "--as-batch", "--at", "1000", "--expires-in", "60"])?;
    let request: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!((&request["op"], &request["at"]), (&"jwt.verify".into(), &1000.into()));
    Ok(())
}

#[test]
fn a_secret_is_never_printed() -> Outcome {
    let refused = run(&["mint", "--alg", "HS256", "--as-batch"])?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty());

    let folder = tempfile::tempdir()?;
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";
    let key = folder.path().join("key.json");
    for contents in [
        format!(r#"{{"kty":"oct","k":"{secret}"}}"#),
        format!(r#"{{"kty":"EC","crv":"P-256","d":"{secret}"}}"#),
        format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"),
        secret.to_owned(),
    ] {
        std::fs::write(&key, contents)?;
        for algorithm in ["HS256", "ES256", "RS256", "EdDSA"] {
            let output = run(&["mint", "--alg", algorithm, "--key", &key.to_string_lossy()])?;
            assert_eq!(output.status.code(), Some(1), "{algorithm}");
            let said = String::from_utf8([output.stdout, output.stderr].concat())?;
            assert!(!said.contains(secret), "{said}");
        }
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_secret_key_is_written_for_its_owner_alone() -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir()?;
    let keys = folder.path().join("jwks.json");
    run(&["mint", "--alg", "HS256", "--keys-out", &keys.to_string_lossy()])?;
    assert_eq!(mode(&keys)?, 0o600);
    run(&["mint", "--keys-out", &keys.to_string_lossy()])?;
    assert_eq!(mode(&keys)?, 0o644);

    fn mode(path: &Path) -> std::io::Result<u32> {
        Ok(std::fs::metadata(path)?.permissions().mode() & 0o777)
    }
    Ok(())
}

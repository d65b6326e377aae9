//! Runs corpus files through the door natively, without a component: quick while writing a rule.
//!
//! `cargo run -p portcullis-text --example corpus -- [--codes] FILE…` prints the lines that are not answered as wanted, and with
//! `--codes` the code of each refusal beside its reason. `make test` runs the same files through the built components.

use std::{env, fs, process::ExitCode, rc::Rc};

use portcullis_crypto::SoftwareBackend;
use portcullis_text::Door;
use serde_json::Value;

/// Whether `got` holds at least what `want` holds: objects as subsets, lists member by member.
fn holds(got: &Value, want: &Value) -> bool {
    match (got, want) {
        (Value::Object(got), Value::Object(want)) => {
            want.iter().all(|(name, want)| got.get(name).is_some_and(|got| holds(got, want)))
        }
        (Value::Array(got), Value::Array(want)) => {
            got.len() == want.len() && got.iter().zip(want).all(|(got, want)| holds(got, want))
        }
        (Value::Number(got), Value::Number(want)) => got.as_f64() == want.as_f64(),
        _ => got == want,
    }
}

fn wanted(answer: &Value, want: &Value) -> bool {
    if want["ok"] == true {
        return answer["ok"] == true && want.get("result").is_none_or(|want| holds(&answer["result"], want));
    }
    let code = answer["error"]["code"].as_str().unwrap_or_default();
    answer["ok"] == false && (code != "request.malformed" || want["malformed"] == true)
}

fn main() -> ExitCode {
    let (mut failed, mut passed) = (0, 0);
    let codes = env::args().any(|argument| argument == "--codes");
    for file in env::args().skip(1).filter(|argument| argument != "--codes") {
        let mut door = Door::new(Rc::new(SoftwareBackend::default()));
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::FAILURE;
            }
        };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let Ok(Value::Object(mut case)) = serde_json::from_str(line) else {
                eprintln!("{file}: a line is no object");
                return ExitCode::FAILURE;
            };
            let want = case.remove("want").unwrap_or_default();
            case.remove("source");
            case.remove("note");
            let id = case.get("id").cloned().unwrap_or_default();
            let answer = door.answer(Value::Object(case).to_string().as_bytes(), 1_790_000_000);
            let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
            if wanted(&answer, &want) {
                passed += 1;
            } else {
                failed += 1;
                println!("FAILED {id}\n  want {want}\n  got  {answer}");
            }
            if codes && want["ok"] == false {
                println!("{id} {} <- {}", answer["error"]["code"], want["why"]);
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

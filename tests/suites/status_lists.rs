//! Status lists at their extremes, through the built component: bombs, and as large as they come.

use std::{fs, io::Write as _, process::Command};

use portcullis_host::{Runtime, TextDoor};
use portcullis_tests::{CRYPTO, corpus::NOW, dist};
use serde_json::{Value, json};

const URI: &str = "https://status.example/1";

/// What an instance may hold: enough for one list at the bound, its token and its text, and not for much more.
const MEMORY: usize = 256 * 1024 * 1024;

fn door(crypto: &str) -> TextDoor {
    let file = match crypto {
        "software" => "components/portcullis.wasm".to_owned(),
        other => format!("components/portcullis-{other}.wasm"),
    };
    let runtime = Runtime::builder().memory_limit(MEMORY).build().expect("the runtime starts");
    TextDoor::new(&runtime.load_file(dist(&file)).expect("it loads")).expect("it has the door")
}

/// zlib bytes of a list that is `fill` throughout but at some places, in order. The list itself is never held.
fn compressed(length: usize, fill: u8, others: &[(usize, u8)]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![fill; 1 << 20];
    let mut at = 0;
    let ends = others.iter().map(|(place, value)| (*place, Some(*value))).chain([(length, None)]);
    for (end, value) in ends {
        while at < end {
            let step = (end - at).min(block.len());
            encoder.write_all(&block[..step]).expect("it compresses");
            at += step;
        }
        if let Some(value) = value {
            encoder.write_all(&[value]).expect("it compresses");
            at += 1;
        }
    }
    encoder.finish().expect("it compresses")
}

/// A signed status list token and the key set that verifies it.
fn token(lst: &[u8], bits: u8) -> (String, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let (claims, keys) = (folder.path().join("claims.json"), folder.path().join("keys.json"));
    let lst = portcullis_types::base64url::encode(lst);
    let body = json!({"sub": URI, "ttl": 60, "status_list": {"bits": bits, "lst": lst}});
    fs::write(&claims, body.to_string()).expect("it writes");
    let output = Command::new(dist("bin/portcullis"))
        .args(["--at", &NOW.to_string(), "mint", "--alg", "ES256", "--typ", "statuslist+jwt"])
        .arg("--claims")
        .arg(format!("@{}", claims.display()))
        .arg("--keys-out")
        .arg(&keys)
        .output()
        .expect("mint runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let keys = serde_json::from_slice(&fs::read(keys).expect("keys")).expect("JSON");
    (String::from_utf8(output.stdout).expect("text").trim().to_owned(), keys)
}

fn look_up(door: &mut TextDoor, token: &str, keys: &Value, index: u64) -> Value {
    let request = json!({"id": index, "op": "status.lookup", "token": token, "keys": keys, "uri": URI, "index": index, "at": NOW});
    let answer = door.answer(request.to_string().as_bytes(), NOW).expect("an answer, not an end of memory or time");
    serde_json::from_str(&answer).expect("JSON")
}

#[test]
fn a_bomb_is_refused_in_bounded_memory() {
    // 100 MiB of zeros are about 102 KB on the wire.
    let bomb = compressed(100 << 20, 0, &[]);
    assert!((90_000..120_000).contains(&bomb.len()), "{} bytes", bomb.len());
    let (token, keys) = token(&bomb, 1);
    for crypto in CRYPTO {
        let mut door = door(crypto);
        // Again and again in the same instance: what was held is given back.
        for _ in 0..5 {
            assert_eq!(look_up(&mut door, &token, &keys, 0)["error"]["code"], "status.inflates_too_large", "{crypto}");
        }
    }
}

#[test]
fn a_list_of_the_greatest_size_opens() {
    let (token, keys) = token(&compressed(64 << 20, 0, &[((64 << 20) - 1, 7)]), 8);
    let mut door = door("software");
    let last = look_up(&mut door, &token, &keys, (64 << 20) - 1);
    assert_eq!(last["result"]["value"], 7, "{last}");
    assert_eq!(look_up(&mut door, &token, &keys, 64 << 20)["error"]["code"], "status.index_out_of_range");
}

#[test]
fn a_hundred_million_one_bit_entries_open_and_answer() {
    const ENTRIES: usize = 100_000_000;
    // Entries 0, 12,345,678 and the last one are invalid.
    let others = [(0, 1), (12_345_678 / 8, 1 << (12_345_678 % 8)), (ENTRIES / 8 - 1, 1 << 7)];
    let (token, keys) = token(&compressed(ENTRIES / 8, 0, &others), 1);
    for crypto in CRYPTO {
        let mut door = door(crypto);
        for (index, value) in
            [(0, 1), (1, 0), (12_345_677, 0), (12_345_678, 1), (12_345_679, 0), (ENTRIES as u64 - 1, 1)]
        {
            let answer = look_up(&mut door, &token, &keys, index);
            assert_eq!(answer["result"]["value"], value, "{crypto}, index {index}: {answer}");
        }
        assert_eq!(look_up(&mut door, &token, &keys, ENTRIES as u64)["error"]["code"], "status.index_out_of_range");
    }
}

//! Bad input through the built command line: each line gets its code, and the same process answers the next.

use portcullis_tests::{CRYPTO, batch, corpus};
use serde_json::{Value, json};

/// A request that is accepted: the answer that shows the process is well after a bad line.
fn good() -> Value {
    let case = corpus::cases(&corpus::own().join("jwt.ndjson")).into_iter().find(|case| case.id == "jwt/ok");
    case.expect("the corpus has jwt/ok").request
}

fn jws(token: &str) -> Value {
    json!({"id": "hostile", "op": "jws.verify", "token": token, "keys": {"keys": []}})
}

/// Sends every bad line between good ones, and checks each code.
fn check(lines: &[(Vec<u8>, &str)]) {
    let good = good().to_string();
    for crypto in CRYPTO {
        let mut input = Vec::new();
        for (line, _) in lines {
            input.extend_from_slice(line);
            input.push(b'\n');
            input.extend_from_slice(good.as_bytes());
            input.push(b'\n');
        }
        let output = batch::run(&["--crypto", crypto], input);
        let answers = batch::lines(&output, lines.len() * 2);
        for (pair, (line, code)) in answers.chunks(2).zip(lines) {
            let start = String::from_utf8_lossy(&line[..line.len().min(100)]).into_owned();
            assert_eq!(pair[0]["error"]["code"], *code, "{crypto}: {start}");
            assert_eq!(pair[1]["ok"], true, "{crypto}: the line after {start}");
        }
    }
}

#[test]
fn tokens_of_every_bad_shape_get_their_code() {
    let b64 = |text: &[u8]| portcullis_types::base64url::encode(text);
    let header = |text: &[u8]| format!("{}.e30.AA", b64(text));
    let kib = 1024;
    let lines: Vec<(String, &str)> = vec![
        ("".into(), "token.empty"),
        ("A".repeat(1024 * kib), "token.too_large"),
        (".".repeat(1024 * kib), "token.too_large"),
        (".".repeat(10_000), "token.parts_too_many"),
        ("A".repeat(100_000), "token.parts_missing"),
        ("..".into(), "json.syntax"),
        ("e30..".into(), "token.algorithm_missing"),
        (header(&[&b"["[..]; 10_000].concat()), "json.depth"),
        (header(&[&b"{\"a\":"[..]; 10_000].concat()), "json.depth"),
        (header(b"\xff\xfe"), "json.utf8"),
        (header(b"[]"), "json.not_object"),
        (header(b"{\"alg\":1e999}"), "json.number_range"),
        (header(b"{\"alg\":null}"), "token.algorithm_type"),
        (header(b"{\"alg\":{}}"), "token.algorithm_type"),
        (header(b"{\"alg\":\"ES256\",\"kid\":[]}"), "token.key_id_type"),
        (header(format!("{{\"alg\":\"{}\"}}", "E".repeat(100_000)).as_bytes()), "token.algorithm_unknown"),
        (header(b"{\"alg\":\"ES256\",\"crit\":[]}"), "token.critical_empty"),
        (header(b"{\"alg\":\"ES256\",\"crit\":[\"a\",\"a\"],\"a\":1}"), "token.critical_repeated"),
        (header(b"{\"alg\":\"ES256\",\"crit\":[\"alg\"]}"), "token.critical_registered"),
        (header(b"{\"alg\":\"ES256\"}"), "key.set_empty"),
        ("e30.e30.e30.e30.e30".into(), "token.encrypted"),
        ("{\"payload\":\"\"}".into(), "token.json_serialization"),
        ("\u{fffd}.\u{0}.\u{10ffff}".into(), "base64.character"),
    ];
    let lines: Vec<(Vec<u8>, &str)> =
        lines.into_iter().map(|(token, code)| (jws(&token).to_string().into_bytes(), code)).collect();
    check(&lines);
}

#[test]
fn what_is_no_request_is_answered_as_malformed() {
    let many = format!(
        "{{\"id\":1,\"op\":\"jws.verify\",\"token\":\"a\",\"keys\":{{\"keys\":{}{}}}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let lines: Vec<Vec<u8>> = vec![
        b"x".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"{\"id\":1}".to_vec(),
        b"\xff\xfe{}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"id\":1,\"id\":2,\"op\":\"jws.verify\"}".to_vec(),
        b"{\"id\":1,\"op\":\"no.such\"}".to_vec(),
        b"{\"id\":1,\"op\":5}".to_vec(),
        b"{\"id\":1,\"op\":\"jws.verify\"}".to_vec(),
        b"{\"id\":1,\"op\":\"jws.verify\",\"token\":5,\"keys\":{\"keys\":[]}}".to_vec(),
        b"{\"id\":1,\"op\":\"jws.verify\",\"token\":\"\",\"keys\":[]}".to_vec(),
        b"{\"id\":1,\"op\":\"jws.verify\",\"token\":\"\",\"keys\":{\"keys\":[]},\"more\":1}".to_vec(),
        b"{\"id\":1,\"op\":\"jws.verify\",\"token\":\"\",\"keys\":{\"keys\":[],\"keys\":[]}}".to_vec(),
        b"{\"id\":1,\"op\":\"jws.verify\",\"token\":\"\",\"keys\":{\"keys\":[]},\"at\":-1}".to_vec(),
        b"{\"id\":1,\"op\":\"jws.verify\",\"token\":\"\",\"keys\":{\"keys\":[]},\"at\":1.5}".to_vec(),
        b"{\"id\":1,\"op\":\"jws.verify\",\"token\":\"\",\"keys\":{\"keys\":[]},\"at\":9007199254740992}".to_vec(),
        b"{\"id\":1,\"op\":\"crypto.verify\",\"alg\":\"ES256\",\"key\":{},\"message\":\"!\",\"signature\":\"\"}"
            .to_vec(),
        b"{\"id\":1,\"op\":\"crypto.verify\",\"alg\":\"XS256\",\"key\":{},\"message\":\"\",\"signature\":\"\"}"
            .to_vec(),
        many.into_bytes(),
    ];
    let lines: Vec<_> = lines.into_iter().map(|line| (line, "request.malformed")).collect();
    check(&lines);
}

#[test]
fn a_line_too_long_to_read_is_answered_and_passed_over() {
    let mut long = br#"{"id":"long","op":"jws.verify","token":""#.to_vec();
    long.resize(17 * 1024 * 1024, b'A');
    long.extend_from_slice(br#"","keys":{"keys":[]}}"#);
    check(&[(long, "request.malformed")]);
}

#[test]
fn the_exit_code_tells_whether_every_line_was_a_request() {
    let good = format!("{}\n", good());
    assert_eq!(batch::run(&[], good.clone().into_bytes()).status.code(), Some(0));
    let refused = format!("{good}{}\n", jws("a.b"));
    assert_eq!(batch::run(&[], refused.into_bytes()).status.code(), Some(0), "a refusal is an answer");
    let bad = format!("{good}no request\n{good}");
    assert_eq!(batch::run(&[], bad.into_bytes()).status.code(), Some(1));
}

#[test]
fn every_truncation_of_a_token_is_refused_with_a_code() {
    let good = good();
    let token = good["token"].as_str().expect("a token").to_owned();
    let requests: Vec<Value> = (0..token.len())
        .map(|length| {
            let mut request = good.clone();
            request["token"] = token[..length].into();
            request
        })
        .collect();
    for answer in batch::answers(&["--jobs", "2"], &requests) {
        let code = answer["error"]["code"].as_str().expect("a code");
        assert!(corpus::well_formed(code) && !code.starts_with("host.") && !code.starts_with("request."), "{answer}");
    }
}

#[test]
fn every_changed_bit_of_a_token_is_refused_with_a_code() {
    let good = good();
    let token = good["token"].as_str().expect("a token").as_bytes().to_vec();
    let mut requests = Vec::new();
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut changed = token.clone();
            changed[at] ^= 1 << bit;
            let mut request = good.clone();
            request["token"] = String::from_utf8(changed).expect("ASCII stays ASCII").into();
            requests.push(request);
        }
    }
    for (answer, request) in batch::answers(&["--jobs", "2"], &requests).iter().zip(&requests) {
        assert_eq!(answer["ok"], false, "{request}");
        let code = answer["error"]["code"].as_str().expect("a code");
        assert!(corpus::well_formed(code) && !code.starts_with("host."), "{answer}");
    }
}

/// Every text in a value that is long enough to be worth damaging, by its path.
fn texts(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() > 8 => found.push(path),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| texts(item, format!("{path}/{at}"), found))
        }
        Value::Object(members) => members.iter().for_each(|(name, item)| {
            if !(path.is_empty() && ["id", "op"].contains(&name.as_str())) {
                texts(item, format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }),
        _ => {}
    }
}

#[test]
fn damaged_requests_of_every_operation_are_answered() {
    // Deterministic damage to every longer text of every case: cut, a character changed, doubled, emptied. Each is
    // answered by the component itself, with a result or a code of its own, never by a trap or a deadline.
    let mut requests = Vec::new();
    for (number, case) in corpus::files(&corpus::own(), false).iter().flat_map(corpus::cases).enumerate() {
        let mut paths = Vec::new();
        texts(&case.request, String::new(), &mut paths);
        for (turn, path) in paths.iter().enumerate().take(12) {
            let mut request = case.request.clone();
            let Some(Value::String(text)) = request.pointer_mut(path) else { continue };
            let at = (number * 31 + turn * 17) % text.len();
            let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            match (number + turn) % 5 {
                0 => text.truncate(at),
                1 => text.replace_range(at..at + text[at..].chars().next().map_or(0, char::len_utf8), "A"),
                2 => *text = text.repeat(2),
                3 => text.insert_str(at, "\u{0}\u{ffff}"),
                _ => text.replace_range(..at, ""),
            }
            requests.push(request);
        }
    }
    assert!(requests.len() > 1_000, "{} requests", requests.len());
    for (answer, request) in batch::answers(&["--jobs", "2"], &requests).iter().zip(&requests) {
        let code = answer["error"]["code"].as_str().unwrap_or_default();
        let sound = answer["ok"] == true || (corpus::well_formed(code) && !code.starts_with("host."));
        assert!(sound, "{answer} to {:.300}", request.to_string());
    }
}

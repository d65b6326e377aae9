//! HTTP message signatures with what others made: what we sign they verify, what they sign we verify, and what is changed on
//! the way nobody accepts. The peers are `http-message-signatures` of PyPI and of npm.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use fastrand::Rng;
use hmac::{KeyInit as _, Mac as _};
use portcullis_tests::{batch, dist, root};
use serde_json::{Value, json};

/// How many messages each direction has for each peer.
const MESSAGES: usize = 120;

/// A library that others made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Python,
    Node,
}

const PEERS: [Peer; 2] = [Peer::Python, Peer::Node];

/// The registered algorithms, each with the key of `tests/corpus/keys.json` that is used with it.
const ALGORITHMS: [(&str, &str); 6] = [
    ("ed25519", "hs-ed"),
    ("ecdsa-p256-sha256", "hs-ec"),
    ("ecdsa-p384-sha384", "hs-384"),
    ("rsa-v1_5-sha256", "hs-rsa"),
    ("rsa-pss-sha512", "hs-rsa"),
    ("hmac-sha256", "hs-secret"),
];

/// One of some texts.
fn one<'a>(numbers: &mut Rng, choices: &[&'a str]) -> &'a str {
    choices[numbers.usize(..choices.len())]
}

/// A message, and how it is signed.
#[derive(Clone, Debug)]
struct Case {
    id: String,
    message: Value,
    related: Option<Value>,
    components: Vec<String>,
    algorithm: &'static str,
    key: Value,
    parameters: Value,
}

fn keys() -> Value {
    let text = fs::read_to_string(root().join("tests/corpus/keys.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["keys"].clone()
}

/// What verifies of a private JWK.
fn verifying(jwk: &Value) -> Value {
    let mut jwk = jwk.clone();
    if jwk["kty"] != "oct" {
        for name in ["d", "p", "q", "dp", "dq", "qi"] {
            jwk.as_object_mut().unwrap().remove(name);
        }
    }
    jwk
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn request(numbers: &mut Rng) -> Value {
    let host = one(numbers, &["api.example", "api.example:8443", "xn--bcher-kva.example"]);
    let path = one(numbers, &["/", "/a", "/a/b-c_d/~e", "/%7Ea/%2F", "//a"]);
    let query = one(numbers, &["", "?q=1", "?q=a%20b%0Ac&r=", "?q=a+b&z=%C3%A9", "?flag&q=%2F%3F", "?q=x;y"]);
    let mut headers = vec![
        json!(["Host", host]),
        json!(["Content-Type", "application/json"]),
        json!(["X-List", one(numbers, &["a, b", "a,b", "", "\"x\", (y)"])]),
        json!(["X-Spaces", one(numbers, &["plain", "inner  spaces", "tab\there"])]),
        json!(["Example-Dict", "a=1,    b=2;x=1;y=2,   c=(a   b    c), d"]),
    ];
    if numbers.bool() {
        headers.push(json!(["x-list", "c, d"]));
    }
    json!({"method": one(numbers, &["GET", "POST", "DELETE", "PATCH"]), "url": format!("https://{host}{path}{query}"), "headers": headers})
}

/// Components that a request of [`request`] has, in the form of structured fields.
const OF_REQUEST: [&str; 15] = [
    "\"@method\"",
    "\"@authority\"",
    "\"@scheme\"",
    "\"@target-uri\"",
    "\"@request-target\"",
    "\"@path\"",
    "\"@query\"",
    "\"@query-param\";name=\"q\"",
    "\"host\"",
    "\"content-type\"",
    "\"x-list\"",
    "\"x-list\";bs",
    "\"x-spaces\"",
    "\"example-dict\";key=\"b\"",
    "\"example-dict\";key=\"c\"",
];

fn case(numbers: &mut Rng, at: usize, keys: &Value, algorithms: &[(&'static str, &'static str)], now: u64) -> Case {
    let asked = request(numbers);
    let has_query = asked["url"].as_str().unwrap().contains("q=");
    let mut components: Vec<String> = Vec::new();
    for component in OF_REQUEST {
        if numbers.bool() && (has_query || !component.contains("query-param")) {
            components.push(component.into());
        }
    }
    let (mut message, mut related) = (asked, None);
    if numbers.usize(..4) == 0 {
        for component in &mut components {
            component.push_str(";req");
        }
        components.extend(["\"@status\"".into(), "\"date\"".into()]);
        let date = json!(["Date", "Tue, 20 Apr 2021 02:07:56 GMT"]);
        related = Some(message);
        message = json!({"status": 200 + numbers.usize(..300), "headers": [date]});
    }
    if components.is_empty() {
        components.push("\"@method\"".into());
    }
    let (algorithm, key) = algorithms[at % algorithms.len()];
    let mut parameters = json!({"created": now - 1, "keyid": keys[key]["kid"]});
    for (name, value) in [
        ("expires", json!(now + 300)),
        ("nonce", json!("n/+= \"quoted\" \\")),
        ("alg", json!(algorithm)),
        ("tag", json!("app")),
    ] {
        if numbers.bool() {
            parameters[name] = value;
        }
    }
    Case { id: format!("{at}"), message, related, components, algorithm, key: keys[key].clone(), parameters }
}

impl Case {
    fn is_response(&self) -> bool {
        self.message.get("status").is_some()
    }

    /// The members of a request in JSON that name the message.
    fn put(&self, request: &mut Value) {
        request[if self.is_response() { "response" } else { "request" }] = self.message.clone();
        if let Some(related) = &self.related {
            request["related_request"] = related.clone();
        }
    }

    fn verify(&self, now: u64) -> Value {
        let mut key = verifying(&self.key);
        key["alg"] = match self.algorithm {
            "rsa-pss-sha512" => json!("PS512"),
            "rsa-v1_5-sha256" => json!("RS256"),
            _ => key.get("alg").cloned().unwrap_or(json!(null)),
        };
        if key["alg"].is_null() {
            key.as_object_mut().unwrap().remove("alg");
        }
        let components: Vec<&String> = self.components.iter().collect();
        let mut request = json!({"id": self.id, "op": "http.signature", "at": now, "keys": {"keys": [key]}, "label": "sig",
            "require": {"components": components, "created_within": 300}});
        self.put(&mut request);
        request
    }

    fn job(&self, what: &str) -> Value {
        let mut job = json!({"id": self.id, "do": what, "message": self.message, "keys": [self.key], "alg": self.algorithm,
            "keyid": self.key["kid"], "label": "sig", "components": self.components, "parameters": self.parameters});
        if let Some(related) = &self.related {
            job["related_request"] = related.clone();
        }
        job
    }

    fn with_headers(mut self, added: &Value) -> Self {
        self.message["headers"].as_array_mut().unwrap().extend(added.as_array().unwrap().iter().cloned());
        self
    }

    /// The same with something covered changed: every message covers its method or its status, or gets another field value.
    fn changed(&self) -> Self {
        let mut other = self.clone();
        let covers = |name: &str| self.components.iter().any(|component| component.starts_with(&format!("\"{name}\"")));
        let request = if self.is_response() { other.related.as_mut().unwrap() } else { &mut other.message };
        if covers("@method") {
            request["method"] = json!("PUT");
        } else if covers("@path") || covers("@target-uri") || covers("@request-target") {
            let url = request["url"].as_str().unwrap().replacen(".example/", ".example/changed/", 1);
            request["url"] = json!(url.replacen(":8443/", ":8443/changed/", 1));
        } else if self.is_response() {
            other.message["status"] = json!(599);
        } else {
            let headers = request["headers"].as_array_mut().unwrap();
            for header in headers.iter_mut().filter(|header| !header[0].as_str().unwrap().starts_with("Signature")) {
                header[1] = json!(if header[0] == "Example-Dict" { "b=3, c=(z)" } else { "changed" });
            }
            let url = request["url"].as_str().unwrap().replace("api.", "other.").replace("xn--", "yn--");
            request["url"] = json!(url.replace("https:", "http:").replace("q=", "q=changed"));
        }
        other
    }
}

/// Asks a peer, who answers one job a line.
fn ask(peer: Peer, jobs: &[Value]) -> Vec<Value> {
    let folder = root().join("tests/interop/signatures");
    let mut command = match peer {
        Peer::Python => {
            let python = root().join(".tools/signatures/bin/python");
            assert!(python.exists(), "{} is missing: run tools/need.sh signature-peers", python.display());
            let mut command = Command::new(python);
            command.arg(folder.join("peer.py"));
            command
        }
        Peer::Node => {
            let mut command = Command::new("node");
            command.arg(folder.join("peer.mjs"));
            command
        }
    };
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input: String = jobs.iter().map(|job| format!("{job}\n")).collect();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    batch::lines(&output, jobs.len())
}

/// Signs with the keys whose libraries are here.
fn sign(algorithm: &str, jwk: &Value, base: &[u8]) -> Vec<u8> {
    let octets = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    match algorithm {
        "ed25519" => {
            let seed: [u8; 32] = octets("d").try_into().unwrap();
            ed25519_dalek::SigningKey::from_bytes(&seed).sign(base).to_bytes().to_vec()
        }
        "ecdsa-p256-sha256" => {
            let key = p256::ecdsa::SigningKey::from_slice(&octets("d")).unwrap();
            let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&key, base);
            signature.to_bytes().to_vec()
        }
        _ => {
            let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&octets("k")).unwrap();
            mac.update(base);
            mac.finalize().into_bytes().to_vec()
        }
    }
}

fn failures(answers: &[Value], ok: bool) -> Vec<String> {
    answers.iter().filter(|answer| answer["ok"] != ok).map(ToString::to_string).collect()
}

fn codes(answers: &[Value]) -> BTreeMap<String, usize> {
    let mut codes = BTreeMap::new();
    for answer in answers {
        *codes.entry(answer["error"]["code"].as_str().unwrap_or("accepted").to_owned()).or_default() += 1;
    }
    codes
}

/// What the npm library signs and we refuse: the salt of its RSA-PSS is as long as it can be, not 64 bytes (section 3.3.1).
fn is_salted_otherwise(peer: Peer, algorithm: &str) -> bool {
    peer == Peer::Node && algorithm == "rsa-pss-sha512"
}

#[test]
fn what_we_sign_they_verify() {
    let (keys, now) = (keys(), now());
    let ours = [ALGORITHMS[0], ALGORITHMS[1], ALGORITHMS[5]];
    let mut numbers = Rng::with_seed(1);
    let cases: Vec<Case> = (0..MESSAGES).map(|at| case(&mut numbers, at, &keys, &ours, now)).collect();
    let prepare = |case: &Case| {
        let mut request = json!({"id": case.id, "op": "signature.prepare", "label": "sig", "components": case.components,
            "parameters": case.parameters});
        case.put(&mut request);
        request
    };
    let prepared = batch::answers(&[], &cases.iter().map(prepare).collect::<Vec<_>>());
    assert!(failures(&prepared, true).is_empty(), "{:#?}", failures(&prepared, true));
    let signed: Vec<Case> = cases
        .into_iter()
        .zip(&prepared)
        .map(|(case, prepared)| {
            let signature = sign(case.algorithm, &case.key, prepared["result"]["base"].as_str().unwrap().as_bytes());
            let signature = format!("sig=:{}:", STANDARD.encode(signature));
            case.with_headers(&json!([["Signature-Input", prepared["result"]["input"]], ["Signature", signature]]))
        })
        .collect();
    for peer in PEERS {
        let answers = ask(peer, &signed.iter().map(|case| case.job("verify")).collect::<Vec<_>>());
        let refused = failures(&answers, true);
        assert!(refused.is_empty(), "{peer:?} refuses {} of ours: {refused:#?}", refused.len());
        let answers = ask(peer, &signed.iter().map(|case| case.changed().job("verify")).collect::<Vec<_>>());
        let accepted = failures(&answers, false);
        assert!(accepted.is_empty(), "{peer:?} accepts what was changed: {accepted:#?}");
    }
    let changed: Vec<Value> = signed.iter().map(|case| case.changed().verify(now)).collect();
    assert!(failures(&batch::answers(&[], &changed), false).is_empty());
    println!("{} messages of ours verify at both peers; changed, at none", signed.len());
}

#[test]
fn what_they_sign_we_verify() {
    let (keys, now) = (keys(), now());
    for peer in PEERS {
        let mut numbers = Rng::with_seed(2);
        let cases: Vec<Case> = (0..MESSAGES).map(|at| case(&mut numbers, at, &keys, &ALGORITHMS, now)).collect();
        let made = ask(peer, &cases.iter().map(|case| case.job("sign")).collect::<Vec<_>>());
        assert!(failures(&made, true).is_empty(), "{peer:?}: {:#?}", failures(&made, true));
        let signed: Vec<Case> =
            cases.into_iter().zip(&made).map(|(case, made)| case.with_headers(&made["headers"])).collect();
        let answers = batch::answers(&[], &signed.iter().map(|case| case.verify(now)).collect::<Vec<_>>());
        let (mut refused, mut salted) = (Vec::new(), 0);
        for (case, answer) in signed.iter().zip(&answers) {
            if is_salted_otherwise(peer, case.algorithm) {
                salted += 1;
                assert_eq!(answer["error"]["code"], "crypto.signature_invalid", "{case:?}");
            } else if answer["ok"] != true {
                refused.push(format!("{answer} {case:?}"));
            }
        }
        assert!(refused.is_empty(), "{} of {peer:?} are refused: {refused:#?}", refused.len());
        let changed: Vec<Value> = signed.iter().map(|case| case.changed().verify(now)).collect();
        let answers = batch::answers(&[], &changed);
        assert!(failures(&answers, false).is_empty(), "{peer:?}: {:#?}", failures(&answers, false));
        println!(
            "{peer:?}: {} verify, {salted} have another salt; changed, none: {:?}",
            signed.len() - salted,
            codes(&answers)
        );
    }
}

/// Signs a file with the command line, and gives the header fields it prints.
fn sign_file(folder: &tempfile::TempDir, case: &Case) -> Value {
    let write = |name: &str, value: &Value| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, value.to_string()).unwrap();
        path
    };
    let mut command = Command::new(dist("bin/portcullis"));
    command.args(["signature", "sign", "--format", "json", "--label", "sig", "--alg", case.algorithm, "--key"]);
    command.arg(write("key.json", &case.key));
    let message = write("message.json", &case.message);
    command.arg(if case.is_response() { "--response" } else { "--request" }).arg(message);
    if let Some(related) = &case.related {
        command.arg("--related-request").arg(write("related.json", related));
    }
    for component in &case.components {
        command.args(["--component", component]);
    }
    for (name, value) in case.parameters.as_object().unwrap() {
        match (name.as_str(), value.as_str()) {
            ("alg", _) => command.arg("--state-alg"),
            (name, Some(text)) => command.arg(format!("--{name}")).arg(text),
            (name, None) => command.arg(format!("--{name}")).arg(value.to_string()),
        };
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["headers"].clone()
}

#[test]
fn what_the_command_line_signs_they_verify() {
    let (keys, now) = (keys(), now());
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Rng::with_seed(3);
    let cases: Vec<Case> = (0..2 * ALGORITHMS.len())
        .map(|at| case(&mut numbers, at, &keys, &ALGORITHMS, now))
        .map(|case| {
            let headers = sign_file(&folder, &case);
            case.with_headers(&headers)
        })
        .collect();
    for peer in PEERS {
        let answers = ask(peer, &cases.iter().map(|case| case.job("verify")).collect::<Vec<_>>());
        assert!(failures(&answers, true).is_empty(), "{peer:?}: {:#?}", failures(&answers, true));
    }
    let answers = batch::answers(&[], &cases.iter().map(|case| case.verify(now)).collect::<Vec<_>>());
    assert!(failures(&answers, true).is_empty(), "{:#?}", failures(&answers, true));
}

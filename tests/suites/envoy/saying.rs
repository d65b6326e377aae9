//! A case of the gate, said to an Envoy as a client says it; and what of the cases cannot be said.

use std::collections::BTreeSet;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_crypto::SoftwareBackend;
use portcullis_gate::Gate;
use portcullis_gate::origin::Origin;
use portcullis_gate::policy::{Format, Policy};
use portcullis_tests::corpus::Case;
use portcullis_tests::serving::Served;
use serde_json::{Value, json};

/// Why a case is not for an Envoy.
pub(crate) fn unsayable(case: &Case) -> Option<&'static str> {
    let request = &case.request;
    if request.get("listener").is_some() {
        return Some("asked by another proxy");
    }
    if request["client_certificate"].get("validated_by_host").is_some() {
        return Some("a proxy's word on a certificate, which Envoy does not give");
    }
    let inner = &request["request"];
    let has = |name: &str| {
        let mut fields = inner["headers"].as_array().into_iter().flatten();
        fields.any(|field| field[0].as_str().is_some_and(|other| other.eq_ignore_ascii_case(name)))
    };
    let url = inner["url"].as_str().unwrap_or_default();
    if !url.starts_with("https://") && !url.starts_with("http://") || has("x-forwarded-proto") || has("host") {
        return Some("a scheme or host that nobody can say to Envoy, or one beside its own");
    }
    if inner["target"].as_str().is_some_and(|target| target.contains("://")) {
        return Some("an absolute target, of which Envoy makes a path and a host");
    }
    if has("connection") {
        return Some("a Connection field, which Envoy keeps to itself");
    }
    if inner["body"].as_str().is_some_and(|body| !body.is_empty()) {
        return Some("a body, which comes after the decision");
    }
    if inner.get("trailers").is_some() {
        return Some("trailers, which come after the decision");
    }
    if gate(case).is_none() {
        return Some("a policy that asks for more than a filter can do");
    }
    None
}

/// A gate with a case's policy, as a filter has it.
fn gate(case: &Case) -> Option<Gate> {
    let backend = Rc::new(SoftwareBackend::default()) as _;
    let policy = Policy::parse_for_envoy(&policy(case, "any").to_string(), Format::Json, &backend).ok()?;
    Some(Gate::new(policy, backend))
}

/// What a filter fetches as soon as it runs.
pub(crate) fn due(case: &Case, at: u64) -> Vec<String> {
    gate(case).map(|gate| gate.due(at).into_iter().map(|need| need.url).collect()).unwrap_or_default()
}

/// The bytes of a request. Envoy takes the scheme from its own word, which the listener of these tests lets a client have.
pub(crate) fn bytes(case: &Case) -> Vec<u8> {
    let request = &case.request["request"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let url = text(&request["url"]);
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", &url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let target = request["target"].as_str().map_or(path, Into::into);
    let mut head = format!("{} {target} HTTP/1.1\r\n", text(&request["method"]));
    let mut named = BTreeSet::new();
    let mut fields = String::new();
    for field in request["headers"].as_array().into_iter().flatten() {
        let name = text(&field[0]);
        fields += &format!("{name}: {}\r\n", text(&field[1]));
        named.insert(name.to_ascii_lowercase());
    }
    for (name, value) in [("Host", authority), ("X-Forwarded-Proto", scheme)] {
        if !named.contains(&name.to_ascii_lowercase()) {
            head += &format!("{name}: {value}\r\n");
        }
    }
    if let Some(certificate) = certificate(&case.request["client_certificate"]) {
        head += &format!("X-Forwarded-Client-Cert: {certificate}\r\n");
    }
    if !named.contains("connection") {
        fields += "Connection: close\r\n";
    }
    // What a host has not is there all the same.
    let body = if request["body_withheld"] == true { "hello" } else { "" };
    if !body.is_empty() {
        fields += &format!("Content-Length: {}\r\n", body.len());
    }
    (head + &fields + "\r\n" + body).into_bytes()
}

/// A client's certificate as Envoy's connection manager says it.
fn certificate(told: &Value) -> Option<String> {
    let der = |text: &Value| URL_SAFE_NO_PAD.decode(text.as_str().unwrap_or_default()).expect("base64url");
    let pem = |text: &Value| {
        let body: Vec<u8> = STANDARD.encode(der(text)).into_bytes();
        let lines: Vec<String> = body.chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
        pem.replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
    };
    if let Some(chain) = told["chain"].as_array().filter(|chain| !chain.is_empty()) {
        return Some(format!("Hash=00;Chain=\"{}\"", chain.iter().map(pem).collect::<String>()));
    }
    if told.get("leaf").is_some() {
        return Some(format!("Cert=\"{}\"", pem(&told["leaf"])));
    }
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    told.get("digest").map(|digest| format!("Hash={}", hex(der(digest))))
}

/// The origins that a case's policy may fetch from, and those of its documents.
pub(crate) fn origins(case: &Case) -> BTreeSet<String> {
    let mut texts = Vec::new();
    collect(&case.request["policy"], &mut texts);
    let documents = case.request["resources"].as_object().into_iter().flatten().map(|(url, _)| url.clone());
    texts.extend(documents);
    texts.iter().filter_map(|text| Origin::of_url(text)).map(|origin| origin.to_string()).collect()
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect(member, texts)),
        _ => {}
    }
}

/// A case's policy with a filter's settings.
pub(crate) fn policy(case: &Case, cluster: &str) -> Value {
    let mut policy = case.request["policy"].clone();
    let clusters: serde_json::Map<String, Value> =
        origins(case).into_iter().map(|origin| (origin, cluster.into())).collect();
    policy["envoy"] = json!({"clusters": clusters});
    if case.request.get("client_certificate").is_some() {
        policy["envoy"]["client_certificate"] = "xfcc".into();
    }
    policy
}

/// What a case says of documents, as a server has them.
pub(crate) fn documents(case: &Case) -> Vec<(String, Served)> {
    let served = |told: &Value| {
        if told.get("failed").is_some() {
            return Served::Nothing;
        }
        let status = told["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
        let body = match (told["body"].as_str(), told["body_b64"].as_str()) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (_, Some(text)) => URL_SAFE_NO_PAD.decode(text).expect("base64url"),
            _ => Vec::new(),
        };
        let pair = |field: &Value| Some((field[0].as_str()?.to_owned(), field[1].as_str()?.to_owned()));
        let fields = match &told["headers"] {
            Value::Array(fields) => fields.iter().filter_map(pair).collect(),
            Value::Object(fields) => {
                fields.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.into()))).collect()
            }
            _ => Vec::new(),
        };
        Served::Answer(status, fields, body)
    };
    case.request["resources"].as_object().into_iter().flatten().map(|(url, told)| (url.clone(), served(told))).collect()
}

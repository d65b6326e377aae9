//! `portcullis:signature`

use ed25519_dalek::{Signer, SigningKey};
use portcullis_host::{
    Algorithm, KeySet, Portcullis,
    signature::{
        BareItem, DigestAlgorithm, Expectations, FieldType, Header, Message, Parameter, Parameters, Request,
        RequestedSignature, RequiredParameters, Response, Selection, Signing, StructuredField,
    },
};
use portcullis_tests::{CRYPTO, corpus::NOW};
use portcullis_types::base64url;
use serde_json::{Value, json};

use crate::{
    algorithms, code, component,
    messages::{at, cases, message, text_answer, texts, wanted},
};

fn expectations(members: &Value) -> Expectations {
    let (label, tag, require) = (&members["label"], &members["tag"], &members["require"]);
    let mut required = RequiredParameters::empty();
    for name in texts(&require["parameters"]) {
        required |= match name.as_str() {
            "created" => RequiredParameters::CREATED,
            "expires" => RequiredParameters::EXPIRES,
            "nonce" => RequiredParameters::NONCE,
            "alg" => RequiredParameters::ALG,
            "keyid" => RequiredParameters::KEYID,
            _ => RequiredParameters::TAG,
        };
    }
    let structured = members["structured_fields"].as_object().into_iter().flatten();
    let structured = structured.map(|(name, of)| StructuredField {
        name: name.clone(),
        field_type: match of.as_str() {
            Some("list") => FieldType::List,
            Some("dictionary") => FieldType::Dictionary,
            _ => FieldType::Item,
        },
    });
    Expectations {
        selection: match (label.as_str(), tag.as_str()) {
            (Some(label), _) => Selection::Label(label.into()),
            (None, Some(tag)) => Selection::Tag(tag.into()),
            (None, None) => Selection::Only,
        },
        components: texts(&require["components"]),
        required,
        created_within: require["created_within"].as_u64(),
        skew: members["skew"].as_u64().unwrap_or(0),
        algorithms: algorithms(&members["algorithms"]),
        structured_fields: structured.collect(),
    }
}

#[test]
fn typed_signatures_answer_as_the_text_door_does() {
    for crypto in CRYPTO {
        let mut component = component(crypto);
        let (mut accepted, mut refused) = (0, 0);
        for case in cases(&["http-signature.ndjson", "http-signature.policy.ndjson"]) {
            let Some(text) = text_answer(&mut component, &case) else { continue };
            let wanted = wanted(&text);
            let keys =
                match component.key_set_from_jwks(case.request["keys"].to_string().as_bytes()).expect("an answer") {
                    Ok(keys) => keys,
                    Err(rejection) => {
                        assert_eq!(rejection.code, wanted, "{}", case.id);
                        continue;
                    }
                };
            let (message, expect) = (message(&case.request), expectations(&case.request));
            let verdict = component.verify_signature(&message, &keys, &expect, at(&case)).expect("an answer");
            assert_eq!(code(&verdict), wanted, "{crypto} {}", case.id);
            let report = component.explain_signature(&message, &keys, &expect, at(&case)).expect("an answer");
            assert_eq!(code(&report.outcome), wanted, "explained: {}", case.id);
            if let Ok(verified) = verdict {
                let result = &text["result"];
                assert_eq!(result["label"], verified.label, "{}", case.id);
                assert_eq!(result["keyid"].as_str(), verified.keyid.as_deref(), "{}", case.id);
                assert_eq!(texts(&result["components"]), verified.components, "{}", case.id);
                assert_eq!(result["algorithm"], verified.algorithm.as_str(), "{}", case.id);
                accepted += 1;
            } else {
                refused += 1;
            }
        }
        assert!(accepted >= 8 && refused >= 15, "{accepted} accepted, {refused} refused");
    }
}

/// A key, and the set that verifies it.
fn key(component: &mut Portcullis) -> (SigningKey, KeySet) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let x = base64url::encode(key.verifying_key().as_bytes());
    let jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x}]}).to_string();
    let keys = component.key_set_from_jwks(jwks.as_bytes()).expect("an answer").expect("a key set");
    (key, keys)
}

fn post(body: &[u8], digest: String) -> Request {
    Request {
        method: "POST".into(),
        url: "https://api.example/orders?open".into(),
        target: None,
        headers: vec![Header { name: "Content-Digest".into(), value: digest.into() }],
        trailers: Vec::new(),
        body: Some(body.to_vec()),
    }
}

fn parameters() -> Parameters {
    let other = |name: &str, value| Parameter { name: name.into(), value };
    Parameters {
        created: Some(i64::try_from(NOW).expect("a time")),
        keyid: Some("one".into()),
        tag: Some("test".into()),
        others: vec![
            other("whole", BareItem::Integer(-5)),
            other("part", BareItem::Decimal(1.25)),
            other("text", BareItem::Text("a \"b\"".into())),
            other("token", BareItem::Token("a/b".into())),
            other("bytes", BareItem::Bytes(vec![1, 2])),
            other("flag", BareItem::Boolean(false)),
            other("date", BareItem::Date(1_700_000_000)),
            other("display", BareItem::DisplayText("\u{fc}".into())),
        ],
        ..Parameters::default()
    }
}

#[test]
fn what_is_prepared_here_and_signed_verifies() {
    // Prepared by one instance and finished by another: what is prepared outlives the instance that prepared it.
    let (mut first, mut second) = (component("software"), component("wide"));
    let body = b"{\"order\": 1}";
    let digest = first.content_digest(DigestAlgorithm::Sha512, body).expect("an answer");
    assert!(digest.starts_with("sha-512=:"), "{digest}");
    let mut request = post(body, digest);
    let (key, keys) = key(&mut first);
    let signing = Signing {
        label: "sig1".into(),
        components: ["@method", "@query", "\"content-digest\""].map(str::to_owned).into(),
        parameters: parameters(),
        structured_fields: Vec::new(),
    };
    let message = Message::Request(request.clone());
    let prepared = first.prepare_signature(&message, &signing).expect("an answer").expect("it is prepared");
    assert!(prepared.base().starts_with("\"@method\": POST\n\"@query\": ?open\n"), "{}", prepared.base());
    let signature = key.sign(prepared.base().as_bytes()).to_bytes();
    let fields = second.finish_signature(&prepared, &signature).expect("an answer");
    request.headers.push(Header { name: "Signature-Input".into(), value: fields.input.into() });
    request.headers.push(Header { name: "Signature".into(), value: fields.signature.into() });

    let message = Message::Request(request.clone());
    let expect = Expectations {
        selection: Selection::Tag("test".into()),
        components: vec!["content-digest".into()],
        required: RequiredParameters::CREATED | RequiredParameters::KEYID,
        created_within: Some(60),
        ..Expectations::default()
    };
    let verified = second.verify_signature(&message, &keys, &expect, NOW).expect("an answer").expect("it verifies");
    assert_eq!(verified.parameters, parameters(), "every kind of value comes back");
    assert_eq!(verified.components, ["@method", "@query", "content-digest"]);
    assert_eq!((verified.algorithm, verified.keyid.as_deref()), (Algorithm::Ed25519, Some("one")));

    let seen = first.inspect_signatures_untrusted(&message).expect("an answer").expect("there are signatures");
    let [one] = &seen[..] else { panic!("{} signatures", seen.len()) };
    let description = one.description.as_ref().expect("it is understood");
    assert_eq!((one.label.as_str(), description.signature_length), ("sig1", 64));
    assert_eq!(description.base.as_deref(), Ok(prepared.base()));

    let late = second.verify_signature(&message, &keys, &expect, NOW + 61).expect("an answer");
    assert_eq!(code(&late), "signature.too_old");
    let more = Expectations { required: RequiredParameters::NONCE, ..expect.clone() };
    let refused = second.verify_signature(&message, &keys, &more, NOW).expect("an answer");
    assert_eq!(code(&refused), "signature.parameter_missing");
    request.body = Some(b"{\"order\": 2}".to_vec());
    let other = second.verify_signature(&Message::Request(request), &keys, &expect, NOW).expect("an answer");
    assert_eq!(code(&other), "signature.digest_mismatch");
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let mut component = component("software");
    let message = Message::Request(post(b"", String::new()));
    let of = |components: &[&str], parameters| Signing {
        label: "sig1".into(),
        components: components.iter().map(|&text| text.to_owned()).collect(),
        parameters,
        structured_fields: Vec::new(),
    };
    let odd = |value| Parameters { others: vec![Parameter { name: "odd".into(), value }], ..Parameters::default() };
    for (signing, wanted) in [
        (of(&["@pathx"], Parameters::default()), "signature.component_unknown"),
        (of(&["@status"], Parameters::default()), "signature.component_target"),
        (Signing { label: "Sig".into(), ..of(&[], Parameters::default()) }, "signature.label_form"),
        (of(&[], odd(BareItem::Text("\u{fc}".into()))), "signature.parameter_value"),
        (of(&[], odd(BareItem::Token("a b".into()))), "signature.parameter_value"),
        (of(&[], odd(BareItem::Integer(i64::MAX))), "signature.parameter_value"),
        (of(&[], odd(BareItem::Date(i64::MIN))), "signature.parameter_value"),
        (of(&[], odd(BareItem::Decimal(f64::NAN))), "signature.parameter_value"),
    ] {
        let refused = component.prepare_signature(&message, &signing).expect("an answer");
        assert_eq!(refused.as_ref().map_err(|rejection| rejection.code.as_str()).err(), Some(wanted), "{signing:?}");
    }
}

#[test]
fn what_is_asked_for_is_what_is_signed() {
    let mut component = component("software");
    let asked = RequestedSignature {
        label: "sig1".into(),
        components: vec!["@status".into(), "@method;req".into()],
        created: true,
        expires: true,
        nonce: Some("abc".into()),
        alg: component.signature_algorithm_name(Algorithm::Es256).expect("an answer"),
        keyid: None,
        tag: Some("test".into()),
        others: vec![Parameter { name: "more".into(), value: BareItem::Boolean(true) }],
    };
    assert_eq!(asked.alg.as_deref(), Some("ecdsa-p256-sha256"));
    assert_eq!(component.signature_algorithm_name(Algorithm::Es512).expect("an answer"), None);
    let field = component.write_accept_signature(std::slice::from_ref(&asked)).expect("an answer").expect("a field");
    let headers = [Header { name: "accept-signature".into(), value: field.into() }];
    let read = component.read_accept_signature(&headers).expect("an answer").expect("it reads");
    assert_eq!(read, std::slice::from_ref(&asked));
    assert_eq!(component.read_accept_signature(&[]).expect("an answer").expect("none"), []);

    let response = Message::Response(Response {
        status: 200,
        headers: Vec::new(),
        trailers: Vec::new(),
        body: None,
        related_request: Some(post(b"", String::new())),
    });
    let signing = component.signing_for(&asked, &response, NOW, 30).expect("an answer").expect("it can be signed");
    let now = i64::try_from(NOW).expect("a time");
    assert_eq!((signing.parameters.created, signing.parameters.expires), (Some(now), Some(now + 30)));
    assert_eq!((signing.label.as_str(), &signing.components), ("sig1", &asked.components));
    let prepared = component.prepare_signature(&response, &signing).expect("an answer").expect("it is prepared");
    assert!(prepared.base().starts_with("\"@status\": 200\n\"@method\";req: POST\n"), "{}", prepared.base());
    let request = Message::Request(post(b"", String::new()));
    let refused = component.signing_for(&asked, &request, NOW, 30).expect("an answer");
    assert_eq!(code(&refused), "signature.component_target");
}

#[test]
fn digests_are_those_of_the_content() {
    let mut component = component("software");
    for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512] {
        let value = component.content_digest(algorithm, b"yes").expect("an answer");
        let headers = [Header { name: "Content-Digest".into(), value: value.into() }];
        let checked = component.check_content_digest(&headers, b"yes").expect("an answer");
        assert_eq!(checked.expect("it matches"), [algorithm]);
        let checked = component.check_content_digest(&headers, b"no").expect("an answer");
        assert_eq!(code(&checked), "signature.digest_mismatch");
    }
    let checked = component.check_content_digest(&[], b"").expect("an answer");
    assert_eq!(code(&checked), "signature.digest_missing");
}

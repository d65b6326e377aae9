//! Making signatures (RFC 9421 section 3.1), and asking for them (section 5).

mod support;

use ed25519_dalek::Signer;
use portcullis_signature::{
    AcceptSignature, BareItem, Expectations, Field, Parameters, RequestedSignature, Selection, prepare,
};
use support::{AT, Sample, created, keys, named, signing_key};

fn refused(sample: &Sample, label: &str, components: &[&str], parameters: &Parameters) -> Option<&'static str> {
    let components = named(components);
    sample.lend(|message| prepare(message, label, &components, parameters)).err().map(|refused| refused.code())
}

fn request() -> Sample {
    Sample::get("https://api.example/a?b=c").field("Date", "today").field("Priority", "u=1")
}

#[test]
fn what_is_made_verifies() {
    let parameters = Parameters {
        created: Some(AT as i64),
        expires: Some(AT as i64 + 60),
        nonce: Some("a \"quoted\" \\ nonce".into()),
        alg: Some("ed25519".into()),
        keyid: Some("a".into()),
        tag: Some("t".into()),
        others: vec![("wimse-aud".into(), BareItem::Boolean(true)), ("n".into(), BareItem::Integer(5.into()))],
    };
    let components = ["@method", "date;bs", "@query-param;name=\"b\"", "priority;key=\"u\"", "@target-uri"];
    let signed = request().signed("my-label", &components, &parameters);
    let input = signed.fields.iter().find(|(name, _)| name == "Signature-Input").unwrap();
    assert_eq!(
        core::str::from_utf8(&input.1).unwrap(),
        "my-label=(\"@method\" \"date\";bs \"@query-param\";name=\"b\" \"priority\";key=\"u\" \"@target-uri\")\
         ;created=1790000000;expires=1790000060;nonce=\"a \\\"quoted\\\" \\\\ nonce\";alg=\"ed25519\";keyid=\"a\";tag=\"t\"\
         ;wimse-aud;n=5"
    );
    let verified = signed.verify(&keys(), &Expectations::default(), AT).unwrap();
    assert_eq!(verified.parameters, parameters);
    assert_eq!(verified.components, named(&components));
    let twice = signed.signed("b", &["date"], &created());
    for label in ["my-label", "b"] {
        let expect = Expectations { selection: Selection::Label(label), ..Expectations::default() };
        assert!(twice.verify(&keys(), &expect, AT).is_ok(), "{label}");
    }
}

#[test]
fn nothing_is_made_that_no_verifier_takes() {
    let request = request();
    assert_eq!(refused(&request, "s", &["date"], &created()), None);
    for label in ["", "S", "1s", "s s", "s=", "\u{e4}"] {
        assert_eq!(refused(&request, label, &[], &created()), Some("signature.label_form"), "{label}");
    }
    let signed = request.clone().signed("s", &[], &created());
    assert_eq!(refused(&signed, "s", &[], &created()), Some("signature.label_repeated"));
    assert_eq!(refused(&signed, "t", &[], &created()), None);
    let broken = request.clone().field("Signature", "x=:AA==:");
    assert_eq!(refused(&broken, "s", &[], &created()), Some("signature.input_missing"));
    assert_eq!(refused(&request, "s", &["date", "date"], &created()), Some("signature.component_repeated"));
    assert_eq!(refused(&request, "s", &["x-missing"], &created()), Some("signature.field_missing"));
    assert_eq!(refused(&request, "s", &["@status"], &created()), Some("signature.component_target"));
    let many: Vec<String> = (0..65).map(|n| format!("f{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(refused(&request, "s", &many, &created()), Some("signature.components_too_many"));
}

#[test]
fn parameters_fit_into_structured_fields() {
    let none = Parameters::default();
    let request = request();
    let code = |parameters: Parameters| refused(&request, "s", &[], &parameters);
    let text = |text: &str| Some(text.to_string());
    assert_eq!(
        code(Parameters { created: Some(1_000_000_000_000_000), ..none.clone() }),
        Some("signature.parameter_value")
    );
    for bad in ["caf\u{e9}", "a\nb", "\u{7f}"] {
        for parameters in [
            Parameters { nonce: text(bad), ..none.clone() },
            Parameters { alg: text(bad), ..none.clone() },
            Parameters { keyid: text(bad), ..none.clone() },
            Parameters { tag: text(bad), ..none.clone() },
        ] {
            assert_eq!(code(parameters), Some("signature.parameter_value"), "{bad:?}");
        }
    }
    let other = |name: &str| Parameters { others: vec![(name.into(), BareItem::Boolean(true))], ..created() };
    assert_eq!(code(other("ok")), None);
    assert_eq!(code(other("Not")), Some("signature.parameter_value"));
    for registered in ["created", "expires", "nonce", "alg", "keyid", "tag"] {
        assert_eq!(code(other(registered)), Some("signature.parameter_value"), "{registered}");
    }
    let twice = Parameters { others: vec![("x".into(), 1.into()), ("x".into(), 2.into())], ..none.clone() };
    assert_eq!(code(twice), Some("signature.parameter_repeated"));
    let many = Parameters { others: (0..33).map(|n| (format!("p{n}"), 1.into())).collect(), ..none.clone() };
    assert_eq!(code(many), Some("signature.parameters_too_many"));
    let backwards = Parameters { created: Some(2), expires: Some(1), ..none };
    assert_eq!(code(backwards), Some("signature.expires_before_created"));
}

fn read(value: &str) -> Result<AcceptSignature, &'static str> {
    AcceptSignature::of(&[Field { name: "accept-signature", value: value.as_bytes() }])
        .map_err(|refused| refused.code())
}

#[test]
fn signatures_are_asked_for_and_made_in_answer() {
    let asked = read(
        "sig1=(\"@method\" \"@target-uri\" \"@authority\" \"priority\");keyid=\"a\";created;tag=\"app-123\";x=1, \
         other=(\"@status\" \"@method\";req);expires;nonce=\"n\";alg=\"ed25519\"",
    )
    .unwrap();
    let [first, second] = &asked.signatures[..] else { panic!("{asked:?}") };
    assert_eq!(
        (first.label.as_str(), first.keyid.as_deref(), first.tag.as_deref()),
        ("sig1", Some("a"), Some("app-123"))
    );
    assert!(first.created && !first.expires && !second.created && second.expires);
    assert_eq!(first.others, [("x".to_string(), BareItem::Integer(1.into()))]);
    request().lend(|message| {
        assert!(first.applies_to(message).is_ok());
        assert_eq!(second.applies_to(message).unwrap_err().code(), "signature.component_target");
        let req = RequestedSignature { components: named(&["date;req"]), ..RequestedSignature::default() };
        assert_eq!(req.applies_to(message).unwrap_err().code(), "signature.request_in_request");
    });
    Sample::response(200).answering(request()).lend(|message| {
        assert!(second.applies_to(message).is_ok());
        assert_eq!(first.applies_to(message).unwrap_err().code(), "signature.component_target");
    });
    let answer = second.parameters(AT, 60);
    assert_eq!((answer.created, answer.expires, answer.nonce.as_deref()), (None, Some(AT as i64 + 60), Some("n")));
    let sample = request();
    let made =
        sample.lend(|message| prepare(message, &first.label, &first.components, &first.parameters(AT, 60))).unwrap();
    let (input, signature) = made.finish(&signing_key().sign(made.base.as_bytes()).to_bytes());
    let signed = sample.field("Signature-Input", input).field("Signature", signature);
    let expect =
        Expectations { components: &first.components, selection: Selection::Label("sig1"), ..Default::default() };
    assert!(signed.verify(&keys(), &expect, AT).is_ok());
    assert_eq!(read(&asked.field().unwrap()).unwrap(), asked, "what is written reads the same");
    assert_eq!(first.parameters(u64::MAX, u64::MAX).created, Some(i64::MAX), "and is refused when it is written");
}

#[test]
fn nothing_is_asked_for_where_there_is_no_field() {
    assert_eq!(AcceptSignature::of(&[]).unwrap(), AcceptSignature::default());
    assert_eq!(AcceptSignature::default().field().unwrap(), "");
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    for (value, code) in [
        ("a=(", "signature.syntax"),
        ("a=(), a=()", "signature.label_repeated"),
        ("a=1", "signature.input_type"),
        ("a=();created=5", "signature.parameter_type"),
        ("a=();expires=?0", "signature.parameter_type"),
        ("a=();nonce", "signature.parameter_type"),
        ("a=();x;x", "signature.parameter_repeated"),
        ("a=(\"@new\")", "signature.component_unknown"),
        ("a=(\"b\" \"b\")", "signature.component_repeated"),
    ] {
        assert_eq!(read(value).unwrap_err(), code, "{value}");
    }
    let many: Vec<String> = (0..17).map(|n| format!("s{n}=()")).collect();
    assert_eq!(read(&many.join(", ")).unwrap_err(), "signature.too_many");
    let one = |label: &str| RequestedSignature { label: label.into(), ..RequestedSignature::default() };
    let code = |signatures: Vec<RequestedSignature>| AcceptSignature { signatures }.field().unwrap_err().code();
    assert_eq!(code(vec![one("A")]), "signature.label_form");
    assert_eq!(code(vec![one("a"), one("a")]), "signature.label_repeated");
    assert_eq!(code(vec![RequestedSignature { tag: Some("\n".into()), ..one("a") }]), "signature.parameter_value");
    let others = vec![("created".into(), BareItem::Boolean(true))];
    assert_eq!(code(vec![RequestedSignature { created: true, others, ..one("a") }]), "signature.parameter_value");
    assert_eq!(
        code(vec![RequestedSignature { components: named(&["b", "b"]), ..one("a") }]),
        "signature.component_repeated"
    );
}

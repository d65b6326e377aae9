//! Whatever is read: no panic, and what is written reads the same.

mod support;

use portcullis_signature::{
    AcceptSignature, Component, Expectations, Field, Parameters, Signatures, check_content_digest,
};
use proptest::prelude::*;
use support::{AT, Sample, keys};

/// Texts that look like the fields often enough to get beyond their syntax.
fn field() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("(".to_string()),
        Just(")".into()),
        Just("\"@method\"".into()),
        Just("\"@query-param\";name=\"a\"".into()),
        Just("\"x\"".into()),
        Just(";sf".into()),
        Just(";bs".into()),
        Just(";key=\"a\"".into()),
        Just(";req".into()),
        Just(";created=1".into()),
        Just(";tag=\"t\"".into()),
        Just(", ".into()),
        Just(" ".into()),
        Just("a=".into()),
        Just("b=".into()),
        Just(":AQ==:".into()),
        "[ -~]{0,4}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_message_is_answered(
        input in field(),
        signature in field(),
        value in field(),
        url in "(https?://)?[a-z:\\[\\]@]{0,6}[/?#a-z%&=+]{0,12}",
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let sample = Sample::get(&url)
            .field("Signature-Input", input.clone())
            .field("Signature", signature)
            .field("x", value.clone())
            .field("x", bytes.clone())
            .field("Content-Digest", value.clone());
        let _ = sample.verify(&keys(), &Expectations::default(), AT);
        let _ = Sample::get(&url).claiming(&input).base();
        for component in ["x", "x;bs", "x;key=\"a\"", "@authority", "@path", "@query", "@query-param;name=\"a\"", "content-digest;sf"] {
            if let Ok(value) = sample.value(component) {
                prop_assert!(value.is_ascii() && !value.contains(['\n', '\r']), "{value:?}");
            }
        }
        let _ = check_content_digest(&[Field { name: "content-digest", value: value.as_bytes() }], Some(&bytes));
        let _ = Sample::get("https://a/").field("Signature", bytes).base();
    }

    #[test]
    fn a_component_that_is_read_is_written_so_that_it_reads_the_same(text in field()) {
        if let Ok(component) = Component::parse(&text) {
            for written in [component.to_string(), component.unquoted()] {
                prop_assert_eq!(&Component::parse(&written).unwrap(), &component, "{}", written);
            }
        }
    }

    #[test]
    fn what_is_asked_for_is_written_so_that_it_reads_the_same(text in field()) {
        if let Ok(asked) = AcceptSignature::of(&[Field { name: "Accept-Signature", value: text.as_bytes() }]) {
            let written = asked.field().unwrap();
            let again = AcceptSignature::of(&[Field { name: "Accept-Signature", value: written.as_bytes() }]).unwrap();
            prop_assert_eq!(again, asked);
        }
    }

    #[test]
    fn what_is_signed_verifies(nonce in "[ -~]{0,20}", method in "[A-Z]{1,5}", query in "[a-z=&%+]{0,10}", value in "[!-~][ -~]{0,20}[!-~]") {
        let sample = Sample { method, ..Sample::get(&format!("https://a/?{query}")) }.field("x", value);
        let parameters = Parameters { nonce: Some(nonce), created: Some(AT as i64), ..Parameters::default() };
        let signed = sample.signed("s", &["@method", "@query", "x", "x;bs"], &parameters);
        let verified = signed.verify(&keys(), &Expectations::default(), AT).unwrap();
        prop_assert_eq!(verified.parameters, parameters);
        signed.lend(Signatures::of).unwrap();
    }
}

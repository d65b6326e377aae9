//! The fields `Signature-Input` and `Signature` (RFC 9421 sections 2, 2.3 and 4).

mod support;

use portcullis_signature::{Component, MAX_COMPONENTS, MAX_PARAMETERS, MAX_SIGNATURES, Selection, Signatures};
use support::Sample;

fn with(input: &str, signature: &str) -> Sample {
    Sample::get("https://a/").field("Signature-Input", input).field("Signature", signature)
}

/// The label that is selected, or the code of what is wrong.
fn select(sample: &Sample, selection: Selection<'_>) -> Result<String, &'static str> {
    let selected = sample.lend(|message| Signatures::of(message)?.select(&selection).map(|one| one.label.clone()));
    selected.map_err(|refused| refused.code())
}

fn only(sample: &Sample) -> Result<String, &'static str> {
    select(sample, Selection::Only)
}

/// The code of what is wrong with a signature that covers a component.
fn component(identifier: &str) -> Result<String, &'static str> {
    only(&with(&format!("s=({identifier})"), "s=:AQID:"))
}

#[test]
fn both_fields_are_there_with_the_same_labels() {
    assert_eq!(only(&Sample::get("https://a/")), Err("signature.missing"));
    assert_eq!(only(&Sample::get("https://a/").field("Signature-Input", "a=()")), Err("signature.value_missing"));
    assert_eq!(only(&Sample::get("https://a/").field("Signature", "a=:AA==:")), Err("signature.input_missing"));
    assert_eq!(only(&with("a=()", "a=:AA==:")).as_deref(), Ok("a"));
    assert_eq!(only(&with("a=()", "b=:AA==:")), Err("signature.label_unpaired"));
    assert_eq!(select(&with("a=(), b=()", "a=:AA==:"), Selection::Label("a")), Err("signature.label_unpaired"));
    assert_eq!(select(&with("a=()", "a=:AA==:, b=:AA==:"), Selection::Label("a")), Err("signature.label_unpaired"));
    assert_eq!(only(&with("a=(", "a=:AA==:")), Err("signature.syntax"));
    assert_eq!(only(&with("a=()", "a=:A*A:")), Err("signature.syntax"));
    assert_eq!(only(&with("a=(),", "a=:AA==:")), Err("signature.syntax"));
    assert_eq!(only(&with("a=()\u{e4}", "a=:AA==:")), Err("signature.syntax"));
}

#[test]
fn labels_are_unique_over_lines_and_sections() {
    assert_eq!(only(&with("a=(), a=()", "a=:AA==:")), Err("signature.label_repeated"));
    assert_eq!(only(&with("a=()", "a=:AA==:, a=:AA==:")), Err("signature.label_repeated"));
    assert_eq!(only(&with("a=()", "a=:AA==:").field("signature", "a=:AA==:")), Err("signature.label_repeated"));
    assert_eq!(only(&with("a=()", "a=:AA==:").trailer("Signature", "a=:AA==:")), Err("signature.label_repeated"));
    let split = Sample::get("https://a/").field("Signature-Input", "a=()").trailer("Signature", "a=:AA==:");
    assert_eq!(only(&split).as_deref(), Ok("a"), "a signature may follow the body");
    let two = with("a=()", "a=:AA==:").field("signature-input", "b=();tag=\"t\"").field("SIGNATURE", "b=:AA==:");
    assert_eq!(select(&two, Selection::Label("b")).as_deref(), Ok("b"));
}

#[test]
fn one_signature_is_meant() {
    let three = with("a=();tag=\"t\", b=();tag=\"u\", c=();tag=\"u\"", "a=:AA==:, b=:AA==:, c=:AA==:");
    assert_eq!(only(&three), Err("signature.ambiguous"));
    assert_eq!(select(&three, Selection::Label("c")).as_deref(), Ok("c"));
    assert_eq!(select(&three, Selection::Label("d")), Err("signature.label_unknown"));
    assert_eq!(select(&three, Selection::Tag("t")).as_deref(), Ok("a"));
    assert_eq!(select(&three, Selection::Tag("v")), Err("signature.tag_unknown"));
    assert_eq!(select(&three, Selection::Tag("u")), Err("signature.tag_repeated"));
    let token = with("a=();tag=t", "a=:AA==:");
    assert_eq!(select(&token, Selection::Tag("t")), Err("signature.tag_unknown"), "a token is no string");
}

#[test]
fn a_signature_that_is_not_understood_spoils_only_itself() {
    for strange in [
        "(\"@new\");tag=\"t\"",
        "(\"a\";new);tag=\"t\"",
        "(\"A\");tag=\"t\"",
        "();created=\"x\";tag=\"t\"",
        "();x;x;tag=\"t\"",
    ] {
        let two = with(&format!("a=(\"@method\"), b={strange}"), "a=:AA==:, b=:AA==:");
        assert_eq!(select(&two, Selection::Label("a")).as_deref(), Ok("a"), "{strange}");
        assert!(select(&two, Selection::Label("b")).is_err(), "{strange}");
        let both = with(&format!("a=();tag=\"t\", b={strange}"), "a=:AA==:, b=:AA==:");
        assert_eq!(select(&both, Selection::Tag("t")), Err("signature.tag_repeated"), "it counts: {strange}");
    }
    let two = with("a=(), b=1", "a=:AA==:, b=1");
    assert_eq!(select(&two, Selection::Label("a")).as_deref(), Ok("a"));
    two.lend(|message| {
        let signatures = Signatures::of(message).unwrap();
        let told: Vec<_> = signatures.iter().map(|(label, signature)| (label, signature.is_ok())).collect();
        assert_eq!(told, [("a", true), ("b", false)]);
    });
}

#[test]
fn members_have_their_types() {
    for input in ["a=\"@method\"", "a=1", "a"] {
        assert_eq!(only(&with(input, "a=:AA==:")), Err("signature.input_type"), "{input}");
    }
    for value in ["a=AA", "a=\"AA\"", "a=(:AA==:)", "a", "a=1"] {
        assert_eq!(only(&with("a=()", value)), Err("signature.value_type"), "{value}");
    }
    assert_eq!(only(&with("a=()", "a=::")), Err("signature.value_empty"));
}

#[test]
fn one_text_stands_for_one_signature() {
    assert_eq!(only(&with("a=()", "a=:AQ==:")).as_deref(), Ok("a"));
    for other in ["AR==", "AS==", "AX=="] {
        assert_eq!(only(&with("a=()", &format!("a=:{other}:"))), Err("signature.value_trailing_bits"), "{other}");
    }
    assert_eq!(only(&with("a=()", "a=:AQ:")).as_deref(), Ok("a"), "padding may be left out (RFC 9651 section 4.2.7)");
}

#[test]
fn parameters_have_their_types_and_occur_once() {
    for parameters in
        [";created=1;expires=2;nonce=\"n\";alg=\"a\";keyid=\"k\";tag=\"t\"", ";created=-1", ";new=tok;other=1.5;flag"]
    {
        assert_eq!(only(&with(&format!("a=(){parameters}"), "a=:AA==:")).as_deref(), Ok("a"), "{parameters}");
    }
    for parameters in [
        ";created=\"1\"",
        ";created=1.0",
        ";created",
        ";created=@1",
        ";expires=1.5",
        ";nonce=1",
        ";nonce=tok",
        ";alg=ed25519",
        ";keyid=:AA==:",
        ";tag",
        ";tag=%\"t\"",
    ] {
        assert_eq!(
            only(&with(&format!("a=(){parameters}"), "a=:AA==:")),
            Err("signature.parameter_type"),
            "{parameters}"
        );
    }
    assert_eq!(only(&with("a=();created=1;created=1", "a=:AA==:")), Err("signature.parameter_repeated"));
    assert_eq!(only(&with("a=();new=1;new=2", "a=:AA==:")), Err("signature.parameter_repeated"));
}

#[test]
fn components_are_understood() {
    for identifier in [
        "\"@method\"",
        "\"content-type\"",
        "\"x_y!#$%&'*+-.^`|~1\"",
        "\"a\";sf",
        "\"a\";sf=?1",
        "\"a\";bs;req;tr",
        "\"a\";key=\"b\";sf",
        "\"@query-param\";name=\"\"",
        "\"@status\"",
    ] {
        assert!(component(identifier).is_ok(), "{identifier}");
    }
    for (identifier, code) in [
        ("date", "signature.component_syntax"),
        ("1", "signature.component_syntax"),
        (":AA==:", "signature.component_syntax"),
        ("\"\"", "signature.component_name"),
        ("\"a b\"", "signature.component_name"),
        ("\"a:\"", "signature.component_name"),
        ("\"a\\\"b\"", "signature.component_name"),
        ("\"Date\"", "signature.component_upper_case"),
        ("\"@Method\"", "signature.component_upper_case"),
        ("\"@methods\"", "signature.component_unknown"),
        ("\"@\"", "signature.component_unknown"),
        ("\"@signature-params\"", "signature.component_signature_params"),
        ("\"a\";new", "signature.component_parameter_unknown"),
        ("\"@method\";new", "signature.component_parameter_unknown"),
        ("\"a\";sf;sf", "signature.component_parameter_repeated"),
        ("\"a\";sf=?0", "signature.component_parameter_type"),
        ("\"a\";bs=1", "signature.component_parameter_type"),
        ("\"a\";req=\"1\"", "signature.component_parameter_type"),
        ("\"a\";tr=t", "signature.component_parameter_type"),
        ("\"a\";key", "signature.component_parameter_type"),
        ("\"a\";key=b", "signature.component_parameter_type"),
        ("\"@query-param\";name=b", "signature.component_parameter_type"),
        ("\"@query-param\"", "signature.component_parameter_misplaced"),
        ("\"@method\";name=\"b\"", "signature.component_parameter_misplaced"),
        ("\"a\";name=\"b\"", "signature.component_parameter_misplaced"),
        ("\"@method\";sf", "signature.component_parameter_misplaced"),
        ("\"@method\";bs", "signature.component_parameter_misplaced"),
        ("\"@method\";tr", "signature.component_parameter_misplaced"),
        ("\"@path\";key=\"b\"", "signature.component_parameter_misplaced"),
        ("\"a\";bs;sf", "signature.component_parameters_conflict"),
        ("\"a\";key=\"b\";bs", "signature.component_parameters_conflict"),
        ("\"a\" \"a\"", "signature.component_repeated"),
        ("\"a\";sf;req \"a\";req;sf", "signature.component_repeated"),
        ("\"@method\" \"date\" \"@method\"", "signature.component_repeated"),
    ] {
        assert_eq!(component(identifier), Err(code), "{identifier}");
    }
    assert!(component("\"a\" \"a\";req \"a\";sf \"a\";bs \"a\";key=\"b\" \"a\";key=\"c\" \"a\";tr").is_ok());
}

#[test]
fn identifiers_are_written_as_they_were_read() {
    for (read, text, unquoted) in [
        ("@method", "\"@method\"", "@method"),
        ("\"a\"; req; sf", "\"a\";req;sf", "a;req;sf"),
        ("a;key=\"x\\\"y\";req", "\"a\";key=\"x\\\"y\";req", "a;key=\"x\\\"y\";req"),
    ] {
        let component = Component::parse(read).unwrap();
        assert_eq!((component.to_string().as_str(), component.unquoted().as_str()), (text, unquoted));
    }
    for (text, code) in [
        ("", "signature.component_name"),
        ("a\"", "signature.component_name"),
        ("a;", "signature.component_syntax"),
        ("\"a", "signature.component_syntax"),
        ("(\"a\")", "signature.component_name"),
        ("caf\u{e9}", "signature.component_syntax"),
    ] {
        assert_eq!(Component::parse(text).unwrap_err().code(), code, "{text:?}");
    }
    let component = |text| Component::parse(text).unwrap();
    assert!(component("a;req").is_whole("a", true) && component("a").is_whole("a", false));
    for text in ["a;req", "a;sf", "a;key=\"b\"", "a;tr", "a;bs", "b"] {
        assert!(!component(text).is_whole("a", false), "{text}");
    }
    assert!(!component("a").is_whole("a", true) && !component("a;req;tr").is_whole("a", true));
    assert!(component("a;tr").is_trailer() && !component("a").is_trailer());
}

#[test]
fn numbers_are_bounded() {
    let list = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>();
    let inputs = |count| list(count, &|n| format!("s{n}=()")).join(", ");
    let values = |count| list(count, &|n| format!("s{n}=:AA==:")).join(", ");
    let last = Selection::Label("s0");
    assert!(select(&with(&inputs(MAX_SIGNATURES), &values(MAX_SIGNATURES)), last).is_ok());
    let more = with(&inputs(MAX_SIGNATURES + 1), &values(MAX_SIGNATURES + 1));
    assert_eq!(select(&more, last), Err("signature.too_many"));
    let names = |count| list(count, &|n| format!("\"f{n}\"")).join(" ");
    assert!(component(&names(MAX_COMPONENTS)).is_ok());
    assert_eq!(component(&names(MAX_COMPONENTS + 1)), Err("signature.components_too_many"));
    let parameters = |count| list(count, &|n| format!(";p{n}")).concat();
    assert!(only(&with(&format!("a=(){}", parameters(MAX_PARAMETERS)), "a=:AA==:")).is_ok());
    let more = with(&format!("a=(){}", parameters(MAX_PARAMETERS + 1)), "a=:AA==:");
    assert_eq!(only(&more), Err("signature.parameters_too_many"));
}

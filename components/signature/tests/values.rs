//! The values of components (RFC 9421 sections 2.1, 2.2 and 2.4), and the base (section 2.5).

mod support;

use portcullis_signature::{FieldType, MAX_BASE, MAX_FIELD, Signatures, StructuredFields};
use support::Sample;

fn example() -> Sample {
    Sample::get("https://www.example.com/path?param=value")
        .field("Host", "www.example.com")
        .field("Date", "Tue, 20 Apr 2021 02:07:56 GMT")
        .field("X-OWS-Header", "   Leading and trailing whitespace.\t ")
        .field("X-Obs-Fold-Header", "Obsolete\r\n    line folding.")
        .field("Cache-Control", "max-age=60")
        .field("cache-control", "    must-revalidate")
        .field("Example-Dict", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d")
        .field("X-Empty-Header", " ")
}

#[test]
fn fields_are_trimmed_unfolded_and_combined() {
    let request = example();
    for (component, value) in [
        ("host", "www.example.com"),
        ("date", "Tue, 20 Apr 2021 02:07:56 GMT"),
        ("x-ows-header", "Leading and trailing whitespace."),
        ("x-obs-fold-header", "Obsolete line folding."),
        ("cache-control", "max-age=60, must-revalidate"),
        ("example-dict", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
        ("x-empty-header", ""),
    ] {
        assert_eq!(request.value(component).as_deref(), Ok(value), "{component}");
    }
    assert_eq!(request.value("x-missing"), Err("signature.field_missing"));
    let folds = |value: &str| Sample::get("https://a/").field("x", value).value("x");
    assert_eq!(folds("a \t\r\n\t b\r\n \r\n c").as_deref(), Ok("a b c"));
    assert_eq!(folds("a\n b").as_deref(), Ok("a b"), "a line feed alone folds too (RFC 9112 section 2.2)");
    assert_eq!(folds("a\tb").as_deref(), Ok("a\tb"));
}

#[test]
fn no_value_holds_a_line_end_or_a_control_character() {
    for value in ["a\nb", "a\r\nb", "a\rb", "a\r b", "a\0b", "a\u{7f}b", "a\u{1b}", "a\r\n", "\n"] {
        let request = Sample::get("https://a/").field("x", value);
        for component in ["x", "x;bs", "x;key=\"a\""] {
            assert_eq!(request.value(component), Err("signature.field_form"), "{value:?} {component}");
        }
    }
}

#[test]
fn what_is_not_ascii_is_covered_with_bs_alone() {
    let request = Sample::get("https://a/").field("x", "caf\u{e9}").field("y", [0xff_u8]);
    assert_eq!(request.value("x"), Err("signature.field_not_ascii"));
    assert_eq!(request.value("y"), Err("signature.field_not_ascii"));
    assert_eq!(request.value("x;bs").as_deref(), Ok(":Y2Fmw6k=:"));
    assert_eq!(request.value("y;bs").as_deref(), Ok(":/w==:"));
    assert_eq!(request.value("x;key=\"caf\""), Err("signature.field_not_structured"));
}

#[test]
fn strict_serialization_needs_the_type() {
    let request = example()
        .field("Cache-Status", "a;hit,   b")
        .field("Priority", "u=1,  i")
        .field("Client-Cert", " :AQID: ")
        .field("Accept-CH", "");
    assert_eq!(request.value("cache-status;sf").as_deref(), Ok("a;hit, b"));
    assert_eq!(request.value("priority;sf").as_deref(), Ok("u=1, i"));
    assert_eq!(request.value("client-cert;sf").as_deref(), Ok(":AQID:"));
    assert_eq!(request.value("accept-ch;sf").as_deref(), Ok(""));
    assert_eq!(request.value("example-dict;sf"), Err("signature.field_type_unknown"));
    assert_eq!(request.value("date;sf"), Err("signature.field_type_unknown"));
    let bad =
        Sample::get("https://a/").field("Priority", "u=1,").field("Client-Cert", "1, 2").field("Cache-Status", "(");
    for component in ["priority;sf", "client-cert;sf", "cache-status;sf", "priority;key=\"u\""] {
        assert_eq!(bad.value(component), Err("signature.field_not_structured"), "{component}");
    }
    let known = [("example-dict", FieldType::Dictionary)];
    let told = request.clone().claiming("(\"example-dict\";sf)").lend(|message| {
        let signatures = Signatures::of(message)?;
        signatures.select(&Default::default())?.base_knowing(message, &StructuredFields::with(&known))
    });
    assert!(told.unwrap().starts_with("\"example-dict\";sf: a=1, b=2;x=1;y=2, c=(a b c), d\n"));
}

#[test]
fn members_of_dictionaries() {
    let request = example().field("Cache-Status", "a").field("twice", "a=1, b=2").field("twice", "a=(3);x");
    for (component, value) in [
        ("example-dict;key=\"a\"", "1"),
        ("example-dict;key=\"d\"", "?1"),
        ("example-dict;key=\"b\"", "2;x=1;y=2"),
        ("example-dict;key=\"c\"", "(a b c)"),
        ("example-dict;sf;key=\"c\"", "(a b c)"),
        ("twice;key=\"a\"", "(3);x"),
    ] {
        assert_eq!(request.value(component).as_deref(), Ok(value), "{component}");
    }
    assert_eq!(request.value("example-dict;key=\"e\""), Err("signature.field_key_missing"));
    assert_eq!(request.value("x-missing;key=\"e\""), Err("signature.field_missing"));
    assert_eq!(request.value("cache-status;key=\"a\""), Err("signature.field_not_dictionary"));
    assert_eq!(request.value("date;key=\"a\""), Err("signature.field_not_structured"));
}

#[test]
fn lines_are_kept_apart_with_bs() {
    let two =
        Sample::get("https://a/").field("Example-Header", "value, with, lots").field("Example-Header", " of, commas ");
    let one = Sample::get("https://a/").field("Example-Header", "value, with, lots, of, commas");
    assert_eq!(two.value("example-header"), one.value("example-header"));
    assert_eq!(two.value("example-header;bs").as_deref(), Ok(":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"));
    assert_eq!(one.value("example-header;bs").as_deref(), Ok(":dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:"));
}

#[test]
fn trailers_are_never_mixed_with_headers() {
    let response = Sample::response(200)
        .field("Trailer", "Expires")
        .field("both", "header")
        .trailer("Expires", "Wed, 9 Nov 2022 07:28:00 GMT")
        .trailer("Both", "trailer");
    assert_eq!(response.value("expires;tr").as_deref(), Ok("Wed, 9 Nov 2022 07:28:00 GMT"));
    assert_eq!(response.value("expires"), Err("signature.field_missing"));
    assert_eq!(response.value("trailer;tr"), Err("signature.field_missing"));
    assert_eq!(response.value("both").as_deref(), Ok("header"));
    assert_eq!(response.value("both;tr").as_deref(), Ok("trailer"));
}

#[test]
fn derived_components_of_requests() {
    let request = Sample {
        method: "pOsT".into(),
        ..Sample::get("HTTPS://WWW.Example.com:443?param=value&foo=bar&baz=bat%2Dman")
    };
    for (component, value) in [
        ("@method", "pOsT"),
        ("@target-uri", "HTTPS://WWW.Example.com:443?param=value&foo=bar&baz=bat%2Dman"),
        ("@authority", "www.example.com"),
        ("@scheme", "https"),
        ("@request-target", "/?param=value&foo=bar&baz=bat%2Dman"),
        ("@path", "/"),
        ("@query", "?param=value&foo=bar&baz=bat%2Dman"),
        ("@query-param;name=\"baz\"", "bat-man"),
    ] {
        assert_eq!(request.value(component).as_deref(), Ok(value), "{component}");
    }
    let bare = Sample::get("http://a:8080/a//b%2F");
    assert_eq!(bare.value("@query").as_deref(), Ok("?"));
    assert_eq!(bare.value("@path").as_deref(), Ok("/a//b%2F"));
    assert_eq!(bare.value("@authority").as_deref(), Ok("a:8080"));
    assert_eq!(bare.value("@query-param;name=\"a\""), Err("signature.query_parameter_missing"));
    assert_eq!(
        Sample::get("https://a/?q=1&q=1").value("@query-param;name=\"q\""),
        Err("signature.query_parameter_repeated")
    );
    assert_eq!(Sample::get("https://a/?q=%80").value("@query-param;name=\"q\""), Err("signature.query_encoding"));
    assert_eq!(bare.value("@status"), Err("signature.component_target"));
    for method in ["", "GE T", "GET\n", "G\u{c9}T"] {
        let request = Sample { method: method.into(), ..Sample::get("https://a/") };
        assert_eq!(request.value("@method"), Err("signature.method"), "{method:?}");
    }
    for component in
        ["@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query", "@query-param;name=\"a\""]
    {
        assert_eq!(Sample::get("/relative?a=1").value(component), Err("signature.url"), "{component}");
    }
}

#[test]
fn request_targets_have_four_forms() {
    for (target, value) in [
        (None, "/path?param=value"),
        (Some("https://www.example.com/path?param=value"), "https://www.example.com/path?param=value"),
        (Some("www.example.com:80"), "www.example.com:80"),
        (Some("*"), "*"),
    ] {
        let request = Sample { target: target.map(Into::into), ..example() };
        assert_eq!(request.value("@request-target").as_deref(), Ok(value));
    }
    for target in ["", "/a b", "/\n", "/\u{e4}"] {
        let request = Sample { target: Some(target.into()), ..example() };
        assert_eq!(request.value("@request-target"), Err("signature.target"), "{target:?}");
    }
}

#[test]
fn what_is_of_the_request_is_so_named_in_a_response() {
    let request = example().field("Signature-Agent", "a=\"b\"").body(b"x").trailer("t", "of the request");
    let response = Sample::response(503).field("Date", "today").answering(request);
    for (component, value) in [
        ("@status", "503"),
        ("date", "today"),
        ("date;req", "Tue, 20 Apr 2021 02:07:56 GMT"),
        ("@method;req", "GET"),
        ("@path;req", "/path"),
        ("@query-param;req;name=\"param\"", "value"),
        ("signature-agent;req;key=\"a\"", "\"b\""),
        ("t;tr;req", "of the request"),
    ] {
        assert_eq!(response.value(component).as_deref(), Ok(value), "{component}");
    }
    assert_eq!(response.value("host"), Err("signature.field_missing"));
    assert_eq!(response.value("@method"), Err("signature.component_target"));
    assert_eq!(response.value("@status;req"), Err("signature.component_target"));
    let alone = Sample { answers: None, ..response };
    assert_eq!(alone.value("@method;req"), Err("signature.request_unavailable"));
    assert_eq!(alone.value("date;req"), Err("signature.request_unavailable"));
    assert_eq!(example().value("date;req"), Err("signature.request_in_request"));
    assert_eq!(example().value("@method;req"), Err("signature.request_in_request"));
    assert_eq!(Sample::response(99).value("@status"), Err("signature.status"));
    assert_eq!(Sample::response(1000).value("@status"), Err("signature.status"));
}

#[test]
fn the_base_has_a_line_for_each_component_in_order() {
    let request =
        example().claiming("( \"@query\"  \"date\" \"@query-param\"; name=\"param\" );keyid=\"k\"; created=7;x");
    assert_eq!(
        request.base().unwrap(),
        "\"@query\": ?param=value\n\
         \"date\": Tue, 20 Apr 2021 02:07:56 GMT\n\
         \"@query-param\";name=\"param\": value\n\
         \"@signature-params\": (\"@query\" \"date\" \"@query-param\";name=\"param\");keyid=\"k\";created=7;x"
    );
    assert_eq!(example().claiming("()").base().unwrap(), "\"@signature-params\": ()");
}

#[test]
fn a_field_that_is_named_like_a_derived_component_is_never_read() {
    let request = example().field("@method", "DELETE");
    assert_eq!(request.value("@method").as_deref(), Ok("GET"));
}

#[test]
fn what_is_read_and_signed_is_bounded() {
    let longest = |name: &str| Sample::get("https://a/").field(name, vec![b'a'; MAX_FIELD - 2]);
    assert_eq!(longest("x").value("x").map(|value| value.len()), Ok(MAX_FIELD - 2));
    assert_eq!(longest("x").field("X", "").value("x"), Err("signature.field_too_large"));
    assert_eq!(longest("Signature").field("Signature", "a").base(), Err("signature.field_too_large"));
    let many = ["a", "b", "c"].map(|name| (name.to_string(), vec![b'a'; MAX_FIELD - 2]));
    let request = Sample { fields: many.into(), ..Sample::get("https://a/") };
    assert!(request.clone().claiming("(\"a\" \"b\" \"c\")").base().unwrap().len() < MAX_BASE);
    assert_eq!(request.claiming("(\"a\" \"b\" \"c\" \"a\";bs)").base(), Err("signature.base_too_large"));
}

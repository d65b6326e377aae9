//! Hops, answers and callbacks.

mod parts;

use std::{format, string::String, vec::Vec};

use portcullis_types::{Rejection, Silent};

use super::{Action, App, Decision, Flow, HttpAnswer, MAX_ANSWER, MAX_HOPS, MAX_NAMES, Phase, invoked, step};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWBuGJSstw-cM";
const FIRST: &str = "https://as.example/native?client_id=c&request_uri=urn:1";
const OWN: &str = "https://client.example/cb";
const LINK: &str = "https://app.bank.example/authorize?client_id=b&request_uri=urn:3";

fn flow() -> Flow {
    Flow { code_challenge: CHALLENGE.into(), ..Flow::start(FIRST, OWN) }
}

fn json_answer(flow: &Flow, status: u16, headers: &[(&str, &[u8])], body: &str) -> Result<Decision, Rejection> {
    let mut all: Vec<(&str, &[u8])> = Vec::from([("Content-Type", b"application/json;charset=utf-8" as &[u8])]);
    all.extend(headers);
    step(flow, &HttpAnswer { status, headers: &all, body: body.as_bytes() }, &mut Silent)
}

fn answered(flow: &Flow, body: &str) -> Decision {
    json_answer(flow, 200, &[], body).unwrap()
}

fn called(flow: &Flow, url: &str) -> Decision {
    answered(flow, &format!(r#"{{"action":"call","url":"{url}"}}"#))
}

fn linked(flow: &Flow, url: &str) -> Decision {
    answered(flow, &format!(r#"{{"action":"deep_link","url":"{url}"}}"#))
}

/// What ended the flow: the action's name and the code.
fn ended(decision: &Decision) -> (&'static str, &'static str) {
    assert!(decision.flow.is_none() && decision.cookie.is_none(), "nothing is left of a flow that is over");
    let action = match decision.action {
        Action::Browser { .. } => "browser",
        Action::Stop { .. } => "stop",
        Action::Complete { .. } => "complete",
        _ => "goes on",
    };
    (action, decision.reason.as_ref().map_or("", Rejection::code))
}

fn fault(flow: &Flow) -> &'static str {
    match json_answer(flow, 200, &[], r#"{"action":"call","url":"https://next.example/"}"#) {
        Ok(_) => "accepted",
        Err(refused) => refused.code(),
    }
}

/// A flow on the way back: the app was opened and called.
fn back() -> Flow {
    let waiting =
        linked(&called(&flow(), "https://bank.example/native?request_uri=urn:2").flow.unwrap(), LINK).flow.unwrap();
    assert_eq!(waiting.phase, Phase::App);
    let url = format!("{OWN}?redirect_uri=https%3A%2F%2Fas.example%2Fcb%3Fcode%3Dx%26state%3Ds");
    let decision = invoked(&waiting, &url, None, &mut Silent).unwrap();
    assert_eq!(decision.action, Action::Follow { url: "https://as.example/cb?code=x&state=s".into() });
    decision.flow.unwrap()
}

#[test]
fn a_flow_goes_to_the_app_and_back() {
    let decision = called(&flow(), "https://bank.example/native?request_uri=urn:2");
    assert_eq!(decision.action, Action::Follow { url: "https://bank.example/native?request_uri=urn:2".into() });
    let back = back();
    assert_eq!(back.phase, Phase::Response);
    assert_eq!(back.visited.len(), 3);
    let names: Vec<&str> = back.allowed.iter().map(String::as_str).collect();
    assert_eq!(names, ["as.example", "bank.example"], "the deep link's name is not among them");
    let decision = called(&Flow { state: Some("own".into()), ..back.clone() }, &format!("{OWN}?code=y&state=own"));
    assert_eq!(decision.action, Action::Complete { url: format!("{OWN}?code=y&state=own"), error: None });
    assert_eq!(ended(&decision), ("complete", ""));
    let decision = called(&back, &format!("{OWN}?error=access_denied"));
    assert!(matches!(decision.action, Action::Complete { error: Some(error), .. } if error == "access_denied"));
}

#[test]
fn no_url_leaves_https_and_names() {
    for (url, code) in [
        ("http://bank.example/native", "app2app.url_scheme"),
        ("HTTPS://bank.example/native", "app2app.url_scheme"),
        ("bank://native", "app2app.url_scheme"),
        ("javascript:alert(1)", "app2app.url_scheme"),
        ("/native", "app2app.url_malformed"),
        ("//bank.example/native", "app2app.url_malformed"),
        ("https:bank.example", "app2app.url_malformed"),
        ("https://bank.example/ native", "app2app.url_malformed"),
        ("https://b\u{e4}nk.example/", "app2app.url_malformed"),
        ("https://bank.example/%zz", "app2app.url_malformed"),
        ("https://as.example@bank.example/", "app2app.url_user"),
        ("https://@bank.example/", "app2app.url_user"),
        ("https://bank.example/#f", "app2app.url_fragment"),
        ("https://127.0.0.1/", "app2app.url_address"),
        ("https://[::1]/", "app2app.url_address"),
        ("https://[::ffff:10.0.0.1]/", "app2app.url_address"),
        ("https://2130706433/", "app2app.url_address"),
        ("https://127.1/", "app2app.url_address"),
        ("https://0x7f000001/", "app2app.url_address"),
        ("https://a.example.1/", "app2app.url_address"),
        ("https://localhost/", "app2app.url_name"),
        ("https://a.localhost/", "app2app.url_name"),
        ("https://router/", "app2app.url_name"),
        ("https://BANK.example/", "app2app.url_name"),
        ("https://bank.example./", "app2app.url_name"),
        ("https://bank..example/", "app2app.url_name"),
        ("https://-bank.example/", "app2app.url_name"),
        ("https://ba_nk.example/", "app2app.url_name"),
        ("https://%62ank.example/", "app2app.url_name"),
        ("https://bank.example:8443/", "app2app.url_port"),
        ("https://bank.example:443/", "app2app.url_port"),
        ("https://bank.example:/", "app2app.url_port"),
    ] {
        for decision in [called(&flow(), url), linked(&flow(), url)] {
            assert_eq!(ended(&decision), ("stop", code), "{url}");
        }
        let prompt =
            format!(r#"{{"action":"prompt","userPrompt":{{"inputs":{{"a":{{}}}}}},"response":{{"get":"{url}"}}}}"#);
        assert_eq!(ended(&answered(&flow(), &prompt)), ("stop", code), "{url}");
    }
    let long = format!("https://bank.example/{}", "a".repeat(super::MAX_URL));
    assert_eq!(ended(&called(&flow(), &long)), ("stop", "app2app.url_too_long"));
    let label = format!("https://{}.example/", "a".repeat(64));
    assert_eq!(ended(&called(&flow(), &label)), ("stop", "app2app.url_name"));
    let mut listed = flow();
    listed.allowed.insert("bank.example:8443".into());
    assert!(matches!(called(&listed, "https://bank.example:8443/x").action, Action::Follow { .. }));
    assert_eq!(ended(&called(&listed, "https://bank.example:8444/x")), ("stop", "app2app.url_port"));
}

#[test]
fn the_allow_list_grows_only_on_the_way_there() {
    assert_eq!(ended(&called(&back(), "https://evil.example/cb")), ("stop", "app2app.not_allowed"));
    assert!(matches!(called(&back(), "https://bank.example/cb").action, Action::Follow { .. }));
    assert_eq!(ended(&called(&back(), "https://sub.bank.example/cb")), ("stop", "app2app.not_allowed"));
    let closed = Flow { is_closed: true, ..flow() };
    assert_eq!(ended(&called(&closed, "https://bank.example/")), ("stop", "app2app.not_allowed"));
    assert!(matches!(called(&closed, "https://as.example/other").action, Action::Follow { .. }));
    let mut full = flow();
    full.allowed.extend((1..MAX_NAMES).map(|n| format!("n{n}.example")));
    assert_eq!(ended(&called(&full, "https://one-more.example/")), ("stop", "app2app.too_many_names"));
    assert!(matches!(called(&full, "https://n1.example/").action, Action::Follow { .. }));
}

#[test]
fn no_loop_and_an_end_to_hops() {
    assert_eq!(ended(&called(&flow(), FIRST)), ("stop", "app2app.loop"));
    let mut long = flow();
    long.visited.extend((2..MAX_HOPS).map(|n| format!("https://as.example/{n}")));
    let next = called(&long, "https://as.example/last").flow.unwrap();
    assert_eq!(next.visited.len(), MAX_HOPS);
    assert_eq!(ended(&called(&next, "https://as.example/more")), ("stop", "app2app.too_many_hops"));
    // Prompts count, and may come twice from one place.
    let prompt = r#"{"action":"prompt","userPrompt":{"inputs":{"a":{}}},"response":{"post":"https://as.example/2"}}"#;
    assert!(matches!(answered(&long, prompt).action, Action::Prompt(_)));
    assert_eq!(ended(&answered(&next, prompt)), ("stop", "app2app.too_many_hops"));
}

#[test]
fn pkce_and_the_callback_go_along() {
    for challenge in
        ["", "plain", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWBuGJSstw-c", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWBuGJSstw-cM="]
    {
        assert_eq!(fault(&Flow { code_challenge: challenge.into(), ..flow() }), "app2app.pkce_required");
    }
    let request = "https://bank.example/native?response_type=code&client_id=b";
    let pkce = format!("{request}&code_challenge={CHALLENGE}&code_challenge_method=S256");
    let whole = format!("{pkce}&native_callback_uri=https%3A%2F%2Fclient.example%2Fcb");
    let other = format!("{pkce}&native_callback_uri=https%3A%2F%2Fevil.example%2Fcb");
    let twice = format!("{whole}&native_callback_uri=https%3A%2F%2Fevil.example%2Fcb");
    let plain = whole.replace("S256", "plain");
    for (url, code) in [
        (request, "app2app.pkce_required"),
        (&plain, "app2app.pkce_required"),
        (&pkce, "app2app.callback_replaced"),
        (&other, "app2app.callback_replaced"),
        (&twice, "app2app.parameter_malformed"),
        (&whole.replace("code_challenge=", "code_challenge=%ff"), "app2app.parameter_malformed"),
    ] {
        assert_eq!(ended(&called(&flow(), url)), ("stop", code), "{url}");
        assert_eq!(ended(&linked(&flow(), url)), ("stop", code), "{url}");
    }
    assert!(matches!(called(&flow(), &whole).action, Action::Follow { .. }));
    for hidden in ["request_uri=urn%3A2", "request=eyJ"] {
        assert!(matches!(called(&flow(), &format!("{request}&{hidden}")).action, Action::Follow { .. }), "{hidden}");
    }
    let first = "https://as.example/native?response_type=code";
    assert_eq!(fault(&Flow { visited: [first.into()].into(), ..flow() }), "app2app.pkce_required");
}

#[test]
fn a_flow_that_is_none_is_refused() {
    assert_eq!(fault(&Flow { visited: Vec::new(), ..flow() }), "app2app.flow_not_started");
    assert_eq!(fault(&Flow { phase: Phase::App, ..flow() }), "app2app.flow_phase");
    assert_eq!(fault(&Flow { redirect_uri: "com.client:/cb".into(), ..flow() }), "app2app.url_scheme");
    assert_eq!(
        fault(&Flow { native_callback_uri: Some("http://client.example/".into()), ..flow() }),
        "app2app.url_scheme"
    );
    assert_eq!(fault(&Flow { fallback: Some("https://u@as.example/".into()), ..flow() }), "app2app.url_user");
    assert_eq!(
        fault(&Flow { visited: [FIRST.into(), "http://x.example/".into()].into(), ..flow() }),
        "app2app.url_scheme"
    );
    for name in
        ["", "localhost", "AS.example", "as.example.", "10.0.0.1", "as.example:443", "as.example:0443", "as.example:x"]
    {
        let mut wrong = flow();
        wrong.allowed.insert(name.into());
        assert_eq!(fault(&wrong), "app2app.name_malformed", "{name}");
    }
    for (id, link) in [("", LINK), ("app", "app://x"), ("app", "https://a.example/?x")] {
        let app = App { id: id.into(), links: [link.split('?').next().unwrap().into(), link.into()].into() };
        assert_eq!(fault(&Flow { apps: Some([app].into()), ..flow() }), "app2app.app_malformed", "{link}");
    }
    let hops = (0..=MAX_HOPS).map(|n| format!("https://as.example/{n}")).collect();
    assert_eq!(fault(&Flow { visited: hops, ..flow() }), "app2app.flow_too_large");
    let names = (0..=MAX_NAMES).map(|n| format!("n{n}.example")).collect();
    assert_eq!(fault(&Flow { allowed: names, ..flow() }), "app2app.flow_too_large");
}

#[test]
fn answers_that_are_not_native() {
    let fallback = "https://as.example/authorize?client_id=c";
    let flow = Flow { fallback: Some(fallback.into()), ..flow() };
    let page = |flow: &Flow, status, media: &[(&str, &[u8])], body: &[u8]| {
        step(flow, &HttpAnswer { status, headers: media, body }, &mut Silent).unwrap()
    };
    let html: &[(&str, &[u8])] = &[("Content-Type", b"text/html")];
    let plain: &[(&str, &[u8])] = &[("content-type", b"application/json")];
    let call = br#"{"action":"call","url":"https://bank.example/"}"#;
    // Before the user was asked, a server that wants a browser gets one.
    let decision = page(&flow, 302, &[("Location", b"https://bank.example/")], b"");
    assert_eq!(ended(&decision), ("browser", "app2app.redirected"));
    assert_eq!(decision.action, Action::Browser { url: Some(fallback.into()), error: None });
    assert_eq!(ended(&page(&flow, 200, html, call)), ("browser", "app2app.media_type"));
    assert_eq!(ended(&page(&flow, 200, &[], call)), ("browser", "app2app.media_type"));
    let twice: &[(&str, &[u8])] = &[("Content-Type", b"application/json"), ("content-type", b"application/json")];
    assert_eq!(ended(&page(&flow, 200, twice, call)), ("browser", "app2app.media_type"));
    let vendor: &[(&str, &[u8])] = &[("Content-Type", b"application/vnd.oauth.app2app.routing+json")];
    assert_eq!(ended(&page(&flow, 200, vendor, call)), ("browser", "app2app.media_type"));
    let decision = json_answer(&flow, 400, &[], r#"{"error":"native_app2app_unsupported"}"#).unwrap();
    assert_eq!(ended(&decision), ("browser", "app2app.unsupported"));
    // Afterwards it ends the flow.
    let back = back();
    assert_eq!(ended(&page(&back, 302, &[], b"")), ("stop", "app2app.redirected"));
    assert_eq!(ended(&page(&back, 200, html, call)), ("stop", "app2app.media_type"));
    let decision = json_answer(&back, 400, &[], r#"{"error":"native_app2app_unsupported"}"#).unwrap();
    assert_eq!(ended(&decision), ("stop", "app2app.unsupported"));
    for status in [100, 201, 204, 206, 600] {
        assert_eq!(ended(&page(&flow, status, plain, call)), ("stop", "app2app.status"), "{status}");
    }
    assert_eq!(ended(&page(&flow, 403, html, b"")), ("browser", "app2app.media_type"), "a challenge for people, say");
    assert_eq!(ended(&page(&back, 500, html, b"")), ("stop", "app2app.media_type"));
    let large = std::vec![b' '; MAX_ANSWER + 1];
    assert_eq!(ended(&page(&flow, 200, plain, &large)), ("stop", "app2app.answer_too_large"));
    for (body, code) in [
        ("", "json.syntax"),
        ("[]", "json.not_object"),
        ("{}", "app2app.action_unknown"),
        (r#"{"action":7}"#, "app2app.action_unknown"),
        (r#"{"action":"Call","url":"https://bank.example/"}"#, "app2app.action_unknown"),
        (r#"{"action":"call"}"#, "app2app.url_missing"),
        (r#"{"action":"deep_link","url":null}"#, "app2app.url_missing"),
        (r#"{"action":"call","action":"call","url":"https://bank.example/"}"#, "json.duplicate_name"),
        (r#"{"error":"native_app2app_unsupported"}"#, "app2app.action_unknown"),
    ] {
        assert_eq!(ended(&answered(&flow, body)), ("stop", code), "{body}");
    }
    for (body, shown) in [
        (r#"{"error":"invalid_request","error_description":"x"}"#, Some("invalid_request")),
        ("{\"error\":\"a\\\"b\"}", None),
        (r#"{"error":7}"#, None),
        ("{}", None),
    ] {
        let decision = json_answer(&flow, 400, &[], body).unwrap();
        assert_eq!(ended(&decision), ("stop", "app2app.server_error"), "{body}");
        assert_eq!(decision.action, Action::Stop { error: shown.map(Into::into) }, "{body}");
    }
}

#[test]
fn an_app_that_claims_the_link_gets_it() {
    let app = App { id: "com.bank".into(), links: ["https://app.bank.example/authorize".into()].into() };
    let with = Flow { apps: Some([app].into()), ..flow() };
    let decision = linked(&with, LINK);
    assert_eq!(decision.action, Action::App { url: LINK.into(), app: Some("com.bank".into()) });
    for url in
        ["https://app.bank.example/other", "https://app.bank.example/authorized", "https://bank.example/authorize"]
    {
        assert_eq!(ended(&linked(&with, url)), ("browser", "app2app.app_missing"), "{url}");
    }
    for url in ["https://app.bank.example/authorize", "https://app.bank.example/authorize/x"] {
        assert!(matches!(linked(&with, url).action, Action::App { .. }), "{url}");
    }
    assert!(matches!(linked(&flow(), LINK).action, Action::App { app: None, .. }), "the operating system knows");
    let none = Flow { apps: Some(Vec::new()), ..flow() };
    assert_eq!(ended(&linked(&none, LINK)), ("browser", "app2app.app_missing"));
    // On the way back there is only call.
    assert_eq!(ended(&linked(&back(), LINK)), ("stop", "app2app.action_on_return"));
    let prompt = r#"{"action":"prompt","userPrompt":{"inputs":{"a":{}}},"response":{"get":"https://as.example/p"}}"#;
    assert_eq!(ended(&answered(&back(), prompt)), ("stop", "app2app.action_on_return"));
}

#[test]
fn who_calls_back_is_who_was_asked() {
    let app = App { id: "com.bank".into(), links: ["https://app.bank.example/".into()].into() };
    let waiting = linked(&Flow { apps: Some([app].into()), ..flow() }, LINK).flow.unwrap();
    let called = |flow: &Flow, url: &str, sender| invoked(flow, url, sender, &mut Silent);
    let good = format!("{OWN}?redirect_uri=https%3A%2F%2Fas.example%2Fcb%3Fcode%3Dx&more=1");
    assert!(matches!(called(&waiting, &good, Some("com.bank")).unwrap().action, Action::Follow { .. }));
    assert!(matches!(called(&waiting, &good, None).unwrap().action, Action::Follow { .. }));
    assert_eq!(ended(&called(&waiting, &good, Some("com.evil")).unwrap()), ("stop", "app2app.callback_sender"));
    for (query, code) in [
        ("", "app2app.callback_empty"),
        ("?", "app2app.callback_empty"),
        ("?code=x", "app2app.callback_empty"),
        ("?error=x&redirect_uri=https%3A%2F%2Fas.example%2Fcb", "app2app.callback_error"),
        ("?redirect_uri=a&redirect_uri=b", "app2app.parameter_malformed"),
        ("?redirect_uri=https%3A%2F%2Fevil.example%2Fcb", "app2app.not_allowed"),
        ("?redirect_uri=http%3A%2F%2Fas.example%2Fcb", "app2app.url_scheme"),
    ] {
        assert_eq!(ended(&called(&waiting, &format!("{OWN}{query}"), None).unwrap()), ("stop", code), "{query}");
    }
    // What has nothing to do with the flow does not end it.
    for url in
        ["https://client.example/cb2?redirect_uri=x", "https://client.example/other", "https://evil.example/cb", "x:y"]
    {
        assert_eq!(called(&waiting, url, None).unwrap_err().code(), "app2app.callback_unexpected", "{url}");
    }
    for other in [flow(), back()] {
        assert_eq!(called(&other, &good, None).unwrap_err().code(), "app2app.callback_unexpected");
    }
    // A client that asked its own redirect URI back has its answer at once.
    let own = format!("{OWN}?redirect_uri=https%3A%2F%2Fclient.example%2Fcb%3Fcode%3Dx");
    assert!(matches!(called(&waiting, &own, None).unwrap().action, Action::Complete { .. }));
}

#[test]
fn the_answer_is_to_this_flow() {
    let flow = Flow { state: Some("a b".into()), issuer: Some("https://as.example".into()), ..back() };
    let url = |query: &str| format!("{OWN}?{query}");
    assert_eq!(ended(&called(&flow, &url("code=x&state=a+b&iss=https%3A%2F%2Fas.example"))), ("complete", ""));
    assert_eq!(ended(&called(&flow, &url("code=x&state=a%20b"))), ("complete", ""));
    assert_eq!(ended(&called(&flow, &url("code=x&state=other"))), ("stop", "app2app.state"));
    assert_eq!(ended(&called(&flow, &url("code=x"))), ("stop", "app2app.state"));
    assert_eq!(ended(&called(&flow, &url("state=a+b&state=a+b"))), ("stop", "app2app.parameter_malformed"));
    let other = url("code=x&state=a+b&iss=https%3A%2F%2Fother.example");
    assert_eq!(ended(&called(&flow, &other)), ("stop", "app2app.issuer"));
    // What only begins like the redirect URI is another URL.
    assert_eq!(ended(&called(&flow, "https://client.example/cb/x?code=x")), ("stop", "app2app.not_allowed"));
}

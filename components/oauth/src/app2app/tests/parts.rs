//! Prompts, cookies, registered callbacks, and what is told.

use std::{format, string::String, vec::Vec};

use portcullis_types::{Findings, json};

use super::super::{Action, CallbackPair, CallbackPairs, Flow, HttpAnswer, Method, Prompt, native_endpoint, step};
use super::{LINK, OWN, answered, ended, fault, flow, json_answer};

const PROMPT: &str = r#"{"action":"prompt","id":"i 1","logo":"https://as.example/l","userPrompt":{
    "options":{"bank":{"title":"Bank","values":{"a":{"name":"A Bank","logo":"x"},"b":"B Bank"}}},
    "inputs":{"email":{"hint":"Enter your address"}}},"response":{"post":"https://as.example/route"},"more":1}"#;

fn prompt(text: &str) -> Prompt {
    match answered(&flow(), text).action {
        Action::Prompt(prompt) => prompt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_user_answers_a_prompt() {
    let asked = prompt(PROMPT);
    assert_eq!(asked.options[0].values[1].name, "B Bank");
    assert_eq!(asked.inputs[0].hint.as_deref(), Some("Enter your address"));
    let reply = asked.reply(&[("email", "a&b@c.example"), ("bank", "a")]).unwrap();
    assert_eq!((reply.method, reply.url.as_str()), (Method::Post, "https://as.example/route"));
    assert_eq!(reply.body.as_deref(), Some("id=i%201&email=a%26b%40c.example&bank=a"));
    let get = PROMPT.replace("\"post\"", "\"get\"");
    let reply = prompt(&get).reply(&[("bank", "b"), ("email", "")]).unwrap();
    assert_eq!(reply.url, "https://as.example/route?id=i%201&bank=b&email=");
    for entered in [
        &[("bank", "a")] as &[_],
        &[("bank", "c"), ("email", "x")],
        &[("bank", "a"), ("email", "x"), ("email", "y")],
        &[("bank", "a"), ("email", "x"), ("id", "y")],
    ] {
        assert_eq!(asked.reply(entered).unwrap_err().code(), "app2app.reply_malformed", "{entered:?}");
    }
}

#[test]
fn a_prompt_is_what_the_text_says() {
    let of = |asked: &str, response: &str| {
        let text = format!(r#"{{"action":"prompt","userPrompt":{asked},"response":{response}}}"#);
        ended(&answered(&flow(), &text)).1
    };
    let (good, to) = (r#"{"inputs":{"a":{}}}"#, r#"{"get":"https://as.example/r"}"#);
    for asked in [
        "7",
        "{}",
        r#"{"inputs":{}}"#,
        r#"{"inputs":[]}"#,
        r#"{"inputs":{"a":"x"}}"#,
        r#"{"inputs":{"id":{}}}"#,
        r#"{"inputs":{"":{}}}"#,
        r#"{"inputs":{"a":{"title":7}}}"#,
        r#"{"options":{"a":{}}}"#,
        r#"{"options":{"a":{"values":{}}}}"#,
        r#"{"options":{"a":{"values":{"v":{}}}}}"#,
        r#"{"options":{"a":{"values":{"v":1}}}}"#,
        r#"{"inputs":{"a":{}},"options":{"a":{"values":{"v":"w"}}}}"#,
    ] {
        assert_eq!(of(asked, to), "app2app.prompt_malformed", "{asked}");
    }
    for response in ["{}", "7", r#"{"get":7}"#, r#"{"get":"https://as.example/","post":"https://as.example/"}"#] {
        assert_eq!(of(good, response), "app2app.prompt_malformed", "{response}");
    }
    let fields: Vec<String> = (0..17).map(|n| format!("\"f{n}\":{{}}")).collect();
    assert_eq!(of(&format!("{{\"inputs\":{{{}}}}}", fields.join(",")), to), "app2app.prompt_too_large");
    let values: Vec<String> = (0..2049).map(|n| format!("\"v{n}\":\"n\"")).collect();
    assert_eq!(
        of(&format!("{{\"options\":{{\"a\":{{\"values\":{{{}}}}}}}}}", values.join(",")), to),
        "app2app.prompt_too_large"
    );
    let text = format!("{{\"inputs\":{{\"a\":{{\"title\":\"{}\"}}}}}}", "x".repeat(1025));
    assert_eq!(of(&text, to), "app2app.prompt_too_large");
    assert_eq!(of(r#"{"inputs":{"a":{},"a":{}}}"#, to), "json.duplicate_name");
    for name in ["password", "newPassword", "card_pin", "PIN", "otp-code", "mTAN", "client.secret", "Passwd"] {
        let asked = format!("{{\"inputs\":{{\"{name}\":{{}}}}}}");
        assert_eq!(of(&asked, to), "app2app.prompt_credentials", "{name}");
    }
    for name in ["email", "shipping", "country", "tangent", "institution"] {
        let asked = format!("{{\"inputs\":{{\"{name}\":{{}}}}}}");
        let text = format!(r#"{{"action":"prompt","userPrompt":{asked},"response":{to}}}"#);
        assert!(matches!(answered(&flow(), &text).action, Action::Prompt(_)), "{name}");
    }
}

#[test]
fn cookies_go_back_to_who_set_them() {
    let set: &[(&str, &[u8])] = &[
        ("Set-Cookie", b"session=1; Secure; HttpOnly; Path=/"),
        ("set-cookie", b"narrow=2; Path=/cb"),
        ("Set-Cookie", b"wide=3; Domain=example; Path=/"),
        ("Set-Cookie", b"here=4"),
        ("Set-Cookie", b"__Host-x=5; Path=/"),
        ("Set-Cookie", b"__Host-y=6; Path=/; Secure"),
        ("Set-Cookie", b"__Secure-z=7"),
        ("Set-Cookie", b"=8"),
        ("Set-Cookie", b"novalue"),
        ("Set-Cookie", b"bad=\x01"),
    ];
    let to = |flow: &Flow, headers: &[(&str, &[u8])], url: &str| {
        json_answer(flow, 200, headers, &format!(r#"{{"action":"call","url":"{url}"}}"#)).unwrap()
    };
    let other = to(&flow(), set, "https://bank.example/native");
    assert_eq!(other.cookie, None, "another origin gets none, whatever Domain says");
    let next = other.flow.unwrap();
    let home = to(&next, &[("Set-Cookie", b"session=bank")], "https://as.example/cb/x");
    assert_eq!(home.cookie.as_deref(), Some("session=1; narrow=2; wide=3; here=4; __Host-y=6"));
    let elsewhere = to(&next, &[], "https://as.example/cbx");
    assert_eq!(elsewhere.cookie.as_deref(), Some("session=1; wide=3; here=4; __Host-y=6"));
    // A later one replaces, and Max-Age deletes.
    let changed: &[(&str, &[u8])] =
        &[("Set-Cookie", b"session=9; Path=/"), ("Set-Cookie", b"wide=; Path=/; Max-Age=0")];
    let mut at_home = home.flow.unwrap();
    let last = to(&at_home, changed, "https://as.example/z");
    assert_eq!(last.cookie.as_deref(), Some("here=4; __Host-y=6; session=9"));
    // An app, a browser and the end get none; a debug form has no value.
    let decision = json_answer(&at_home, 200, set, &format!(r#"{{"action":"deep_link","url":"{LINK}"}}"#)).unwrap();
    assert_eq!(decision.cookie, None);
    assert!(!format!("{:?}", at_home.cookies).contains("bank\""), "{:?}", at_home.cookies);
    at_home.cookies = at_home.cookies.iter().cycle().take(65).cloned().collect();
    assert_eq!(fault(&at_home), "app2app.flow_too_large");
}

#[test]
fn callbacks_are_registered_in_pairs() {
    let pair = |app: &str, callback: &str| CallbackPair { app: app.into(), callback: callback.into() };
    let pairs = CallbackPairs::new([pair("com.client", OWN), pair("com.other", "https://other.example/cb")]).unwrap();
    assert_eq!(pairs.trust(OWN, Some("com.client")).unwrap(), "com.client");
    assert_eq!(pairs.trust(OWN, None).unwrap(), "com.client");
    assert_eq!(pairs.trust(OWN, Some("com.other")).unwrap_err().code(), "app2app.callback_claimed_by_other");
    for other in ["https://client.example/cb/", "https://client.example/CB", "https://evil.example/cb", ""] {
        assert_eq!(pairs.trust(other, Some("com.client")).unwrap_err().code(), "app2app.callback_untrusted", "{other}");
    }
    let url = pairs.answer(OWN, None, "https://as.example/cb?code=x&state=s").unwrap();
    assert_eq!(url, "https://client.example/cb?redirect_uri=https%3A%2F%2Fas.example%2Fcb%3Fcode%3Dx%26state%3Ds");
    assert!(pairs.answer("https://evil.example/cb", None, "https://as.example/cb").is_err());
    for wrong in [
        Vec::from([pair("", OWN)]),
        Vec::from([pair("a", "app://cb")]),
        Vec::from([pair("a", OWN), pair("b", OWN)]),
        Vec::from([pair("a", "https://127.0.0.1/cb")]),
    ] {
        assert_eq!(CallbackPairs::new(wrong).unwrap_err().code(), "app2app.pair_malformed");
    }
    let many = (0..1025).map(|n| pair("a", &format!("https://a.example/{n}")));
    assert_eq!(CallbackPairs::new(many).unwrap_err().code(), "app2app.flow_too_large");
}

#[test]
fn a_server_without_the_endpoint_is_met_in_the_browser() {
    let of = |text: &str| {
        let metadata = json::parse_object(text.as_bytes()).unwrap();
        native_endpoint(&metadata).map_or_else(|refused| refused.code().into(), String::from)
    };
    assert_eq!(of(r#"{"native_authorization_endpoint":"https://as.example/native"}"#), "https://as.example/native");
    assert_eq!(of("{}"), "app2app.native_endpoint_missing");
    assert_eq!(of(r#"{"native_authorization_endpoint":7}"#), "app2app.native_endpoint_missing");
    assert_eq!(of(r#"{"native_authorization_endpoint":"http://as.example/"}"#), "app2app.url_scheme");
}

#[test]
fn no_code_or_state_stands_in_a_detail() {
    let mut findings = Findings::default();
    let body = br#"{"action":"call","url":"https://SECRET:SECRET@as.example/cb?code=SECRET"}"#;
    let answer = HttpAnswer { status: 200, headers: &[("Content-Type", b"application/json")], body };
    let decision = step(&flow(), &answer, &mut findings).unwrap();
    assert!(!format!("{findings:?}{:?}", decision.reason).contains("SECRET"));
}

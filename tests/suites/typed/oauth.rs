//! `portcullis:oauth`: transaction tokens, lifetimes, and the way between apps.

use portcullis_host::oauth::{
    app2app::{Action, CallbackPair, Cookie, Flow, HttpAnswer, InstalledApp, Method, Parameter, Phase},
    lifetimes::{Ahead, Answered, Grant, Next, Source},
    transaction_tokens::Expectations,
};
use portcullis_tests::{CRYPTO, corpus::NOW};
use serde_json::{Value, json};

use crate::{
    algorithms, code, component,
    messages::{at, cases, headers, response, text, text_answer, texts, wanted},
};

const TRANSACTIONS: [&str; 3] = ["txn.ndjson", "txn.policy.ndjson", "txn-more.ndjson"];

#[test]
fn typed_transaction_tokens_answer_as_the_text_door_does() {
    for crypto in CRYPTO {
        let mut component = component(crypto);
        let (mut accepted, mut refused) = (0, 0);
        for case in cases(&TRANSACTIONS).into_iter().filter(|case| case.op == "txn.verify") {
            let Some(answer) = text_answer(&mut component, &case) else { continue };
            let (wanted, members) = (wanted(&answer), &case.request);
            let keys = match component.key_set_from_jwks(members["keys"].to_string().as_bytes()).expect("an answer") {
                Ok(keys) => keys,
                Err(rejection) => {
                    assert_eq!(rejection.code, wanted, "{}", case.id);
                    continue;
                }
            };
            let headers = headers(&members["headers"]);
            let expect = Expectations {
                issuer: text(&members["issuer"]),
                algorithms: algorithms(&members["algorithms"]),
                lifetime: members["lifetime"].as_u64(),
                leeway: members["leeway"].as_u64().unwrap_or(0),
                seen: texts(&members["seen"]),
                ..Expectations::of(members["trust_domain"].as_str().expect("a trust domain"))
            };
            let at = at(&case);
            let verdict = component.verify_transaction_token(&headers, &keys, &expect, at).expect("an answer");
            assert_eq!(code(&verdict), wanted, "{crypto} {}", case.id);
            let report = component.explain_transaction_token(&headers, &keys, &expect, at).expect("an answer");
            assert_eq!(report.outcome, verdict, "explained: {}", case.id);
            let Ok(token) = verdict else {
                refused += 1;
                continue;
            };
            accepted += 1;
            let claims: Value = serde_json::from_str(&token.claims).expect("JSON");
            assert_eq!(answer["result"]["claims"], claims, "{}", case.id);
            assert_eq!((&claims["txn"], &claims["sub"]), (&json!(token.transaction), &json!(token.subject)));
            assert_eq!(claims["req_wl"], json!(token.requesting_workload));
            // One value, as a text or in a list.
            let audience = claims["aud"].as_array().map_or(&claims["aud"], |list| &list[0]);
            assert_eq!(*audience, json!(token.trust_domain), "{}", case.id);
            assert_eq!(claims["exp"].as_f64(), Some(token.expires), "{}", case.id);
            let scope = claims["scope"].as_str().expect("a scope").split(' ');
            assert!(scope.clone().all(|one| token.scope.iter().any(|has| has == one)), "{}", case.id);
            let context = token.transaction_context.map(|text| serde_json::from_str::<Value>(&text).expect("JSON"));
            assert_eq!(claims.get("tctx"), context.as_ref(), "{}", case.id);
            // The token alone is what the next workload gets, and what was used once is not used again.
            assert!(component.transaction_token_of_untrusted(&headers).expect("an answer").is_ok(), "{}", case.id);
            let again = Expectations { seen: vec![token.transaction], ..expect };
            let verdict = component.verify_transaction_token(&headers, &keys, &again, at).expect("an answer");
            assert_eq!(code(&verdict), "txn.replayed", "{}", case.id);
        }
        assert!(accepted >= 5 && refused >= 30, "{accepted} accepted, {refused} refused");
    }
}

#[test]
fn typed_scopes_and_replacements_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut refused) = (0, 0);
    for case in cases(&TRANSACTIONS).into_iter().filter(|case| case.op != "txn.verify") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        if case.op == "txn.narrow" {
            let (subject, requested) = (text(&members["subject_scope"]), text(&members["requested_scope"]));
            let verdict = component.narrow_transaction_scope(subject.as_deref(), requested.as_deref());
            let verdict = verdict.expect("an answer");
            assert_eq!(code(&verdict), wanted, "{}", case.id);
            if let Ok(scope) = verdict {
                assert_eq!(answer["result"]["scope"], scope.join(" "), "{}", case.id);
            }
        } else {
            let (old, new, at) = (members["old"].to_string(), members["new"].to_string(), at(&case));
            let verdict = component.check_transaction_replacement(&old, &new, true, at).expect("an answer");
            assert_eq!(code(&verdict), wanted, "{}", case.id);
            let report = component.explain_transaction_replacement(&old, &new, true, at).expect("an answer");
            assert_eq!(report.outcome, verdict, "explained: {}", case.id);
        }
        *if wanted == "accepted" { &mut accepted } else { &mut refused } += 1;
    }
    assert!(accepted >= 5 && refused >= 15, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_longer_life_and_another_place_are_refused() {
    let mut component = component("software");
    let claims = |exp: u64| {
        json!({"txn": "t", "sub": "u", "aud": "d.example", "scope": "a", "req_wl": "w", "iat": NOW, "exp": exp})
            .to_string()
    };
    let (old, new) = (claims(NOW + 60), claims(NOW + 61));
    let refused = component.check_transaction_replacement(&old, &new, false, NOW).expect("an answer");
    assert_eq!(code(&refused), "txn.replacement_lifetime");
    let longer = component.check_transaction_replacement(&old, &new, true, NOW).expect("an answer");
    assert_eq!(code(&longer), "accepted");
    // {"typ":"txntoken+jwt"}
    let token = b"Bearer eyJ0eXAiOiJ0eG50b2tlbitqd3QifQ.e30.AA";
    assert_eq!(code(&component.check_no_transaction_token(token).expect("an answer")), "txn.in_authorization");
    assert_eq!(code(&component.check_no_transaction_token(b"Bearer a.b.c").expect("an answer")), "accepted");
    assert_eq!(code(&component.transaction_token_of_untrusted(&[]).expect("an answer")), "txn.missing");
}

fn source(members: &Value) -> Source {
    if members["of"] == "introspection" { Source::Introspection } else { Source::TokenEndpoint }
}

/// A member that is JSON itself.
fn document(value: &Value) -> Option<Vec<u8>> {
    value.is_object().then(|| value.to_string().into_bytes())
}

#[test]
fn typed_lifetimes_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut refused) = (0, 0);
    for case in cases(&["lifetimes.ndjson"]) {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let response = document(&members["response"]).expect("a response");
        let metadata = document(&members["metadata"]);
        *if wanted == "accepted" { &mut accepted } else { &mut refused } += 1;
        if case.op == "lifetimes.check" {
            let grant = Grant {
                authorization_expires: members["grant"]["authorization_expires"].as_u64(),
                refresh_expires: members["grant"]["refresh_expires"].as_u64(),
            };
            let verdict = component.check_lifetimes(&response, source(members), grant, metadata.as_deref(), at(&case));
            assert_eq!(code(&verdict.expect("an answer")), wanted, "{}", case.id);
            continue;
        }
        let ahead = |name: &str| members["ahead"][name].as_u64();
        let answered = Answered {
            source: source(members),
            refreshed: members["refreshed"].as_bool().unwrap_or(false),
            ahead: Ahead { refresh: ahead("refresh"), rotate: ahead("rotate"), warn: ahead("warn") },
            metadata: metadata.as_deref(),
            ..Answered::by_token_endpoint(&response, members["received_at"].as_u64().expect("a time"))
        };
        let verdict = component.read_lifetimes(&answered, at(&case)).expect("an answer");
        assert_eq!(code(&verdict), wanted, "{}", case.id);
        let report = component.explain_lifetimes(&answered, at(&case)).expect("an answer");
        assert_eq!(report.outcome, verdict, "explained: {}", case.id);
        let Ok(plan) = verdict else { continue };
        let result = &answer["result"];
        let next = match plan.next {
            Next::Nothing => "none",
            Next::Refresh => "refresh",
            Next::Rotate => "rotate",
            Next::Ask => "ask",
        };
        assert_eq!((&result["next"], &result["warn"]), (&json!(next), &json!(plan.warn)), "{}", case.id);
        for (name, time) in [
            ("access_expires", plan.access_expires),
            ("refresh_expires", plan.refresh_expires),
            ("authorization_expires", plan.authorization_expires),
            ("refresh_at", plan.refresh_at),
            ("rotate_at", plan.rotate_at),
            ("ask_at", plan.ask_at),
            ("warn_at", plan.warn_at),
        ] {
            assert_eq!(result[name].as_u64(), time, "{} {name}", case.id);
        }
        let indefinite = texts(&result["indefinite"]);
        let told = |name: &str| indefinite.iter().any(|one| one == name);
        assert_eq!(plan.refresh_indefinite, told("refresh_token"), "{}", case.id);
        assert_eq!(plan.authorization_indefinite, told("authorization"), "{}", case.id);
    }
    assert!(accepted >= 30 && refused >= 20, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_refresh_token_is_accepted_until_an_end() {
    let mut component = component("software");
    let end = component.refresh_token_end(Some(NOW + 100), Some(1000), NOW).expect("an answer");
    assert_eq!(end, Some(NOW + 100), "never after the authorization");
    assert_eq!(component.refresh_token_end(None, Some(1000), NOW).expect("an answer"), Some(NOW + 1000));
    let grant = Grant { authorization_expires: Some(NOW + 100), refresh_expires: Some(NOW + 50) };
    let mut judged = |grant, at| {
        let verdict = component.accept_refresh_token(grant, at).expect("an answer");
        code(&verdict).to_owned()
    };
    assert_eq!(judged(grant, NOW + 49), "accepted");
    assert_eq!(judged(grant, NOW + 50), "lifetimes.refresh_expired");
    assert_eq!(judged(grant, NOW + 100), "lifetimes.authorization_expired");
    assert_eq!(judged(Grant::default(), NOW), "accepted");
    let no_json = component.read_lifetimes(&Answered::by_token_endpoint(b"<html>", NOW), NOW).expect("an answer");
    assert_eq!(code(&no_json), "json.syntax");
}

/// The flow of a case: what `started` has, and what stands there.
fn flow(started: Flow, given: &Value) -> Flow {
    let app = |app: &Value| InstalledApp { id: text(&app["id"]).expect("an identifier"), links: texts(&app["links"]) };
    let cookie = |cookie: &Value| {
        let [origin, path, name, value] =
            ["origin", "path", "name", "value"].map(|member| text(&cookie[member]).expect("a text"));
        Cookie { origin, path, name, value }
    };
    Flow {
        phase: match given["phase"].as_str() {
            Some("app") => Phase::App,
            Some("response") => Phase::Response,
            _ => Phase::Request,
        },
        visited: texts(&given["visited"]),
        allowed: if given["allowed"].is_array() { texts(&given["allowed"]) } else { started.allowed },
        closed: given["closed"].as_bool().unwrap_or(false),
        apps: given["apps"].as_array().map(|apps| apps.iter().map(app).collect()),
        waiting_for: text(&given["waiting_for"]),
        native_callback_uri: text(&given["native_callback_uri"]),
        state: text(&given["state"]),
        issuer: text(&given["issuer"]),
        fallback: text(&given["fallback"]),
        cookies: given["cookies"].as_array().into_iter().flatten().map(cookie).collect(),
        ..started
    }
}

/// The flow as the text door writes it.
fn written(flow: &Flow) -> Value {
    let cookie = |cookie: &Cookie| json!({"origin": cookie.origin, "path": cookie.path, "name": cookie.name, "value": cookie.value});
    let app = |app: &InstalledApp| json!({"id": app.id, "links": app.links});
    let mut members = json!({
        "phase": match flow.phase {
            Phase::Request => "request",
            Phase::App => "app",
            Phase::Response => "response",
        },
        "visited": flow.visited,
        "allowed": flow.allowed,
        "closed": flow.closed,
        "redirect_uri": flow.redirect_uri,
        "code_challenge": flow.code_challenge,
        "cookies": flow.cookies.iter().map(cookie).collect::<Vec<_>>(),
    });
    for (name, value) in [
        ("apps", flow.apps.as_ref().map(|apps| apps.iter().map(app).collect::<Value>())),
        ("waiting_for", flow.waiting_for.as_ref().map(|text| json!(text))),
        ("native_callback_uri", flow.native_callback_uri.as_ref().map(|text| json!(text))),
        ("state", flow.state.as_ref().map(|text| json!(text))),
        ("issuer", flow.issuer.as_ref().map(|text| json!(text))),
        ("fallback", flow.fallback.as_ref().map(|text| json!(text))),
    ] {
        if let Some(value) = value {
            members[name] = value;
        }
    }
    members
}

#[test]
fn typed_steps_between_apps_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut decided, mut stopped, mut refused) = (0, 0, 0);
    for case in cases(&["app2app.ndjson"]).into_iter().filter(|case| case.op == "app2app.step") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let given = &members["flow"];
        let [redirect_uri, challenge] =
            ["redirect_uri", "code_challenge"].map(|name| given[name].as_str().unwrap_or_default());
        let first = given["visited"][0].as_str().unwrap_or_default();
        let started = component.app2app_start(first, redirect_uri, challenge).expect("an answer");
        let flow = flow(started, given);
        let (verdict, report) = match members["callback"].as_str() {
            Some(callback) => {
                let sender = members["sender"].as_str();
                let verdict = component.app2app_invoked(&flow, callback, sender).expect("an answer");
                (verdict, component.explain_app2app_invoked(&flow, callback, sender).expect("an answer"))
            }
            None => {
                let given = response(members);
                let answer =
                    HttpAnswer { status: given.status, headers: given.headers, body: given.body.unwrap_or_default() };
                let verdict = component.app2app_step(&flow, &answer).expect("an answer");
                (verdict, component.explain_app2app_step(&flow, &answer).expect("an answer"))
            }
        };
        assert_eq!(code(&verdict), wanted, "{}", case.id);
        assert_eq!(report.outcome, verdict, "explained: {}", case.id);
        let Ok(decision) = verdict else {
            refused += 1;
            continue;
        };
        let result = &answer["result"];
        let (name, url, error) = match &decision.action {
            Action::Follow(url) => ("follow", Some(url), None),
            Action::App(link) => ("app", Some(&link.url), None),
            Action::Prompt(prompt) => ("prompt", Some(&prompt.url), None),
            Action::Browser(request) => ("browser", request.url.as_ref(), request.error.as_ref()),
            Action::Complete(completion) => ("stop", Some(&completion.url), completion.error.as_ref()),
            Action::Stop(error) => ("stop", None, error.as_ref()),
        };
        assert_eq!(result["action"], name, "{}", case.id);
        assert_eq!(result["url"].as_str(), url.map(String::as_str), "{}", case.id);
        assert_eq!(result["error"].as_str(), error.map(String::as_str), "{}", case.id);
        assert_eq!(result["cookie"].as_str(), decision.cookie.as_deref(), "{}", case.id);
        let reason = decision.reason.as_ref().map(|reason| reason.code.as_str());
        assert_eq!(result["reason"]["code"].as_str(), reason, "{}", case.id);
        assert_eq!(result.get("flow"), decision.flow.as_ref().map(written).as_ref(), "{}", case.id);
        *if reason.is_some() { &mut stopped } else { &mut decided } += 1;
    }
    assert!(decided >= 15 && stopped >= 30 && refused >= 10, "{decided}, {stopped} stopped, {refused} refused");
}

#[test]
fn a_prompt_is_answered_with_what_was_asked() {
    let mut component = component("software");
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let flow =
        component.app2app_start("https://as.example/native?request_uri=urn:1", "https://client.example/cb", challenge);
    let body = json!({
        "action": "prompt",
        "id": "7",
        "userPrompt": {"options": {"bank": {"title": "Bank", "values": {"b1": {"name": "One"}, "b2": {"name": "Two"}}}}},
        "response": {"post": "https://as.example/native"},
    });
    let json_type =
        portcullis_host::signature::Header { name: "Content-Type".into(), value: b"application/json".into() };
    let answer = HttpAnswer { status: 200, headers: vec![json_type], body: body.to_string().into_bytes() };
    let decision = component.app2app_step(&flow.expect("an answer"), &answer).expect("an answer").expect("a decision");
    let Action::Prompt(prompt) = decision.action else { panic!("a prompt, not {:?}", decision.action) };
    assert_eq!((prompt.options[0].title.as_deref(), prompt.options[0].values.len()), (Some("Bank"), 2));
    let mut reply = |value: &str| {
        let entered = [Parameter { name: "bank".into(), value: value.into() }];
        component.app2app_reply(&prompt, &entered).expect("an answer")
    };
    let good = reply("b2").expect("a reply");
    assert_eq!((good.method, good.body.as_deref()), (Method::Post, Some("id=7&bank=b2")));
    assert_eq!(code(&reply("b3")), "app2app.reply_malformed");
}

#[test]
fn callbacks_and_endpoints_answer_as_the_text_door_does() {
    let mut component = component("software");
    let mut count = 0;
    for case in cases(&["app2app.ndjson"]).into_iter().filter(|case| case.op == "app2app.trust") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let pair = |pair: &Value| CallbackPair {
            app: text(&pair["app"]).expect("an app"),
            callback: text(&pair["callback"]).expect("a callback"),
        };
        let pairs: Vec<_> = members["pairs"].as_array().expect("a list").iter().map(pair).collect();
        let callback = members["native_callback_uri"].as_str().expect("a URL");
        let claimed_by = members["claimed_by"].as_str();
        let verdict = component.app2app_trust(&pairs, callback, claimed_by).expect("an answer");
        assert_eq!(code(&verdict), wanted, "{}", case.id);
        assert_eq!(answer["result"]["app"].as_str(), verdict.ok().as_deref(), "{}", case.id);
        if let Some(redirect_uri) = members["redirect_uri"].as_str() {
            let url = component.app2app_callback_url(&pairs, callback, claimed_by, redirect_uri).expect("an answer");
            assert_eq!(answer["result"]["url"].as_str(), url.ok().as_deref(), "{}", case.id);
        }
        count += 1;
    }
    assert!(count >= 5, "{count} callbacks");
    let metadata = br#"{"native_authorization_endpoint":"https://as.example/native"}"#;
    let endpoint = component.app2app_native_endpoint(metadata).expect("an answer");
    assert_eq!(endpoint.as_deref(), Ok("https://as.example/native"));
    let none = component.app2app_native_endpoint(b"{}").expect("an answer");
    assert_eq!(code(&none), "app2app.native_endpoint_missing");
}

//! The demo issuer as a browser uses it: a gateway asks for a stronger sign-in (RFC 9470), a person allows it, and the next
//! token is enough.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_host::gateway::Settings;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::client::Client;
use super::running::{Answer, Running, ask, get, now, request};
use super::{Tried, support};

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const BACK: &str = "http://127.0.0.1:5173/back";
const PAGE: (&str, &str) = ("Origin", "http://127.0.0.1:5173");

struct Demo {
    gateway: Running,
    admin: String,
    metadata: Value,
}

impl Demo {
    async fn start() -> Tried<Self> {
        let policy = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/demo/policy.toml"))?;
        let set = |settings: &mut Settings| settings.demo = true;
        let gateway = Running::with(&policy, &support::built("portcullis-hosted.wasm"), set).await?;
        let admin = gateway.address("admin").to_owned();
        let answer = ask(&admin, &get("/.well-known/oauth-authorization-server", &[("Host", &admin), PAGE])).await?;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
        Ok(Self { gateway, admin, metadata: serde_json::from_str(&answer.body)? })
    }

    /// The path of an endpoint that the metadata names.
    fn path(&self, endpoint: &str) -> String {
        let url = self.metadata[endpoint].as_str().unwrap_or_default();
        url.strip_prefix(&format!("http://{}", self.admin)).unwrap_or_else(|| panic!("{endpoint}: {url}")).to_owned()
    }

    async fn show(&self, more: &[(&str, &str)]) -> Tried<Answer> {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", "page"),
                ("redirect_uri", BACK),
                ("state", "s1"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .extend_pairs(more)
            .finish();
        let path = format!("{}?{query}", self.path("authorization_endpoint"));
        ask(&self.admin, &get(&path, &[("Host", &self.admin)])).await
    }

    async fn press(&self, page: &Answer, decision: &str, origin: &str) -> Tried<Answer> {
        let ticket = page.body.split("name=\"ticket\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let form = format!("ticket={}&decision={decision}", ticket.ok_or("no ticket")?);
        let headers =
            [("Host", self.admin.as_str()), ("Origin", origin), ("Content-Type", "application/x-www-form-urlencoded")];
        ask(&self.admin, &request("POST", &self.path("authorization_endpoint"), &headers, &form)).await
    }

    /// The code that a yes gives.
    async fn code(&self, more: &[(&str, &str)]) -> Tried<String> {
        let answer = self.press(&self.show(more).await?, "allow", &format!("http://{}", self.admin)).await?;
        assert_eq!(answer.status, 303, "{answer:?}");
        let to = Url::parse(answer.header("location").ok_or("no location")?)?;
        let said = |name: &str| to.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        assert_eq!(said("state").as_deref(), Some("s1"));
        assert_eq!(said("iss").as_deref(), self.metadata["issuer"].as_str());
        Ok(said("code").ok_or("no code")?)
    }

    async fn exchange(&self, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Tried<(Answer, Value)> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let headers: Vec<_> =
            [("Host", self.admin.as_str()), kind, PAGE].into_iter().chain(headers.iter().copied()).collect();
        let answer = ask(&self.admin, &request("POST", &self.path("token_endpoint"), &headers, &form)).await?;
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE.1));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = serde_json::from_str(&answer.body)?;
        Ok((answer, body))
    }

    async fn pay(&self, authorization: &str) -> Tried<Answer> {
        let headers = [("Host", "127.0.0.1:8080"), ("Authorization", authorization)];
        ask(self.gateway.address("envoy"), &request("POST", "/payments", &headers, "")).await
    }
}

fn of_code(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "page"),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stronger_sign_in_is_asked_for_and_given() -> Tried {
    let demo = Demo::start().await?;
    let scope = ("scope", "payments:write");
    let (_, weak) = demo.exchange(&of_code(&demo.code(&[scope]).await?), &[]).await?;
    let refused = demo.pay(&format!("Bearer {}", weak["access_token"].as_str().unwrap_or_default())).await?;
    let challenge = refused.header("www-authenticate").unwrap_or_default();
    assert!(refused.status == 401 && challenge.contains("insufficient_user_authentication"), "{refused:?}");
    assert!(challenge.contains("acr_values=\"phr\"") && challenge.contains("max_age=\"300\""), "{challenge}");
    // As the challenge says.
    let code = demo.code(&[scope, ("acr_values", "phr"), ("max_age", "300")]).await?;
    let (_, strong) = demo.exchange(&of_code(&code), &[]).await?;
    let token = strong["access_token"].as_str().unwrap_or_default();
    assert_eq!(demo.pay(&format!("Bearer {token}")).await?.status, 200);
    // Refreshed it is the same sign-in.
    let refresh = strong["refresh_token"].as_str().unwrap_or_default();
    let (_, next) = demo.exchange(&[("grant_type", "refresh_token"), ("refresh_token", refresh)], &[]).await?;
    let token = next["access_token"].as_str().unwrap_or_default();
    assert_eq!(demo.pay(&format!("Bearer {token}")).await?.status, 200);
    let (again, _) = demo.exchange(&[("grant_type", "refresh_token"), ("refresh_token", refresh)], &[]).await?;
    assert_eq!(again.status, 400);
    demo.gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_are_judged_by_the_component_and_used_once() -> Tried {
    let demo = Demo::start().await?;
    let client = Client::new()?;
    let url = demo.metadata["token_endpoint"].as_str().unwrap_or_default().to_owned();
    let proof = client.proof_for("POST", &url, "one", now());
    let code = demo.code(&[]).await?;
    let (_, bound) = demo.exchange(&of_code(&code), &[("DPoP", &proof)]).await?;
    assert_eq!(bound["token_type"], "DPoP", "{bound}");
    let claims = bound["access_token"].as_str().and_then(|token| token.split('.').nth(1)).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?;
    assert_eq!(claims["cnf"]["jkt"], client.thumbprint());
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", bound["refresh_token"].as_str().unwrap_or_default())];
    for (proof, why) in [
        (proof.clone(), "used"),
        (client.proof_for("POST", &url.replace("token", "other"), "two", now()), "for another place"),
        (client.proof_for("POST", &url, "three", now() - 120), "old"),
        (Client::of(9)?.proof_for("POST", &url, "four", now()), "of another key"),
        ("x".into(), "none"),
    ] {
        let (answer, body) = demo.exchange(&refresh, &[("DPoP", &proof)]).await?;
        assert_eq!((answer.status, body["error"].as_str()), (400, Some("invalid_dpop_proof")), "{why}: {body}");
    }
    let (_, body) = demo.exchange(&refresh, &[]).await?;
    assert_eq!(body["error"], "invalid_dpop_proof", "none at all");
    let (answer, _) = demo.exchange(&refresh, &[("DPoP", &client.proof_for("POST", &url, "five", now()))]).await?;
    assert_eq!(answer.status, 200);
    demo.gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_presses_the_button_for_the_person() -> Tried {
    let demo = Demo::start().await?;
    let own = format!("http://{}", demo.admin);
    let page = demo.show(&[("scope", "<b>")]).await?;
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self' http://127.0.0.1:5173;"));
    assert!(
        page.body.contains("&lt;b&gt;") && page.body.contains("name=\"decision\" value=\"allow\""),
        "{}",
        page.body
    );
    for origin in ["http://127.0.0.1:5173", "https://evil.example", "null"] {
        assert_eq!(demo.press(&page, "allow", origin).await?.status, 403, "{origin}");
    }
    let denied = demo.press(&page, "deny", &own).await?;
    assert!(denied.header("location").unwrap_or_default().contains("error=access_denied"), "{denied:?}");
    assert_eq!(demo.press(&page, "allow", &own).await?.status, 400, "it was answered");
    // What goes nowhere stays on the page, and what the client got wrong is told to it.
    assert_eq!(demo.show(&[("redirect_uri", "https://evil.example/")]).await?.status, 400, "twice");
    let unmet = demo.show(&[("acr_values", "gold")]).await?;
    let location = unmet.header("location").unwrap_or_default();
    assert!(
        unmet.status == 303 && location.starts_with(BACK) && location.contains("unmet_authentication"),
        "{unmet:?}"
    );
    // A name that somebody points at this address.
    let path = demo.path("authorization_endpoint");
    assert_eq!(ask(&demo.admin, &get(&path, &[("Host", "evil.example")])).await?.status, 421);
    let mint = request("POST", "/demo/token", &[("Host", &demo.admin), PAGE], "");
    assert_eq!(ask(&demo.admin, &mint).await?.status, 403, "the mint is not for pages of others");
    demo.gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_on_this_machine_may_ask_for_tokens_and_others_not() -> Tried {
    let demo = Demo::start().await?;
    for (origin, wanted) in [
        ("http://127.0.0.1:5173", true),
        ("http://localhost:3000", true),
        ("https://evil.example", false),
        ("null", false),
    ] {
        let headers = [
            ("Host", demo.admin.as_str()),
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "dpop,content-type"),
        ];
        let answer = ask(&demo.admin, &request("OPTIONS", &demo.path("token_endpoint"), &headers, "")).await?;
        assert_eq!(answer.header("access-control-allow-origin"), wanted.then_some(origin), "{origin}");
        let allowed = answer.header("access-control-allow-headers").unwrap_or_default();
        assert!(allowed.contains("dpop") && allowed.contains("content-type"), "{allowed}");
    }
    demo.gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_denied_when_the_list_is_fetched_again() -> Tried {
    let demo = Demo::start().await?;
    let host = ("Host", demo.admin.as_str());
    let form = [host, ("Content-Type", "application/x-www-form-urlencoded")];
    let minted = ask(&demo.admin, &request("POST", "/demo/mint", &form, "scope=reports:read")).await?;
    let minted: Value = serde_json::from_str(&minted.body)?;
    let authorization = format!("Bearer {}", minted["token"].as_str().unwrap_or_default());
    let read = get("/reports/7", &[("Host", "127.0.0.1:8080"), ("Authorization", &authorization)]);
    assert_eq!(ask(demo.gateway.address("envoy"), &read).await?.status, 200);
    let index = format!("index={}", minted["index"]);
    assert_eq!(ask(&demo.admin, &request("POST", "/demo/revoke", &form, &index)).await?.status, 200);
    let begun = std::time::Instant::now();
    while ask(demo.gateway.address("envoy"), &read).await?.status == 200 {
        assert!(begun.elapsed() < super::running::WITHIN, "it is never noticed");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    demo.gateway.end().await
}

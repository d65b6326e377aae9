//! The policy for a page: what it leaves out, and that it never allows what the full policy denies.

mod support;

use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use portcullis_gate::{
    Gate, Outcome, Request,
    policy::{Access, Format, Policy, export},
};
use portcullis_types::{
    base64url,
    json::{self, Object},
};
use proptest::prelude::*;
use support::{API, Host, NOW, backend, get, jwks, sign, status_list};

fn read(text: &str) -> (Object, Policy) {
    let policy = Policy::parse(text, Format::Json, &backend()).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"));
    (Policy::tree(text, Format::Json).unwrap(), policy)
}

fn exported(text: &str) -> Object {
    let (object, policy) = read(text);
    export::for_browser(&object, &policy).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn toml_exported(text: &str) -> String {
    let policy = Policy::parse(text, Format::Toml, &backend()).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let object = export::for_browser(&Policy::tree(text, Format::Toml).unwrap(), &policy).unwrap();
    // What goes out is a policy.
    let text = json::to_text(&object);
    Policy::parse(&text, Format::Json, &backend()).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"));
    text
}

/// A policy of which nothing is left out.
const PUBLIC: &str = r#"{"origins":["https://api.example"],"proof_window":"1m","challenge":{"realm":"api","resource_metadata":true},"replay":"nonce","issuers":[{"name":"corp","issuer":"https://idp.example","profile":"jwt","algorithms":["ES256"],"audience":["https://api.example"],"proof":"dpop","status":"required","leeway":"10s","max_age":"1h","required_claims":["client_id"],"keys":"https://keys.example/jwks.json","status_keys":"https://status.example/jwks.json","status_origins":["https://status.example"]}],"trust_domains":[{"name":"prod.example","audience":["a"],"leeway":5,"bundle":"https://spire.example/bundle","svids":["jwt"]}],"rules":[{"hosts":["api.example"],"methods":["GET"],"path":"/a/{x}","encoded_slash":"opaque","issuers":["corp","prod.example"],"require":{"scope":["a"],"acr":["phr"],"max_age":"5m","authorization_details":[{"type":"t"}],"claims":{"tenant":"t1"},"spiffe_id":["spiffe://prod.example/a","spiffe://prod.example/b/*"]}},{"path":"/health","anonymous":true}],"cors":{"methods":["GET"],"headers":["Authorization"],"credentials":true,"max_age":"1h","origins":["https://app.example"]},"limits":{"keys_max_stale":"1h","bundles_max_stale":"10m"}}"#;

#[test]
fn what_is_public_goes_out_as_it_is() {
    assert_eq!(json::to_text(&exported(PUBLIC)), PUBLIC);
}

#[test]
fn what_concerns_the_server_alone_stays_there() {
    let text = toml_exported(
        r#"
origins = ["https://api.example"]
mode = "report"
report_unverified = true
expose = "full"

[[issuers]]
name = "corp"
issuer = "https://idp.example"
status_origins = ["https://status.corp.internal", "https://status.example"]

[[rules]]
name = "the secret project"
mode = "report"
path = "/reports/{id}"
require = { scope = ["reports:read"] }

[upstream]
set = { X-Internal-User = "subject" }

[cors]
origins = ["https://admin.corp.internal", "https://app.example"]

[[listeners]]
name = "front"
address = "10.0.0.5:8080"

[limits]
memory = "512MiB"
keys_max_stale = "6h"
"#,
    );
    assert_eq!(
        text,
        r#"{"origins":["https://api.example"],"issuers":[{"name":"corp","issuer":"https://idp.example","status_origins":["https://status.example"]}],"rules":[{"path":"/reports/{id}","issuers":["corp"],"require":{"scope":["reports:read"]}}],"cors":{"origins":["https://app.example"]},"limits":{"keys_max_stale":"6h"}}"#
    );
}

/// A page makes no connection whose server it could authenticate as a workload.
#[test]
fn a_trust_domain_whose_bundle_a_workload_serves_is_left_out() {
    let text = toml_exported(
        r#"
origins = ["https://api.example"]

[[trust_domains]]
name = "prod.example"
bundle = "https://spire.prod.example/bundle"
bundle_profile = "https_spiffe"
endpoint_spiffe_id = "spiffe://test.example/bundle-server"

[[trust_domains]]
name = "test.example"
bundle = "https://spire.test.example/bundle"
bundle_profile = "https_web"

[[rules]]
path = "/1"
issuers = ["prod.example"]
require = {}

[[rules]]
path = "/2"
issuers = ["prod.example", "test.example"]
require = {}
"#,
    );
    assert!(!text.contains("prod.example") && !text.contains("bundle_profile"), "{text}");
    for rule in [
        r#"{"path":"/1","issuers":["unavailable.invalid"],"require":{}}"#,
        r#"{"path":"/2","issuers":["test.example"],"require":{}}"#,
    ] {
        assert!(text.contains(rule), "{rule}\n{text}");
    }
}

#[test]
fn keys_out_of_reach_are_discovered_or_their_issuer_is_left_out() {
    let text = toml_exported(
        r#"
origins = ["https://api.example"]

[[issuers]]
name = "mirrored"
issuer = "https://idp.example"
keys = "http://localhost:8081/jwks.json"
status_keys = "file:/etc/status.json"

[[issuers]]
name = "inside"
issuer = "https://idp.corp.internal"

[[issuers]]
name = "by-file"
issuer = "urn:idp"
keys = "file:/etc/jwks.json"

[[trust_domains]]
name = "prod.example"
bundle = "file:/run/bundle.json"

[[trust_domains]]
name = "test.example"
bundle = "https://spire.test.example/bundle"

[[rules]]
path = "/1"
issuers = ["mirrored", "inside"]
require = { scope = ["a"] }

[[rules]]
path = "/2"
issuers = ["inside", "by-file"]
require = { scope = ["a"] }

[[rules]]
path = "/3"
issuers = ["mirrored", "prod.example", "test.example"]
require = { spiffe_id = ["spiffe://prod.example/a", "spiffe://test.example/a/*"] }

[[rules]]
path = "/4"
issuers = ["mirrored", "prod.example"]
require = { spiffe_id = ["spiffe://prod.example/a"] }

[[rules]]
path = "/5"
issuers = ["inside", "test.example"]
require = { scope = ["a"] }
"#,
    );
    for inside in ["localhost", "corp.internal", "by-file", "urn:idp", "/run/", "/etc/", "prod.example"] {
        assert!(!text.contains(inside), "{inside}\n{text}");
    }
    let nobody = r#""issuers":["unavailable.invalid"],"require":{}}"#;
    for rule in [
        r#"{"path":"/1","issuers":["mirrored"],"require":{"scope":["a"]}}"#.to_string(),
        format!(r#"{{"path":"/2",{nobody}"#),
        r#"{"path":"/3","issuers":["mirrored","test.example"],"require":{"spiffe_id":["spiffe://test.example/a/*"]}}"#
            .to_string(),
        format!(r#"{{"path":"/4",{nobody}"#),
        format!(r#"{{"path":"/5",{nobody}"#),
        r#"{"name":"mirrored","issuer":"https://idp.example","status_keys":{"keys":[]}}"#.to_string(),
        r#"{"name":"test.example","bundle":"https://spire.test.example/bundle","svids":["x509"]}"#.to_string(),
        r#"{"name":"unavailable.invalid","issuer":"urn:unavailable.invalid","keys":{"keys":[]}}"#.to_string(),
    ] {
        assert!(text.contains(&rule), "{rule}\n{text}");
    }
}

#[test]
fn an_only_issuer_that_is_left_out_leaves_rules_that_nobody_satisfies() {
    let rules = r#""rules":[{"path":"/a","require":{}},{"anonymous":true}]"#;
    for (who, kind) in [
        (r#""issuers":[{"name":"inside","issuer":"https://idp.corp"}]"#, "issuers"),
        (r#""trust_domains":[{"name":"prod.example","bundle":"file:bundle.json"}]"#, "trust_domains"),
    ] {
        let object = exported(&format!(r#"{{"origins":["{API}"],{who},{rules}}}"#));
        let text = json::to_text(&object);
        assert!(text.contains(&format!(r#""{kind}":[{{"name":"unavailable.invalid","#)), "{text}");
        let policy = Policy::from_object(&object, &backend()).unwrap();
        // The rule keeps its place before the one that lets everybody through.
        assert!(matches!(policy.rules[0].access, Access::Credential { .. }), "{text}");
        let gate = Gate::new(policy, backend());
        assert_eq!(Host::default().decide(&gate, &get("/a", &[]), NOW).status, 401);
        assert_eq!(Host::default().decide(&gate, &get("/b", &[]), NOW).outcome, Outcome::Allow);
    }
}

#[test]
fn nobodys_name_is_nobodys() {
    let (object, policy) = read(&format!(
        r#"{{"origins":["{API}"],"issuers":[{{"name":"unavailable.invalid","issuer":"https://idp.example"}},
            {{"name":"inside","issuer":"https://idp.corp"}}],"rules":[{{"issuers":["inside"],"require":{{}}}}]}}"#
    ));
    let text = json::to_text(&export::for_browser(&object, &policy).unwrap());
    assert!(text.contains(r#""issuers":["x.unavailable.invalid"]"#), "{text}");
    assert!(Policy::parse(&text, Format::Json, &backend()).is_ok(), "{text}");
}

#[test]
fn secrets_are_refused_and_only_public_members_of_keys_go_out() {
    let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    let with = |member: &str| {
        format!(
            r#"{{"origins":["{API}"],"issuers":[{{"name":"own","issuer":"urn:own",{member}}}],"rules":[{{"require":{{}}}}]}}"#
        )
    };
    let symmetric =
        r#"{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i"}]}"#;
    for (text, path) in [
        (with(&format!(r#""algorithms":["HS256"],"keys":{symmetric}"#)), "issuers[1].keys"),
        (with(&format!(r#""keys":{{"keys":[{key}}}]}},"status_keys":{symmetric}"#)), "issuers[1].status_keys"),
        (
            format!(
                r#"{{"origins":["{API}"],"trust_domains":[{{"name":"a.example","bundle":{{"keys":[{key},"d":"x"}}]}}}}]}}"#
            ),
            "trust_domains[1].bundle",
        ),
    ] {
        let (object, policy) = read(&text);
        let error = export::for_browser(&object, &policy).unwrap_err();
        assert_eq!((error.code(), error.path.to_string().as_str()), ("policy.export_secret", path), "{text}");
        assert_eq!(error.placed(&text, Format::Json).place.map(|place| place.line), Some(1));
    }
    let text =
        json::to_text(&exported(&with(&format!(r#""keys":{{"note":"a","keys":[{key},"kid":"1","ops":"b"}}]}}"#))));
    assert!(text.contains(&format!(r#""keys":{{"keys":[{key},"kid":"1"}}]}}"#)), "{text}");
}

/// Where the keys of an issuer of the property are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Inline,
    Public,
    File,
    Address,
    Discovered,
    Inside,
}

#[derive(Debug, Clone)]
struct Rule {
    path: usize,
    method: usize,
    /// Which of the issuers and trust domains; none of them: anonymous.
    who: Vec<usize>,
    scope: bool,
    /// Which of the trust domains' workloads, as a bit each; none: no such requirement.
    workloads: u8,
}

/// Issuers with their keys' places and whether their lists have keys of their own; trust domains likewise; rules.
#[derive(Debug, Clone)]
struct Plan {
    issuers: Vec<(Place, bool)>,
    domains: Vec<(Place, usize)>,
    rules: Vec<Rule>,
}

const PATHS: [Option<&str>; 4] = [None, Some("/a"), Some("/{x}"), Some("/{x...}")];
const METHODS: [&str; 3] = ["", r#","methods":["GET"]"#, r#","methods":["POST","OPTIONS"]"#];
const SVIDS: [&str; 3] = ["", r#","svids":["jwt"]"#, r#","svids":["x509"]"#];

fn plans() -> impl Strategy<Value = Plan> {
    let place = prop_oneof![
        Just(Place::Inline),
        Just(Place::Public),
        Just(Place::File),
        Just(Place::Address),
        Just(Place::Discovered),
        Just(Place::Inside),
    ];
    let rule = (0..4usize, 0..3usize, prop::collection::btree_set(0..4usize, 0..3), any::<bool>(), 0..4u8).prop_map(
        |(path, method, who, scope, workloads)| Rule { path, method, who: who.into_iter().collect(), scope, workloads },
    );
    (
        prop::collection::vec((place.clone(), any::<bool>()), 2),
        prop::collection::vec((place, 0..3usize), 2),
        prop::collection::vec(rule, 1..6),
    )
        .prop_map(|(issuers, domains, rules)| Plan { issuers, domains, rules })
}

fn iss(number: usize, place: Place) -> String {
    match place {
        Place::Inside => format!("https://idp{number}.corp.internal"),
        _ => format!("https://idp{number}.example"),
    }
}

fn source(place: Place, member: &str, what: &str, number: usize, inline: &str) -> String {
    match place {
        Place::Inline => format!(r#","{member}":{inline}"#),
        Place::Public => format!(r#","{member}":"https://{what}{number}.example/jwks""#),
        Place::File => format!(r#","{member}":"file:{what}{number}.json""#),
        Place::Address => format!(r#","{member}":"https://10.0.0.{number}/{what}""#),
        Place::Discovered | Place::Inside => String::new(),
    }
}

fn domain_key(number: usize) -> SigningKey {
    SigningKey::from_slice(&[u8::try_from(number).unwrap() + 1; 32]).unwrap()
}

fn bundle(number: usize) -> String {
    let point = domain_key(number).verifying_key().to_sec1_point(false);
    let coordinate = |range| base64url::encode(&point.as_bytes()[range]);
    let (x, y) = (coordinate(1..33), coordinate(33..65));
    format!(r#"{{"keys":[{{"use":"jwt-svid","kid":"d","kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}]}}"#)
}

/// A JWT-SVID, with members added to its claims.
fn svid(number: usize, more: &str) -> String {
    let claims = format!(r#"{{{more}"sub":"spiffe://td{number}.example/w","aud":"{API}","exp":{}}}"#, NOW + 3_600);
    let header = r#"{"alg":"ES256","kid":"d","typ":"JWT"}"#;
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
    let signature: Signature = domain_key(number).sign(input.as_bytes());
    format!("{input}.{}", base64url::encode(&signature.to_bytes()))
}

impl Plan {
    fn names(&self) -> [String; 4] {
        ["idp0", "idp1", "td0.example", "td1.example"].map(Into::into)
    }

    fn own_keys(number: usize) -> String {
        jwks(&[(u8::try_from(number).unwrap() + 1, "a")])
    }

    fn policy(&self) -> String {
        let issuer = |(number, (place, lists)): (usize, &(Place, bool))| {
            let keys = source(*place, "keys", "keys", number, &Self::own_keys(number));
            let status_keys = if *lists { r#","status_keys":"file:lists.json""# } else { "" };
            format!(r#"{{"name":"idp{number}","issuer":"{}"{keys}{status_keys}}}"#, iss(number, *place))
        };
        let domain = |(number, (place, svids)): (usize, &(Place, usize))| {
            let place = if matches!(place, Place::Discovered | Place::Inside) { Place::File } else { *place };
            let bundle = source(place, "bundle", "bundle", number, &bundle(number));
            format!(r#"{{"name":"td{number}.example"{bundle}{}}}"#, SVIDS[*svids])
        };
        let issuers: Vec<String> = self.issuers.iter().enumerate().map(issuer).collect();
        let domains: Vec<String> = self.domains.iter().enumerate().map(domain).collect();
        let rules: Vec<String> = self.rules.iter().map(|rule| self.rule(rule)).collect();
        format!(
            r#"{{"origins":["{API}"],"cors":{{"origins":["https://app.corp.internal"]}},"issuers":[{}],"trust_domains":[{}],"rules":[{}]}}"#,
            issuers.join(","),
            domains.join(","),
            rules.join(",")
        )
    }

    fn rule(&self, rule: &Rule) -> String {
        let path = PATHS[rule.path].map(|path| format!(r#""path":"{path}","#)).unwrap_or_default();
        let method = METHODS[rule.method];
        if rule.who.is_empty() {
            return format!(r#"{{{path}"anonymous":true{method}}}"#);
        }
        let names: Vec<String> = rule.who.iter().map(|who| format!("{:?}", self.names()[*who])).collect();
        let mut require = Vec::new();
        if rule.scope && rule.who.iter().any(|who| *who < 2) {
            require.push(r#""scope":["read"]"#.to_string());
        }
        let patterns: Vec<String> = (0..2)
            .filter(|number| rule.workloads & (1 << number) != 0 && rule.who.contains(&(number + 2)))
            .map(|number| format!(r#""spiffe://td{number}.example/*""#))
            .collect();
        if !patterns.is_empty() {
            require.push(format!(r#""spiffe_id":[{}]"#, patterns.join(",")));
        }
        format!(r#"{{{path}"issuers":[{}],"require":{{{}}}{method}}}"#, names.join(","), require.join(","))
    }

    /// Everything that either policy could fetch: the same for both.
    fn host(&self) -> Host {
        let mut host = Host::default();
        let mut put = |url: String, text: String| host.documents.insert(url, text);
        put("file:lists.json".into(), jwks(&[(9, "lists")]));
        for (number, (place, _)) in self.issuers.iter().enumerate() {
            let iss = iss(number, *place);
            let published = format!("{iss}/published");
            put(published.clone(), Self::own_keys(number));
            let metadata = format!(r#"{{"issuer":"{iss}","jwks_uri":"{published}"}}"#);
            put(format!("{iss}/.well-known/oauth-authorization-server"), metadata);
            put(format!("https://keys{number}.example/jwks"), Self::own_keys(number));
            put(format!("file:keys{number}.json"), Self::own_keys(number));
            put(format!("https://10.0.0.{number}/keys"), Self::own_keys(number));
            // Signed with the issuer's own key: good only where its lists have no keys of their own.
            let uri = format!("{iss}/list");
            put(uri.clone(), status_list(u8::try_from(number).unwrap() + 1, "a", &uri, &[0], NOW, ""));
        }
        for number in 0..2 {
            put(format!("https://bundle{number}.example/jwks"), bundle(number));
            put(format!("file:bundle{number}.json"), bundle(number));
            put(format!("https://10.0.0.{number}/bundle"), bundle(number));
        }
        host
    }

    fn requests(&self) -> Vec<Request> {
        let mut credentials: Vec<Option<String>> = vec![None];
        for (number, (place, _)) in self.issuers.iter().enumerate() {
            let iss = iss(number, *place);
            let lists = format!(r#""status":{{"status_list":{{"idx":0,"uri":"{iss}/list"}}}},"#);
            for more in ["", r#""scope":"read","#, lists.as_str()] {
                let claims = format!(
                    r#"{{{more}"iss":"{iss}","aud":"{API}","sub":"alice","client_id":"app","jti":"1","iat":{NOW},"exp":{}}}"#,
                    NOW + 60
                );
                let header = r#"{"alg":"Ed25519","kid":"a","typ":"at+jwt"}"#;
                credentials.push(Some(sign(u8::try_from(number).unwrap() + 1, header, &claims)));
            }
            // One that both an issuer and a trust domain could take for theirs.
            credentials.push(Some(svid(number, &format!(r#""iss":"{iss}","#))));
            credentials.push(Some(svid(number, "")));
        }
        let mut requests = Vec::new();
        for credential in &credentials {
            let authorization = credential.as_ref().map(|token| format!("Bearer {token}"));
            let headers: Vec<(&str, &str)> =
                authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
            for path in ["/a", "/b", "/a/b"] {
                requests.push(get(path, &headers));
                requests.push(Request { method: "POST".into(), ..get(path, &headers) });
            }
        }
        let preflight = [("Origin", "https://app.corp.internal"), ("Access-Control-Request-Method", "GET")];
        requests.push(Request { method: "OPTIONS".into(), ..get("/a", &preflight) });
        requests
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_page_is_never_allowed_what_the_policy_denies(plan in plans()) {
        let text = plan.policy();
        let (object, policy) = read(&text);
        let page = export::for_browser(&object, &policy).unwrap();
        let told = json::to_text(&page);
        for inside in ["internal", "10.0.0.", "file:"] {
            prop_assert!(!told.contains(inside), "{} in {}", inside, told);
        }
        let page = Policy::parse(&told, Format::Json, &backend());
        prop_assert!(page.is_ok(), "{}\n{:#?}", told, page.err());
        let (full, page) = (Gate::new(policy, backend()), Gate::new(page.unwrap(), backend()));
        let (mut full_host, mut page_host) = (plan.host(), plan.host());
        for request in plan.requests() {
            let allowed = page_host.decide(&page, &request, NOW).outcome == Outcome::Allow;
            if allowed {
                let decision = full_host.decide(&full, &request, NOW);
                prop_assert_eq!(decision.outcome, Outcome::Allow, "{:?}\n{}\n{}\n{:#?}", request, text, told, decision);
            }
        }
    }
}

/// The property is about something: a page is allowed what it can see.
#[test]
fn a_page_is_allowed_what_it_can_see() {
    let rule = |path, who: &[usize], workloads| Rule { path, method: 0, who: who.to_vec(), scope: false, workloads };
    let plan = Plan {
        issuers: vec![(Place::File, false), (Place::Inline, false)],
        domains: vec![(Place::Public, 0), (Place::Inline, 1)],
        rules: vec![rule(1, &[0, 2], 0), rule(2, &[1, 3], 0)],
    };
    let text = plan.policy();
    let (object, policy) = read(&text);
    let page = Policy::from_object(&export::for_browser(&object, &policy).unwrap(), &backend()).unwrap();
    let (gate, host) = (Gate::new(page, backend()), plan.host());
    let count =
        |outcome| plan.requests().iter().filter(|one| host.clone().decide(&gate, one, NOW).outcome == outcome).count();
    let allowed = count(Outcome::Allow);
    assert!(allowed >= 12, "{allowed}");
}

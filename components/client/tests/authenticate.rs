//! The whole of client authentication: which credential counts, what a refused client is told, and what a host remembers.

use std::rc::Rc;

use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use portcullis_client::{
    Challenge, Client, Clients, IdPattern, Method,
    authenticate::{Authenticated, Expectations, Refused, Request, Role, authenticate},
    spiffe::ASSERTION_TYPE,
};
use portcullis_crypto::{
    Algorithm, Backend, Failed, KeySet, Origin, PreparedKey, PublicKey, Scheme, SoftwareBackend, Verdict, sha256,
};
use portcullis_svid::BundleSet;
use portcullis_types::{base64url, json};
use proptest::prelude::*;

const AT: u64 = 1_790_000_000;
const SERVER: &str = "https://as.example";
const URL: &str = "https://as.example/token";
const ATTESTATION: &str = "OAuth-Client-Attestation";
const POP: &str = "OAuth-Client-Attestation-PoP";

fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

const ATTESTER: u8 = 1;
const INSTANCE: u8 = 2;
const OTHER: u8 = 3;
const TRUST_DOMAIN: u8 = 4;

fn jwk(number: u8, more: &str) -> String {
    let point = key(number).verifying_key().to_sec1_point(false);
    let (x, y) = (base64url::encode(point.x().unwrap()), base64url::encode(point.y().unwrap()));
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"{more}}}"#)
}

fn sign(number: u8, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
    let signature: Signature = key(number).sign(input.as_bytes());
    format!("{input}.{}", base64url::encode(&signature.to_bytes()))
}

fn attestation(claims: &str) -> String {
    let header = r#"{"alg":"ES256","typ":"oauth-client-attestation+jwt"}"#;
    sign(ATTESTER, header, &format!("{{{claims},\"cnf\":{{\"jwk\":{}}}}}", jwk(INSTANCE, "")))
}

fn good_attestation() -> String {
    attestation(r#""sub":"client","exp":1790000060"#)
}

fn pop(claims: &str) -> String {
    sign(INSTANCE, r#"{"alg":"ES256","typ":"oauth-client-attestation-pop+jwt"}"#, &format!("{{{claims}}}"))
}

fn good_pop() -> String {
    pop(r#""aud":"https://as.example","jti":"p1","iat":1790000000"#)
}

fn dpop(number: u8, more: &str) -> String {
    let header = format!(r#"{{"alg":"ES256","typ":"dpop+jwt","jwk":{}}}"#, jwk(number, ""));
    let claims = format!(r#"{{"jti":"d1","htm":"POST","htu":"{URL}","iat":1790000000{more}}}"#);
    sign(number, &header, &claims)
}

fn jwt_svid(claims: &str) -> String {
    sign(TRUST_DOMAIN, r#"{"alg":"ES256","kid":"a"}"#, &format!("{{{claims}}}"))
}

fn good_svid() -> String {
    jwt_svid(r#""sub":"spiffe://td/w","aud":["https://as.example"],"exp":1790000060"#)
}

fn wit_svid() -> String {
    let cnf = jwk(INSTANCE, r#","alg":"ES256""#);
    let claims = format!(r#"{{"sub":"spiffe://td/w","exp":1790000060,"cnf":{{"jwk":{cnf}}}}}"#);
    sign(TRUST_DOMAIN, r#"{"alg":"ES256","kid":"b","typ":"wit+jwt"}"#, &claims)
}

/// What a server knows.
struct Server {
    backend: Rc<dyn Backend>,
    clients: Clients,
    attesters: KeySet,
    bundles: BundleSet,
}

impl Server {
    fn new() -> Self {
        Self::with(Rc::new(SoftwareBackend::default()))
    }

    fn with(backend: Rc<dyn Backend>) -> Self {
        let mut clients = Clients::new();
        let spiffe_id = Some(IdPattern::parse("spiffe://td/*").unwrap());
        for (client_id, spiffe_id) in [("client", None), ("workloads", spiffe_id)] {
            clients.add(Client { client_id: client_id.into(), spiffe_id, method: None }).unwrap();
        }
        let attesters = format!(r#"{{"keys":[{}]}}"#, jwk(ATTESTER, ""));
        let (jwt, wit) =
            (jwk(TRUST_DOMAIN, r#","kid":"a","use":"jwt-svid""#), jwk(TRUST_DOMAIN, r#","kid":"b","use":"wit-svid""#));
        let bundles = format!(r#"{{"td":{{"keys":[{jwt},{wit}]}}}}"#);
        Self {
            clients,
            attesters: KeySet::from_jwks(attesters.as_bytes(), &backend).unwrap(),
            bundles: BundleSet::from_object(&json::parse_object(bundles.as_bytes()).unwrap(), &backend).unwrap(),
            backend,
        }
    }

    fn expect(&self, role: Role) -> Expectations<'_> {
        Expectations {
            methods: &Method::ALL,
            attesters: Some(&self.attesters),
            ..Expectations::of(role, SERVER, &self.clients, &self.bundles)
        }
    }

    fn ask(
        &self,
        headers: &[(&str, &str)],
        form: &[(&str, &str)],
        expect: &Expectations<'_>,
    ) -> Result<Authenticated, Refused> {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request = Request { headers: &headers, method: "POST", url: URL, form, certificate_chain: &[] };
        authenticate(&request, expect, AT, &self.backend)
    }

    fn told(
        &self,
        headers: &[(&str, &str)],
        form: &[(&str, &str)],
        expect: &Expectations<'_>,
    ) -> (&'static str, u16, &'static str) {
        let refused = self.ask(headers, form, expect).unwrap_err();
        (refused.rejection.code(), refused.answer.status, refused.answer.error)
    }
}

#[test]
fn one_credential_counts_and_two_are_refused() {
    let server = Server::new();
    let expect = server.expect(Role::AuthorizationServer);
    let (attestation, pop, svid) = (good_attestation(), good_pop(), good_svid());
    let by_attestation = [(ATTESTATION, attestation.as_str()), (POP, pop.as_str())];
    let by_assertion = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", svid.as_str())];
    assert_eq!(server.ask(&by_attestation, &[], &expect).unwrap().method, Method::Attestation);
    assert_eq!(server.ask(&[], &by_assertion, &expect).unwrap().method, Method::SpiffeJwt);

    let basic = [("Authorization", "Basic YTpi")];
    let secret = [("client_id", "client"), ("client_secret", "s")];
    let headers: [&[(&str, &str)]; 3] = [&[], &by_attestation, &basic];
    let forms: [&[(&str, &str)]; 3] = [&[], &by_assertion, &secret];
    for (number, headers) in headers.iter().enumerate() {
        for (other, form) in forms.iter().enumerate() {
            if number > 0 && other > 0 {
                let wanted = ("client.several_methods", 400, "invalid_request");
                assert_eq!(server.told(headers, form, &expect), wanted, "{number} {other}");
            }
        }
    }
    assert_eq!(server.told(&[], &[], &expect), ("client.credential_missing", 401, "invalid_client"));
    assert_eq!(server.told(&basic, &[], &expect), ("client.credential_other", 401, "invalid_client"));
    assert_eq!(server.told(&[], &secret, &expect), ("client.credential_other", 401, "invalid_client"));
}

#[test]
fn a_parameter_stands_there_once() {
    let server = Server::new();
    let expect = server.expect(Role::AuthorizationServer);
    let svid = good_svid();
    let form =
        [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", svid.as_str()), ("client_id", "workloads")];
    assert!(server.ask(&[], &form, &expect).is_ok());
    for repeated in form {
        let form: Vec<_> = form.into_iter().chain([repeated]).collect();
        let wanted = ("client.parameter_repeated", 400, "invalid_request");
        assert_eq!(server.told(&[], &form, &expect), wanted, "{}", repeated.0);
    }
    // Others are not ours to judge.
    let form: Vec<_> = form.into_iter().chain([("resource", "a"), ("resource", "b")]).collect();
    assert!(server.ask(&[], &form, &expect).is_ok());
}

#[test]
fn a_resource_server_looks_at_attestations_alone() {
    let server = Server::new();
    let expect = server.expect(Role::ResourceServer);
    let (attestation, pop, svid) = (good_attestation(), good_pop(), good_svid());
    let headers = [("Authorization", "Bearer token"), (ATTESTATION, attestation.as_str()), (POP, pop.as_str())];
    let form = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", svid.as_str()), ("client_secret", "s")];
    assert_eq!(server.ask(&headers, &form, &expect).unwrap().client_id, "client");
    let wanted = ("attestation.missing", 401, "invalid_client_attestation");
    assert_eq!(server.told(&headers[..1], &form, &expect), wanted);
    // The attestation is of the client whose access token it is.
    let of = |client_id| Expectations { client_id: Some(client_id), ..expect };
    assert_eq!(server.ask(&headers, &form, &of("client")).unwrap().client_id, "client");
    let wanted = ("client.id_mismatch", 401, "invalid_client_attestation");
    assert_eq!(server.told(&headers, &form, &of("workloads")), wanted);
}

#[test]
fn an_attester_signs_with_an_algorithm_that_is_accepted() {
    let server = Server::new();
    let (attestation, pop) = (good_attestation(), good_pop());
    let headers = [(ATTESTATION, attestation.as_str()), (POP, pop.as_str())];
    let ask = |accepted| {
        let expect = Expectations { attester_algorithms: accepted, ..server.expect(Role::ResourceServer) };
        server.ask(&headers, &[], &expect).map_or_else(|refused| refused.rejection.code(), |_| "accepted")
    };
    assert_eq!(ask(None), "accepted");
    assert_eq!(ask(Some(&[Algorithm::Es256][..])), "accepted");
    assert_eq!(ask(Some(&[Algorithm::EdDsa][..])), "token.algorithm_not_accepted");
}

#[test]
fn each_fault_is_told_in_its_own_word() {
    let server = Server::new();
    let (at_server, at_resource) = (server.expect(Role::AuthorizationServer), server.expect(Role::ResourceServer));
    let challenges = ["c2", "c1"].map(|text| Challenge::parse(text).unwrap());
    let (attestation, proof) = (good_attestation(), good_pop());
    let ended = self::attestation(r#""sub":"client","exp":1790000000"#);
    let ended_proof = pop(r#""aud":"https://as.example","jti":"p1","iat":1790000000,"exp":1790000000"#);
    let stranger = self::attestation(r#""sub":"stranger","exp":1790000060"#);
    let own_dpop = dpop(INSTANCE, "");
    let other_dpop = dpop(OTHER, "");
    type Case<'c> = (&'c [(&'c str, &'c str)], &'c str, &'c str, u16, u16);
    let cases: [Case<'_>; 7] = [
        (
            &[(ATTESTATION, &ended), (POP, &proof)],
            "attestation.use_fresh_attestation",
            "use_fresh_attestation",
            400,
            401,
        ),
        // The proof's own end is no reason to get a new attestation.
        (&[(ATTESTATION, &attestation), (POP, &ended_proof)], "token.expired", "invalid_client_attestation", 400, 401),
        (&[(POP, &proof)], "attestation.missing", "invalid_client_attestation", 400, 401),
        (&[(ATTESTATION, &attestation)], "pop.missing", "invalid_client_attestation", 400, 401),
        (&[(ATTESTATION, &attestation), ("DPoP", "x")], "token.parts_missing", "invalid_dpop_proof", 400, 401),
        (
            &[(ATTESTATION, &attestation), ("DPoP", &other_dpop)],
            "attestation.dpop_key_mismatch",
            "invalid_client_attestation",
            400,
            401,
        ),
        (&[(ATTESTATION, &stranger), (POP, &proof)], "client.unknown", "", 401, 401),
    ];
    for (headers, code, error, as_status, rs_status) in cases {
        let (as_error, rs_error) = match error {
            "" => ("invalid_client", "invalid_client_attestation"),
            error => (error, error),
        };
        assert_eq!(server.told(headers, &[], &at_server), (code, as_status, as_error));
        assert_eq!(server.told(headers, &[], &at_resource), (code, rs_status, rs_error));
    }

    let refused = server.ask(&[(ATTESTATION, &ended), (POP, &proof)], &[], &at_resource).unwrap_err();
    let challenge = ("WWW-Authenticate", String::from("Bearer error=\"use_fresh_attestation\""));
    assert_eq!(refused.answer.headers, [challenge]);

    let expect = Expectations { challenges: &challenges, ..at_server };
    let refused = server.ask(&[(ATTESTATION, &attestation), (POP, &proof)], &[], &expect).unwrap_err();
    assert_eq!((refused.answer.status, refused.answer.error), (400, "use_attestation_challenge"));
    assert_eq!(refused.answer.headers, [("OAuth-Client-Attestation-Challenge", String::from("c2"))]);
    assert_eq!(refused.answer.body(), r#"{"error":"use_attestation_challenge"}"#);

    let expect = Expectations { nonces: &["n2", "n1"], ..at_server };
    let refused = server.ask(&[(ATTESTATION, &attestation), ("DPoP", &own_dpop)], &[], &expect).unwrap_err();
    assert_eq!((refused.answer.status, refused.answer.error), (400, "use_dpop_nonce"));
    assert_eq!(refused.answer.headers, [("DPoP-Nonce", String::from("n2"))]);
}

#[test]
fn a_host_is_told_what_to_remember() {
    let server = Server::new();
    let expect = server.expect(Role::AuthorizationServer);
    let (attestation, proof, wit) = (good_attestation(), good_pop(), wit_svid());
    let (own, other) = (dpop(INSTANCE, ""), dpop(OTHER, ""));
    let told = |headers: &[(&str, &str)]| {
        let client = server.ask(headers, &[], &expect).unwrap();
        let proofs: Vec<_> = client.proofs.iter().map(|proof| (proof.target.clone(), proof.id.clone())).collect();
        (client.method, client.key.unwrap(), client.proofs[0].thumbprint, proofs)
    };
    let (method, key, first, proofs) = told(&[(ATTESTATION, &attestation), (POP, &proof)]);
    assert_eq!((method, key == first), (Method::Attestation, true));
    assert_eq!(proofs, [(SERVER.into(), "p1".into())]);
    let (method, key, first, proofs) = told(&[(ATTESTATION, &attestation), ("DPoP", &own)]);
    assert_eq!((method, key == first), (Method::AttestationDpop, true));
    assert_eq!(proofs, [(URL.into(), "d1".into())]);
    let (_, _, _, proofs) = told(&[(ATTESTATION, &attestation), (POP, &proof), ("DPoP", &other)]);
    assert_eq!(proofs, [(SERVER.into(), "p1".into()), (URL.into(), "d1".into())]);
    let (method, ..) = told(&[(ATTESTATION, &wit), (POP, &proof)]);
    assert_eq!(method, Method::SpiffeWit);

    for (seen, headers, code) in [
        ("p1", [(ATTESTATION, &attestation), (POP, &proof)], "pop.replayed"),
        ("d1", [(ATTESTATION, &attestation), ("DPoP", &own)], "dpop.replayed"),
    ] {
        let headers = headers.map(|(name, value)| (name, value.as_str()));
        let expect = Expectations { seen: &[seen], ..expect };
        assert_eq!(server.ask(&headers, &[], &expect).unwrap_err().rejection.code(), code);
    }
}

#[test]
fn a_dpop_proof_at_a_resource_goes_with_its_token() {
    let server = Server::new();
    let expect = server.expect(Role::ResourceServer);
    let attestation = good_attestation();
    let (without, with) =
        (dpop(INSTANCE, ""), dpop(INSTANCE, &format!(",\"ath\":\"{}\"", base64url::encode(&sha256(b"token")))));
    let code = |authorization: &str, proof: &str| {
        let headers = [("Authorization", authorization), (ATTESTATION, &attestation), ("DPoP", proof)];
        server.ask(&headers, &[], &expect).map_or_else(|refused| refused.rejection.code(), |_| "accepted")
    };
    assert_eq!(code("DPoP token", &with), "accepted");
    assert_eq!(code("dpop token", &with), "accepted");
    assert_eq!(code("DPoP token", &without), "dpop.token_hash_missing");
    assert_eq!(code("DPoP other", &with), "dpop.token_hash_mismatch");
    // Whatever the scheme: section 4.2 speaks of access tokens.
    assert_eq!(code("Bearer token", &with), "accepted");
    assert_eq!(code("Bearer token", &without), "dpop.token_hash_missing");
    assert_eq!(code("Basic token", &without), "accepted");
}

/// A library that never knows.
struct Broken;

impl Backend for Broken {
    fn prepare(&self, _: Scheme, _: &PublicKey, _: Origin) -> Result<Box<dyn PreparedKey>, Failed> {
        Ok(Box::new(NeverKnows))
    }
}

struct NeverKnows;

impl PreparedKey for NeverKnows {
    fn verify(&self, _: &[u8], _: &[u8]) -> Verdict {
        Verdict::Failed
    }
}

#[test]
fn a_library_that_fails_is_not_the_clients_fault() {
    let server = Server::with(Rc::new(Broken));
    let expect = server.expect(Role::AuthorizationServer);
    let (attestation, proof) = (good_attestation(), good_pop());
    let refused = server.ask(&[(ATTESTATION, &attestation), (POP, &proof)], &[], &expect).unwrap_err();
    assert_eq!((refused.answer.status, refused.answer.error), (503, "temporarily_unavailable"));
    assert_eq!(refused.answer.headers, [("Retry-After", String::from("5"))]);
}

#[test]
fn who_may_register_is_new_and_whoever_is_registered_is_not() {
    let server = Server::new();
    let mut nobody = Clients::new();
    nobody.add(Client { client_id: "spiffe://td/other".into(), spiffe_id: None, method: None }).unwrap();
    let register = [IdPattern::parse("spiffe://td/*").unwrap()];
    let svid = good_svid();
    let form = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", svid.as_str())];
    let known = Expectations { register: &register, ..server.expect(Role::AuthorizationServer) };
    let client = server.ask(&[], &form, &known).unwrap();
    assert_eq!((client.client_id.as_str(), client.new), ("workloads", false));

    let unknown = Expectations { clients: &nobody, ..known };
    let client = server.ask(&[], &form, &unknown).unwrap();
    assert_eq!((client.client_id.as_str(), client.new), ("spiffe://td/w", true));
    assert_eq!(client.claims.get("sub").unwrap().unwrap().as_str(), Some("spiffe://td/w"));
    let closed = Expectations { register: &[], ..unknown };
    assert_eq!(server.told(&[], &form, &closed), ("client.unknown", 401, "invalid_client"));
    // An attestation never registers anybody: who attests is not who runs the workload.
    let attestation = attestation(r#""sub":"spiffe://td/w","exp":1790000060"#);
    let proof = good_pop();
    let headers = [(ATTESTATION, attestation.as_str()), (POP, proof.as_str())];
    assert_eq!(server.told(&headers, &[], &unknown), ("client.unknown", 401, "invalid_client"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Nothing that a client sends makes a server fall over.
    #[test]
    fn any_request_is_answered(
        headers in prop::collection::vec((prop::sample::select(vec![ATTESTATION, POP, "DPoP", "Authorization"]), ".{0,40}"), 0..5),
        form in prop::collection::vec((prop::sample::select(vec!["client_id", "client_assertion", "client_assertion_type", "client_secret"]), ".{0,40}"), 0..5),
        resource in any::<bool>(),
    ) {
        let server = Server::new();
        let role = if resource { Role::ResourceServer } else { Role::AuthorizationServer };
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        prop_assert!(server.ask(&headers, &form, &server.expect(role)).is_err());
    }

    /// A change of any byte of an attestation or of its proof refuses the client.
    #[test]
    fn what_was_changed_is_not_accepted(at in any::<prop::sample::Index>(), byte in any::<u8>(), of_proof in any::<bool>()) {
        let server = Server::new();
        let mut tokens = [good_attestation().into_bytes(), good_pop().into_bytes()];
        let token = &mut tokens[usize::from(of_proof)];
        let at = at.index(token.len());
        prop_assume!(token[at] != byte);
        token[at] = byte;
        let headers = [(ATTESTATION, tokens[0].as_slice()), (POP, tokens[1].as_slice())];
        let request = Request { headers: &headers, method: "POST", url: URL, form: &[], certificate_chain: &[] };
        prop_assert!(authenticate(&request, &server.expect(Role::AuthorizationServer), AT, &server.backend).is_err());
    }
}

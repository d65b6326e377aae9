//! What the corpus cannot say: answers, statuses, bounds, and what a server signs itself.

use alloc::{borrow::ToOwned, format, rc::Rc, string::String, vec::Vec};
use std::println;

use ed25519_dalek::{Signer, SigningKey};
use portcullis_crypto::{Algorithm, CryptoCode, KeySet, SoftwareBackend};
use portcullis_signature::{Field, Request, SignatureCode};
use portcullis_types::{
    Rejection, RuleCode, Silent, base64url,
    json::{self, Object},
};

use crate::{
    Address, HeldShare, Host, Invite, InviteCode, NotificationCode, PeerCode, Secret, ShareAnswer, ShareCode,
    SignedCode, Source, TokenCode, accepted,
    discovery::check_path,
    invite_status, share_status,
    signed::{self, Body, MAX_BODY, Times},
    token::{Grant, MAX_LIFETIME, TokenAnswer, TokenRequest, grant, oauth_error},
    token_status,
};

fn object(text: &str) -> Object {
    json::parse_object(text.as_bytes()).unwrap()
}

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

fn refusal(code: impl RuleCode) -> Rejection {
    Rejection::new(code, "")
}

#[test]
fn each_refusal_has_its_status() {
    for (status, rejection) in [
        (400, refusal(ShareCode::MemberMissing)),
        (400, refusal(SignedCode::Body)),
        (400, refusal(ShareCode::RequirementsDisagree)),
        (401, refusal(ShareCode::Unsigned)),
        (401, refusal(SignatureCode::TagUnknown)),
        (401, refusal(SignedCode::Legacy)),
        (401, refusal(SignedCode::SignerKeys)),
        (401, refusal(SignedCode::Sender)),
        (403, refusal(SignedCode::Owner)),
        (403, refusal(ShareCode::Denied)),
        (403, refusal(ShareCode::NotInvited)),
        (403, refusal(NotificationCode::Party)),
        (501, refusal(ShareCode::ResourceUnsupported)),
        (501, refusal(ShareCode::TypeUnknown)),
        (501, refusal(ShareCode::ProtocolUnsupported)),
        (503, refusal(CryptoCode::BackendFailed)),
    ] {
        assert_eq!(share_status(&rejection), status, "{}", rejection.code());
    }
    for (status, rejection) in [
        (400, refusal(InviteCode::Unknown)),
        (400, refusal(InviteCode::Expired)),
        (401, refusal(SignatureCode::Missing)),
        (403, refusal(ShareCode::NotAllowed)),
        (403, refusal(PeerCode::Url)),
        (403, refusal(InviteCode::Signer)),
        (409, refusal(InviteCode::Used)),
        (503, refusal(CryptoCode::BackendFailed)),
    ] {
        assert_eq!(invite_status(&rejection), status, "{}", rejection.code());
    }
}

#[test]
fn token_refusals_have_oauth_errors() {
    for (error, rejection) in [
        ("invalid_request", refusal(TokenCode::Form)),
        ("invalid_request", refusal(SignedCode::Body)),
        ("unsupported_grant_type", refusal(TokenCode::GrantType)),
        ("invalid_grant", refusal(TokenCode::Code)),
        ("invalid_grant", refusal(TokenCode::Client)),
        ("invalid_grant", refusal(TokenCode::ShareEnded)),
        ("invalid_client", refusal(SignatureCode::TooOld)),
        ("invalid_client", refusal(SignedCode::SignerKeys)),
    ] {
        assert_eq!((oauth_error(&rejection), token_status(&rejection)), (error, 400), "{}", rejection.code());
    }
    assert_eq!(token_status(&refusal(CryptoCode::BackendFailed)), 503);
}

#[test]
fn answers_to_token_requests() {
    let read = |status, text: &str| TokenAnswer::read(status, &object(text)).map_err(|bad| bad.code());
    let answer =
        read(200, r#"{"access_token":"8f3d","token_type":"bearer","expires_in":300,"refresh_token":"x"}"#).unwrap();
    assert_eq!((answer.access_token.expose(), answer.expires_in), ("8f3d", 300));
    assert_eq!(json::to_text(&answer.to_object()), r#"{"access_token":"8f3d","token_type":"Bearer","expires_in":300}"#);
    for text in [
        r#"{"token_type":"Bearer","expires_in":300}"#,
        r#"{"access_token":"a b","token_type":"Bearer","expires_in":300}"#,
        r#"{"access_token":"8f3d","expires_in":300}"#,
        r#"{"access_token":"8f3d","token_type":"DPoP","expires_in":300}"#,
        r#"{"access_token":"8f3d","token_type":"Bearer"}"#,
        r#"{"access_token":"8f3d","token_type":"Bearer","expires_in":0}"#,
    ] {
        assert_eq!(read(200, text), Err("ocm.token_answer"), "{text}");
    }
    assert_eq!(read(400, r#"{"error":"invalid_grant"}"#), Err("ocm.token_refused"));
    // One that says 200 without a token, and one that has a token with another status, are both none.
    assert_eq!(
        read(201, r#"{"access_token":"8f3d","token_type":"Bearer","expires_in":300}"#),
        Err("ocm.token_refused")
    );

    let granted = |until| Grant { client: host("r.example.org"), provider_id: "7".into(), protocol: "webdav", until };
    let make = |until, lifetime| {
        let token = Secret::new("8f3d").unwrap();
        TokenAnswer::to_grant(&granted(until), token, lifetime, 1000)
            .map(|made| made.expires_in)
            .map_err(|bad| bad.code())
    };
    assert_eq!(make(9999, 300), Ok(300));
    assert_eq!(make(1060, 300), Ok(60), "no longer than the share");
    assert_eq!(make(9999, 0), Err("ocm.token_answer"));
    assert_eq!(make(9999, MAX_LIFETIME + 1), Err("ocm.token_answer"));
    assert_eq!(make(1000, 300), Err("ocm.token_answer"));
}

#[test]
fn answers_to_shares() {
    let protocols = |ssh: &str| {
        let text = format!(r#"{{"name":"multi","webdav":{{"uri":"7","sharedSecret":"hfiuhworz"}}{ssh}}}"#);
        crate::Protocols::from_object(&object(&text), &[]).unwrap()
    };
    let (webdav, ssh) = (protocols(""), protocols(r#","ssh":{"uri":"a@files.example.org:22/7"}"#));
    let read = |status, text: &str, of| ShareAnswer::read(status, &object(text), of).map_err(|bad| bad.code());
    let (named, keyed) =
        (r#"{"recipientDisplayName":"B"}"#, r#"{"recipientDisplayName":"B","recipientPublicKeys":"ssh-ed25519 AAAA"}"#);
    assert_eq!(json::to_text(&read(201, named, &webdav).unwrap().to_object()), named);
    assert_eq!(json::to_text(&read(201, keyed, &ssh).unwrap().to_object()), keyed);
    assert_eq!(read(201, named, &ssh), Err("ocm.share_answer"));
    assert_eq!(read(201, "{}", &webdav), Err("ocm.share_answer"));
    for status in [200, 400, 401, 403, 501, 503] {
        assert_eq!(read(status, named, &webdav), Err("ocm.share_refused"), "{status}");
    }
}

#[test]
fn who_asks_for_a_token_is_who_signed() {
    let share = object(
        r#"{"shareWith":"b@r.example.org","providerId":"7","owner":"a@s.example.org","sender":"a@s.example.org",
            "protocol":{"name":"webdav","webdav":{"uri":"7","sharedSecret":"hfiuhworz"}}}"#,
    );
    let share = HeldShare::from_object(&share, &[]).unwrap();
    let asked = TokenRequest { client: host("r.example.org"), code: Secret::new("hfiuhworz").unwrap() };
    assert_eq!(asked.to_form(), "grant_type=authorization_code&client_id=r.example.org&code=hfiuhworz");
    let code =
        |signer: &str| grant(&asked, &host(signer), &share, 1000, &mut Silent).map(|_| ()).map_err(|bad| bad.code());
    assert_eq!(code("r.example.org"), Ok(()));
    assert_eq!(code("o.example.org"), Err("ocm.token_client"));
}

#[test]
fn an_answer_makes_a_contact() {
    let invite = Invite::parse("dG9rLTFAY2xvdWQuZXhhbXBsZS5vcmc", &[]).unwrap();
    let answer = object(r#"{"userID":"einstein","email":"","name":"Albert"}"#);
    let contact = accepted(&invite, 200, &answer, &mut Silent).unwrap();
    assert_eq!(contact.address, Address::parse("einstein@cloud.example.org").unwrap());
    assert_eq!((contact.source, contact.is_mutual()), (Source::Invite, true));
    for status in [201, 400, 403, 409, 500] {
        let refused = accepted(&invite, status, &answer, &mut Silent).unwrap_err();
        assert_eq!(refused.code(), "ocm.invite_refused", "{status}");
    }
    let incomplete = object(r#"{"userID":"einstein","name":"Albert"}"#);
    assert_eq!(accepted(&invite, 200, &incomplete, &mut Silent).unwrap_err().code(), "ocm.invite_member_missing");
}

#[test]
fn older_servers_are_told_apart() {
    for path in ["/ocm-provider", "/ocm-provider/", "/index.php/ocm-provider", "/cloud/index.php/ocm-provider/"] {
        assert_eq!(check_path(path).unwrap_err().code(), "ocm.discovery_legacy", "{path}");
    }
    for path in ["/.well-known/ocm", "/ocm", "/x-ocm-provider"] {
        assert!(check_path(path).is_ok(), "{path}");
    }
}

fn posted<'m>(fields: &'m [Field<'m>], body: Option<&'m [u8]>) -> Request<'m> {
    Request { method: "POST", url: "https://r.example.org/ocm/shares", target: None, fields, trailers: &[], body }
}

#[test]
fn bodies_are_bounded() {
    let json = [Field { name: "Content-Type", value: b"application/json" }];
    let padded = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
    let code = |fields: &[Field<'_>], body: Option<&str>| {
        Body::of(&posted(fields, body.map(str::as_bytes))).map(|_| ()).map_err(|bad| bad.code())
    };
    assert_eq!(code(&json, Some(&padded(MAX_BODY))), Ok(()));
    assert_eq!(code(&json, Some(&padded(MAX_BODY + 1))), Err("ocm.body_malformed"));
    assert_eq!(code(&json, None), Err("signature.body_unavailable"));
    assert_eq!(code(&[json[0], json[0]], Some("{}")), Err("ocm.body_malformed"));
    assert_eq!(code(&[], Some("{}")), Err("ocm.body_malformed"));
}

/// A server signs a request, and another one verifies it by the keys that it publishes.
#[test]
fn what_is_signed_here_verifies_here() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let x = base64url::encode(key.verifying_key().as_bytes());
    let jwks = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"s.example.org#1","x":"{x}"}}]}}"#);
    let keys = KeySet::from_jwks(jwks.as_bytes(), &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
    let body = br#"{"sender":"a@s.example.org","owner":"a@s.example.org"}"#;
    let given = [Field { name: "Content-Type", value: b"application/json" }];
    let request = posted(&given, Some(body));
    let ready = signed::prepare_request(&request, "s.example.org#1", Algorithm::Ed25519, 1000).unwrap();
    let signature = key.sign(ready.prepared.base.as_bytes());
    let (input, value) = ready.prepared.finish(&signature.to_bytes());
    let mut fields: Vec<(String, String)> =
        ready.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    fields.push(("Signature-Input".into(), input));
    fields.push(("Signature".into(), value));
    let lent: Vec<Field<'_>> =
        given.into_iter().chain(fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() })).collect();
    let request = posted(&lent, Some(body));
    let signer = signed::signer(&Body::of(&request).unwrap(), None).unwrap();
    assert_eq!(signed::named_host(&request), Some(signer.clone()));
    let verified = signed::verify_request(&request, &signer, &keys, &Times::default(), 1010, &mut Silent).unwrap();
    assert_eq!((verified.signer.as_str(), verified.until), ("s.example.org", 1330));

    // Two signatures of one request, of which the label alone differs, are not more than one.
    let doubled: Vec<(String, String)> =
        fields.iter().map(|(name, value)| (name.clone(), value.replacen("ocm=", "x=", 1))).collect();
    let two: Vec<Field<'_>> = lent
        .iter()
        .copied()
        .chain(
            doubled
                .iter()
                .filter(|(name, _)| name.starts_with("Signature"))
                .map(|(name, value)| Field { name, value: value.as_bytes() }),
        )
        .collect();
    let refused =
        signed::verify_request(&posted(&two, Some(body)), &signer, &keys, &Times::default(), 1010, &mut Silent);
    assert_eq!(refused.unwrap_err().code(), "signature.tag_repeated");
}

/// Nothing that is told of a share, an invite or a token shows their secrets.
#[test]
fn secrets_are_in_no_detail() {
    const SECRET: &str = "hfiuhworzwnur98d3wjiwhr";
    let text = format!(
        r#"{{"shareWith":"b@r.example.org","providerId":"7","owner":"a@s.example.org","sender":"a@s.example.org",
            "protocol":{{"name":"webdav","webdav":{{"uri":"7","sharedSecret":"{SECRET}"}}}}}}"#
    );
    let share = HeldShare::from_object(&object(&text), &[]).unwrap();
    let told = format!("{share:?}");
    assert!(!told.contains(SECRET), "{told}");
    for bad in [
        text.replace(r#""uri":"7""#, &format!(r#""uri":"https://s.example.org/{SECRET}""#)),
        text.replace(SECRET, &format!("{SECRET} ")),
        text.replace(r#""uri":"7""#, r#""uri":"..""#),
    ] {
        let refused = HeldShare::from_object(&object(&bad), &[]).unwrap_err();
        println!("{refused}");
        assert!(!refused.detail().contains(SECRET));
    }
}

mod front {
    //! What a gateway can know of a request.

    use super::*;
    use crate::{
        Contacts, Discovery, Receiver, Trust,
        endpoint::{Endpoint, Front, Peer, Place, claimed, examine},
    };

    const SHARE: &str = r#"{"shareWith":"b@r.example.org","name":"x","providerId":"7","owner":"a@s.example.org",
        "sender":"a@s.example.org","shareType":"user","resourceType":"file",
        "protocol":{"name":"multi","webdav":{"uri":"7","sharedSecret":"hfiuhworz"}}}"#;

    fn discovery(host: &str, criteria: &str) -> Discovery {
        let text = format!(
            r#"{{"enabled":true,"apiVersion":"1.4.0","endPoint":"https://{host}/ocm","criteria":[{criteria}],
                "resourceTypes":[{{"name":"file","shareTypes":["user"],"protocols":{{"webdav":"/dav/"}}}}],
                "capabilities":["exchange-token"],"tokenEndPoint":"https://{host}/ocm/token"}}"#
        );
        Discovery::from_object(&object(&text), &[], &mut Silent).unwrap()
    }

    /// What becomes of a request that `s.example.org` signs, at a gateway before `r.example.org`.
    fn sent(path: &str, media_type: &str, body: &str, trust: Trust<'_>) -> Result<usize, &'static str> {
        let key = SigningKey::from_bytes(&[7; 32]);
        let x = base64url::encode(key.verifying_key().as_bytes());
        let jwks = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"s.example.org#1","x":"{x}"}}]}}"#);
        let keys = KeySet::from_jwks(jwks.as_bytes(), &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
        let url = format!("https://r.example.org/ocm{path}");
        let given = [Field { name: "Content-Type", value: media_type.as_bytes() }];
        let bare = Request { url: &url, ..posted(&given, Some(body.as_bytes())) };
        let ready = signed::prepare_request(&bare, "s.example.org#1", Algorithm::Ed25519, 1000).unwrap();
        let (input, value) = ready.prepared.finish(&key.sign(ready.prepared.base.as_bytes()).to_bytes());
        let mut fields: Vec<(&str, String)> = ready.fields.clone();
        fields.extend([("Signature-Input", input), ("Signature", value)]);
        let lent: Vec<Field<'_>> = given
            .into_iter()
            .chain(fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }))
            .collect();
        let request = Request { fields: &lent, ..bare };

        let own = discovery("r.example.org", r#""must-invite""#);
        let (here, theirs) = (host("r.example.org"), discovery("s.example.org", ""));
        let receiver = Receiver { host: &here, discovery: &own, trust };
        let front = Front { receiver, listed: &[], times: Times::default() };
        let Place::Endpoint(endpoint) = Place::of(&own, &url) else { return Err("no endpoint") };
        let others =
            KeySet::from_jwks(jwks.replace("s.ex", "o.ex").as_bytes(), &(Rc::new(SoftwareBackend::default()) as _));
        let others = others.unwrap();
        let judged = Body::of(&request).and_then(|body| {
            let host = claimed(endpoint, &request, &body, &front, &mut Silent)?;
            // Each server's keys are found by its own name.
            let keys = if host.as_str() == "s.example.org" { &keys } else { &others };
            let peer = Peer { host: &host, discovery: &theirs, keys };
            let signed = signed::verify_request(&request, &host, peer.keys, &front.times, 1010, &mut Silent)?;
            Ok((signed, examine(endpoint, &request, &body, &front, &peer, 1010, &mut Silent)?))
        });
        let (signed, received) = judged.map_err(|refused| refused.code())?;
        assert_eq!((signed.signer, signed.created), (host("s.example.org"), 1000));
        Ok(received.map_or(0, |received| received.access.len()))
    }

    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";

    fn elsewhere() -> Trust<'static> {
        Trust { contacts: Contacts::Elsewhere, ..Trust::default() }
    }

    #[test]
    fn a_gateway_judges_what_it_can_know() {
        let acceptance = r#"{"recipientProvider":"s.example.org","token":"t","userID":"a","email":"","name":"A"}"#;
        let asked = r#"{"owner":"b@r.example.org","shareWith":"a@s.example.org","share":"x"}"#;
        let token = "grant_type=authorization_code&client_id=s.example.org&code=hfiuhworz";
        let told = r#"{"notificationType":"SYNC_CALENDAR","providerId":"calendar"}"#;
        assert_eq!(sent("/shares", JSON, SHARE, elsewhere()), Ok(1));
        assert_eq!(sent("/shares?x=1", JSON, SHARE, elsewhere()), Ok(1));
        assert_eq!(sent("/notifications", JSON, told, elsewhere()), Ok(0));
        assert_eq!(sent("/invite-accepted", JSON, acceptance, elsewhere()), Ok(0));
        assert_eq!(sent("/request-share", JSON, asked, elsewhere()), Ok(0));
        assert_eq!(sent("/token", FORM, token, elsewhere()), Ok(0));
        assert_eq!(sent("/other", JSON, SHARE, elsewhere()), Err("no endpoint"));
        let own = discovery("r.example.org", "");
        for (url, is) in [
            ("https://R.example.org:443/ocm/shares", Place::Endpoint(Endpoint::Shares)),
            ("https://r.example.org/ocm/shares/", Place::Nowhere),
            ("https://r.example.org/OCM/shares", Place::Nowhere),
            ("https://r.example.org:8443/ocm/shares", Place::Elsewhere),
            ("http://r.example.org/ocm/shares", Place::Elsewhere),
            ("/ocm/shares", Place::Elsewhere),
        ] {
            assert_eq!(Place::of(&own, url), is, "{url}");
        }

        let other = asked.replace("b@r.", "b@o.");
        assert_eq!(sent("/request-share", JSON, &other, elsewhere()), Err("ocm.share_recipient"));
        assert_eq!(sent("/token", FORM, "client_id=s.example.org&code=x", elsewhere()), Err("ocm.token_form"));
        assert_eq!(
            sent("/invite-accepted", JSON, &acceptance.replace("name", "nom"), elsewhere()),
            Err("ocm.invite_member_missing")
        );
        assert_eq!(sent("/shares", FORM, token, elsewhere()), Err("ocm.body_malformed"));
        assert_eq!(sent("/shares", JSON, &SHARE.replace("@s.", "@o."), elsewhere()), Err("key.unknown"));
        assert_eq!(sent("/shares", JSON, &SHARE.replace("b@r.", "b@o."), elsewhere()), Err("ocm.share_recipient"));
    }

    #[test]
    fn a_gateway_asks_nobody_who_is_not_trusted() {
        let denied = [host("s.example.org")];
        assert_eq!(sent("/shares", JSON, SHARE, Trust { denied: &denied, ..elsewhere() }), Err("ocm.peer_denied"));
        let allowed = [host("o.example.org")];
        assert_eq!(
            sent("/shares", JSON, SHARE, Trust { allowed: Some(&allowed), ..elsewhere() }),
            Err("ocm.peer_not_allowed")
        );
        // A notification is judged by nothing else here.
        let told = r#"{"notificationType":"SHARE_ACCEPTED","providerId":"7"}"#;
        assert_eq!(
            sent("/notifications", JSON, told, Trust { denied: &denied, ..elsewhere() }),
            Err("ocm.peer_denied")
        );
        let local = SHARE.replace("@s.example.org", "@localhost");
        assert_eq!(sent("/shares", JSON, &local, elsewhere()), Err("ocm.peer_name"));
    }

    /// The criterion `must-invite` refuses where nobody says who was invited.
    #[test]
    fn an_address_book_is_asked_by_who_has_it() {
        let contacts = [Address::parse("a@s.example.org").unwrap()];
        assert_eq!(sent("/shares", JSON, SHARE, Trust::default()), Err("ocm.share_not_invited"));
        let known = Trust { contacts: Contacts::Only(&contacts), ..Trust::default() };
        assert_eq!(sent("/shares", JSON, SHARE, known), Ok(1));
    }
}

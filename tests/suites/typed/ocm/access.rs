//! What the receiver of a share does next, and what opens it at the sender.

use portcullis_host::ocm::{
    access::{Credential, ExchangedToken, IssuedToken, Opened, Progress, Step, Wanted},
    shares::Protocol,
};
use serde_json::{Value, json};

use super::{document, held, of, peers};
use crate::{
    code, component,
    messages::{at, headers, text, text_answer, wanted},
};

fn protocol(name: Option<&str>) -> Option<Protocol> {
    match name {
        None | Some("webdav") => Some(Protocol::Webdav),
        Some("webapp") => Some(Protocol::Webapp),
        Some(_) => None,
    }
}

#[test]
fn typed_steps_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut decided, mut refused) = (0, 0);
    for case in of("ocm.open") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let members = &case.request;
        let (Some(share), Some(protocol)) = (held(&members["share"]), protocol(members["protocol"].as_str())) else {
            continue;
        };
        let peers = peers(&mut component, members).expect("lists");
        let sender = document(&mut component, &members["sender"], &peers).expect("a document");
        let token = &members["token"];
        let exchanged = text(&token["token"]).zip(token["until"].as_u64());
        let progress = Progress {
            mfa: members["mfa"] == true,
            token: exchanged.map(|(token, until)| ExchangedToken { token, until }),
            refused: members["refused"] == true,
        };
        let wants = Wanted { share: &share, protocol, inside: members["inside"].as_str() };
        let next = component.next_ocm_step(wants, &sender, &progress, &peers, at(&case)).expect("an answer");
        assert_eq!(code(&next), wanted(&answer), "{}", case.id);
        let told = match next {
            Ok(Step::Exchange) => json!({"do": "exchange"}),
            Ok(Step::Present(shown)) => match shown.url {
                Some(url) => json!({"do": "present", "bearer": shown.bearer, "url": url}),
                None => json!({"do": "present", "bearer": shown.bearer}),
            },
            Err(_) => {
                refused += 1;
                continue;
            }
        };
        assert_eq!(answer["result"], told, "{}", case.id);
        decided += 1;
    }
    assert!(decided >= 6 && refused >= 4, "{decided} decided, {refused} refused");
}

#[test]
fn typed_credentials_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut opened, mut refused) = (0, 0);
    for case in of("ocm.access") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let members = &case.request;
        let token = |issued: &Value| {
            let protocol = protocol(issued["protocol"].as_str())?;
            Some(IssuedToken { token: text(&issued["token"])?, protocol, until: issued["until"].as_u64()? })
        };
        let issued = members["issued"].as_array().map(|list| list.iter().map(token).collect::<Option<Vec<_>>>());
        let (Some(share), Some(issued)) = (held(&members["share"]), issued.unwrap_or_else(|| Some(Vec::new()))) else {
            continue;
        };
        let credential = match text(&members["access_token"]) {
            Some(token) => Credential::AccessToken(token),
            None => Credential::Headers(headers(&members["headers"])),
        };
        let peers = peers(&mut component, members).expect("lists");
        let method = members["method"].as_str();
        let how = component.open_ocm_share(&share, &issued, &credential, method, &peers, at(&case)).expect("an answer");
        assert_eq!(code(&how), wanted(&answer), "{}", case.id);
        *if how.is_ok() { &mut opened } else { &mut refused } += 1;
        let told = how.ok().map(|opened| match opened {
            Opened::Exchanged => "exchanged",
            Opened::SharedSecret => "shared-secret",
        });
        assert_eq!(answer["result"]["opened"].as_str(), told, "{}", case.id);
    }
    assert!(opened >= 5 && refused >= 8, "{opened} opened, {refused} refused");
}

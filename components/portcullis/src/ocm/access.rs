//! `portcullis:ocm/access`

use portcullis_ocm::{
    Secret, TokenCode,
    access::{self, Credential as Presented, Issued, Next, Progress as Got},
};
use portcullis_types::Rejection as Refused;

use super::{
    addresses::spoken,
    discovery::document,
    protocols::{held, protocol_name},
    requests::fields,
    secret,
};
use crate::{
    Component,
    bindings::exports::portcullis::{
        ocm::{
            access::{Credential, Guest, IssuedToken, Opened, Presentation, Progress, Step},
            addresses::PeersBorrow,
            discovery::DocumentBorrow,
            shares::{HeldShare, Protocol},
        },
        types::types::{Rejection, Timestamp},
    },
    convert,
};

impl Guest for Component {
    fn next(
        share: HeldShare,
        protocol: Protocol,
        sender: DocumentBorrow<'_>,
        inside: Option<String>,
        progress: Progress,
        peers: PeersBorrow<'_>,
        at: Timestamp,
    ) -> Result<Step, Rejection> {
        let next = || {
            let (share, sender) = (held(&share, &spoken(&peers).listed)?, document(&sender));
            let exchanged = progress.token.as_ref().map(|token| Ok((known(&token.token)?, token.until))).transpose()?;
            let token = exchanged.as_ref().map(|(token, until)| (token, *until));
            let got = Got { mfa: progress.mfa, token, refused: progress.refused };
            Ok(match access::next(&share, protocol_name(protocol), sender, &got, at)? {
                Next::Exchange => Step::Exchange,
                Next::Present(secret) => Step::Present(Presentation {
                    bearer: secret.expose().into(),
                    url: match protocol {
                        Protocol::Webdav => share.webdav_url(sender, inside.as_deref())?,
                        Protocol::Webapp => None,
                    },
                }),
            })
        };
        next().map_err(convert::rejection)
    }

    fn open(
        share: HeldShare,
        issued: Vec<IssuedToken>,
        credential: Credential,
        method: Option<String>,
        peers: PeersBorrow<'_>,
        at: Timestamp,
    ) -> Result<Opened, Rejection> {
        let open = || {
            let share = held(&share, &spoken(&peers).listed)?;
            let issued = issued.iter().map(of_issued).collect::<Result<Vec<_>, _>>()?;
            let needs = method.as_deref().map(access::needs);
            let presented = match &credential {
                Credential::Headers(headers) => Presented::of(&fields(headers))?,
                Credential::AccessToken(text) => Presented::AccessToken(text),
            };
            access::open(&share, &issued, presented, needs, at)
        };
        open()
            .map(|opened| match opened {
                access::Opened::Exchanged => Opened::Exchanged,
                access::Opened::SharedSecret => Opened::SharedSecret,
            })
            .map_err(convert::rejection)
    }
}

fn known(token: &str) -> Result<Secret, Refused> {
    secret(token, TokenCode::Answer, "the token")
}

fn of_issued(issued: &IssuedToken) -> Result<Issued, Refused> {
    Ok(Issued { token: known(&issued.token)?, protocol: protocol_name(issued.protocol).into(), until: issued.until })
}

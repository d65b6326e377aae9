//! Asking for a share (section Request for a Share).

use alloc::{borrow::ToOwned, format, string::String};

use portcullis_types::{Rejection, json::Object};

use crate::{Address, Host, ShareCode, SignedCode, share::reader};

/// What somebody asks to be shared with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestForShare {
    /// Who is asked.
    pub owner: Address,
    /// Who asks, or the group that is asked for.
    pub share_with: Address,
    /// What they ask for: an identifier or a URL, which means something to the owner's server alone.
    pub share: String,
}

impl RequestForShare {
    /// Reads the body of `POST {endPoint}/request-share`, which `signer` signed, at the server `host`. The owner's server decides
    /// what comes of it; nothing is granted by asking.
    ///
    /// Errors: `ocm.share_member_*`, `ocm.address_*`, `ocm.sender_other`, `ocm.share_recipient`.
    pub fn from_object(object: &Object, signer: &Host, host: &Host) -> Result<Self, Rejection> {
        let read = reader(object);
        let owner = read.address("owner")?;
        let share_with = read.address("shareWith")?;
        let share = read.text("share")?.to_owned();
        if share_with.host() != signer {
            let what = format!("shareWith is at {}, and {signer} signed", share_with.host());
            return Err(Rejection::new(SignedCode::Sender, what));
        }
        if owner.host() != host {
            let what = format!("the owner is at {}, and this is {host}", owner.host());
            return Err(Rejection::new(ShareCode::Recipient, what));
        }
        Ok(Self { owner, share_with, share })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_asks_for_their_own_people() {
        let object = |text: &str| portcullis_types::json::parse_object(text.as_bytes()).unwrap();
        let asked = object(r#"{"owner":"a@s.example.org","shareWith":"b@r.example.org","share":"x"}"#);
        let host = |text: &str| Host::parse(text).unwrap();
        let code = |object: &Object, signer: &str, at: &str| {
            RequestForShare::from_object(object, &host(signer), &host(at)).map(|_| ()).map_err(|bad| bad.code())
        };
        assert_eq!(code(&asked, "r.example.org", "s.example.org"), Ok(()));
        assert_eq!(code(&asked, "o.example.org", "s.example.org"), Err("ocm.sender_other"));
        assert_eq!(code(&asked, "r.example.org", "o.example.org"), Err("ocm.share_recipient"));
        let incomplete = object(r#"{"owner":"a@s.example.org","shareWith":"b@r.example.org"}"#);
        assert_eq!(code(&incomplete, "r.example.org", "s.example.org"), Err("ocm.share_member_missing"));
    }
}

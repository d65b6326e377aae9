//! `portcullis:svid/spiffe-id`

use portcullis_svid as svid;

use crate::{
    Component,
    bindings::exports::portcullis::{
        svid::spiffe_id::{Guest, SpiffeId},
        types::types::Rejection,
    },
    convert,
};

impl Guest for Component {
    fn parse(text: String) -> Result<SpiffeId, Rejection> {
        svid::SpiffeId::parse(&text)
            .map(|id| SpiffeId { trust_domain: id.trust_domain().as_str().into(), path: id.path().into() })
            .map_err(convert::rejection)
    }

    fn check_trust_domain(name: String) -> Result<(), Rejection> {
        svid::TrustDomain::parse(&name).map(drop).map_err(convert::rejection)
    }
}

//! The request of the stream that is spoken of.

use portcullis_gate::{ClientCertificate, Request, policy::Policy};
use portcullis_types::{Rejection, Timestamp};
use proxy_wasm::{hostcalls, types::MapType};

use crate::{EnvoyCode, fields};

/// Reads it; `is_whole` where nothing follows its header fields.
///
/// Error: `envoy.unreadable`.
pub(super) fn read(policy: &Policy, replay_since: Timestamp, is_whole: bool) -> Result<Request, Rejection> {
    let unreadable = |what: &str| Rejection::new(EnvoyCode::Unreadable, what);
    let certificate = if policy.envoy.takes_digest() {
        let told = hostcalls::get_property(vec!["connection", "sha256_peer_certificate_digest"]);
        fields::certificate(told.map_err(|_| unreadable("the client's certificate is not told"))?)?
    } else {
        ClientCertificate::None
    };
    let headers = hostcalls::get_map_bytes(MapType::HttpRequestHeaders);
    fields::request(
        headers.map_err(|_| unreadable("the header fields are not told"))?,
        certificate,
        replay_since,
        is_whole,
    )
}

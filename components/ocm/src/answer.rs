//! The status that answers a refusal (sections Share Creation Notification, Response; Invite Acceptance Response Details).

use portcullis_crypto::CryptoCode;
use portcullis_signature::SignatureCode;
use portcullis_types::Rejection;

use crate::{DiscoveryCode, InviteCode, PeerCode, ShareCode, SignedCode};

/// The status that answers a share, a notification or a request for a share that is refused: 400 for what is invalid or missing, 401
/// where the sender is not authenticated, 403 where it is not authorized, 501 where the receiver cannot do what is asked, 503 where
/// nobody can know whether a signature holds.
pub fn share_status(rejection: &Rejection) -> u16 {
    if is_unknowable(rejection) {
        return 503;
    }
    let is = |codes: &[ShareCode]| codes.iter().any(|code| rejection.is(*code));
    if is(&[
        ShareCode::ResourceUnsupported,
        ShareCode::TypeUnsupported,
        ShareCode::TypeUnknown,
        ShareCode::ProtocolUnsupported,
    ]) {
        return 501;
    }
    if is(&[ShareCode::Denied, ShareCode::NotAllowed, ShareCode::NotInvited, ShareCode::ReshareNotGranted])
        || rejection.is(SignedCode::Owner)
        || rejection.is(crate::NotificationCode::Party)
    {
        return 403;
    }
    if is_unauthenticated(rejection) || rejection.is(ShareCode::Unsigned) { 401 } else { 400 }
}

/// The status that answers an accepted invite that is refused: 400 where the token is of no invite, 401 where the server is not
/// authenticated, 403 where it is not trusted, 409 where the invite was accepted before.
pub fn invite_status(rejection: &Rejection) -> u16 {
    if is_unknowable(rejection) {
        return 503;
    }
    if rejection.is(InviteCode::Used) {
        return 409;
    }
    let untrusted = [ShareCode::Denied, ShareCode::NotAllowed].iter().any(|code| rejection.is(*code))
        || [PeerCode::Url, PeerCode::Name].iter().any(|code| rejection.is(*code))
        || rejection.is(InviteCode::Signer);
    if untrusted {
        return 403;
    }
    if is_unauthenticated(rejection) { 401 } else { 400 }
}

/// The status that answers a token request that is refused: 400 (section Code Flow, Error Responses), with the error that
/// [`crate::token::oauth_error`] tells, but for 503 where nobody can know whether its signature holds.
pub fn token_status(rejection: &Rejection) -> u16 {
    if is_unknowable(rejection) { 503 } else { 400 }
}

/// What verifies signatures failed itself, which is no fault of the sender.
fn is_unknowable(rejection: &Rejection) -> bool {
    rejection.is(CryptoCode::BackendFailed)
}

/// Whether it is about the signature.
fn is_unauthenticated(rejection: &Rejection) -> bool {
    let code = rejection.code();
    let malformed = rejection.is(SignatureCode::BodyUnavailable) || rejection.is(SignedCode::Body);
    let of_signature =
        ["signature.", "crypto.", "key.", "ocm.signature_", "ocm.signer_"].iter().any(|area| code.starts_with(area));
    // Who is described so that nobody can find its keys is not authenticated either.
    let of_discovery = DiscoveryCode::ALL.iter().any(|one| rejection.is(*one));
    !malformed && (of_signature || of_discovery || rejection.is(SignedCode::Sender))
}

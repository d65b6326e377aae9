//! The operations, a file an area.

mod cose;
mod crypto;
mod cwt;
mod dpop;
pub(crate) mod gate;
mod oci;
mod scope;
pub(crate) mod status;
mod svid;
mod token;

use crate::{
    Door,
    door::{Answer, Call},
};

/// An operation reads its members, refuses others, and answers.
pub(crate) type Operation = fn(&mut Door, Call<'_>) -> Answer;

/// Every operation by its name.
pub(crate) const ALL: &[(&str, Operation)] = &[
    ("cose.verify", cose::verify),
    ("crypto.verify", crypto::verify),
    ("cwt.verify", cwt::verify),
    ("dpop.verify", dpop::verify),
    ("gate.answer", gate::session::answer),
    ("gate.check", gate::check),
    ("gate.drop", gate::session::drop),
    ("gate.due", gate::session::due),
    ("gate.forsake", gate::session::forsake),
    ("gate.load", gate::session::load),
    ("gate.provide", gate::session::provide),
    ("gate.ready", gate::session::ready),
    ("gate.start", gate::session::start),
    ("jws.verify", token::jws_verify),
    ("jwt.verify", token::jwt_verify),
    ("oci.allows", oci::allows),
    ("oci.challenge", oci::challenge),
    ("oci.intersect", oci::intersect),
    ("oci.required", oci::required),
    ("oci.scope", oci::scope),
    ("oci.verify", oci::verify),
    ("scope.evaluate", scope::evaluate_grants),
    ("spiffe.id", svid::spiffe_id),
    ("status.decode", status::decode),
    ("status.lookup", status::lookup),
    ("svid.jwt", svid::jwt),
    ("svid.wit", svid::wit),
    ("svid.x509", svid::x509),
];

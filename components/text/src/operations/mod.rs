//! The operations, a file an area.

#[cfg(feature = "full")]
mod app2app;
#[cfg(feature = "full")]
mod binding;
#[cfg(feature = "full")]
mod client;
#[cfg(feature = "full")]
mod cose;
#[cfg(feature = "full")]
mod crypto;
#[cfg(feature = "full")]
mod cwt;
#[cfg(feature = "full")]
mod dpop;
#[cfg(feature = "full")]
pub(crate) mod gate;
mod keys;
#[cfg(feature = "full")]
mod lifetimes;
#[cfg(feature = "full")]
pub(crate) mod message;
#[cfg(feature = "full")]
mod oci;
#[cfg(feature = "full")]
mod ocm;
#[cfg(feature = "full")]
mod par;
#[cfg(feature = "full")]
mod policy;
#[cfg(feature = "full")]
mod scope;
#[cfg(feature = "full")]
mod signature;
#[cfg(feature = "full")]
pub(crate) mod status;
#[cfg(feature = "full")]
mod step_up;
#[cfg(feature = "full")]
mod svid;
mod token;
#[cfg(feature = "full")]
mod txn;
#[cfg(feature = "full")]
mod wimse;

use crate::{
    Door,
    door::{Answer, Call},
};

/// An operation reads its members, refuses others, and answers.
pub(crate) type Operation = fn(&mut Door, Call<'_>) -> Answer;

/// Every operation by its name.
#[cfg(feature = "full")]
pub(crate) const ALL: &[(&str, Operation)] = &[
    ("app2app.step", app2app::step),
    ("app2app.trust", app2app::trust),
    ("binding.bind", binding::bind),
    ("binding.evaluate", binding::evaluate),
    ("client.authenticate", client::authenticate),
    ("client.match", client::matches),
    ("client.register", client::register),
    ("cose.verify", cose::verify),
    ("crypto.verify", crypto::verify),
    ("cwt.verify", cwt::verify),
    ("dpop.verify", dpop::verify),
    ("gate.admit_redirect", gate::session::admit_redirect),
    ("gate.admit_server", gate::session::admit_server),
    ("gate.answer", gate::session::answer),
    ("gate.check", gate::check),
    ("gate.drop", gate::session::drop),
    ("gate.due", gate::session::due),
    ("gate.forsake", gate::session::forsake),
    ("gate.load", gate::session::load),
    ("gate.provide", gate::session::provide),
    ("gate.ready", gate::session::ready),
    ("gate.start", gate::session::start),
    ("http.signature", signature::http),
    ("jws.verify", token::jws_verify),
    ("jwt.inspect", token::jwt_inspect),
    ("jwt.verify", token::jwt_verify),
    ("keys.describe", keys::describe),
    ("lifetimes.check", lifetimes::check),
    ("lifetimes.read", lifetimes::read),
    ("oci.allows", oci::allows),
    ("oci.challenge", oci::challenge),
    ("oci.intersect", oci::intersect),
    ("oci.required", oci::required),
    ("oci.scope", oci::scope),
    ("oci.verify", oci::verify),
    ("ocm.accept", ocm::accept),
    ("ocm.access", ocm::access),
    ("ocm.address", ocm::address),
    ("ocm.contact", ocm::contact),
    ("ocm.directory", ocm::directory),
    ("ocm.discovery", ocm::discovery),
    ("ocm.invite", ocm::invite),
    ("ocm.notification", ocm::notification),
    ("ocm.open", ocm::open),
    ("ocm.share", ocm::share),
    ("ocm.sign", ocm::sign),
    ("ocm.signature", ocm::signature),
    ("ocm.token", ocm::token),
    ("ocm.wayf", ocm::wayf),
    ("par.tie", par::tie),
    ("par.verify", par::verify),
    ("policy.check", policy::check),
    ("policy.explain", policy::explain),
    ("scope.challenge", step_up::challenge),
    ("scope.evaluate", scope::evaluate_grants),
    ("scope.retry", step_up::retry),
    ("signature.prepare", signature::prepare),
    ("spiffe.id", svid::spiffe_id),
    ("status.close", status::close),
    ("status.decode", status::decode),
    ("status.describe", status::describe),
    ("status.get", status::get),
    ("status.lookup", status::lookup),
    ("status.open", status::open),
    ("status.values", status::values),
    ("svid.inspect", svid::inspect),
    ("svid.jwt", svid::jwt),
    ("svid.wit", svid::wit),
    ("svid.x509", svid::x509),
    ("txn.narrow", txn::narrow),
    ("txn.replace", txn::replace),
    ("txn.verify", txn::verify),
    ("wimse.id", wimse::id),
    ("wimse.proof", wimse::proof),
    ("wimse.sign_response", wimse::sign_response),
    ("wimse.signature", wimse::signature),
];

/// Those about tokens.
#[cfg(not(feature = "full"))]
pub(crate) const ALL: &[(&str, Operation)] = &[
    ("jws.verify", token::jws_verify),
    ("jwt.inspect", token::jwt_inspect),
    ("jwt.verify", token::jwt_verify),
    ("keys.describe", keys::describe),
];

//! The WebAssembly skin over the components' crates: it translates types and decides nothing.
//!
//! One crate makes every artifact, by feature: `full` is `portcullis.wasm`, the others are its slices, and `hosted`
//! makes each import the host's crypto instead of carrying its own. So each interface's glue is written once.

#![cfg(any(
    feature = "client",
    feature = "full",
    feature = "gate",
    feature = "ocm",
    feature = "scope",
    feature = "signature",
    feature = "status",
    feature = "svid",
    feature = "token"
))]

mod convert;
#[cfg(not(feature = "gate"))]
mod keys;

#[cfg(any(feature = "full", feature = "gate"))]
mod gate;
#[cfg(any(feature = "full", feature = "gate"))]
mod policy;
#[cfg(any(feature = "full", feature = "gate"))]
mod text;

#[cfg(any(feature = "full", feature = "token"))]
mod cose;
#[cfg(any(feature = "full", feature = "token"))]
mod cwt;
#[cfg(any(feature = "full", feature = "token"))]
mod dpop;
#[cfg(any(feature = "full", feature = "token"))]
mod token;

#[cfg(any(feature = "full", feature = "scope"))]
mod oci;
#[cfg(any(feature = "full", feature = "scope"))]
mod scope;

#[cfg(any(feature = "full", feature = "status"))]
mod status;

#[cfg(any(feature = "full", feature = "svid"))]
mod spiffe_id;
#[cfg(any(feature = "full", feature = "client", feature = "svid"))]
mod svid_bundle;
#[cfg(any(feature = "full", feature = "svid"))]
mod svid_tokens;
#[cfg(any(feature = "full", feature = "svid"))]
mod svid_x509;

#[cfg(any(feature = "full", feature = "signature"))]
mod digest;
#[cfg(any(feature = "full", feature = "signature"))]
mod messages;
#[cfg(any(feature = "full", feature = "signature"))]
mod signature;
#[cfg(any(feature = "full", feature = "signature"))]
mod signature_values;
#[cfg(any(feature = "full", feature = "signature"))]
mod wimse;
#[cfg(any(feature = "full", feature = "signature"))]
mod wimse_proofs;

#[cfg(any(feature = "full", feature = "client"))]
mod client;
#[cfg(any(feature = "full", feature = "client"))]
mod registration;

#[cfg(any(feature = "full", feature = "ocm"))]
mod ocm;

#[cfg(feature = "full")]
mod app2app;
#[cfg(feature = "full")]
mod key_binding;
#[cfg(feature = "full")]
mod lifetimes;
#[cfg(feature = "full")]
mod pushed_registration;
#[cfg(feature = "full")]
mod transaction_tokens;

#[cfg(feature = "hosted")]
mod hosted;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]
mod bindings {
    macro_rules! world {
        ($world:literal) => {
            wit_bindgen::generate!({
                path: ["../../wit/types", "../../wit/crypto", "../../wit/token", "../../wit/scope", "../../wit/status", "../../wit/svid", "../../wit/signature", "../../wit/wimse", "../../wit/client", "../../wit/oauth", "../../wit/ocm", "../../wit/gate", "../../wit/component"],
                world: $world,
                pub_export_macro: true,
                generate_all,
            });
        };
    }

    #[cfg(all(feature = "client", not(feature = "hosted")))]
    world!("portcullis:component/client");
    #[cfg(all(feature = "client", feature = "hosted"))]
    world!("portcullis:component/client-hosted");
    #[cfg(all(feature = "full", not(feature = "hosted")))]
    world!("portcullis:component/full");
    #[cfg(all(feature = "full", feature = "hosted"))]
    world!("portcullis:component/full-hosted");
    #[cfg(all(feature = "gate", not(feature = "hosted")))]
    world!("portcullis:component/gate");
    #[cfg(all(feature = "gate", feature = "hosted"))]
    world!("portcullis:component/gate-hosted");
    #[cfg(all(feature = "ocm", not(feature = "hosted")))]
    world!("portcullis:component/ocm");
    #[cfg(all(feature = "ocm", feature = "hosted"))]
    world!("portcullis:component/ocm-hosted");
    #[cfg(all(feature = "scope", not(feature = "hosted")))]
    world!("portcullis:component/scope");
    #[cfg(all(feature = "scope", feature = "hosted"))]
    world!("portcullis:component/scope-hosted");
    #[cfg(all(feature = "signature", not(feature = "hosted")))]
    world!("portcullis:component/signature");
    #[cfg(all(feature = "signature", feature = "hosted"))]
    world!("portcullis:component/signature-hosted");
    #[cfg(all(feature = "status", not(feature = "hosted")))]
    world!("portcullis:component/status");
    #[cfg(all(feature = "status", feature = "hosted"))]
    world!("portcullis:component/status-hosted");
    #[cfg(all(feature = "svid", not(feature = "hosted")))]
    world!("portcullis:component/svid");
    #[cfg(all(feature = "svid", feature = "hosted"))]
    world!("portcullis:component/svid-hosted");
    #[cfg(all(feature = "token", not(feature = "hosted")))]
    world!("portcullis:component/token");
    #[cfg(all(feature = "token", feature = "hosted"))]
    world!("portcullis:component/token-hosted");
}

/// What the exports hang on.
struct Component;

/// What the generated code needs: link sections and raw pointers of the canonical ABI.
#[allow(unsafe_code, unreachable_pub)]
mod export {
    use super::{Component, bindings};
    bindings::export!(Component with_types_in bindings);
}

/// The backend of this build: one an instance.
fn backend() -> std::rc::Rc<dyn portcullis_crypto::Backend> {
    thread_local! {
        static BACKEND: std::rc::Rc<dyn portcullis_crypto::Backend> = {
            #[cfg(feature = "hosted")]
            let backend = hosted::HostedBackend;
            #[cfg(not(feature = "hosted"))]
            let backend = portcullis_crypto::SoftwareBackend::default();
            std::rc::Rc::new(backend)
        };
    }
    BACKEND.with(std::rc::Rc::clone)
}

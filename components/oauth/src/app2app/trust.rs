//! The other end: whether the app in which the user authenticates may call back (sections 3.6 and 5.2).
//!
//! The text leaves open how trust is established. Here it is by registration: each callback belongs to one app. OpenID Federation,
//! the text's example, is not built.

use alloc::{collections::BTreeMap, format, string::String};

use portcullis_types::{Rejection, limits::excerpt};

use super::{App2AppCode, query, url::admit};

/// Most registered pairs.
pub const MAX_PAIRS: usize = 1024;

/// An app and a callback of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackPair {
    /// The app's identifier: a package name, or a team and bundle identifier.
    pub app: String,
    /// Its `native_callback_uri`, compared byte by byte.
    pub callback: String,
}

/// The callbacks that are registered, and whose each is.
#[derive(Debug, Clone, Default)]
pub struct CallbackPairs(BTreeMap<String, String>);

impl CallbackPairs {
    /// Takes registered pairs. A callback is an https URL with a DNS name, without port, user and fragment, and belongs to one app.
    ///
    /// Errors: `app2app.pair_malformed`, `app2app.flow_too_large`.
    pub fn new(pairs: impl IntoIterator<Item = CallbackPair>) -> Result<Self, Rejection> {
        let mut known = BTreeMap::new();
        for CallbackPair { app, callback } in pairs {
            let refuse =
                |why: &str| Rejection::new(App2AppCode::PairMalformed, format!("{} {why}", excerpt(&callback)));
            if app.is_empty() {
                return Err(refuse("belongs to no app"));
            }
            admit(&callback, &Default::default()).map_err(|rejection| refuse(rejection.detail()))?;
            if known.contains_key(&callback) {
                return Err(refuse("stands twice"));
            }
            if known.len() >= MAX_PAIRS {
                return Err(Rejection::new(App2AppCode::FlowTooLarge, format!("more than {MAX_PAIRS} pairs")));
            }
            known.insert(callback, app);
        }
        Ok(Self(known))
    }

    /// The app behind a request's `native_callback_uri`. `claimed_by` is the app that claims it on this device, where the operating
    /// system tells; where it does not, open the callback only in an app that claims it.
    ///
    /// Errors: `app2app.callback_untrusted`, `app2app.callback_claimed_by_other`.
    pub fn trust(&self, native_callback_uri: &str, claimed_by: Option<&str>) -> Result<&str, Rejection> {
        let Some(app) = self.0.get(native_callback_uri) else {
            let what = format!("{} is not registered", excerpt(native_callback_uri));
            return Err(Rejection::new(App2AppCode::CallbackUntrusted, what));
        };
        match claimed_by {
            Some(other) if other != app => {
                let what = format!("{} claims it on this device", excerpt(other));
                Err(Rejection::new(App2AppCode::CallbackClaimedByOther, what))
            }
            _ => Ok(app),
        }
    }

    /// The URL by which to call back: a registered callback, with the client's redirect URI and its answer (section 3.6).
    ///
    /// Errors: those of [`CallbackPairs::trust`].
    pub fn answer(
        &self,
        native_callback_uri: &str,
        claimed_by: Option<&str>,
        redirect_uri: &str,
    ) -> Result<String, Rejection> {
        self.trust(native_callback_uri, claimed_by)?;
        Ok(query::with_parameters(native_callback_uri, &[("redirect_uri", redirect_uri)]))
    }
}

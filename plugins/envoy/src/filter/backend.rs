//! Envoy's library behind the crypto seam, where it has what is asked, and the software inside otherwise.

use std::{cell::OnceCell, rc::Rc};

use portcullis_crypto::{Backend, Failed, Origin, PreparedKey, PublicKey, Scheme, SoftwareBackend, Verdict};
use proxy_wasm::hostcalls;

use super::stats::Stats;
use crate::verify_signature::{self, Asking};

/// Asks Envoy.
pub(super) struct EnvoyBackend {
    software: Rc<SoftwareBackend>,
    stats: Rc<Stats>,
}

impl EnvoyBackend {
    pub(super) fn new(stats: &Rc<Stats>) -> Self {
        Self { software: Rc::default(), stats: Rc::clone(stats) }
    }
}

impl Backend for EnvoyBackend {
    fn prepare(&self, scheme: Scheme, key: &PublicKey, origin: Origin) -> Result<Box<dyn PreparedKey>, Failed> {
        match Asking::of(scheme, key) {
            None => self.software.prepare(scheme, key, origin),
            Some(asking) => Ok(Box::new(Prepared {
                asking,
                scheme,
                key: key.clone(),
                origin,
                software: Rc::clone(&self.software),
                stats: Rc::clone(&self.stats),
                inside: OnceCell::new(),
            })),
        }
    }
}

struct Prepared {
    asking: Asking,
    scheme: Scheme,
    key: PublicKey,
    origin: Origin,
    software: Rc<SoftwareBackend>,
    stats: Rc<Stats>,
    /// The key for the software inside, once Envoy could not tell.
    inside: OnceCell<Option<Box<dyn PreparedKey>>>,
}

impl PreparedKey for Prepared {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict {
        let told = self
            .asking
            .arguments(message, signature)
            .and_then(|arguments| hostcalls::call_foreign_function(verify_signature::NAME, Some(&arguments)).ok())
            .flatten()
            .map_or(Verdict::Failed, |answer| verify_signature::told(&answer));
        self.stats.asked(told != Verdict::Failed);
        if told != Verdict::Failed {
            return told;
        }
        let inside = self.inside.get_or_init(|| self.software.prepare(self.scheme, &self.key, self.origin).ok());
        inside.as_ref().map_or(Verdict::Failed, |key| key.verify(message, signature))
    }
}

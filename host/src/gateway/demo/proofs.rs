//! DPoP proofs at the token endpoint (RFC 9449 section 5). The component judges them; here is remembered which were used.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::component::Component;
use crate::dpop::{Expectations, Header, Request};
use crate::portcullis::Portcullis;

/// How far a proof's time may lie from now, in seconds.
const WINDOW: u64 = 60;

/// Proofs that are remembered. When there are so many, clients are told to come again.
const MAX_PROOFS: usize = 256;

/// Judges proofs, one after the other.
pub(super) struct Proofs {
    component: Option<Component>,
    /// Each with the time when it is too old to be taken again.
    used: Mutex<VecDeque<(u64, String)>>,
}

/// Why there is no key.
#[derive(Debug)]
pub(super) enum NoProof {
    /// The client's fault, with what is wrong.
    Invalid(String),
    /// Nobody can know now.
    Unavailable(String),
}

impl Proofs {
    pub(super) const fn new(component: Option<Component>) -> Self {
        Self { component, used: Mutex::new(VecDeque::new()) }
    }

    /// Whether proofs can be judged.
    pub(super) const fn can_judge(&self) -> bool {
        self.component.is_some()
    }

    /// The thumbprint of the key whose possession a request proves. `thumbprint` is that of the key that it has to be.
    pub(super) fn key_of(&self, request: &Request, thumbprint: Option<Vec<u8>>, now: u64) -> Result<Vec<u8>, NoProof> {
        let unavailable = |error: &dyn std::fmt::Display| NoProof::Unavailable(error.to_string());
        let component = self.component.as_ref().ok_or_else(|| unavailable(&"there is nothing to judge proofs with"))?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|(ends, _)| *ends >= now);
        if used.len() >= MAX_PROOFS {
            return Err(unavailable(&"too many proofs in a short time"));
        }
        let seen = used.iter().map(|(_, id)| id.clone()).collect();
        let expect = Expectations { thumbprint, window: Some(WINDOW), seen, ..Expectations::default() };
        // A new instance each time: this is rare, and the gate's own are not kept from their work.
        let verdict = Portcullis::new(component).and_then(|mut asked| asked.verify_dpop(request, &expect, now));
        let proof = verdict.map_err(|error| unavailable(&error))?;
        let proof = proof.map_err(|refused| NoProof::Invalid(format!("{}: {}", refused.code, refused.detail)))?;
        // From the window's other end.
        used.push_back((now.saturating_add(2 * WINDOW), proof.id));
        Ok(proof.thumbprint)
    }
}

/// A request as proofs are about it.
pub(super) fn request(headers: &http::HeaderMap, method: &str, url: String) -> Request {
    let headers = headers
        .iter()
        .map(|(name, value)| Header { name: name.as_str().into(), value: value.as_bytes().to_vec() })
        .collect();
    Request { headers, method: method.into(), url }
}

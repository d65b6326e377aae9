//! Policies, read without being put to work.

use super::{Demand, HostSettings, PolicyFormat, PolicyReport, Problem};
use crate::error::HostError;
use crate::portcullis::Portcullis;

/// Policies (`docs/policy.md`).
impl Portcullis {
    /// Reads a policy and tells what is wrong with it, and what its author should know. `file` is what the text is
    /// called in [`PolicyReport::rendered`], for example `policy.toml`.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is wrong with the policy is in the report.
    pub fn check_policy(&mut self, text: &str, format: PolicyFormat, file: &str) -> Result<PolicyReport, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_gate_policy().call_check(store, text, format, file))
    }

    /// What a policy asks of a request with a method and an absolute URL, in the order in which a gate asks. Nothing of
    /// a credential is looked at. A policy that is refused is told by its problems.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_policy(
        &mut self,
        text: &str,
        format: PolicyFormat,
        method: &str,
        url: &str,
    ) -> Result<Result<Vec<Demand>, Vec<Problem>>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_gate_policy().call_explain(store, text, format, method, url))
    }

    /// What of a policy is for the host: where it listens, and how far its memory of used proofs has to reach. A policy
    /// that is refused is told by its problems.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn policy_for_host(
        &mut self,
        text: &str,
        format: PolicyFormat,
    ) -> Result<Result<HostSettings, Vec<Problem>>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_gate_policy().call_for_host(store, text, format))
    }

    /// A policy as the Envoy filter is configured with it, as JSON. A policy that is refused, or asks for what a filter cannot
    /// do, is told by its problems.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn export_policy_for_envoy(
        &mut self,
        text: &str,
        format: PolicyFormat,
    ) -> Result<Result<String, Vec<Problem>>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_gate_policy().call_export_for_envoy(store, text, format))
    }

    /// A policy as a page may have it, as JSON: without secrets, internal addresses and listeners. What it allows, the
    /// policy itself allows; a decision in a page is advice. A policy that is refused, or holds a symmetric key, is
    /// told by its problems.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn export_policy_for_browser(
        &mut self,
        text: &str,
        format: PolicyFormat,
    ) -> Result<Result<String, Vec<Problem>>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_gate_policy().call_export_for_browser(store, text, format))
    }
}

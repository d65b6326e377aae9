//! What the author of a good policy should know all the same.

use alloc::{format, vec::Vec};

use super::{
    Authority, Mode, Path, Policy, PolicyError, Proof, Replay, WorkloadProof, code::PolicyCode, reader::Reader, rules,
};

impl Policy {
    /// What is allowed and yet worth a word.
    pub(super) fn what_to_know(&self, top: &Reader<'_>) -> Vec<PolicyError> {
        let mut warnings = Vec::new();
        let mut warn = |code, path, detail: alloc::string::String, remedy: &str| {
            warnings.push(PolicyError::new(code, path, detail, remedy));
        };
        let proofs = self.issuers.iter().position(|issuer| matches!(issuer.proof, Proof::Dpop | Proof::Any));
        let workloads = self.trust_domains.iter().position(|trusted| trusted.proof != WorkloadProof::AsBound);
        let proofs = proofs
            .map(|number| top.at("issuers").item(number).member("proof"))
            .or_else(|| workloads.map(|number| top.at("trust_domains").item(number).member("proof")))
            .or_else(|| self.single_use(top))
            .or_else(|| self.proofs_of_clients(top))
            .or_else(|| self.demands_attestation().then(|| top.at("attestation")))
            .or_else(|| top.object("ocm").map(|_| top.at("ocm")));
        if let (Replay::Node, Some(path)) = (self.replay, proofs) {
            let detail = "a proof that one host has seen is accepted once more by each other one".into();
            warn(
                PolicyCode::ReplayNode,
                if top.value("replay").is_some() { top.at("replay") } else { path },
                detail,
                "with more than one host write replay = \"shared\" or \"nonce\"",
            );
        }
        if self.expose_full {
            let detail = "clients are told details of every denial".into();
            warn(PolicyCode::ExposeFull, top.at("expose"), detail, "remove it outside development");
        }
        let of_rule = self.rules.iter().position(|rule| rule.mode == Mode::Report);
        if self.mode == Mode::Report || of_rule.is_some() {
            let detail = if self.report_unverified {
                "requests are let through that are to be denied, without any credential too"
            } else {
                "requests are let through that are to be denied for their rights"
            };
            warn(
                PolicyCode::ReportMode,
                match of_rule {
                    Some(number) if self.mode == Mode::Enforce => top.at("rules").item(number).member("mode"),
                    _ => top.at("mode"),
                },
                detail.into(),
                "write \"enforce\" when the log is as it should be",
            );
        }
        for (number, by) in rules::unreachable(&self.rules) {
            let detail = format!("rule {} matches all that it matches, and comes first", by + 1);
            warn(PolicyCode::RuleUnreachable, top.at("rules").item(number), detail, "move it up, or remove it");
        }
        for (number, _) in self.issuers.iter().enumerate().filter(|(number, _)| !self.names(Authority::Issuer(*number)))
        {
            let detail = "no rule names it, so its tokens open nothing".into();
            warn(PolicyCode::IssuerUnused, top.at("issuers").item(number), detail, "name it in a rule, or remove it");
        }
        if self.attestation.is_some() && !self.demands_attestation() {
            let detail = "no rule demands an attestation, so none is looked at".into();
            let remedy = "write require = { attestation = true } in a rule, or remove it";
            warn(PolicyCode::AttestationUnused, top.at("attestation"), detail, remedy);
        }
        let domains = self.trust_domains.iter().enumerate();
        let authenticates = |number| {
            let mut endpoints = self.trust_domains.iter().enumerate();
            endpoints.any(|(own, trusted)| own != number && trusted.is_served_by(number))
        };
        let unused = |number| !self.names(Authority::TrustDomain(number)) && !authenticates(number);
        for (number, _) in domains.filter(|(number, _)| unused(*number)) {
            let detail = "no rule names it, so its workloads may do nothing".into();
            let path = top.at("trust_domains").item(number);
            warn(PolicyCode::IssuerUnused, path, detail, "name it in a rule, or remove it");
        }
        warnings
    }

    /// Where it says that transactions are used once, if they are.
    fn single_use(&self, top: &Reader<'_>) -> Option<Path> {
        let once = self.transaction_tokens.as_ref().is_some_and(|accepted| accepted.single_use);
        once.then(|| top.at("transaction_tokens").member("single_use"))
    }

    /// Where it says that clients come with proofs, if they do.
    #[cfg(feature = "clients")]
    fn proofs_of_clients(&self, top: &Reader<'_>) -> Option<Path> {
        let clients = self.clients.as_ref()?;
        clients.have_proofs().then(|| top.at("clients"))
    }

    #[cfg(not(feature = "clients"))]
    fn proofs_of_clients(&self, _: &Reader<'_>) -> Option<Path> {
        None
    }
}

//! `[clients.dynamic]` and `[clients.key_binding]`: clients that register with their pushed request, and tokens that are bound
//! to a key which nobody proved (`docs/pushed-registration.md`, `docs/key-binding.md`). What is not there is off.

use alloc::{
    format,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_client::authenticate::Role;
use portcullis_crypto::{Backend, KeySet};
use portcullis_oauth::{key_binding::BindingPolicy, pushed_registration::PushPolicy};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
};

use super::{
    PolicyError,
    code::PolicyCode,
    issuers::{DEFAULT_LEEWAY, KeySource, is_symmetric, source},
    reader::Reader,
};

/// Clients that register with their pushed request.
#[derive(Debug, Clone)]
pub struct DynamicClients {
    /// What they may do. Its key sets are empty: keys are documents, and are put in for each request.
    push: PushPolicy,
    /// The keys of attesters of their own, where they are not those of the registered clients.
    pub attesters: Option<KeySource>,
    /// The keys of the issuer of software statements.
    pub statements: Option<KeySource>,
}

impl DynamicClients {
    /// What they may do, its vouchers with their keys. A voucher whose keys are left out here is one that no request has.
    pub(crate) fn with_keys(&self, attesters: Option<Rc<KeySet>>, statements: Option<Rc<KeySet>>) -> PushPolicy {
        let mut push = self.push.clone();
        if let (Some(voucher), Some(keys)) = (&mut push.vouchers.attestation, attesters) {
            voucher.attesters = keys;
        }
        if let (Some(voucher), Some(keys)) = (&mut push.vouchers.software_statement, statements) {
            voucher.keys = keys;
        }
        push
    }

    /// What they may do, for what needs no keys.
    pub(crate) fn push(&self) -> &PushPolicy {
        &self.push
    }
}

/// The clients entry that both are members of.
pub(super) struct Around<'a> {
    pub(super) entry: &'a Reader<'a>,
    pub(super) role: Role,
    pub(super) server: &'a str,
    pub(super) backend: &'a Rc<dyn Backend>,
}

impl Around<'_> {
    /// `[clients.dynamic]`
    pub(super) fn dynamic(&self, errors: &mut Vec<PolicyError>) -> Option<DynamicClients> {
        let entry = self.entry.object("dynamic")?;
        let mut wrong = |path, detail: String, remedy: &str| {
            errors.push(PolicyError::new(PolicyCode::ClientsDynamic, path, detail, remedy));
        };
        if self.role == Role::ResourceServer {
            wrong(entry.path, "a resource server takes no pushed requests".into(), "remove it");
            return None;
        }
        let vouchers = entry.object("vouched_by");
        let of = |name: &str| vouchers.as_ref().and_then(|vouchers| vouchers.object(name));
        let (attestation, statement) = (of("attestation"), of("software_statement"));
        if let Some(attestation) = &attestation
            && attestation.value("attesters").is_none()
            && self.entry.value("attesters").is_none()
        {
            let path = attestation.path.clone();
            wrong(path, "nobody is there who attests clients".into(), "add attesters here, or to [clients]");
        }
        let keys = |voucher: &Option<Reader<'_>>, name: &str, errors: &mut Vec<PolicyError>| {
            let voucher = voucher.as_ref()?;
            source(voucher.value(name)?, voucher.at(name), self.backend, errors)
        };
        let attesters = keys(&attestation, "attesters", errors);
        let statements = keys(&statement, "keys", errors);
        if let (Some(KeySource::Inline(set)), Some(statement)) = (&statements, &statement)
            && is_symmetric(set)
        {
            errors.push(PolicyError::new(
                PolicyCode::ClientsDynamic,
                statement.at("keys"),
                "whoever could verify a software statement by a symmetric key could make one",
                "write the issuer's public keys",
            ));
        }
        let read = self.pushes(&entry, attestation.as_ref(), statement.as_ref());
        match read {
            Ok(push) => Some(DynamicClients { push, attesters, statements }),
            Err(rejection) => {
                let remedy = "docs/pushed-registration.md shows what may stand there";
                errors.push(PolicyError::new(PolicyCode::ClientsDynamic, entry.path, told(&rejection), remedy));
                None
            }
        }
    }

    /// What the library reads, from the members of the policy.
    fn pushes(
        &self,
        entry: &Reader<'_>,
        attestation: Option<&Reader<'_>>,
        statement: Option<&Reader<'_>>,
    ) -> Result<PushPolicy, Rejection> {
        let no_keys = || Value::Object(Object::from_members(Vec::from([("keys".into(), Value::Array(Vec::new()))])));
        let mut members = copied(
            entry,
            &[
                "metadata",
                "other_metadata",
                "redirect_hosts",
                "redirect_wildcards",
                "shown_hosts",
                "response_types",
                "grant_types",
                "scopes",
                "parameters",
                "keys",
                "key_required",
                "proof_required",
            ],
        );
        members.push(("enabled".into(), true.into()));
        members.push(("server".into(), self.server.into()));
        members.push(("leeway".into(), entry.duration("leeway").unwrap_or(DEFAULT_LEEWAY).into()));
        let vouched_by = match entry.value("vouched_by") {
            Some(Value::Object(_)) => {
                let mut vouchers = Members::new();
                for (name, voucher, own, keys) in [
                    ("attestation", attestation, &["subjects"][..], "attesters"),
                    ("software_statement", statement, &["issuer", "software_ids"][..], "keys"),
                ] {
                    let Some(voucher) = voucher else { continue };
                    let mut read = copied(voucher, own);
                    read.extend(voucher.duration("max_age").map(|age| ("max_age".into(), age.into())));
                    read.push((keys.into(), no_keys()));
                    vouchers.push((name.into(), Object::from_members(read).into()));
                }
                Some(Object::from_members(vouchers).into())
            }
            other => other.cloned(),
        };
        members.extend(vouched_by.map(|value| ("vouched_by".into(), value)));
        PushPolicy::from_object(&Object::from_members(members), |set| {
            KeySet::from_object(set, self.backend).map(Rc::new)
        })
    }

    /// `[clients.key_binding]`
    pub(super) fn key_binding(&self, errors: &mut Vec<PolicyError>) -> Option<BindingPolicy> {
        let entry = self.entry.object("key_binding")?;
        if self.role == Role::ResourceServer {
            let detail = "a resource server issues no tokens";
            errors.push(PolicyError::new(PolicyCode::ClientsKeyBinding, entry.path, detail, "remove it"));
            return None;
        }
        let mut members = copied(&entry, &["requesters", "key_names", "mark"]);
        members.push(("deferred".into(), "allow".into()));
        match BindingPolicy::from_object(&Object::from_members(members)) {
            Ok(read) => Some(read),
            Err(rejection) => {
                let remedy = "docs/key-binding.md shows what may stand there";
                errors.push(PolicyError::new(PolicyCode::ClientsKeyBinding, entry.path, told(&rejection), remedy));
                None
            }
        }
    }
}

type Members = Vec<(String, Value)>;

fn copied(entry: &Reader<'_>, names: &[&str]) -> Members {
    names.iter().filter_map(|name| Some(((*name).to_string(), entry.value(name)?.clone()))).collect()
}

fn told(rejection: &Rejection) -> String {
    format!("{}: {}", rejection.code(), rejection.detail())
}

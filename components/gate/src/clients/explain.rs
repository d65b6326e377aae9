//! What a policy asks of the clients of an authorization server, for people who write policies.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_client::{Method, authenticate::Role};
use portcullis_oauth::pushed_registration::{KeyMethod, PushPolicy};

use crate::{explain::Demand, policy::ClientsPolicy};

/// What is asked of clients, and who may be one.
pub(crate) fn explain(clients: &ClientsPolicy) -> Vec<Demand> {
    let mut demands = Vec::new();
    let mut put = |what, told| demands.push(Demand { what, told });
    put("clients", format!("{} describes them at a listener for clients, and answers them itself", clients.server));
    let methods: Vec<&str> = clients.methods.iter().copied().map(Method::name).collect();
    put("  credential", if methods.is_empty() { "none is taken".into() } else { methods.join(", or ") });
    if clients.role == Role::ResourceServer {
        return demands;
    }
    put(
        "  first use",
        match &clients.register {
            None => "nobody is registered".into(),
            Some(policy) => {
                let patterns: Vec<String> = policy.register.iter().map(ToString::to_string).collect();
                format!("{} are registered", patterns.join(", "))
            }
        },
    );
    match &clients.dynamic {
        None => put("  pushed", "a client that nobody registered is refused: par.disabled".into()),
        Some(dynamic) => {
            let push = dynamic.push();
            put("  pushed", format!("a client that nobody registered, vouched for by {}", vouchers(push)));
            let hosts: Vec<String> = push.redirect_hosts.iter().map(ToString::to_string).collect();
            put("    redirect", format!("to {}", hosts.join(", ")));
            put("    metadata", if push.metadata.is_empty() { "none".into() } else { push.metadata.join(", ") });
            put("    scopes", if push.scopes.is_empty() { "none".into() } else { push.scopes.join(", ") });
            put("    key", key(push));
        }
    }
    put(
        "  tmb",
        match &clients.key_binding {
            None => "refused: binding.deferred_not_permitted".into(),
            Some(policy) => {
                let names: Vec<&str> = policy.key_names.iter().map(|name| name.name()).collect();
                let mark = if policy.mark { "" } else { ", and is not marked" };
                format!(
                    "of {}: a token is bound to the key that it names by {}{mark}",
                    policy.requesters.join(", "),
                    names.join(", ")
                )
            }
        },
    );
    demands
}

fn vouchers(push: &PushPolicy) -> String {
    let attestation = push.vouchers.attestation.as_ref().map(|_| "an attestation".to_string());
    let statement = push.vouchers.software_statement.as_ref();
    let statement = statement.map(|statement| format!("a software statement of {}", statement.issuer));
    let named: Vec<String> = attestation.into_iter().chain(statement).collect();
    if named.is_empty() { "nobody".into() } else { named.join(" or ") }
}

fn key(push: &PushPolicy) -> String {
    let names: Vec<&str> = push.keys.iter().copied().map(KeyMethod::name).collect();
    let when = match (push.key_required, push.proof_required) {
        (true, true) => "proved with the pushed request",
        (true, false) => "required, and proved at the token endpoint",
        (false, _) => "not required",
    };
    format!("by {}; {when}", names.join(" or "))
}

#[cfg(test)]
mod tests {
    use alloc::rc::Rc;

    use portcullis_crypto::SoftwareBackend;

    use super::*;
    use crate::{
        explain,
        policy::{Format, Policy},
    };

    fn told(more: &str) -> Vec<String> {
        let text = format!(
            r#"{{"origins": ["https://as.example"],
                "clients": {{"server": "https://as.example", "attesters": {{"keys": []}}{more}}},
                "listeners": [{{"name": "clients", "address": "127.0.0.1:1", "serves": "clients"}}]}}"#
        );
        let policy = Policy::parse(&text, Format::Json, &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
        let demands = explain(&policy, "POST", "https://as.example/par");
        demands.into_iter().skip(1).map(|demand| format!("{}: {}", demand.what, demand.told)).collect()
    }

    #[test]
    fn what_is_off_is_told_to_be() {
        assert_eq!(
            told(""),
            [
                "clients: https://as.example describes them at a listener for clients, and answers them itself",
                "  credential: attest_jwt_client_auth, or attest_jwt_client_auth_dpop",
                "  first use: nobody is registered",
                "  pushed: a client that nobody registered is refused: par.disabled",
                "  tmb: refused: binding.deferred_not_permitted",
            ]
        );
    }

    #[test]
    fn what_dynamic_clients_and_requesters_may_do_is_told() {
        let more = r#", "dynamic": {"redirect_hosts": ["client.example.org"], "metadata": ["client_name"], "scopes": ["read"],
                "keys": ["dpop"], "proof_required": true, "vouched_by": {"attestation": {},
                "software_statement": {"issuer": "https://publisher.example", "keys": "https://publisher.example/jwks.json"}}},
            "key_binding": {"requesters": ["https://broker.example"], "key_names": ["jkt"], "mark": false}"#;
        assert_eq!(
            told(more)[3..],
            [
                "  pushed: a client that nobody registered, vouched for by an attestation or a software statement of \
                 https://publisher.example",
                "    redirect: to client.example.org",
                "    metadata: client_name",
                "    scopes: read",
                "    key: by dpop; proved with the pushed request",
                "  tmb: of https://broker.example: a token is bound to the key that it names by jkt, and is not marked",
            ]
        );
    }
}

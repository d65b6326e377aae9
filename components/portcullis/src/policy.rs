//! `portcullis:gate/policy`

use portcullis_gate::policy::{self, Policy, PolicyError, export};
use portcullis_types::json;

use crate::{
    Component, backend,
    bindings::exports::portcullis::gate::policy::{
        Asserter, Clients, Demand, Format, Guest, HostSettings, Listener, Problem, PublishedMetadata, Replay, Report,
        Tls, TokenService, TransactionService,
    },
};

impl Guest for Component {
    fn check(text: String, format: Format, file: String) -> Report {
        match parse(&text, format) {
            Ok(policy) => Report {
                errors: Vec::new(),
                warnings: problems(&policy.warnings),
                rendered: policy::render_warnings(&policy.warnings, &text, &file),
            },
            Err(errors) => Report {
                errors: problems(&errors),
                warnings: Vec::new(),
                rendered: policy::render(&errors, &text, &file),
            },
        }
    }

    fn explain(text: String, format: Format, method: String, url: String) -> Result<Vec<Demand>, Vec<Problem>> {
        let policy = parse(&text, format).map_err(|errors| problems(&errors))?;
        let demand = |demand: portcullis_gate::Demand| Demand { what: demand.what.into(), told: demand.told };
        Ok(portcullis_gate::explain(&policy, &method, &url).into_iter().map(demand).collect())
    }

    fn for_host(text: String, format: Format) -> Result<HostSettings, Vec<Problem>> {
        let policy = parse(&text, format).map_err(|errors| problems(&errors))?;
        let token_service = token_service(&policy);
        let published =
            |policy::PublishedMetadata { url, resource, document }| PublishedMetadata { url, resource, document };
        let resource_metadata = policy.resource_metadata().into_iter().map(published).collect();
        Ok(HostSettings {
            listeners: policy.listeners.into_iter().map(listener).collect(),
            replay: match policy.replay {
                policy::Replay::Node => Replay::Node,
                policy::Replay::Shared => Replay::Shared,
                policy::Replay::Nonce => Replay::Nonce,
            },
            proof_window: policy.proof_window,
            challenges: policy.attestation.as_ref().is_some_and(|wanted| wanted.challenge),
            token_service,
            resource_metadata,
            clients: policy.clients.as_ref().map(|clients| Clients {
                challenges: clients.challenges,
                window: clients.window,
                registers: clients.register.is_some(),
            }),
            transaction_service: policy.transaction_service.as_ref().map(|service| TransactionService {
                keys: service.keys.clone(),
                endpoint: service.endpoint.clone(),
                lifetime: service.lifetime,
            }),
            ocm_host: policy.ocm.as_ref().map(|ocm| ocm.host.to_string()),
        })
    }

    fn export_for_envoy(text: String, format: Format) -> Result<String, Vec<Problem>> {
        let format = self::format(format);
        Policy::parse_for_envoy(&text, format, &backend()).map_err(|errors| problems(&errors))?;
        let tree = Policy::tree(&text, format).map_err(|error| vec![problem(&error)])?;
        Ok(json::to_text(&tree))
    }

    fn export_for_browser(text: String, format: Format) -> Result<String, Vec<Problem>> {
        let policy = parse(&text, format).map_err(|errors| problems(&errors))?;
        let format = self::format(format);
        Policy::tree(&text, format)
            .and_then(|tree| export::for_browser(&tree, &policy))
            .map(|exported| json::to_text(&exported))
            .map_err(|error| vec![problem(&error.placed(&text, format))])
    }
}

fn token_service(policy: &Policy) -> Option<TokenService> {
    let registry = policy.registry.as_ref()?;
    let tokens = registry.tokens.as_ref()?;
    let issuer = policy.issuers.get(tokens.issuer)?;
    let policy::KeySource::Url(keys) = &issuer.keys else { return None };
    Some(TokenService {
        issuer: issuer.issuer.clone(),
        keys: keys.clone(),
        realm: registry.realm.as_ref()?.realm.as_str().into(),
        lifetime: tokens.lifetime,
        refresh: tokens.refresh,
    })
}

fn listener(listener: policy::Listener) -> Listener {
    Listener {
        name: listener.name,
        address: listener.address,
        tokens: listener.tokens,
        clients: listener.clients,
        transactions: listener.transactions,
        ocm: listener.ocm,
        asks_certificate: listener.client_certificate == Some(policy::CertificateFrom::Host) && listener.tls.is_some(),
        asserts: listener.asserts.map(|asserter| match asserter {
            policy::Asserter::Nginx => Asserter::Nginx,
            policy::Asserter::Traefik => Asserter::Traefik,
            policy::Asserter::Caddy => Asserter::Caddy,
            policy::Asserter::Envoy => Asserter::Envoy,
        }),
        trust_proxy_validation: listener.trust_proxy_validation.map(|domain| domain.to_string()),
        peers: listener.peers,
        tls: listener.tls.map(|tls| Tls { certificate: tls.certificate, key: tls.key, client_ca: tls.client_ca }),
    }
}

fn parse(text: &str, format: Format) -> Result<Policy, Vec<PolicyError>> {
    Policy::parse(text, self::format(format), &backend())
}

pub(crate) fn format(format: Format) -> policy::Format {
    match format {
        Format::Toml => policy::Format::Toml,
        Format::Json => policy::Format::Json,
    }
}

pub(crate) fn problems(errors: &[PolicyError]) -> Vec<Problem> {
    errors.iter().map(problem).collect()
}

fn problem(error: &PolicyError) -> Problem {
    Problem {
        code: error.code().into(),
        rule: error.rule().into(),
        path: error.path.to_string(),
        line: error.place.map(|place| place.line),
        column: error.place.map(|place| place.column),
        detail: error.detail.clone(),
        remedy: error.remedy.clone(),
    }
}

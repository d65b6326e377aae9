//! `[registry]`: who may do what at an OCI registry, and what its token service hands out (`docs/registries.md`).

use alloc::{format, rc::Rc, string::String, vec, vec::Vec};

use portcullis_scope::{Realm, oci::ANY_ACTION};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use super::{
    Authority, Listener, Path, PolicyError, Requirements, attestation,
    code::PolicyCode,
    issuers::{Issuer, KeySource, repeated, url},
    limits::{MAX_GRANTS, MAX_NAMES},
    reader::{Reader, at_most, plain_name},
    rules::{self, Surroundings},
};
use crate::{
    origin::Origin,
    path::{Pattern, RequestPath},
    users::Users,
};

/// How long an access token is good where a policy says nothing, in seconds.
const DEFAULT_LIFETIME: u64 = 300;

/// How long a refresh token is good that nobody uses, in seconds.
const DEFAULT_REFRESH: u64 = 12 * 60 * 60;

/// How long after signing in a refresh token is good at the most, in seconds.
const DEFAULT_REFRESH_MAX: u64 = 30 * 24 * 60 * 60;

/// Access to OCI registries.
#[derive(Debug, Clone)]
pub struct Registry {
    /// The registries' names (`service` of challenges, `aud` of tokens); the first one is this registry's own.
    pub services: Vec<String>,
    /// Where clients fetch tokens; without it they bring a credential of their own with every request.
    pub realm: Option<Endpoint>,
    /// Numbers of the origins that are registries.
    pub hosts: Vec<usize>,
    /// Humans who sign in with a password.
    pub users: Option<UsersSource>,
    /// Who may do what.
    pub grants: Vec<Grant>,
    /// What the token service hands out, where there is one.
    pub tokens: Option<TokenService>,
}

/// The URL at which a token service answers.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// As it is written.
    pub realm: Realm,
    /// The number of its origin, if it is one of the policy's.
    pub origin: Option<usize>,
    /// Its path.
    pub path: String,
}

/// Where users come from.
#[derive(Debug, Clone)]
pub enum UsersSource {
    /// From the policy itself.
    Inline(Rc<Users>),
    /// From a URL, or from a file that the host reads (`file:`).
    Url(String),
}

/// A token service.
#[derive(Debug, Clone)]
pub struct TokenService {
    /// The number of the issuer whose tokens it signs.
    pub issuer: usize,
    /// How long access tokens are good, in seconds.
    pub lifetime: u64,
    /// How long refresh tokens are good that nobody uses, in seconds.
    pub refresh: u64,
    /// How long after signing in refresh tokens are good at the most, in seconds.
    pub refresh_max: u64,
    /// Numbers of the issuers whose tokens may be exchanged for refresh tokens.
    pub refresh_issuers: Vec<usize>,
}

/// Access that somebody is granted.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What logs call it.
    pub name: String,
    /// Who is granted it.
    pub grantee: Grantee,
    /// The registries that it is for; every one without.
    pub services: Option<Vec<String>>,
    /// Names of repositories.
    pub repositories: Vec<Pattern>,
    /// Actions on them; `*` stands for every one.
    pub actions: Vec<String>,
    /// Whether the catalogue may be read.
    pub catalog: bool,
}

/// Who is granted something.
#[derive(Debug, Clone)]
pub enum Grantee {
    /// Everybody.
    Anonymous,
    /// Whoever has a credential of one of these authorities that meets the requirements.
    Credential {
        /// Whose credentials count.
        authorities: Vec<Authority>,
        /// What they have to be.
        require: Requirements,
    },
    /// Users of these names; every one without.
    Users(Option<Vec<String>>),
}

impl Grant {
    /// Whether it is for a registry.
    pub fn is_for(&self, service: &str) -> bool {
        self.services.as_ref().is_none_or(|services| services.iter().any(|one| one == service))
    }

    /// Its actions on a resource; none if it is not for that.
    pub fn actions_on(&self, resource_type: &str, name: &str) -> Vec<&str> {
        match resource_type {
            "registry" if self.catalog && name == "catalog" => vec![ANY_ACTION],
            "repository" => {
                let path = format!("/{name}");
                let named = RequestPath::parse(&path)
                    .is_ok_and(|path| self.repositories.iter().any(|pattern| pattern.matches(&path)));
                if named { self.actions.iter().map(String::as_str).collect() } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }
}

pub(super) fn registry(top: &Reader<'_>, around: &Surroundings<'_>, errors: &mut Vec<PolicyError>) -> Option<Registry> {
    let entry = top.object("registry")?;
    let before = errors.len();
    let mut services = entry.strings("services").unwrap_or_default();
    at_most(&mut services, MAX_NAMES, entry.at("services"), "services", errors);
    for (index, service) in services.iter().enumerate() {
        let path = entry.at("services").item(index);
        if services.iter().take(index).any(|one| one == service) {
            errors.push(repeated(path, service));
        } else if Realm::parse(service).is_err() {
            let detail = format!("{} cannot stand in a challenge", excerpt(service));
            let remedy = "write the registry's name in printable ASCII, for example \"registry.example\"";
            errors.push(PolicyError::new(PolicyCode::ChallengeMalformed, path, detail, remedy));
        }
    }
    let realm = entry.text("realm").and_then(|text| endpoint(text, &entry, around.origins, errors));
    let hosts = match rules::hosts(&entry, around, errors) {
        Some(hosts) => hosts,
        None => elsewhere(around.origins, realm.as_ref()),
    };
    let mut grants = entry.objects("grants");
    at_most(&mut grants, MAX_GRANTS, entry.at("grants"), "grants", errors);
    let users = entry.value("users").and_then(|value| users(value, &entry, errors));
    let grants: Vec<Grant> = grants
        .iter()
        .enumerate()
        .filter_map(|(index, one)| grant(index, one, &services, users.is_some(), around, errors))
        .collect();
    let tokens = entry.object("token_service").and_then(|one| tokens(&one, &entry, realm.as_ref(), around, errors));
    (errors.len() == before).then_some(Registry { services, realm, hosts, users, grants, tokens })
}

/// The origins that are not the token service's; all of them where there is no other.
fn elsewhere(origins: &[Origin], realm: Option<&Endpoint>) -> Vec<usize> {
    let others: Vec<usize> =
        (0..origins.len()).filter(|number| realm.is_none_or(|realm| realm.origin != Some(*number))).collect();
    if others.is_empty() { (0..origins.len()).collect() } else { others }
}

fn endpoint(text: &str, entry: &Reader<'_>, origins: &[Origin], errors: &mut Vec<PolicyError>) -> Option<Endpoint> {
    let mut refuse = |detail: String| {
        let remedy = "write the URL of the token service, without query: \"https://tokens.example/token\"";
        errors.push(PolicyError::new(PolicyCode::ChallengeMalformed, entry.at("realm"), detail, remedy));
        None
    };
    let realm = match Realm::parse(text) {
        Ok(realm) => realm,
        Err(rejection) => return refuse(format!("{}: {}", rejection.code(), rejection.detail())),
    };
    let Some(origin) = Origin::of_url(text) else { return refuse(format!("{} is no URL", excerpt(text))) };
    let start = text.find("://").map_or(0, |at| at + 3);
    let path = text.get(start..).and_then(|rest| rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)));
    let path = path.unwrap_or("/");
    if path.contains(['?', '#']) || RequestPath::parse(path).is_err() {
        return refuse(format!("{} has a query, a fragment, or a path that is never let through", excerpt(text)));
    }
    let origin = origins.iter().position(|known| *known == origin);
    Some(Endpoint { realm, origin, path: path.into() })
}

fn users(value: &Value, entry: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Option<UsersSource> {
    let path = entry.at("users");
    match value {
        Value::String(text) => url(text, path, errors).map(UsersSource::Url),
        Value::Object(object) => match inline_users(object) {
            Ok(users) => Some(UsersSource::Inline(Rc::new(users))),
            Err(rejection) => {
                let detail = format!("{}: {}", rejection.code(), rejection.detail());
                let remedy = "write names and their hashes: { alice = \"$2y$…\" }, or \"file:\" and a path";
                errors.push(PolicyError::new(PolicyCode::RegistryUsers, path, detail, remedy));
                None
            }
        },
        _ => None,
    }
}

fn inline_users(object: &Object) -> Result<Users, Rejection> {
    let mut users = Users::default();
    for (name, hash) in object.members() {
        // What is no text is no hash.
        users.add(name, hash.as_str().unwrap_or_default())?;
    }
    Ok(users)
}

fn grant(
    index: usize,
    entry: &Reader<'_>,
    services: &[String],
    has_users: bool,
    around: &Surroundings<'_>,
    errors: &mut Vec<PolicyError>,
) -> Option<Grant> {
    let before = errors.len();
    plain_name(entry, errors);
    let grantee = grantee(entry, has_users, around, errors);
    let for_services = entry.texts("services").map(|texts| {
        for (index, text) in &texts {
            if !services.iter().any(|one| one == text) {
                let detail = format!("{} is none of the registry's services", excerpt(text));
                let path = entry.at("services").item(*index);
                errors.push(PolicyError::new(
                    PolicyCode::RegistryService,
                    path,
                    detail,
                    "add it to registry.services, or remove it here",
                ));
            }
        }
        texts.into_iter().map(|(_, text)| text.into()).collect()
    });
    let repositories = repositories(entry, errors);
    let actions = actions(entry, errors);
    let catalog = entry.flag("catalog") == Some(true);
    let some = |name: &str| entry.texts(name).is_some_and(|texts| !texts.is_empty());
    if some("repositories") != some("actions") || !(some("repositories") || catalog) {
        errors.push(PolicyError::new(
            PolicyCode::RegistryGrantEmpty,
            entry.path.clone(),
            "the grant grants nothing: it needs repositories and actions on them, or the catalogue",
            "add repositories = [\"team/{name...}\"] and actions = [\"pull\"], or catalog = true",
        ));
    }
    let grant = Grant {
        name: entry.text("name").map_or_else(|| format!("grant {}", index + 1), Into::into),
        grantee: grantee?,
        services: for_services,
        repositories,
        actions,
        catalog,
    };
    (errors.len() == before).then_some(grant)
}

fn grantee(
    entry: &Reader<'_>,
    has_users: bool,
    around: &Surroundings<'_>,
    errors: &mut Vec<PolicyError>,
) -> Option<Grantee> {
    let anonymous = entry.flag("anonymous") == Some(true);
    let users = entry.strings("users");
    let credential = entry.value("require").is_some() || entry.value("issuers").is_some();
    match (anonymous, users, credential) {
        (true, None, false) => Some(Grantee::Anonymous),
        (false, Some(users), false) => {
            if !has_users {
                errors.push(PolicyError::new(
                    PolicyCode::RegistryUsers,
                    entry.at("users"),
                    "the registry has no users",
                    "add users = \"file:htpasswd\" to [registry]",
                ));
            }
            let every = users.iter().any(|user| user == "*");
            Some(Grantee::Users((!every).then_some(users)))
        }
        (false, None, true) => {
            let authorities = rules::authorities(entry, around, errors);
            let require = match entry.object("require") {
                Some(require) => {
                    attestation::of_a_grant(&require, errors);
                    rules::requirements(&require, authorities.as_deref(), around, errors)
                }
                None => Some(Requirements::default()),
            };
            Some(Grantee::Credential { authorities: authorities?, require: require? })
        }
        (false, None, false) => {
            errors.push(PolicyError::new(
                PolicyCode::RuleUnguarded,
                entry.path.clone(),
                "the grant does not say to whom",
                "add issuers = […] and require = { … }, users = […], or anonymous = true for everybody",
            ));
            None
        }
        _ => {
            errors.push(PolicyError::new(
                PolicyCode::RuleContradictory,
                entry.path.clone(),
                "the grant is for more than one of: everybody, users, holders of credentials",
                "make a grant of its own for each",
            ));
            None
        }
    }
}

fn repositories(entry: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Vec<Pattern> {
    let mut read: Vec<Pattern> = Vec::new();
    let mut texts = entry.texts("repositories").unwrap_or_default();
    at_most(&mut texts, MAX_NAMES, entry.at("repositories"), "repositories", errors);
    for (index, text) in texts {
        let path = entry.at("repositories").item(index);
        let plain = !text.starts_with('/') && !text.ends_with('/') && !text.contains(['%', '*']);
        match Pattern::parse(&format!("/{text}")) {
            Ok(pattern) if plain && read.contains(&pattern) => errors.push(repeated(path, text)),
            Ok(pattern) if plain => read.push(pattern),
            other => {
                let why = other.err().unwrap_or_else(|| "it is no name of a repository".into());
                errors.push(PolicyError::new(
                    PolicyCode::RegistryRepository,
                    path,
                    format!("{}: {why}", excerpt(text)),
                    "write names like \"team/app\", \"team/{name}\" for one segment or \"team/{name...}\" for all below",
                ));
            }
        }
    }
    read
}

fn actions(entry: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Vec<String> {
    let mut read: Vec<String> = Vec::new();
    for (index, text) in entry.texts("actions").unwrap_or_default() {
        let path = entry.at("actions").item(index);
        match text {
            "pull" | "push" | "delete" | ANY_ACTION if read.iter().any(|one| one == text) => {
                errors.push(repeated(path, text));
            }
            "pull" | "push" | "delete" | ANY_ACTION => read.push(text.into()),
            _ => errors.push(PolicyError::new(
                PolicyCode::UnknownWord,
                path,
                format!("{} is no action on a repository", excerpt(text)),
                "write \"pull\", \"push\", \"delete\", or \"*\" for every one",
            )),
        }
    }
    read
}

fn tokens(
    entry: &Reader<'_>,
    registry: &Reader<'_>,
    realm: Option<&Endpoint>,
    around: &Surroundings<'_>,
    errors: &mut Vec<PolicyError>,
) -> Option<TokenService> {
    let mut refuse = |path: Path, detail: &str, remedy: &str| {
        errors.push(PolicyError::new(PolicyCode::RegistryTokenService, path, detail, remedy));
    };
    match realm {
        None => refuse(
            registry.at("realm"),
            "the token service has no URL",
            "add realm = \"https://tokens.example/token\" to [registry]",
        ),
        Some(realm) if realm.origin.is_none() => refuse(
            registry.at("realm"),
            "the token service is at an origin that the policy does not have",
            "add the realm's origin to \"origins\"",
        ),
        Some(_) => {}
    }
    let named = |name: &str| around.issuers.iter().position(|issuer| issuer.name == name);
    let own = entry.text("issuer").and_then(named);
    match own.and_then(|number| around.issuers.get(number)) {
        Some(Issuer { registry: true, keys: KeySource::Url(_), .. }) => {}
        Some(Issuer { registry: true, .. }) => refuse(
            entry.at("issuer"),
            "its keys have no URL of their own, so that nobody could fetch what the service signs with",
            "write keys = \"https://tokens.example/jwks\" in its entry: the service answers there",
        ),
        _ => refuse(
            entry.at("issuer"),
            "there is no issuer of this name with profile = \"registry\"",
            "add [[issuers]] with profile = \"registry\", whose tokens the service signs",
        ),
    }
    let mut refresh_issuers = Vec::new();
    for (index, name) in entry.texts("refresh_issuers").unwrap_or_default() {
        match named(name).filter(|number| Some(*number) != own) {
            Some(number) => refresh_issuers.push(number),
            None => refuse(
                entry.at("refresh_issuers").item(index),
                "it is the name of no other issuer; workloads of a trust domain always have a fresh credential",
                "write names of [[issuers]]",
            ),
        }
    }
    Some(TokenService {
        issuer: own?,
        lifetime: entry.duration("lifetime").unwrap_or(DEFAULT_LIFETIME),
        refresh: entry.duration("refresh").unwrap_or(DEFAULT_REFRESH),
        refresh_max: entry.duration("refresh_max").unwrap_or(DEFAULT_REFRESH_MAX),
        refresh_issuers,
    })
}

/// A token service has a listener where it is asked, and such a listener has a token service.
pub(super) fn listened(
    top: &Reader<'_>,
    registry: Option<&Registry>,
    listeners: &[Listener],
    errors: &mut Vec<PolicyError>,
) {
    if !errors.is_empty() {
        return;
    }
    let serves = listeners.iter().position(|listener| listener.tokens);
    let (path, detail, remedy) = match (registry.and_then(|registry| registry.tokens.as_ref()), serves) {
        (Some(_), None) => (
            top.at("registry").member("token_service"),
            "nobody can ask the token service",
            "add [[listeners]] with serves = \"tokens\"",
        ),
        (None, Some(number)) => (
            top.at("listeners").item(number).member("serves"),
            "there is no token service whose tokens could be handed out",
            "add [registry.token_service]",
        ),
        _ => return,
    };
    errors.push(PolicyError::new(PolicyCode::RegistryTokenService, path, detail, remedy));
}

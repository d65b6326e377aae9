//! Policies with mistakes, and what their author is told: each file of `mistakes/` stands beside its snapshot.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p portcullis-gate --features toml --test policy_mistakes` writes the snapshots anew; read
//! the difference as the author of a policy would.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use portcullis_crypto::{Backend, SoftwareBackend};
use portcullis_gate::policy::{Format, Policy, PolicyCode, PolicyError, export, limits, render, render_warnings};
use portcullis_types::RuleCode;

/// Every code, and a policy that shows it.
const CODES: [(&str, &str); 86] = [
    ("policy.too_large", "generated/too_large.toml"),
    ("policy.syntax", "syntax_unclosed_text.toml"),
    ("policy.duplicate_name", "name_twice.json"),
    ("policy.unknown_member", "unknown_near.toml"),
    ("policy.missing_member", "missing_issuer.toml"),
    ("policy.wrong_type", "kind_texts.toml"),
    ("policy.unknown_word", "word_near.toml"),
    ("policy.out_of_range", "range_low.toml"),
    ("policy.too_many", "generated/too_many_issuers.toml"),
    ("policy.origin_malformed", "origin_upper_case.toml"),
    ("policy.repeated", "header_folded.toml"),
    ("policy.name_malformed", "name_malformed.toml"),
    ("policy.name_taken", "name_taken.toml"),
    ("policy.issuer_taken", "issuer_taken.toml"),
    ("policy.issuer_undiscoverable", "issuer_no_url.toml"),
    ("policy.url_malformed", "keys_http.toml"),
    ("policy.keys_malformed", "keys_private.toml"),
    ("policy.algorithm_unknown", "algorithm_unknown.toml"),
    ("policy.algorithm_shared", "algorithm_shared.toml"),
    ("policy.introspection_several", "introspection_several.toml"),
    ("policy.introspection_credential", "introspection_credential_none.toml"),
    ("policy.introspection_absent", "envoy/introspection.toml"),
    ("policy.trust_domain_malformed", "trust_domain_uri.toml"),
    ("policy.bundle_profile", "bundle_profile_no_id.toml"),
    ("policy.bundle_endpoint_id", "bundle_endpoint_id_unknown.toml"),
    ("policy.bundle_initial", "bundle_initial_missing.toml"),
    ("policy.bundle_circle", "bundle_circle.toml"),
    ("policy.rule_unguarded", "rule_unguarded.toml"),
    ("policy.rule_contradictory", "rule_contradictory.toml"),
    ("policy.rule_issuers_missing", "rule_issuers_missing.toml"),
    ("policy.rule_issuers_none", "rule_issuers_none.toml"),
    ("policy.rule_issuer_unknown", "rule_issuer_unknown.toml"),
    ("policy.rule_host_unknown", "rule_host_unknown.toml"),
    ("policy.method_malformed", "method_lower_case.toml"),
    ("policy.path_malformed", "path_mixed.toml"),
    ("policy.rule_unreachable", "warnings/rule_unreachable.toml"),
    ("policy.requirement_malformed", "scope_space.toml"),
    ("policy.pattern_malformed", "spiffe_star_inside.toml"),
    ("policy.requirement_unmeetable", "spiffe_other_domain.toml"),
    ("policy.challenge_malformed", "realm_not_ascii.toml"),
    ("policy.header_malformed", "header_reserved.toml"),
    ("policy.header_source", "header_claim.toml"),
    ("policy.cors_origin", "cors_star.toml"),
    ("policy.listener_address", "listener_no_port.toml"),
    ("policy.listener_exposed", "listener_exposed.toml"),
    ("policy.listener_tls", "listener_peers_alone.toml"),
    ("policy.listener_trust", "listener_trust.toml"),
    ("policy.transaction_tokens", "transaction_none.toml"),
    ("policy.transaction_service", "transaction_service.toml"),
    ("policy.transaction_service_absent", "envoy/transaction_service.toml"),
    ("policy.registry_issuer", "registry_issuer.toml"),
    ("policy.registry_service", "registry_service.toml"),
    ("policy.registry_repository", "registry_repository.toml"),
    ("policy.registry_grant_empty", "registry_grant.toml"),
    ("policy.registry_users", "registry_users.toml"),
    ("policy.registry_token_service", "registry_token_service.toml"),
    ("policy.registry_absent", "envoy/registry_users.toml"),
    ("policy.clients_method", "clients_method_no_attester.toml"),
    ("policy.clients_trust_domain", "clients_trust_domain.toml"),
    ("policy.clients_known", "clients_known.toml"),
    ("policy.clients_register", "clients_register.toml"),
    ("policy.clients_dynamic", "clients_dynamic_attesters.toml"),
    ("policy.clients_key_binding", "clients_key_binding.toml"),
    ("policy.clients_listener", "clients_no_listener.toml"),
    ("policy.clients_absent", "envoy/clients.toml"),
    ("policy.ocm", "ocm_host.toml"),
    ("policy.ocm_absent", "envoy/ocm.toml"),
    ("policy.attestation_missing", "attestation_missing.toml"),
    ("policy.attestation_unused", "warnings/attestation_unused.toml"),
    ("policy.envoy_cluster_malformed", "envoy_cluster_path.toml"),
    ("policy.envoy_cluster_missing", "envoy/cluster_missing.toml"),
    ("policy.envoy_file", "envoy/keys_in_a_file.toml"),
    ("policy.envoy_replay", "envoy/replay_shared.toml"),
    ("policy.envoy_bundle_profile", "envoy/bundle_profile.toml"),
    ("policy.envoy_challenge", "envoy/attestation_challenge.toml"),
    ("policy.browser_secret", "browser/symmetric.toml"),
    ("policy.browser_listener", "browser/listener.toml"),
    ("policy.browser_store", "browser/replay_shared.toml"),
    ("policy.browser_file", "browser/keys_in_a_file.toml"),
    ("policy.browser_bundle_profile", "browser/bundle_profile.toml"),
    ("policy.browser_attestation", "browser/attestation.toml"),
    ("policy.replay_node", "warnings/replay_node.toml"),
    ("policy.expose_full", "warnings/expose_full.toml"),
    ("policy.report_mode", "warnings/report_mode.toml"),
    ("policy.issuer_unused", "warnings/issuer_unused.toml"),
    ("policy.export_secret", "export/symmetric.toml"),
];

fn backend() -> Rc<dyn Backend> {
    Rc::new(SoftwareBackend::default())
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes").join(name)
}

fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "toml" => Some(Format::Toml),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// The policies of a folder by their file names, with their snapshots' paths.
fn policies(name: &str) -> Vec<(PathBuf, String, Format, String)> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let policy = |path: PathBuf| {
        let format = format_of(&path)?;
        let file = path.file_name()?.to_str()?.to_string();
        Some((folder(name).join(format!("{file}.txt")), file, format, fs::read_to_string(&path).ok()?))
    };
    files.into_iter().filter_map(policy).collect()
}

fn errors(text: &str, format: Format, file: &str) -> Vec<PolicyError> {
    Policy::parse(text, format, &backend()).err().unwrap_or_else(|| panic!("{file} has no mistake"))
}

/// What is told of every policy here, by the path of its snapshot.
fn told() -> BTreeMap<PathBuf, String> {
    let mut told = BTreeMap::new();
    for (snapshot, file, format, text) in policies("") {
        let errors = errors(&text, format, &file);
        helpful(&errors, &file);
        told.insert(snapshot, render(&errors, &text, &file));
    }
    for (snapshot, file, format, text) in policies("warnings") {
        let policy = Policy::parse(&text, format, &backend()).unwrap_or_else(|errors| panic!("{file}: {}", errors[0]));
        assert!(!policy.warnings.is_empty(), "{file} has no warning");
        helpful(&policy.warnings, &file);
        told.insert(snapshot, render_warnings(&policy.warnings, &text, &file));
    }
    for (snapshot, file, format, text) in policies("export") {
        let policy = Policy::parse(&text, format, &backend()).unwrap_or_else(|errors| panic!("{file}: {}", errors[0]));
        let object = Policy::tree(&text, format).unwrap();
        let error = export::for_browser(&object, &policy).expect_err(&file).placed(&text, format);
        helpful(std::slice::from_ref(&error), &file);
        told.insert(snapshot, render(&[error], &text, &file));
    }
    type Read = fn(&str, Format, &Rc<dyn Backend>) -> Result<Policy, Vec<PolicyError>>;
    let hosts: [(&str, Read); 2] = [("envoy", Policy::parse_for_envoy), ("browser", Policy::parse_for_browser)];
    for (host, read) in hosts {
        for (snapshot, file, format, text) in policies(host) {
            assert!(Policy::parse(&text, format, &backend()).is_ok(), "{file} is for no other host either");
            let errors = read(&text, format, &backend()).expect_err(&file);
            helpful(&errors, &file);
            told.insert(snapshot, render(&errors, &text, &file));
        }
    }
    for (name, text) in generated() {
        let file = format!("{name}.toml");
        let errors = errors(&text, Format::Toml, &file);
        helpful(&errors, &file);
        told.insert(folder("generated").join(format!("{file}.txt")), render(&errors, &text, &file));
    }
    told
}

/// Every error leads to a place and says what to do.
fn helpful(errors: &[PolicyError], file: &str) {
    assert!(!errors.is_empty() && errors.len() <= limits::MAX_ERRORS, "{file}: {} errors", errors.len());
    for error in errors {
        assert!(error.place.is_some_and(|place| place.line > 0 && place.column > 0), "{file}: no place: {error}");
        assert!(!error.detail.trim().is_empty() && !error.remedy.trim().is_empty(), "{file}: no help: {error}");
        assert!(!error.told().contains('\n'), "{file}: more than one line: {error}");
    }
}

/// Policies whose mistake is their size.
fn generated() -> Vec<(&'static str, String)> {
    let top = "origins = [\"https://api.example\"]\n";
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    let issuer = |number: usize| {
        format!("\n[[issuers]]\nname = \"idp{number}\"\nissuer = \"https://idp{number}.example\"\naudience = [\"a\"]\n")
    };
    let domain =
        |number: usize| format!("\n[[trust_domains]]\nname = \"td{number}.example\"\nbundle = \"file:{number}\"\n");
    let listener =
        |number: usize| format!("\n[[listeners]]\nname = \"l{number}\"\naddress = \"127.0.0.1:{}\"\n", 1024 + number);
    let list = |name: &str, one: &dyn Fn(usize) -> String| {
        let items: Vec<String> = (0..257).map(|number| format!("    {:?},\n", one(number))).collect();
        format!("{name} = [\n{}]\n", items.concat())
    };
    let host = |number: usize| format!("https://h{number}.example");
    vec![
        ("too_large", format!("{top}#{}\n", "x".repeat(limits::MAX_POLICY))),
        ("too_many_issuers", format!("{top}{}", many(257, &issuer))),
        ("too_many_trust_domains", format!("{top}{}", many(257, &domain))),
        (
            "too_many_rules",
            format!("{top}{}", many(10_001, &|n| format!("\n[[rules]]\npath = \"/{n}\"\nanonymous = true\n"))),
        ),
        ("too_many_listeners", format!("{top}{}", many(257, &listener))),
        ("too_many_origins", list("origins", &host)),
        ("too_many_pages", format!("{top}\n[cors]\n{}", list("origins", &host))),
        ("too_many_methods", format!("{top}\n[[rules]]\nanonymous = true\n{}", list("methods", &|n| format!("M{n}")))),
        ("too_many_stripped", format!("{top}\n[upstream]\n{}", list("strip", &|n| format!("X-{n}")))),
        ("many_errors", format!("{top}{}", many(300, &|n| format!("mode{n} = \"report\"\n")))),
        ("many_names", {
            let rule = "\n[[rules]]\nissuers = [\"nobody\"]\nrequire = {}\n\n[[rules]]\nrequire = {}\n";
            format!("{top}{}{rule}", many(20, &issuer))
        }),
    ]
}

#[test]
fn each_mistake_is_told_as_in_its_snapshot() {
    let told = told();
    assert!(policies("").len() >= 60, "too few mistakes");
    let update = env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1");
    let mut faults = String::new();
    for (snapshot, text) in &told {
        if update {
            fs::write(snapshot, text).unwrap();
        }
        match fs::read_to_string(snapshot) {
            Ok(wanted) if wanted == *text => {}
            Ok(wanted) => {
                let _ = writeln!(faults, "{}\nwanted:\n{wanted}\nis:\n{text}", snapshot.display());
            }
            Err(_) => {
                let _ = writeln!(faults, "{} is missing; it is to be\n{text}", snapshot.display());
            }
        }
    }
    for name in ["", "warnings", "export", "envoy", "generated"] {
        for path in fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "txt") && !told.contains_key(&path) {
                let _ = writeln!(faults, "{} belongs to no policy", path.display());
            }
        }
    }
    assert!(faults.is_empty(), "{faults}\nIf this is as it should be: UPDATE_SNAPSHOTS=1");
}

#[test]
fn each_code_of_a_policy_has_a_mistake() {
    let told = told();
    let codes: Vec<&str> = PolicyCode::ALL.iter().map(|code| code.entry().code).collect();
    assert_eq!(codes, CODES.map(|(code, _)| code));
    for (code, file) in CODES {
        let text = told.get(&folder("").join(format!("{file}.txt"))).unwrap_or_else(|| panic!("{file}"));
        let shown = ["error", "warning"].iter().any(|severity| text.contains(&format!("{severity}[{code}] ")));
        assert!(shown, "{file} does not show {code}\n{text}");
    }
}

/// Of what stands in keys nothing is told, and what moves a cursor never reaches a terminal.
#[test]
fn nothing_told_holds_a_secret_or_a_control_character() {
    for (snapshot, text) in told() {
        for secret in ["AyM1SysPpbyDfgZld3umj1qz", "hunter2", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"] {
            assert!(!text.contains(secret), "{}\n{text}", snapshot.display());
        }
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{}", snapshot.display());
        assert!(text.lines().all(|line| line.chars().count() <= 420), "{}\n{text}", snapshot.display());
    }
}

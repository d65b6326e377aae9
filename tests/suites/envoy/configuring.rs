//! Configurations: those that are refused, and those that replace others.

use std::rc::Rc;

use portcullis_crypto::SoftwareBackend;
use portcullis_gate::policy::{Format, Policy};
use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster, filter, filter_of};
use portcullis_tests::serving::{Answer, Upstream, ask, get};
use portcullis_tests::{dist, root};
use serde_json::{Value, json};

use super::issuer::{now, policy, serving, token};
use super::running::{told, with};

#[test]
fn what_cannot_be_a_filter_is_refused_with_a_remedy() {
    let module = dist("envoy/portcullis.wasm");
    let text = policy().to_string();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut policy = policy();
        change(&mut policy);
        policy.to_string()
    };
    for (what, vm_id, configuration, wanted) in [
        ("no vm_id", "", text.clone(), "vm_config has no vm_id: write one"),
        ("no policy", "portcullis", String::new(), "the configuration is empty: write the policy"),
        ("no JSON", "portcullis", "origins = 1".into(), "policy.syntax"),
        ("a mistake", "portcullis", changed(&|policy| policy["rulez"] = json!([])), "policy.unknown_member: rulez"),
        ("no cluster", "portcullis", changed(&|policy| policy["envoy"] = json!({})), "policy.envoy_cluster_missing"),
        ("replay", "portcullis", changed(&|policy| policy["replay"] = "shared".into()), "policy.envoy_replay"),
    ] {
        let front = Front::new("front", filter_of(&module, vm_id, &configuration));
        let said = Envoy::refusing(&[front.listener()], &[cluster("upstream", 1), cluster("documents", 1)]);
        assert!(said.iter().any(|line| line.contains(wanted)), "{what}: {said:#?}");
    }
}

#[test]
fn a_bad_policy_replaces_no_good_one_and_a_good_one_does() {
    let (documents, upstream) = (serving(&[1]), Upstream::start());
    let listener = |policy: &Value| [Front::new("front", filter("portcullis", policy)).listener()];
    let clusters = [cluster("upstream", upstream.port), cluster("documents", documents.port)];
    let envoy = Envoy::dynamic(&listener(&policy()), &clusters, &Running::default());
    let good = format!("Bearer {}", token(1, now(), &json!({})));
    let send = || told(&ask(envoy.port("front"), &with("/x", &[("Authorization", &good)])));
    assert_eq!(send(), (200, "none".into()));
    let mut bad = policy();
    bad["rules"][1]["require"] = Value::Null;
    envoy.listeners(1, &listener(&bad));
    envoy.until("it is refused", |envoy| envoy.stat("listener_manager.lds.update_rejected") == 1);
    assert_eq!(send(), (200, "none".into()));
    let mut stricter = policy();
    stricter["rules"][1]["require"] = json!({"scope": ["write"]});
    envoy.listeners(2, &listener(&stricter));
    envoy.until("it is taken", |_| send().1 == "scope.insufficient_scope");
}

/// How often the configuration is replaced, and after how many times the memory is looked at first.
const RELOADS: u64 = 200;
const AFTER: u64 = 20;

#[test]
fn two_hundred_configurations_leave_no_memory_behind() {
    let (documents, upstream) = (serving(&[1]), Upstream::start());
    let listener = |version: u64| {
        let mut policy = policy();
        // Another policy each time, of some length, which has to be read and let go.
        let rules = (0..200).map(|number| json!({"path": format!("/{version}/{number}"), "anonymous": true}));
        policy["rules"] = rules.chain(policy["rules"].as_array().cloned().unwrap_or_default()).collect();
        [Front::new("front", filter("portcullis", &policy)).listener()]
    };
    let clusters = [cluster("upstream", upstream.port), cluster("documents", documents.port)];
    let running = Running { workers: Some(2), ..Running::default() };
    let envoy = Envoy::dynamic(&listener(0), &clusters, &running);
    let good = format!("Bearer {}", token(1, now(), &json!({})));
    let port = envoy.port("front");
    let get = |path: &str| -> Answer { ask(port, &with(path, &[("Authorization", &good)])) };
    let mut early = 0;
    for version in 1..=RELOADS {
        envoy.listeners(version, &listener(version));
        envoy.until("the new policy decides", |_| told(&get(&format!("/{version}/7"))).1 == "none");
        assert_eq!(told(&get("/x")), (200, "none".into()), "{version}");
        // What drains is held twice, as it has to be; here it is about what stays.
        if version % AFTER == 0 {
            envoy.until("the old ones have gone", |envoy| {
                envoy.stat("listener_manager.total_filter_chains_draining") == 0
                    && envoy.stat("listener_manager.total_listeners_draining") == 0
            });
        }
        if version == AFTER {
            early = envoy.memory();
        }
    }
    let late = envoy.memory();
    println!("{} MB after {AFTER} configurations, {} MB after {RELOADS}", early >> 20, late >> 20);
    assert!(late < early + early / 10, "{early} bytes, and then {late}");
}

#[test]
fn the_example_is_a_policy_and_envoy_takes_it() {
    let text = std::fs::read_to_string(root().join("examples/envoy/filter.yaml")).expect("the example");
    let module = dist("envoy/portcullis.wasm");
    let text = text
        .replace("filename: dist/envoy/portcullis.wasm", &format!("filename: {}", module.display()))
        .replace("port_value: 10000", "port_value: 0");
    let envoy = Envoy::of_text(&text, &Running::default());
    let answer = ask(envoy.port("front"), &get("/nothing", &[]));
    assert_eq!(answer.status, 401, "{answer:?}");
    let demo = std::fs::read_to_string(root().join("examples/demo/policy.toml")).expect("the example");
    let backend = Rc::new(SoftwareBackend::default()) as _;
    assert!(Policy::parse(&demo, Format::Toml, &backend).is_ok(), "it is that of the gateway's example");
}

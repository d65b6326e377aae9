//! The cases of the gate through Envoy with the filter, Envoy with `ext_authz`, and the command line: one decision, for one
//! reason, in one answer.

use std::collections::BTreeMap;
use std::process::Command;

use portcullis_tests::corpus::{self, Case, Want};
use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster, cluster_http2, ext_authz, filter};
use portcullis_tests::serving::{Answer, Clock, Documents, Process, Upstream, ask};
use portcullis_tests::{batch, dist};
use serde_json::{Value, json};

use super::saying::{bytes, documents, due, origins, policy, unsayable};

/// How long before the cases the hosts start, in seconds: longer than any window of proofs, so that their memory of used
/// proofs is older than each proof.
const AGO: u64 = 2 * 3_600;

/// The cases that a policy takes, each with what the command line says of it.
struct Told {
    case: Case,
    answer: Value,
}

fn cases() -> Vec<Told> {
    let cases: Vec<Case> = corpus::gate().into_iter().filter(|case| matches!(case.want, Want::Ok(_))).collect();
    let requests: Vec<Value> = cases.iter().map(|case| case.request.clone()).collect();
    let answers = batch::answers(&["--jobs", "2"], &requests);
    cases.into_iter().zip(answers).map(|(case, answer)| Told { case, answer: answer["result"].clone() }).collect()
}

/// Cases that may share one gate: of one policy, with the same documents. A case that uses up a proof has one of its own.
fn groups<'t>(cases: impl Iterator<Item = &'t Told>) -> Vec<Vec<&'t Told>> {
    let mut groups: BTreeMap<String, Vec<&Told>> = BTreeMap::new();
    for told in cases {
        let request = &told.case.request;
        let alone = if uses_proof(told) { told.case.id.as_str() } else { "" };
        let certificate = request.get("client_certificate").is_some();
        let key = json!([request["policy"], request["resources"], certificate, alone]).to_string();
        groups.entry(key).or_default().push(told);
    }
    groups.into_values().collect()
}

fn uses_proof(told: &Told) -> bool {
    let mut headers = told.case.request["request"]["headers"].as_array().into_iter().flatten();
    let proved = ["dpop", "oauth-client-attestation-pop", "workload-identity-token"];
    let is_proved = |name: &str| proved.iter().any(|proof| name.eq_ignore_ascii_case(proof));
    let proof = headers.any(|field| field[0].as_str().is_some_and(is_proved));
    proof && (told.answer["outcome"] == "allow" || is_replayed(told))
}

/// Whether a case is about a proof that was used before.
fn is_replayed(told: &Told) -> bool {
    ["dpop.replayed", "pop.replayed", "wimse.proof_replayed", "wimse.signature_replayed"].contains(&code(&told.answer))
}

fn code(answer: &Value) -> &str {
    answer["findings"][0]["code"].as_str().unwrap_or("none")
}

fn at(told: &Told) -> u64 {
    told.case.request["at"].as_u64().unwrap_or(corpus::NOW)
}

/// What became of the cases.
#[derive(Default)]
struct Count {
    same: usize,
    by_envoy: usize,
    joined: usize,
    faults: Vec<String>,
}

impl Count {
    /// Compares an answer with the command line's. `told_by` is the header field that says the code.
    fn judge(&mut self, told: &Told, answer: &Answer, told_by: &str) {
        let id = &told.case.id;
        let denied = told.answer["outcome"] == "deny";
        match answer.header(told_by) {
            // Envoy has refused it before any filter saw it.
            None | Some("-") if denied && answer.status == 400 && !answer.is_upstreams() => self.by_envoy += 1,
            Some("request.header_list") if joined(told) && answer.status == 400 => self.joined += 1,
            Some(code) => match compare(told, answer, code) {
                Ok(()) => self.same += 1,
                Err(what) => self.faults.push(format!("{id}: {what}\n  {}\n  {answer:?}", told.answer)),
            },
            None => self.faults.push(format!("{id}: no code: {answer:?}")),
        }
    }
}

impl Count {
    /// Tells the counts, and fails where one case differs or fewer than `least` were compared whole.
    fn close(&self, who: &str, said: usize, all: usize, least: usize) {
        let Self { same, by_envoy, joined, faults } = self;
        println!(
            "{who}: {said} of {all} cases said to Envoy: {same} answered as by the command line, {by_envoy} refused by Envoy \
             itself, {joined} as a list"
        );
        assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
        assert!(*same > least, "{same}");
    }
}

/// Whether a case has a field twice that Envoy keeps once: it joins the two with a comma before any filter sees them. They are
/// refused all the same, as the list that they have become.
fn joined(told: &Told) -> bool {
    let fields = told.case.request["request"]["headers"].as_array().into_iter().flatten();
    let named = |field: &&Value| field[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case("authorization"));
    code(&told.answer) == "request.header_repeated" && fields.filter(named).count() > 1
}

/// A body without the detail that says what became of a fetch, which is each host's own.
fn without_detail(body: &str) -> Value {
    let mut body: Value = serde_json::from_str(body).unwrap_or_default();
    if body["error"] == "temporarily_unavailable" {
        body["detail"] = Value::Null;
    }
    body
}

/// Whether an answer is what the command line says.
fn compare(told: &Told, answer: &Answer, is: &str) -> Result<(), String> {
    let wanted = &told.answer;
    let differs = |what: &str, is: &dyn std::fmt::Debug, wanted: &dyn std::fmt::Debug| {
        Err(format!("{what} is {is:?}, and {wanted:?} by the command line"))
    };
    if is != code(wanted) {
        return differs("the code", &is, &code(wanted));
    }
    let pairs = |name: &str| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let fields = wanted[name].as_array().into_iter().flatten();
        fields.map(|field| (text(&field[0]), text(&field[1]))).collect()
    };
    let allowed = wanted["outcome"] == "allow";
    if allowed != answer.is_upstreams() {
        return differs("reaching the upstream", &answer.is_upstreams(), &allowed);
    }
    if wanted["status"].as_u64() != Some(u64::from(answer.status)) {
        return differs("the status", &answer.status, &wanted["status"]);
    }
    let (to_client, to_upstream) = if allowed { ("response_headers", "headers") } else { ("headers", "nothing") };
    for (name, _) in pairs(to_client) {
        let all: Vec<String> = pairs(to_client)
            .into_iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(&name))
            .map(|(_, value)| value)
            .collect();
        if answer.all(&name) != all {
            return differs(&name, &answer.all(&name), &all);
        }
    }
    if !allowed {
        let head = told.case.request["request"]["method"] == "HEAD";
        let body = wanted["body"].as_str().unwrap_or_default();
        if !head && answer.body != body && without_detail(&answer.body) != without_detail(body) {
            return differs("the body", &answer.body, &body);
        }
        if wanted["headers"].as_array().is_some_and(|fields| fields.iter().all(|field| field[0] != "WWW-Authenticate"))
            && !answer.all("www-authenticate").is_empty()
        {
            return differs("the challenge", &answer.all("www-authenticate"), &"none");
        }
        return Ok(());
    }
    let set = pairs(to_upstream);
    for (name, value) in &set {
        if answer.got(name) != [value.as_str()] {
            return differs(name, &answer.got(name), value);
        }
    }
    for name in wanted["strip"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let is_set = set.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if !is_set && !answer.got(name).is_empty() {
            return differs(name, &answer.got(name), &"stripped");
        }
    }
    Ok(())
}

/// Sends a case. One that is to be seen as a repetition is sent twice.
fn say(port: u16, told: &Told) -> Answer {
    if is_replayed(told) {
        let _ = ask(port, &bytes(&told.case));
    }
    ask(port, &bytes(&told.case))
}

fn sayable(all: &[Told]) -> Vec<&Told> {
    all.iter().filter(|told| unsayable(&told.case).is_none()).collect()
}

/// The times of the cases.
fn times(cases: &[&Told]) -> Vec<u64> {
    let mut times: Vec<u64> = cases.iter().map(|told| at(told)).collect();
    times.sort_unstable();
    times.dedup();
    times
}

#[test]
fn the_filter_decides_as_the_command_line() {
    filter_decides("envoy");
}

#[test]
fn the_filter_decides_the_same_with_the_software_inside() {
    filter_decides("software");
}

fn filter_decides(crypto: &str) {
    let all = cases();
    let cases = sayable(&all);
    let upstream = Upstream::start();
    let mut count = Count::default();
    for time in times(&cases) {
        let clock = Clock::at(time - AGO);
        let groups = groups(cases.iter().copied().filter(|told| at(told) == time));
        let (mut listeners, mut clusters, mut servers) =
            (Vec::new(), vec![cluster("upstream", upstream.port)], Vec::new());
        for (number, group) in groups.iter().enumerate() {
            let (server, name) = (Documents::start(), format!("documents_{number}"));
            clusters.push(cluster(&name, server.port));
            // One virtual machine for all but those that use up proofs, which would meet in one memory.
            let vm_id = if uses_proof(group[0]) { format!("alone-{number}") } else { "together".into() };
            let mut policy = policy(&group[0].case, &name);
            policy["envoy"]["crypto"] = crypto.into();
            listeners.push(Front::new(&name, filter(&vm_id, &policy)).listener());
            servers.push((server, name));
        }
        let running = Running { clock: Some(&clock), ..Running::default() };
        let envoy = Envoy::start(&listeners, &clusters, &running);
        let ports = envoy.ports();
        for (group, (server, _)) in groups.iter().zip(&servers) {
            // What is fetched ahead, by the worker and by the main thread, is not to be had at first: the documents of a case are
            // of its own time.
            for url in due(&group[0].case, time - AGO) {
                envoy.until("what is due was asked for", |_| server.asked(&url) >= 2);
            }
            for (url, served) in documents(&group[0].case) {
                server.set(&url, served);
            }
        }
        clock.set(time);
        for (group, (_, name)) in groups.iter().zip(&servers) {
            for told in group {
                count.judge(told, &say(ports[name], told), "x-code");
            }
        }
    }
    count.close(&format!("the filter, crypto {crypto}"), cases.len(), all.len(), 750);
}

/// How many gateways run at once.
const AT_ONCE: usize = 24;

#[test]
fn ext_authz_decides_as_the_command_line() {
    let all = cases();
    // Documents of names that nobody has are not to be fetched by a gateway that runs.
    let cases: Vec<&Told> =
        sayable(&all).into_iter().filter(|told| told.case.request.get("resources").is_none()).collect();
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().expect("a folder");
    let mut count = Count::default();
    for time in times(&cases) {
        let groups = groups(cases.iter().copied().filter(|told| at(told) == time));
        for some in groups.chunks(AT_ONCE) {
            let clock = Clock::at(time - AGO);
            let (mut listeners, mut clusters) = (Vec::new(), vec![cluster("upstream", upstream.port)]);
            let mut gateways = Vec::new();
            for (number, group) in some.iter().enumerate() {
                gateways.push(gateway(folder.path(), number, &group[0].case, &clock));
            }
            for (number, gateway) in gateways.iter().enumerate() {
                let name = format!("gateway_{number}");
                clusters.push(cluster_http2(&name, door(gateway)));
                listeners.push(Front::new(&name, ext_authz(&name)).listener());
            }
            let running = Running { clock: Some(&clock), ..Running::default() };
            let envoy = Envoy::start(&listeners, &clusters, &running);
            let ports = envoy.ports();
            clock.set(time);
            for (number, group) in some.iter().enumerate() {
                for told in group {
                    count.judge(told, &say(ports[&format!("gateway_{number}")], told), "x-asked-code");
                }
            }
        }
    }
    count.close("ext_authz", cases.len(), all.len(), 600);
}

/// Where a gateway listens, once it does.
fn door(gateway: &Process) -> u16 {
    let line = gateway.line("listening door on 127.0.0.1:");
    let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    port.unwrap_or_else(|| panic!("no port in {line}"))
}

fn gateway(folder: &std::path::Path, number: usize, case: &Case, clock: &Clock) -> Process {
    let mut policy = case.request["policy"].clone();
    let mut listener = json!({"name": "door", "address": "127.0.0.1:8080", "asserts": "envoy"});
    if case.request.get("client_certificate").is_some() {
        listener["client_certificate"] = "xfcc".into();
    }
    policy["listeners"] = json!([listener]);
    let path = folder.join(format!("policy-{number}.json"));
    std::fs::write(&path, policy.to_string()).expect("it is written");
    let mut command = Command::new(dist("bin/portcullis"));
    command.args(["serve", "--policy"]).arg(&path).args(["--listen", "door=127.0.0.1:0"]);
    clock.rule(&mut command);
    Process::start("the gateway", &mut command)
}

#[test]
fn what_cannot_be_said_is_little_and_named() {
    let all = cases();
    let mut why: BTreeMap<&str, usize> = BTreeMap::new();
    for told in &all {
        if let Some(reason) = unsayable(&told.case) {
            *why.entry(reason).or_default() += 1;
        }
    }
    println!("{why:#?}");
    assert!(why.values().sum::<usize>() < all.len() / 8, "{why:?}");
    assert!(all.iter().any(|told| !origins(&told.case).is_empty()));
}

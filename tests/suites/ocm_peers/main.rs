//! Hostile peers of Open Cloud Mesh against the gateway that was built: whatever host a message names, and wherever the documents of a
//! peer point or redirect to, nobody inside is connected to; and peers that are slow, endless or gone keep nobody else waiting.

mod asking;
mod bounds;
mod peers;
mod running;

use std::collections::BTreeSet;

use portcullis_tests::root;
use serde_json::Value;

use asking::{Answered, share_from};
use peers::{Peers, Says, Trap};
use running::Gateway;

/// What stops a URL of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Its form.
    Form,
    /// Its name, which is none of the public internet.
    Name,
    /// The addresses that its name leads to.
    Address,
}

/// A row of the one table of hostile URLs.
struct Hostile {
    url: String,
    stop: Stop,
    addresses: Vec<String>,
}

fn table() -> Vec<Hostile> {
    let path = root().join("tests/hostile-urls.ndjson");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = text.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let stop = match row["stop"].as_str() {
            Some("form") => Stop::Form,
            Some("name") => Stop::Name,
            Some("address") => Stop::Address,
            _ => panic!("{line}"),
        };
        let addresses = row["addresses"].as_array().into_iter().flatten().map(text_of);
        Hostile { url: text_of(&row["url"]), stop, addresses: addresses.collect() }
    });
    rows.collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl Hostile {
    /// Host and port, where there is something that looks like them.
    fn authority(&self) -> Option<&str> {
        let rest = self.url.strip_prefix("https://")?;
        let authority = rest.strip_suffix('/')?;
        // A user name would be part of the address before its last sign, and no part of the host.
        (!authority.is_empty() && !authority.contains(['/', '@', '#'])).then_some(authority)
    }

    /// The same URL at a port where a connection is seen. Nothing where the URL has a port, or nothing to put one behind.
    fn at(&self, port: u16) -> Option<String> {
        let authority = self.authority().filter(|authority| authority.ends_with(']') || !authority.contains(':'))?;
        Some(self.url.replacen(authority, &format!("{authority}:{port}"), 1))
    }
}

/// Hosts that messages name: each refused with its code and status, and nobody connected to.
#[test]
fn no_host_that_a_message_names_leads_inside() {
    let (trap, peers) = (Trap::start(), Peers::start());
    let table = table();
    let names: Vec<(String, String)> = table
        .iter()
        .filter(|row| row.stop == Stop::Address)
        .flat_map(|row| {
            row.addresses.iter().map(|address| (row.authority().unwrap_or_default().to_owned(), address.clone()))
        })
        .collect();
    // Somebody answers for the port, and still not for the address behind the name.
    let good = peers.named(Says::discovery());
    let gateway = Gateway::start(&peers, at_port(&names, trap.port), &names, &[]);
    let mut tried = 0;
    for row in &table {
        let Some(authority) = row.authority() else { continue };
        let mut hosts = vec![authority.to_owned()];
        hosts.extend(
            row.at(trap.port).and_then(|url| Some(url.strip_prefix("https://")?.split('/').next()?.to_owned())),
        );
        for host in hosts {
            let Answered { status, code } = gateway.ask(&share_from(&host));
            let wanted: (u16, &[&str]) = match row.stop {
                Stop::Form => (400, &["ocm.address_host", "ocm.peer_url"]),
                // With a port it is its form that is refused first.
                Stop::Name => (400, &["ocm.peer_name", "ocm.peer_url"]),
                Stop::Address => (503, &["ocm.peer_unavailable"]),
            };
            assert!(status == wanted.0 && wanted.1.contains(&&*code), "{host:?}: {status} {code}");
            tried += 1;
        }
    }
    assert!(tried > 100, "the table was tried: {tried}");
    assert_eq!(trap.connections(), 0, "somebody was connected to");
    assert_eq!(peers.connections(), 0, "nobody named them");
    if gateway.knows_names {
        assert!(gateway.said("no public address"), "addresses were looked at");
    }
    // Who is not hostile is asked.
    assert_eq!(gateway.ask(&share_from(&good)).status, 200);
}

/// Hosts of names at a port, each once.
fn at_port(names: &[(String, String)], port: u16) -> Vec<String> {
    let hosts: BTreeSet<String> = names.iter().map(|(name, _)| format!("{}:{port}", name.to_lowercase())).collect();
    hosts.into_iter().collect()
}

/// Documents of a peer that is listed and reachable, and points or redirects to each URL of the table.
#[test]
fn nothing_that_a_peer_publishes_leads_inside() {
    let (trap, peers) = (Trap::start(), Peers::start());
    let table = table();
    let mut names = Vec::new();
    let mut asked = Vec::new();
    for (number, row) in table.iter().enumerate() {
        if row.stop == Stop::Address {
            let name = row.authority().unwrap_or_default();
            names.extend(row.addresses.iter().map(|address| (name.to_owned(), address.clone())));
        }
        let url = row.at(trap.port).filter(|_| row.stop == Stop::Address).unwrap_or_else(|| row.url.clone());
        let unavailable: (u16, &[&str]) = (503, &["ocm.peer_unavailable"]);
        asked.push((peers.named(Says::Redirect(url.clone())), unavailable));
        let malformed: (u16, &[&str]) = match row.stop {
            Stop::Form => (400, &["ocm.peer_url"]),
            Stop::Name => (400, &["ocm.peer_name"]),
            Stop::Address => (503, &["keys.unavailable"]),
        };
        let member = match (row.stop, number % 3) {
            (Stop::Address, _) | (_, 0) => "jwksUri",
            (_, 1) => "endPoint",
            _ => "tokenEndPoint",
        };
        asked.push((peers.named(Says::Member(member, url)), malformed));
    }
    let good = peers.named(Says::discovery());
    let gateway = Gateway::start(&peers, at_port(&names, trap.port), &names, &[]);
    for (peer, (wanted, codes)) in &asked {
        let Answered { status, code } = gateway.ask(&share_from(peer));
        // An empty text is none, before it is no URL.
        let is = codes.contains(&&*code) || (*wanted == 400 && code == "ocm.discovery_member_type");
        assert!(
            (status == *wanted || (*wanted == 400 && status == 401)) && is,
            "{:?}: {status} {code}",
            peers.said(peer)
        );
    }
    assert_eq!(trap.connections(), 0, "somebody was connected to");
    // What is not hostile is asked, and believed.
    assert_eq!(gateway.ask(&share_from(&good)).status, 200);
}

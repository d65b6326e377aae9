//! `portcullis:ocm`: the typed functions over the cases of Open Cloud Mesh.

mod access;
mod contacts;
mod shares;
mod signed;

use portcullis_host::{
    Portcullis,
    ocm::{
        addresses::{PeerLists, Peers},
        discovery::Document,
        requests::{Refusal, Request},
        shares::{AccessTypes, HeldShare, Permissions, Protocols, Requirements, ShareState, Ssh, Webapp, Webdav},
    },
};
use portcullis_tests::corpus::Case;
use serde_json::Value;

use crate::messages::{cases, request, text, texts};

/// The cases of an operation.
fn of(op: &str) -> Vec<Case> {
    let files = ["ocm.ndjson", "ocm.policy.ndjson", "ocm-more.ndjson"];
    cases(&files).into_iter().filter(|case| case.op == op).collect()
}

fn lists(members: &Value) -> PeerLists {
    PeerLists {
        denied: texts(&members["denied"]),
        allowed: members["allowed"].is_array().then(|| texts(&members["allowed"])),
        listed: texts(&members["listed"]),
    }
}

/// The servers that a case speaks with, or the code of their refusal.
fn peers(component: &mut Portcullis, members: &Value) -> Result<Peers, String> {
    component.ocm_peers(&lists(members)).expect("an answer").map_err(|rejection| rejection.code)
}

/// A discovery document of a case, or the code of its refusal.
fn document(component: &mut Portcullis, document: &Value, peers: &Peers) -> Result<Document, String> {
    let document = component.ocm_document(document.to_string().as_bytes(), peers).expect("an answer");
    document.map_err(|rejection| rejection.code)
}

/// The request of a case.
fn sent(members: &Value) -> Request {
    let request = request(&members["request"]);
    Request {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body.unwrap_or_default(),
    }
}

/// The code of a refusal, whose status is that of the answer.
fn refused(refusal: &Refusal, answer: &Value) -> String {
    match refusal {
        Refusal::Malformed(rejection) => {
            assert_eq!(answer["error"]["status"], Value::Null, "{}", rejection.code);
            rejection.code.clone()
        }
        Refusal::Refused(refused) => {
            assert_eq!(answer["error"]["status"], refused.status, "{}", refused.reason.code);
            refused.reason.code.clone()
        }
    }
}

/// A share that is kept, as the contract has it; nothing where that cannot say what the case has.
fn held(share: &Value) -> Option<HeldShare> {
    let state = match &share["state"] {
        Value::Null => ShareState::Pending,
        word => match word.as_str()? {
            "pending" => ShareState::Pending,
            "accepted" => ShareState::Accepted,
            "declined" => ShareState::Declined,
            "unshared" => ShareState::Unshared,
            _ => return None,
        },
    };
    Some(HeldShare {
        provider_id: text(&share["providerId"])?,
        owner: text(&share["owner"])?,
        sender: text(&share["sender"])?,
        share_with: text(&share["shareWith"])?,
        resource_type: optional(&share["resourceType"], text)?,
        expiration: optional(&share["expiration"], Value::as_u64)?,
        protocols: optional(&share["protocol"], protocols)?,
        state,
    })
}

/// Nothing where there is nothing; no answer where there is something else.
fn optional<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}

fn protocols(given: &Value) -> Option<Protocols> {
    let options = &given["options"]["sharedSecret"];
    let names: Vec<&str> =
        given.as_object()?.keys().map(String::as_str).filter(|name| !matches!(*name, "name" | "options")).collect();
    let mut required = names.iter().map(|name| requirements(&given[*name]["requirements"]));
    let first = required.next().unwrap_or(Some(Requirements::empty()))?;
    // The contract has them once.
    if required.any(|other| other != Some(first)) {
        return None;
    }
    let webdav = match (&given["webdav"], options.as_str()) {
        (Value::Null, Some(secret)) => Some(Webdav {
            access_types: AccessTypes::REMOTE,
            uri: None,
            shared_secret: secret.into(),
            permissions: None,
            size: None,
        }),
        (webdav, _) => optional(webdav, |webdav| {
            Some(Webdav {
                access_types: access_types(&webdav["accessTypes"])?,
                uri: Some(text(&webdav["uri"])?),
                shared_secret: text(&webdav["sharedSecret"])?,
                permissions: optional(&webdav["permissions"], permissions)?,
                size: optional(&webdav["size"], Value::as_u64)?,
            })
        })?,
    };
    let webapp = optional(&given["webapp"], |webapp| {
        let target = |name: &Value| match name.as_str()? {
            "blank" => Some(portcullis_host::ocm::discovery::Target::Blank),
            "iframe" => Some(portcullis_host::ocm::discovery::Target::Iframe),
            _ => None,
        };
        Some(Webapp {
            uri: text(&webapp["uri"])?,
            targets: webapp["targets"].as_array()?.iter().map(target).collect::<Option<_>>()?,
            permissions: permissions(&webapp["permissions"])?,
            shared_secret: text(&webapp["sharedSecret"])?,
            app_name: text(&webapp["appName"]),
        })
    })?;
    let ssh = optional(&given["ssh"], |ssh| {
        let uri = ssh["uri"].as_str()?;
        let (user, rest) = uri.split_once('@')?;
        let (host, path) = rest.split_at(rest.find('/')?);
        let access_types = access_types(&ssh["accessTypes"])?;
        Some(Ssh { access_types, user: user.into(), host: host.into(), path: path.into() })
    })?;
    Some(Protocols {
        webdav,
        webapp,
        ssh,
        others: names
            .iter()
            .filter(|name| !["webdav", "webapp", "ssh"].contains(name))
            .map(|name| (*name).into())
            .collect(),
        requirements: first,
        options: options.is_string(),
    })
}

fn requirements(words: &Value) -> Option<Requirements> {
    texts(words).iter().try_fold(Requirements::empty(), |all, word| match word.as_str() {
        "must-exchange-token" => Some(all | Requirements::MUST_EXCHANGE_TOKEN),
        "must-use-mfa" => Some(all | Requirements::MUST_USE_MFA),
        _ => None,
    })
}

fn permissions(words: &Value) -> Option<Permissions> {
    texts(words).iter().try_fold(Permissions::empty(), |all, word| match word.as_str() {
        "view" => Some(all | Permissions::VIEW),
        "read" => Some(all | Permissions::READ),
        "write" => Some(all | Permissions::WRITE),
        "share" => Some(all | Permissions::SHARE),
        _ => None,
    })
}

fn access_types(words: &Value) -> Option<AccessTypes> {
    if words.is_null() {
        return Some(AccessTypes::REMOTE);
    }
    texts(words).iter().try_fold(AccessTypes::empty(), |all, word| match word.as_str() {
        "remote" => Some(all | AccessTypes::REMOTE),
        "datatx" => Some(all | AccessTypes::DATATX),
        _ => None,
    })
}

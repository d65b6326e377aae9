//! `portcullis:ocm/directory`

use portcullis_ocm::Directory;
use portcullis_types::json;

use super::addresses::spoken;
use crate::{
    Component,
    bindings::exports::portcullis::{
        ocm::{
            addresses::PeersBorrow,
            directory::{Federation, Guest, Server},
        },
        types::types::Rejection,
    },
    convert,
};

impl Guest for Component {
    fn read(payload: Vec<u8>, peers: PeersBorrow<'_>) -> Result<Federation, Rejection> {
        json::parse_object(&payload)
            .and_then(|payload| Directory::from_object(&payload, &spoken(&peers).listed))
            .map(|Directory { federation, servers }| Federation {
                name: federation,
                servers: servers.into_iter().map(|(host, name)| Server { host: host.to_string(), name }).collect(),
            })
            .map_err(convert::rejection)
    }
}

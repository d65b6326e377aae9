//! Open Cloud Mesh.

use super::{
    super::{
        limits::{MAX_LEEWAY, MAX_WINDOW},
        shape::{Kind, Shape},
    },
    optional, required,
};

/// A sharing server that stands behind.
pub static OCM: Shape = Shape {
    title: "ocm",
    doc: "A sharing server of Open Cloud Mesh (draft-ietf-ocm-open-cloud-mesh-05) that stands behind. Requests to the endpoints of its \
          API are judged by this, and not by `rules`: they are signed by the server that they speak for. `docs/ocm.md` is a guide.",
    members: &[
        required(
            "host",
            Kind::Text,
            "The server's name as OCM addresses have it, with its port if that is not 443. Its origin is one of `origins`.",
            "[ocm]\nhost = \"cloud.example.org\"",
        ),
        optional(
            "discovery",
            Kind::TextOrAny,
            "`https://{host}/.well-known/ocm`",
            "The server's own discovery document: its URL, `file:` and a path, or the object itself. It says where the endpoints are, and \
             what the server can do and asks of shares. While it cannot be had, nothing at the server's origin is let through.",
            "discovery = \"file:/etc/portcullis/discovery.json\"",
        ),
        optional(
            "denied",
            Kind::Texts { least: 1 },
            "none",
            "Servers from which nothing is taken, and to which nothing is sent, by their names. Nothing is fetched of them.",
            "denied = [\"spam.example\"]",
        ),
        optional(
            "allowed",
            Kind::Texts { least: 1 },
            "every server that is not denied",
            "The only servers that are spoken with, by their names.",
            "allowed = [\"cloud.university.example\"]",
        ),
        optional(
            "listed",
            Kind::Texts { least: 1 },
            "none",
            "Origins of other servers that have a port or a name of one label, which are refused otherwise.",
            "listed = [\"https://cloud.lab.example:8443\"]",
        ),
        optional(
            "window",
            Kind::Duration(1, MAX_WINDOW),
            "\"5m\"",
            "How old a signature may be. For so long it is remembered, and refused when it comes again.",
            "window = \"1m\"",
        ),
        optional(
            "skew",
            Kind::Duration(0, MAX_LEEWAY),
            "\"30s\"",
            "How far ahead the clock of another server may be.",
            "skew = \"10s\"",
        ),
    ],
};

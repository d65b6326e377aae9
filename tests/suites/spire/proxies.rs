//! The proxies that workloads call: nginx, and an Envoy whose certificates and authorities are SPIRE's.

use std::path::Path;

use portcullis_tests::root;
use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster, cluster_http2, ext_authz, filter};
use portcullis_tests::serving::{Process, free_port, start_nginx, wait_for_port};
use serde_json::{Value, json};

use super::gateway::{Source, policy};
use super::running::ENDPOINT;

/// nginx, with the configuration of `examples/`. It carries no certificates.
pub(crate) fn nginx(folder: &Path, door: u16, upstream: u16) -> (Process, u16) {
    let port = free_port();
    let example = std::fs::read_to_string(root().join("examples/nginx/portcullis.conf")).expect("the example");
    let server = example
        .replace("127.0.0.1:10000", &format!("127.0.0.1:{port}"))
        .replace("127.0.0.1:9000", &format!("127.0.0.1:{upstream}"))
        .replace("127.0.0.1:8082", &format!("127.0.0.1:{door}"));
    let process = start_nginx(folder, &server);
    wait_for_port(port);
    (process, port)
}

/// Envoy with the filter, and with one that asks the gateway over gRPC; each behind a listener that wants a client's certificate
/// and one that has no use for it (`-open`). Certificate and authorities are from SPIRE's agent, and the gate is told of the
/// client's certificate with all that came along with it.
pub(crate) fn envoy(source: &Source<'_>, door: u16, upstream: u16) -> Envoy {
    let two = source.two.map(|two| json!({"bundle": two.server.bundle()}));
    let mut within = policy(&json!({"bundle": format!("{}/", source.endpoint())}), two.as_ref());
    within["envoy"] = json!({"clusters": {source.endpoint(): "spire"}, "client_certificate": "xfcc"});
    let (asking, filter) = (ext_authz("portcullis"), filter("spire", &within));
    let listener = |name: &str, gate: &Value, mutual: bool| {
        let mut front = Front::new(name, gate.clone());
        front.tls = Some(presenting(mutual));
        front.more = json!({
            "use_remote_address": true,
            "forward_client_cert_details": "SANITIZE_SET",
            "set_current_client_cert_details": {"cert": true, "chain": true, "uri": true},
        });
        front.listener()
    };
    let listeners = [
        listener("asking", &asking, true),
        listener("asking-open", &asking, false),
        listener("filter", &filter, true),
        listener("filter-open", &filter, false),
    ];
    let clusters = json!([
        cluster("upstream", upstream),
        cluster_http2("portcullis", door),
        agent(&source.one.agent.socket),
        endpoint(source),
    ]);
    // Secrets are handed to a node that has a name.
    let text = json!({
        "node": {"id": "test", "cluster": "test"},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    });
    let lines = text.as_object().into_iter().flatten().map(|(name, value)| format!("{name}: {value}\n"));
    Envoy::of_text(&lines.collect::<String>(), &Running::default())
}

/// TLS with the X.509-SVID that SPIRE has for this Envoy. What SPIRE calls `ALL` are the bundles of both trust domains, by which
/// Envoy validates the certificate that each client has to have then.
fn presenting(mutual: bool) -> Value {
    let from_agent = json!({"resource_api_version": "V3", "api_config_source": {
        "api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [{"envoy_grpc": {"cluster_name": "agent"}}]}});
    let mut common = json!({"tls_certificate_sds_secret_configs":
        [{"name": "spiffe://one.example/envoy", "sds_config": from_agent}]});
    if mutual {
        common["validation_context_sds_secret_config"] = json!({"name": "ALL", "sds_config": from_agent});
    }
    json!({"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": mutual,
        "common_tls_context": common}})
}

/// The agent, which is asked for secrets.
fn agent(socket: &Path) -> Value {
    let mut cluster = cluster_http2("agent", 0);
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] =
        json!({"pipe": {"path": socket}});
    cluster
}

/// SPIRE's bundle endpoint, which has to be who it is called.
fn endpoint(source: &Source<'_>) -> Value {
    let mut cluster = cluster("spire", source.one.server.bundle_port);
    cluster["transport_socket"] = json!({"name": "tls", "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    "sni": ENDPOINT,
    "common_tls_context": {"validation_context": {
        "trusted_ca": {"filename": source.web},
        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": ENDPOINT}}],
    }}}});
    cluster
}

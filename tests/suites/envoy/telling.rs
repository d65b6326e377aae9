//! What the filter leaves behind for others.

use portcullis_tests::serving::envoy::Running;
use serde_json::json;

use super::issuer::{now, policy, serving, token};
use super::running::of;

#[test]
fn other_filters_go_by_who_was_verified() {
    let documents = serving(&[1]);
    let rbac = json!({"name": "rbac", "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
    "rules": {"action": "ALLOW", "policies": {"alice": {
        "permissions": [{"any": true}],
        "principals": [{"and_ids": {"ids": [
            {"filter_state": {"key": "wasm.portcullis.subject", "string_match": {"exact": "alice"}}},
            {"filter_state": {"key": "wasm.portcullis.issuer", "string_match": {"exact": "https://idp.example"}}},
            {"filter_state": {"key": "wasm.portcullis.scope", "string_match": {"contains": "read"}}},
            {"filter_state": {"key": "wasm.portcullis.rule", "string_match": {"exact": "read"}}},
        ]}}]}}}}});
    let stage = of(&policy(), &documents, &Running::default(), |front| front.filters.push(rbac));
    assert_eq!(stage.bearer(&token(1, now(), &json!({}))).status, 200);
    let other = stage.bearer(&token(1, now(), &json!({"sub": "bob"})));
    assert_eq!((other.status, other.header("x-code")), (403, Some("none")), "by the other filter: {other:?}");
    assert_eq!(other.body, "RBAC: access denied");
}

#[test]
fn what_is_only_reported_is_counted_as_such() {
    let documents = serving(&[1]);
    let mut reporting = policy();
    reporting["mode"] = "report".into();
    let stage = of(&reporting, &documents, &Running::default(), |_| {});
    let poor = stage.bearer(&token(1, now(), &json!({"scope": "other"})));
    assert_eq!((poor.status, poor.header("x-code")), (200, Some("scope.insufficient_scope")), "{poor:?}");
    assert_eq!(poor.got("portcullis-report"), ["scope.insufficient_scope"]);
    assert_eq!(stage.envoy.stat("wasmcustom.portcullis.decisions.reported"), 1);
    assert_eq!(stage.envoy.stat("wasmcustom.portcullis.codes.scope.insufficient_scope"), 1);
    assert_eq!(stage.envoy.stat("wasmcustom.portcullis.decisions.allow"), 0);
}

//! What is remembered of tokens, and dropped when it is told to.

use portcullis_crypto::sha256;
use portcullis_gate::Forget;

use super::*;

fn warm() -> (Gate, Host, Vec<String>) {
    let gate = gate(&policy("", ""));
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")]))]);
    let tokens: Vec<String> = (0..3).map(|number| lasting(1, "a", &format!(r#""number":{number},"#))).collect();
    for token in &tokens {
        assert_eq!(host.asking(&gate, &with(token), NOW).0, ALLOWED);
    }
    assert_eq!(gate.held().tokens, 3);
    (gate, host, tokens)
}

#[test]
fn entries_are_dropped_by_subject_client_or_token() {
    for (which, wanted) in [
        (Forget::Subject("alice".into()), 3),
        (Forget::Subject("bob".into()), 0),
        (Forget::Client("app".into()), 3),
        (Forget::Client("alice".into()), 0),
        (Forget::Everything, 3),
    ] {
        let (gate, mut host, tokens) = warm();
        assert_eq!(gate.forget(&which), wanted, "{which:?}");
        assert_eq!(gate.held().tokens, 3 - wanted);
        assert_eq!(gate.forget(&which), 0, "there are none left");
        assert_eq!(host.asking(&gate, &with(&tokens[0]), NOW), (ALLOWED, vec![]), "and they verify again");
    }
    let (gate, _, tokens) = warm();
    assert_eq!(gate.forget(&Forget::TokenDigest(sha256(tokens[1].as_bytes()))), 1);
    assert_eq!(gate.held().tokens, 2);
}

#[test]
fn what_is_remembered_is_checked_again() {
    let (gate, mut host, tokens) = warm();
    host.documents.clear();
    assert_eq!(host.asking(&gate, &with(&tokens[0]), NOW + DAY).0, ALLOWED);
    assert_eq!(host.asking(&gate, &with(&tokens[0]), NOW + DAY + 1).0, (503, Some("keys.stale")));
    let short = token(1, "a", "");
    assert_eq!(host.asking(&gate, &with(&short), NOW + 3_629).0, ALLOWED);
    assert_eq!(host.asking(&gate, &with(&short), NOW + 3_630).0, (401, Some("token.expired")));
}

#[test]
fn a_new_policy_begins_with_an_empty_memory() {
    let (gate, _, tokens) = warm();
    let other = super::gate(&policy("", r#""scope":["read"]"#));
    assert_eq!(other.held().tokens, 0);
    assert!(give(&other, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW).is_empty());
    let decision = Host::default().decide(&other, &with(&tokens[0]), NOW);
    assert_eq!(told(&decision), (403, Some("scope.absent_insufficient_scope")));
    assert_eq!(told(&Host::default().decide(&gate, &with(&tokens[0]), NOW)), ALLOWED, "the old one goes on");
}

//! Who is let in, and who is not.

use super::calling::{By, DOORS, Door, Told, Workload};
use super::running::{Stage, shared};

const WEB: &str = "spiffe://one.example/billing/web";
const JOB: &str = "spiffe://one.example/other/job";
const PARTNER: &str = "spiffe://two.example/partner/app";

/// Every door to which a workload can come in this way.
fn doors(by: By) -> impl Iterator<Item = Door> {
    DOORS.into_iter().filter(move |door| by != By::X509 || door.takes_certificates())
}

fn is_let_in(stage: &Stage, workload: &Workload, by: By, path: &str) {
    for door in doors(by) {
        let told = stage.call(door, workload, by, path);
        assert!(matches!(&told, Ok(Told::LetIn(who)) if *who == workload.id), "{door:?} {by:?} {path}: {told:?}");
    }
}

fn is_refused(stage: &Stage, workload: &Workload, by: By, path: &str, status: u16, code: &str) {
    for door in doors(by) {
        let told = stage.call(door, workload, by, path);
        assert!(
            matches!(&told, Ok(Told::Refused(was, why)) if *was == status && why == code),
            "{door:?} {by:?} {path}: {told:?}"
        );
    }
}

#[test]
fn a_workload_is_let_in_by_either_svid_where_its_id_may_and_nowhere_else() {
    let stage = shared();
    let (web, job) = (stage.workload(WEB).expect("it is known"), stage.workload(JOB).expect("it is known"));
    for by in [By::X509, By::Jwt] {
        is_let_in(&stage, &web, by, "/billing/invoices");
        is_refused(&stage, &job, by, "/billing/invoices", 403, "rule.spiffe_id_mismatch");
        is_refused(&stage, &web, by, "/partners/orders", 403, "rule.issuer_not_accepted");
    }
    is_refused(&stage, &web, By::Nothing, "/billing/invoices", 401, "credential.missing");
}

#[test]
fn a_workload_of_a_federated_trust_domain_is_known_by_its_own_bundle() {
    let stage = shared();
    let partner = stage.workload(PARTNER).expect("it is known");
    for by in [By::X509, By::Jwt] {
        is_let_in(&stage, &partner, by, "/partners/orders");
        is_refused(&stage, &partner, by, "/billing/invoices", 403, "rule.issuer_not_accepted");
    }
}

#[test]
fn a_jwt_svid_for_somebody_else_is_nobodys_here() {
    let stage = shared();
    let mut web = stage.workload(WEB).expect("it is known");
    web.jwt = stage.one.agent.jwt(WEB, "https://other.example").expect("it is given");
    is_refused(&stage, &web, By::Jwt, "/billing/invoices", 401, "token.audience_mismatch");
}

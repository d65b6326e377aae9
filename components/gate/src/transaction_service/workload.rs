//! Who requests a Transaction Token: a workload, by its SVID.

use portcullis_scope::Need;
use portcullis_types::Rejection;

use crate::{
    code::GateCode,
    credential::Presented,
    denial::{Denial, Fault, Stop},
    judge::{Judge, Verified},
    policy::Authority,
    request::{Judged, Request},
};

impl Judge<'_> {
    /// The workload that asks: by a token in `Authorization`, or a WIT-SVID and its proof; without these by the certificate of the
    /// connection. A Transaction Token authenticates nobody, and is not looked at here.
    ///
    /// Errors: `credential.*`, `transactions.no_workload`, `svid.*`, `wimse.*` and those of tokens.
    pub(super) fn asking_workload(&mut self, judged: &Judged<'_>, request: &Request) -> Result<Verified, Stop> {
        let presented = Presented::of(judged.headers);
        if let Err(denial) = &presented {
            self.trace.failed("credential", &denial.rejection);
        }
        match presented? {
            Presented::None => match self.certificate_authority(&judged.certificate) {
                Some(authority) => self.certificate(judged, authority),
                None => Err(self.no_credential().into()),
            },
            presented => {
                // Before it is verified: a user's token is told to be one, and no list is fetched for it.
                if let Ok(authority @ (Authority::Issuer(_) | Authority::Users)) = self.token_authority(&presented) {
                    let what = alloc::format!("a token of {} names no workload", self.policy.name_of(authority));
                    let rejection = Rejection::new(GateCode::TransactionsCredential, what);
                    self.trace.failed("credential", &rejection);
                    return Err(Denial::form(rejection).into());
                }
                self.token(judged, request, &presented)
            }
        }
    }

    fn no_credential(&mut self) -> Denial {
        let rejection = Rejection::new(GateCode::CredentialMissing, "the request has no credential of a workload");
        self.trace.failed("credential", &rejection);
        Denial {
            rejection,
            fault: Fault::Credential { need: Need::Credential { scope: None }, proof: None, told: true },
        }
    }
}

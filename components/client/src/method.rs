//! The ways in which a client authenticates, by the names that metadata has for them (`token_endpoint_auth_method`).

/// A way to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A JWT-SVID as `client_assertion` (draft-ietf-oauth-spiffe-client-auth-02 section 3.1).
    SpiffeJwt,
    /// An X.509-SVID as the certificate of the connection (section 3.2).
    SpiffeX509,
    /// A WIT-SVID in the place of an attestation, with its proof of possession (section 3.3).
    SpiffeWit,
    /// An attestation with a proof of its own (draft-ietf-oauth-attestation-based-client-auth-11 section 7.2).
    Attestation,
    /// An attestation whose proof is the request's DPoP proof (section 7.3).
    AttestationDpop,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 5] =
        [Self::SpiffeJwt, Self::SpiffeX509, Self::SpiffeWit, Self::Attestation, Self::AttestationDpop];

    /// The name in metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpiffeJwt => "spiffe_jwt",
            Self::SpiffeX509 => "spiffe_x509",
            Self::SpiffeWit => "spiffe_wit",
            Self::Attestation => "attest_jwt_client_auth",
            Self::AttestationDpop => "attest_jwt_client_auth_dpop",
        }
    }

    /// The method of a name, letter by letter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Whether it is by a SPIFFE ID that the client is known.
    pub fn is_spiffe(self) -> bool {
        matches!(self, Self::SpiffeJwt | Self::SpiffeX509 | Self::SpiffeWit)
    }

    /// Whether a client whose metadata has a `token_endpoint_auth_method` may authenticate so: that one and no other. A
    /// client of attestations may also prove its key by DPoP: which of the two forms a request has is told by the request
    /// alone (draft-ietf-oauth-attestation-based-client-auth-11 section 7), and whether the combined one is taken, by the
    /// server's own methods.
    pub fn is_admitted_by(self, registered: &str) -> bool {
        registered == self.name() || (self == Self::AttestationDpop && registered == Self::Attestation.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_methods() {
        for method in Method::ALL {
            assert_eq!(Method::from_name(method.name()), Some(method));
        }
        for name in ["", "SPIFFE_JWT", "client_secret_basic", "private_key_jwt", "attest_jwt"] {
            assert_eq!(Method::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_client_authenticates_as_it_is_registered() {
        for method in Method::ALL {
            for registered in Method::ALL {
                let combined = method == Method::AttestationDpop && registered == Method::Attestation;
                assert_eq!(method.is_admitted_by(registered.name()), method == registered || combined);
            }
            assert!(!method.is_admitted_by("client_secret_basic"));
        }
    }
}

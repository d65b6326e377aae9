//! Authorities of certificates, made for a test.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};

/// An authority of certificates, of a trust domain or of the web.
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
    /// Its own certificate.
    pub der: Vec<u8>,
    /// The same in PEM.
    pub pem: String,
}

/// A certificate with its key, in DER and PKCS #8.
pub struct Certified {
    /// The chain: the certificate alone.
    pub chain: Vec<Vec<u8>>,
    /// Its key.
    pub key: Vec<u8>,
    /// Both in PEM.
    pub pem: (String, String),
}

impl Authority {
    /// One whose own certificate has these names.
    ///
    /// # Panics
    ///
    /// There is no randomness.
    pub fn new(names: Vec<SanType>) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.subject_alt_names = names;
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { der: certificate.der().to_vec(), pem: certificate.pem(), params, key }
    }

    /// A certificate below it, with a new key.
    ///
    /// # Panics
    ///
    /// There is no randomness.
    pub fn issue(&self, names: impl IntoIterator<Item = SanType>) -> Certified {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = names.into_iter().collect();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "below it");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        Certified {
            chain: vec![certificate.der().to_vec()],
            key: key.serialize_der(),
            pem: (certificate.pem(), key.serialize_pem()),
        }
    }

    /// Its public key, a point of P-256 in its uncompressed form.
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key_raw()
    }
}

/// A URI as a name in a certificate.
///
/// # Panics
///
/// It is not ASCII.
pub fn uri(id: &str) -> SanType {
    SanType::URI(id.try_into().expect("ASCII"))
}

/// A DNS name in a certificate.
///
/// # Panics
///
/// It is not ASCII.
pub fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().expect("ASCII"))
}

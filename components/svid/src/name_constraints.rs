//! Name constraints (RFC 5280 section 4.2.1.10): for URIs, which X509-SVID section 4.2 speaks of and few libraries have, for
//! DNS names, and for directory names, since every subject is one.
//!
//! Any other kind of name is not compared. Where an issuer is limited in such a kind and a certificate below it has one,
//! the certificate is refused, as the text demands of who does not process a constraint.

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{Rejection, limits::excerpt};
use x509_cert::{
    attr::AttributeTypeAndValue,
    der::asn1::ObjectIdentifier,
    ext::pkix::{NameConstraints, constraints::name::GeneralSubtree, name::GeneralName},
    name::{Name, RelativeDistinguishedName},
};

use crate::{SvidCode, certificate::Certificate, distinguished_name};

/// Most comparisons of a name with a constraint in the validation of one chain. Names and constraints multiply, and a
/// certificate has room for thousands of each; the bound is that of rustls-webpki.
const MAX_COMPARISONS: usize = 250_000;

/// Most attributes of one part of a name that are compared with those of an excluded one, each with each. Parts have one,
/// rarely two; one with more than this is taken for excluded.
const MAX_ATTRIBUTES: usize = 16;

/// emailAddress in a subject, which constraints on mail addresses apply to as well (RFC 5280 section 4.2.1.10).
const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

/// How many comparisons are left.
#[derive(Debug)]
pub(crate) struct Comparisons(usize);

impl Default for Comparisons {
    fn default() -> Self {
        Self(MAX_COMPARISONS)
    }
}

impl Comparisons {
    fn spend(&mut self, comparisons: usize) -> Result<(), Rejection> {
        self.0 = self.0.checked_sub(comparisons).ok_or_else(|| {
            Rejection::new(
                SvidCode::TooManyNameComparisons,
                format!("more than {MAX_COMPARISONS} comparisons of names with constraints"),
            )
        })?;
        Ok(())
    }
}

/// The constraints of the issuers above a certificate. A name has to satisfy those of each, which is the intersection and
/// the union of RFC 5280 section 6.1.4 (g).
#[derive(Debug, Default)]
pub(crate) struct Constraints<'a>(Vec<&'a NameConstraints>);

impl<'a> Constraints<'a> {
    /// Adds those of one issuer (RFC 5280 section 6.1.4 (g)).
    ///
    /// Error: `svid.name_constraint_malformed`.
    pub(crate) fn add(&mut self, issuer: &'a Certificate) -> Result<(), Rejection> {
        let Some(constraints) = &issuer.extensions.name_constraints else {
            return Ok(());
        };
        check_subtrees(constraints)?;
        self.0.push(constraints);
        Ok(())
    }

    /// Compares the names of a certificate with them (RFC 5280 section 6.1.3 (b) and (c)).
    ///
    /// Errors: `svid.uri_*`, `svid.dns_*`, `svid.directory_*`, `svid.name_constraint_unsupported`,
    /// `svid.too_many_name_comparisons`.
    pub(crate) fn check(&self, certificate: &Certificate, left: &mut Comparisons) -> Result<(), Rejection> {
        for constraints in &self.0 {
            let permitted = constraints.permitted_subtrees.as_deref().unwrap_or_default();
            let excluded = constraints.excluded_subtrees.as_deref().unwrap_or_default();
            for name in certificate.extensions.names.iter().flat_map(|names| &names.names) {
                let weight = match name {
                    GeneralName::DirectoryName(name) => weight(name),
                    _ => 1,
                };
                left.spend((permitted.len() + excluded.len()).saturating_mul(weight))?;
                check_name(name, permitted, excluded)?;
            }
            left.spend((permitted.len() + excluded.len()).saturating_mul(weight(&certificate.subject)))?;
            check_subject(certificate, permitted, excluded)?;
        }
        Ok(())
    }
}

/// The subtrees of one issuer: there are some, each of a form that is understood.
fn check_subtrees(constraints: &NameConstraints) -> Result<(), Rejection> {
    let lists = || [&constraints.permitted_subtrees, &constraints.excluded_subtrees].into_iter().flatten();
    // "conforming CAs MUST NOT issue certificates where name constraints is an empty sequence" (RFC 5280 section
    // 4.2.1.10), nor has either list a size of zero.
    if lists().count() == 0 || lists().any(Vec::is_empty) {
        return Err(Rejection::new(SvidCode::NameConstraintMalformed, "there are no subtrees"));
    }
    lists().flatten().try_for_each(check_form)
}

/// What a comparison with a directory name counts as: one, and one more for each 256 bytes of it, so that the bound holds
/// for names made to be long as well.
fn weight(name: &Name) -> usize {
    let bytes: usize =
        name.iter_rdn().flat_map(|part| part.iter()).map(|attribute| attribute.value.value().len()).sum();
    1 + bytes / 256
}

/// The form that a constraint has to have: whole subtrees only, and for URIs and DNS names a host or domain of plain
/// characters. Another one might be compared otherwise elsewhere.
fn check_form(subtree: &GeneralSubtree) -> Result<(), Rejection> {
    let malformed = |what| Err(Rejection::new(SvidCode::NameConstraintMalformed, what));
    if subtree.minimum != 0 || subtree.maximum.is_some() {
        return malformed(String::from("a minimum or maximum is not used"));
    }
    let (base, may_be_empty) = match &subtree.base {
        GeneralName::UniformResourceIdentifier(base) => (base.as_str(), false),
        // "" is every DNS name.
        GeneralName::DnsName(base) => (base.as_str(), true),
        _ => return Ok(()),
    };
    let host = base.strip_prefix('.').unwrap_or(base);
    if is_host(host) || (may_be_empty && base.is_empty()) {
        return Ok(());
    }
    malformed(format!("{} is no host or domain", excerpt(base)))
}

/// A host name in plain form: labels of letters, digits, `-` and `_`, none of them empty.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.split('.').all(label)
}

/// Whether a host is four numbers, which is an address and not the domain name that a constraint is compared with.
fn is_ipv4(host: &str) -> bool {
    host.parse::<core::net::Ipv4Addr>().is_ok()
}

fn check_name(name: &GeneralName, permitted: &[GeneralSubtree], excluded: &[GeneralSubtree]) -> Result<(), Rejection> {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => check_uri(uri.as_str(), permitted, excluded),
        GeneralName::DnsName(name) => check_dns(name.as_str(), permitted, excluded),
        GeneralName::DirectoryName(name) => check_directory(name, permitted, excluded),
        _ => {
            let kind = core::mem::discriminant(name);
            let same = |subtree: &GeneralSubtree| core::mem::discriminant(&subtree.base) == kind;
            if permitted.iter().chain(excluded).any(same) { unsupported() } else { Ok(()) }
        }
    }
}

fn unsupported() -> Result<(), Rejection> {
    Err(Rejection::new(
        SvidCode::NameConstraintUnsupported,
        "an issuer is limited in a kind of name that is not compared here",
    ))
}

/// The subject, where there is one, is a directory name, and may hold mail addresses, which are not compared.
fn check_subject(
    certificate: &Certificate,
    permitted: &[GeneralSubtree],
    excluded: &[GeneralSubtree],
) -> Result<(), Rejection> {
    let subject = &certificate.subject;
    if subject.is_empty() {
        return Ok(());
    }
    let on_mail = |subtree: &GeneralSubtree| matches!(subtree.base, GeneralName::Rfc822Name(_));
    if permitted.iter().chain(excluded).any(on_mail) && subject.iter().any(|one| one.oid == EMAIL_ADDRESS) {
        return unsupported();
    }
    check_directory(subject, permitted, excluded)
}

/// A directory name: it lies within a constraint that it begins with. What is permitted is compared by its encoding; what is
/// excluded as loosely as RFC 5280 section 7.1 or anybody else might, so that another spelling does not escape.
fn check_directory(name: &Name, permitted: &[GeneralSubtree], excluded: &[GeneralSubtree]) -> Result<(), Rejection> {
    let title = || excerpt(&distinguished_name::told(name));
    if any(permitted, directory_base, |base| begins_with(name, base, |one, other| one == other)) == Some(false) {
        return Err(Rejection::new(
            SvidCode::DirectoryNotPermitted,
            format!("{} is under none of the directory names permitted", title()),
        ));
    }
    if any(excluded, directory_base, |base| begins_with(name, base, may_be_same)) == Some(true) {
        return Err(Rejection::new(SvidCode::DirectoryExcluded, format!("{} is excluded", title())));
    }
    Ok(())
}

fn begins_with(
    name: &Name,
    base: &Name,
    same: fn(&RelativeDistinguishedName, &RelativeDistinguishedName) -> bool,
) -> bool {
    name.len() >= base.len() && name.iter_rdn().zip(base.iter_rdn()).all(|(one, other)| same(one, other))
}

/// Whether two parts of names could be taken for the same: the same attributes, whose values differ at most in case and
/// white space, or are not both plain ASCII.
fn may_be_same(one: &RelativeDistinguishedName, other: &RelativeDistinguishedName) -> bool {
    fn plain(value: &[u8]) -> Option<Vec<u8>> {
        let visible = value.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase);
        value.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ').then(|| visible.collect())
    }
    // In DER the attributes of a set stand in the order of their encodings, so equal types need not stand side by side.
    let has = |attributes: &RelativeDistinguishedName, wanted: &AttributeTypeAndValue| {
        attributes.iter().any(|found| {
            // The type first: values are only read where it is the same.
            found.oid == wanted.oid && {
                let values = (plain(found.value.value()), plain(wanted.value.value()));
                !matches!(values, (Some(found), Some(wanted)) if found != wanted)
            }
        })
    };
    one.len() > MAX_ATTRIBUTES || (one.len() == other.len() && other.iter().all(|wanted| has(one, wanted)))
}

/// A URI: the host is compared. A URI without one that is a domain name satisfies no constraint.
fn check_uri(uri: &str, permitted: &[GeneralSubtree], excluded: &[GeneralSubtree]) -> Result<(), Rejection> {
    let host = uri_host(uri);
    if any(permitted, uri_base, |base| host.is_some_and(|host| uri_matches(host, base))) == Some(false) {
        return Err(Rejection::new(
            SvidCode::UriNotPermitted,
            format!("{} is under none of the URI names permitted", excerpt(uri)),
        ));
    }
    if any(excluded, uri_base, |base| host.is_none_or(|host| uri_matches(host, base))) == Some(true) {
        return Err(Rejection::new(SvidCode::UriExcluded, format!("{} is excluded", excerpt(uri))));
    }
    Ok(())
}

/// A constraint that begins with a period is one or more labels more; any other is that host alone. Hosts are the same in
/// either case (RFC 5280 section 7.4).
fn uri_matches(host: &str, base: &str) -> bool {
    if base.starts_with('.') { ends_with(host, base) } else { host.eq_ignore_ascii_case(base) }
}

/// The host of a URI (RFC 3986 section 3.2.2), if it is a plain domain name and nothing about it is unusual.
fn uri_host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.split_once(':') {
        None => authority,
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) => return None,
    };
    (is_host(host) && !is_ipv4(host)).then_some(host)
}

/// A DNS name: labels may be added on the left. A name in no plain form is within nothing and excluded by everything, and
/// a wildcard is all that it may stand for.
fn check_dns(name: &str, permitted: &[GeneralSubtree], excluded: &[GeneralSubtree]) -> Result<(), Rejection> {
    let plain = is_host(name.strip_prefix("*.").unwrap_or(name));
    if any(permitted, dns_base, |base| plain && dns_within(name, base)) == Some(false) {
        return Err(Rejection::new(
            SvidCode::DnsNotPermitted,
            format!("{} is under none of the DNS names permitted", excerpt(name)),
        ));
    }
    if any(excluded, dns_base, |base| !plain || dns_touches(name, base)) == Some(true) {
        return Err(Rejection::new(SvidCode::DnsExcluded, format!("{} is excluded", excerpt(name))));
    }
    Ok(())
}

/// Whether every host that a name stands for lies within a permitted domain. A leading period, which the text does not know
/// for DNS names, is read as the narrower set: subdomains alone.
fn dns_within(name: &str, base: &str) -> bool {
    match base.strip_prefix('.') {
        Some(_) => ends_with(name, base),
        None => base.is_empty() || name.eq_ignore_ascii_case(base) || is_subdomain(name, base),
    }
}

/// Whether any host that a name stands for lies within an excluded domain. A leading period is read as the wider set.
fn dns_touches(name: &str, base: &str) -> bool {
    let base = base.strip_prefix('.').unwrap_or(base);
    let wildcard = name.strip_prefix("*.").is_some_and(|parent| is_subdomain(base, parent));
    dns_within(name, base) || wildcard
}

fn is_subdomain(name: &str, of: &str) -> bool {
    name.len()
        .checked_sub(of.len() + 1)
        .and_then(|at| name.get(at..))
        .is_some_and(|end| end.strip_prefix('.').is_some_and(|end| end.eq_ignore_ascii_case(of)))
}

/// Whether a name ends with a suffix that begins with a period, and has something before it.
fn ends_with(name: &str, suffix: &str) -> bool {
    suffix.strip_prefix('.').is_some_and(|of| is_subdomain(name, of))
}

fn uri_base(name: &GeneralName) -> Option<&str> {
    match name {
        GeneralName::UniformResourceIdentifier(base) => Some(base.as_str()),
        _ => None,
    }
}

fn dns_base(name: &GeneralName) -> Option<&str> {
    match name {
        GeneralName::DnsName(base) => Some(base.as_str()),
        _ => None,
    }
}

fn directory_base(name: &GeneralName) -> Option<&Name> {
    match name {
        GeneralName::DirectoryName(base) => Some(base),
        _ => None,
    }
}

/// Whether any subtree of a kind matches; nothing where there is none of that kind.
fn any<T: ?Sized>(
    subtrees: &[GeneralSubtree],
    base: fn(&GeneralName) -> Option<&T>,
    matches: impl Fn(&T) -> bool,
) -> Option<bool> {
    let mut bases = subtrees.iter().filter_map(|subtree| base(&subtree.base)).peekable();
    bases.peek()?;
    Some(bases.any(matches))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_without_subtrees_are_refused() {
        let subtree = GeneralSubtree {
            base: GeneralName::DnsName(x509_cert::der::asn1::Ia5String::new("example.org").unwrap()),
            minimum: 0,
            maximum: None,
        };
        for (permitted, excluded, sound) in [
            (None, None, false),
            (Some(Vec::new()), None, false),
            (Some(Vec::from([subtree.clone()])), Some(Vec::new()), false),
            (Some(Vec::from([subtree.clone()])), None, true),
            (None, Some(Vec::from([subtree])), true),
        ] {
            let constraints = NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded };
            assert_eq!(check_subtrees(&constraints).is_ok(), sound, "{constraints:?}");
        }
    }

    #[test]
    fn long_directory_names_count_for_more() {
        let name = |length: usize| format!("CN={}", "a".repeat(length)).parse::<Name>().unwrap();
        assert_eq!(weight(&name(16)), 1);
        assert_eq!(weight(&name(255)), 1);
        assert_eq!(weight(&name(256)), 2);
        assert_eq!(weight(&name(25_600)), 101);
    }

    #[test]
    fn uris_are_compared_by_their_host() {
        for (uri, base, within) in [
            ("spiffe://example.org/w", "example.org", true),
            ("spiffe://example.org", "EXAMPLE.org", true),
            ("spiffe://a.example.org/w", "example.org", false),
            ("spiffe://example.org/w", ".example.org", false),
            ("spiffe://a.example.org/w", ".example.org", true),
            ("spiffe://a.b.example.org/w", ".example.org", true),
            ("spiffe://badexample.org/w", ".example.org", false),
            ("https://example.org:443/w", "example.org", true),
            ("https://example.org?x", "example.org", true),
        ] {
            assert_eq!(uri_matches(uri_host(uri).unwrap(), base), within, "{uri} {base}");
        }
        for uri in [
            "example.org",
            "spiffe:example.org",
            "https://u@example.org/",
            "https://[::1]/",
            "spiffe://192.0.2.1/w",
            "a://x:y/",
            "a:///",
            "a://x..y",
            "a://x%2e/",
        ] {
            assert_eq!(uri_host(uri), None, "{uri}");
        }
    }

    #[test]
    fn dns_names_are_compared_by_labels() {
        for (name, base, within, touches) in [
            ("example.org", "example.org", true, true),
            ("a.example.org", "example.org", true, true),
            ("A.EXAMPLE.org", "example.ORG", true, true),
            ("badexample.org", "example.org", false, false),
            ("example.org", "", true, true),
            ("example.org", ".example.org", false, true),
            ("a.example.org", ".example.org", true, true),
            ("*.example.org", "example.org", true, true),
            ("*.example.org", "a.example.org", false, true),
            ("*.example.org", "b.a.example.org", false, true),
            ("*.example.org", "other.org", false, false),
            ("org", "example.org", false, false),
        ] {
            assert_eq!(dns_within(name, base), within, "{name} {base}");
            assert_eq!(dns_touches(name, base), touches, "{name} {base}");
        }
    }

    #[test]
    fn directory_names_are_compared_strictly_to_permit_and_loosely_to_exclude() {
        use core::str::FromStr;
        let name = |text: &str| if text.is_empty() { Name::default() } else { Name::from_str(text).unwrap() };
        for (given, base, within, touched) in [
            ("CN=a,O=Org,C=DE", "O=Org,C=DE", true, true),
            ("O=Org,C=DE", "O=Org,C=DE", true, true),
            ("CN=a,O=ORG ,C=DE", "O=org,C=DE", false, true),
            ("CN=a,O=Organ,C=DE", "O=Org,C=DE", false, false),
            ("O=Org", "CN=a,O=Org", false, false),
            ("CN=a,OU=Org,C=DE", "O=Org,C=DE", false, false),
            ("CN=a,O=\u{d6}rg", "O=Org", false, true),
            ("CN=a+UID=1,O=Org", "UID=1+CN=A,O=Org", false, true),
            ("CN=a,O=Org", "", true, true),
        ] {
            let (given, base) = (name(given), name(base));
            assert_eq!(begins_with(&given, &base, |one, other| one == other), within, "{given} {base}");
            assert_eq!(begins_with(&given, &base, may_be_same), touched, "{given} {base}");
        }
    }

    #[test]
    fn only_plain_constraints_are_read() {
        let uri = |base: &str| {
            let base = GeneralName::UniformResourceIdentifier(x509_cert::der::asn1::Ia5String::new(base).unwrap());
            GeneralSubtree { base, minimum: 0, maximum: None }
        };
        for good in ["example.org", ".example.org", "localhost", "a_b"] {
            assert!(check_form(&uri(good)).is_ok(), "{good}");
        }
        for bad in ["", ".", "..a", "a..b", "a.", "spiffe://example.org", "a/b", "a b", "*.a"] {
            assert_eq!(check_form(&uri(bad)).unwrap_err().code(), "svid.name_constraint_malformed", "{bad}");
        }
        let mut bounded = uri("a");
        bounded.maximum = Some(1);
        assert_eq!(check_form(&bounded).unwrap_err().code(), "svid.name_constraint_malformed");
    }

    #[test]
    fn comparisons_run_out() {
        let mut left = Comparisons(5);
        assert!(left.spend(3).is_ok());
        assert!(left.spend(2).is_ok());
        assert_eq!(left.spend(1).unwrap_err().code(), "svid.too_many_name_comparisons");
    }
}

//! Which addresses a URL that others named may lead to.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// Networks that are not the public internet, each with where that stands. A fetch of something that a token, an issuer's
/// metadata or a message named never connects to one, or whoever names URLs could ask the insides of our network.
const REFUSED: &[(&str, &str)] = &[
    ("0.0.0.0/8", "this network, RFC 1122 section 3.2.1.3"),
    ("10.0.0.0/8", "private, RFC 1918"),
    ("100.64.0.0/10", "shared by carriers, RFC 6598"),
    ("127.0.0.0/8", "loopback, RFC 1122 section 3.2.1.3"),
    ("169.254.0.0/16", "link-local, RFC 3927"),
    ("172.16.0.0/12", "private, RFC 1918"),
    ("192.0.0.0/24", "protocol assignments, RFC 6890"),
    ("192.0.2.0/24", "documentation, RFC 5737"),
    ("192.88.99.0/24", "relays of 6to4, RFC 7526"),
    ("192.168.0.0/16", "private, RFC 1918"),
    ("198.18.0.0/15", "benchmarks, RFC 2544"),
    ("198.51.100.0/24", "documentation, RFC 5737"),
    ("203.0.113.0/24", "documentation, RFC 5737"),
    ("224.0.0.0/4", "multicast, RFC 5771"),
    ("240.0.0.0/4", "reserved and broadcast, RFC 1112 section 4 and RFC 919"),
    // Of IPv6, what is not global unicast (2000::/3, RFC 4291 section 2.4) is refused as a whole: loopback, unspecified, mapped
    // and compatible forms of IPv4, NAT64, unique local, link-local, site-local, multicast. These are within.
    ("2001::/23", "protocol assignments, Teredo and benchmarks among them, RFC 6890 and RFC 4380"),
    ("2001:db8::/32", "documentation, RFC 3849"),
    ("2002::/16", "6to4, which holds an IPv4 address, RFC 3056"),
    ("3fff::/20", "documentation, RFC 9637"),
];

/// Global unicast (RFC 4291 section 2.4).
const GLOBAL_UNICAST: u16 = 0x2000;

static NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| REFUSED.iter().filter_map(|(network, _)| network.parse().ok()).collect());

/// Whether an address is one of the public internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    let outside = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => !is_global_unicast(address),
    };
    !outside && !NETWORKS.iter().any(|network| network.contains(&address))
}

fn is_global_unicast(address: Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    first & 0xe000 == GLOBAL_UNICAST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_of_the_table_is_one() {
        assert_eq!(NETWORKS.len(), REFUSED.len());
        for network in NETWORKS.iter() {
            assert!(!is_public(network.network()) && !is_public(network.broadcast()), "{network}");
        }
    }

    #[test]
    fn addresses_inside_are_refused_and_others_are_not() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "3fff::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}

package documents

import "net/netip"

// refused are networks that are not the public internet, each with where that stands. A fetch of something that a token, an
// issuer's metadata or a message named never connects to one, or whoever names URLs could ask the insides of our network.
var refused = prefixes(
	"0.0.0.0/8",       // this network, RFC 1122 section 3.2.1.3
	"10.0.0.0/8",      // private, RFC 1918
	"100.64.0.0/10",   // shared by carriers, RFC 6598
	"127.0.0.0/8",     // loopback, RFC 1122 section 3.2.1.3
	"169.254.0.0/16",  // link-local, RFC 3927
	"172.16.0.0/12",   // private, RFC 1918
	"192.0.0.0/24",    // protocol assignments, RFC 6890
	"192.0.2.0/24",    // documentation, RFC 5737
	"192.88.99.0/24",  // relays of 6to4, RFC 7526
	"192.168.0.0/16",  // private, RFC 1918
	"198.18.0.0/15",   // benchmarks, RFC 2544
	"198.51.100.0/24", // documentation, RFC 5737
	"203.0.113.0/24",  // documentation, RFC 5737
	"224.0.0.0/4",     // multicast, RFC 5771
	"240.0.0.0/4",     // reserved and broadcast, RFC 1112 section 4 and RFC 919
	// Of IPv6, what is not global unicast is refused as a whole, see IsPublic. These are within.
	"2001::/23",     // protocol assignments, Teredo and benchmarks among them, RFC 6890 and RFC 4380
	"2001:db8::/32", // documentation, RFC 3849
	"2002::/16",     // 6to4, which holds an IPv4 address, RFC 3056
	"3fff::/20",     // documentation, RFC 9637
)

// globalUnicast is what of IPv6 is (RFC 4291 section 2.4). Outside lie loopback, unspecified, mapped and compatible forms of
// IPv4, NAT64, unique local, link-local, site-local and multicast.
var globalUnicast = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// IsPublic says whether an address is one of the public internet. A mapped form of IPv4 is none.
func IsPublic(address netip.Addr) bool {
	if !address.Is4() && !globalUnicast.Contains(address.WithZone("")) {
		return false
	}
	for _, network := range refused {
		if network.Contains(address.WithZone("")) {
			return false
		}
	}
	return true
}

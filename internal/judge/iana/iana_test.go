package iana

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// head is what the files have in common.
type head struct {
	title, source, licence string
	date                   time.Time
	entries                int
}

func headOf[T any](r Registry[T]) head {
	return head{r.Title, r.Source, r.Licence, r.Date, len(r.Entries)}
}

func TestFilesSayWhereTheyAreFrom(t *testing.T) {
	for _, h := range []head{headOf(Algorithms()), headOf(Digests()), headOf(NSEC3Hashes()), headOf(SpecialIPv4()), headOf(SpecialIPv6())} {
		if !strings.HasPrefix(h.source, "https://www.iana.org/assignments/") {
			t.Errorf("%s: source %q is not IANA's", h.title, h.source)
		}
		if !strings.Contains(h.licence, "CC0") {
			t.Errorf("%s: licence %q", h.title, h.licence)
		}
		if h.date.Year() < 2008 || h.entries == 0 {
			t.Errorf("%s: date %v, %d entries", h.title, h.date, h.entries)
		}
	}
}

// Expected values are from the tables of RFC 9904 sections 3 and 4, with MUST NOT
// where RFC 9905 retires SHA-1 signatures and RFC 9906 GOST R 34.10-2001.
func TestAlgorithms(t *testing.T) {
	for _, want := range []struct {
		number           uint8
		mnemonic         string
		signing, validat Recommendation
	}{
		{3, "DSA", MustNot, MustNot},
		{5, "RSASHA1", MustNot, Recommended},
		{7, "RSASHA1-NSEC3-SHA1", MustNot, Recommended},
		{8, "RSASHA256", Recommended, Recommended},
		{10, "RSASHA512", NotRecommended, Recommended},
		{12, "ECC-GOST", MustNot, MustNot},
		{13, "ECDSAP256SHA256", Recommended, Recommended},
		{14, "ECDSAP384SHA384", May, Recommended},
		{15, "ED25519", Recommended, Recommended},
		{16, "ED448", May, Recommended},
		{23, "ECC-GOST12", May, May},
	} {
		got, ok := AlgorithmOf(want.number)
		if !ok || got.Mnemonic != want.mnemonic || !got.ZoneSigning || got.UseForSigning != want.signing || got.UseForValidation != want.validat {
			t.Errorf("algorithm %d: %+v, %v; want %+v", want.number, got, ok, want)
		}
	}
	if a, ok := AlgorithmOf(2); !ok || a.ZoneSigning || a.UseForSigning != "" {
		t.Errorf("algorithm 2 is Diffie-Hellman, not for zones: %+v", a)
	}
	if _, ok := AlgorithmOf(11); ok {
		t.Error("algorithm 11 is reserved, not assigned")
	}
}

func TestDigests(t *testing.T) {
	for number, want := range map[uint8]Recommendation{0: MustNot, 1: MustNot, 2: Recommended, 3: MustNot, 4: May, 5: May, 6: May} {
		if got, ok := DigestOf(number); !ok || got.UseForSigning != want {
			t.Errorf("digest %d: %+v, %v; want %s for delegation", number, got, ok, want)
		}
	}
	if _, ok := DigestOf(7); ok {
		t.Error("digest 7 is not assigned")
	}
}

func TestNSEC3Hashes(t *testing.T) {
	if h, ok := NSEC3HashOf(1); !ok || h.Description != "SHA-1" {
		t.Errorf("NSEC3 hash 1: %+v, %v", h, ok)
	}
	if _, ok := NSEC3HashOf(2); ok {
		t.Error("NSEC3 hash 2 is not assigned")
	}
}

func TestSpecialOf(t *testing.T) {
	for address, want := range map[string]string{
		"10.1.2.3": "Private-Use", "127.0.0.1": "Loopback", "192.0.2.53": "Documentation (TEST-NET-1)",
		"192.0.0.9": "Port Control Protocol Anycast", "192.0.0.1": "IPv4 Service Continuity Prefix",
		"192.88.99.2": "6a44-relay anycast address", "255.255.255.255": "Limited Broadcast", "250.0.0.1": "Reserved",
		"0.0.0.0": `"This host on this network"`, "192.0.0.171": "NAT64/DNS64 Discovery",
		"::1": "Loopback Address", "2001:db8::53": "Documentation", "3fff:1::": "Documentation",
		"fd00::1": "Unique-Local", "fe80::1": "Link-Local Unicast", "2001:20::1": "ORCHIDv2", "5f00::1": "Segment Routing (SRv6) SIDs",
		"::ffff:192.0.2.1": "IPv4-mapped Address",
		"198.41.0.4":       "", "2001:503:ba3e::2:30": "", "1.1.1.1": "", "2620:fe::fe": "",
	} {
		block, found := SpecialOf(netip.MustParseAddr(address))
		if found != (want != "") || block.Name != want {
			t.Errorf("%s: %q, %v; want %q", address, block.Name, found, want)
		}
	}
	if b, _ := SpecialOf(netip.MustParseAddr("192.31.196.1")); !b.GloballyReachable {
		t.Error("AS112 is of special purpose, and reachable all the same")
	}
	if b, _ := SpecialOf(netip.MustParseAddr("192.168.1.1")); b.GloballyReachable || !b.Forwardable {
		t.Errorf("private use: %+v", b)
	}
}

func TestParseRefuses(t *testing.T) {
	const header = "# Registry: r\n# Source: s\n# Date: 2026-01-02\n# Licence: l\n"
	for name, text := range map[string]string{
		"no header":       "Value,Description,Reference\n1,SHA-1,x\n",
		"a bad date":      "# Registry: r\n# Source: s\n# Date: soon\n# Licence: l\nV,D,R\n1,a,b\n",
		"no entries":      header + "Value,Description,Reference\n",
		"a short line":    header + "Value,Description,Reference\n1,SHA-1\n",
		"a number beyond": header + "Value,Description,Reference\n256,x,y\n",
	} {
		if _, err := parse([]byte(text), 3, readHash); err == nil {
			t.Errorf("a registry with %s was read", name)
		}
	}
	if _, err := readStanding([]string{"MUST", "SHOULD", "MAY", "MAY"}); err == nil {
		t.Error("SHOULD was taken for a recommendation of RFC 9904")
	}
	if _, err := readBlock(strings.Split("10.0.0.0/8,n,r,d,t,True,Perhaps,True,True,True", ",")); err == nil {
		t.Error("Perhaps was taken for a truth")
	}
}

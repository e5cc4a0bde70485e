package lab

import (
	_ "embed"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// publicsuffix answers which suffix a name has, but does not list those that
// it knows. The list here is read out of its data by a test, which fails when
// the two differ, and publicsuffix is asked about each name once more.
//
//go:embed tlds.txt
var tldList string

// TLDs are the names of publicsuffix's top-level domains, by alphabet.
func TLDs() []holdfast.Name {
	var out []holdfast.Name
	for line := range strings.Lines(tldList) {
		label := strings.TrimSpace(line)
		if label == "" || label[0] == '#' {
			continue
		}
		// Under a name that no rule knows the suffix is the last label, unmanaged;
		// rules for the names below (*.ck) make the probe's suffix longer.
		if suffix, managed := publicsuffix.PublicSuffix("probe." + label); managed || suffix != label {
			out = append(out, holdfast.Name(label+"."))
		}
	}
	return out
}

// backends is how many invented operators the built-in top-level domains are
// spread over. The real root has about 9,000 server addresses behind some
// dozens of operators of size.
const backends = 40

// BuiltinPlan is the lab of the built-in list: the root and its first n names
// spread evenly over the alphabet (0: all, 1,449), under invented name servers
// on addresses set aside for tests (RFC 2544, RFC 3849). Of 16 zones 15 are
// signed.
func BuiltinPlan(n int) Plan {
	names := TLDs()
	if n > 0 && n < len(names) {
		picked := make([]holdfast.Name, 0, n)
		for i := range n {
			picked = append(picked, names[i*len(names)/n])
		}
		names = picked
	}
	signing := rootSigning()
	signing.Validity = 21 * day // its SOA is no copy of the real one: secondaries may live on for a fortnight
	servers := rootServers()
	plan := Plan{Zones: []ZonePlan{{Name: holdfast.Root, Servers: servers, Signing: signing, SOA: SOATimers{RName: mailboxAt(servers[0])}}}}
	for _, name := range names {
		plan.Zones = append(plan.Zones, builtinZone(name))
	}
	slices.SortFunc(plan.Zones, func(a, b ZonePlan) int { return wire.CompareNames(a.Name, b.Name) })
	return plan
}

func rootServers() []Host {
	var out []Host
	for i := range 4 {
		out = append(out, Host{
			Name:      holdfast.Name(fmt.Sprintf("%c.root-servers.lab.", 'a'+i)),
			Addresses: invented(255, i, true),
		})
	}
	return out
}

// invented is a pair of addresses of one server of one operator.
func invented(operator, server int, six bool) []netip.Addr {
	out := []netip.Addr{netip.AddrFrom4([4]byte{198, 18 + byte(server&1), byte(operator), byte(53 + server)})}
	if six {
		out = append(out, netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(operator), 0, byte(server), 15: 0x53}))
	}
	return out
}

func builtinZone(name holdfast.Name) ZonePlan {
	h := hashOf("builtin", string(name))
	operator := int(h % backends)
	z := ZonePlan{Name: name}
	for i := range 2 + int(h>>8%3) {
		z.Servers = append(z.Servers, Host{
			Name:      childOf(string(rune('a'+i))+".nic", name),
			Addresses: invented(operator, i, h>>16%8 != 0 || i == 0),
		})
	}
	z.SOA.RName = mailboxAt(z.Servers[0])
	algorithm := wire.ECDSAP256SHA256
	switch {
	case h>>24%16 == 0:
		algorithm = 0
	case h>>24%16 == 1:
		algorithm = wire.ED25519
	}
	z.Signing = tldSigning(name, algorithm)
	return z
}

// mailboxAt is a mail address at a server, as an SOA has it: a healthy zone's
// takes mail, and a server has an address where mail can go.
func mailboxAt(h Host) holdfast.Name { return childOf("hostmaster", h.Name) }

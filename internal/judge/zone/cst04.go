package zone

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func signedAndUnsigned() judge.Check {
	return judge.Check{
		Code: "CST-04", Name: "signed-and-unsigned", Severity: holdfast.SeverityCritical,
		Reference: "RFC 4035 section 2",
		Summary:   "The zone is signed on all of its servers, or on none.",
		Judge:     judgeSplit,
	}
}

func judgeSplit(c *judge.Case) []holdfast.Finding {
	var bare []holdfast.Finding
	signed := false
	severity, ede := holdfast.SeverityWarning, 0
	if hasDS(c) {
		severity, ede = holdfast.SeverityCritical, 9 // DNSKEY missing (RFC 8914 section 4.10)
	}
	for _, server := range c.Servers {
		if isSigned(c, server) {
			signed = true
			continue
		}
		if !isUnsigned(c, server) {
			continue
		}
		keys, _ := c.At(server, holdfast.PurposeDNSKEY)
		bare = append(bare, holdfast.Finding{
			Severity: severity, Server: server, EDE: ede, Evidence: []int{keys.Index},
			Text: "serves the zone unsigned, others serve it signed",
		})
	}
	if !signed {
		return nil
	}
	return bare
}

// isSigned says that a server gives keys for the zone, or a signed SOA.
func isSigned(c *judge.Case, server holdfast.Server) bool {
	if r, ok := c.At(server, holdfast.PurposeDNSKEY); ok && c.Answer(r, c.Zone, wire.TypeDNSKEY) != nil {
		return true
	}
	return signedSOA(c, server)
}

func signedSOA(c *judge.Case, server holdfast.Server) bool {
	r, ok := c.At(server, holdfast.PurposeSOA)
	if !ok {
		return false
	}
	set := c.Answer(r, c.Zone, wire.TypeSOA)
	return set != nil && len(set.RRSIGs) > 0
}

// isUnsigned says that a server answered with authority that there are no
// keys, and that it gives no signature over the SOA either. A server that did
// not say is neither signed nor unsigned.
func isUnsigned(c *judge.Case, server holdfast.Server) bool {
	r, ok := c.At(server, holdfast.PurposeDNSKEY)
	return ok && r.Message != nil && r.Message.Rcode == wire.NoError && r.Message.Authoritative &&
		c.Answer(r, c.Zone, wire.TypeDNSKEY) == nil && !signedSOA(c, server)
}

// hasDS says that the parent has DS records for the zone.
func hasDS(c *judge.Case) bool {
	given, _ := referrals(c)
	for _, r := range given {
		if len(r.ds) > 0 {
			return true
		}
	}
	d := c.Measurement.Subject.Delegation
	return len(given) == 0 && d != nil && len(d.DS) > 0
}

package dnssec

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// clauseOf is the clause by which an RRset is not good.
func clauseOf(s *judge.Set) string {
	switch s.Fault {
	case judge.FaultExpired, judge.FaultNotYet, judge.FaultSigner, judge.FaultLabels, judge.FaultUnknownKey:
		return "RFC 4035 section 5.3.1"
	case judge.FaultWindow:
		return "RFC 4034 section 3.1.5"
	case judge.FaultCrypto, judge.FaultNotTried:
		return "RFC 4035 section 5.3.3"
	case judge.FaultKeyUnusable:
		return "RFC 4034 section 2.1.1"
	case judge.FaultNotAnchored, judge.FaultAlgorithm:
		return "RFC 4035 section 5.2"
	}
	return "RFC 4035 section 3.1.1"
}

// clauseOfDenial is the clause that a negative answer's proof fails by, or for
// which it is not computed.
func clauseOfDenial(d *judge.Denial) string {
	switch {
	case d.Fault == judge.DenialIterations:
		return "RFC 9276 section 3.2"
	case d.Fault == judge.DenialUnsigned:
		for _, s := range d.Sets {
			if s.Class == holdfast.ClassDenial && s.Status != holdfast.Secure {
				return clauseOf(s)
			}
		}
	case d.Positive && d.Kind == judge.DenialNSEC3:
		return "RFC 5155 section 8.8"
	case d.Positive:
		return "RFC 4035 section 5.3.4"
	case d.Kind == judge.DenialNSEC3:
		return "RFC 5155 section 8"
	case d.Kind == judge.DenialNone:
		return "RFC 4035 section 3.1.3"
	}
	return "RFC 4035 section 5.4"
}

// clauseOfLink is the clause by which a delegation is not secure.
func clauseOfLink(link *judge.Link) string {
	switch {
	case link.Status == holdfast.Indeterminate:
		return "RFC 4035 section 4.3"
	case link.Set != nil && link.Status == holdfast.Bogus:
		return clauseOf(link.Set)
	case link.Denial == nil:
		return "RFC 4035 section 5.2"
	case link.Status == holdfast.Insecure && link.Denial.OptOut:
		return "RFC 5155 section 8.9"
	case link.Status == holdfast.Insecure && link.Denial.Fault == judge.DenialProven:
		return "RFC 4035 section 5.2"
	case link.Denial.Fault == judge.DenialProven:
		return "RFC 6840 section 4.4"
	}
	return clauseOfDenial(link.Denial)
}

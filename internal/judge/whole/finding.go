package whole

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// fault is a sort of finding. Codes that a check of the catalogue has already
// mean the same here; INT codes are of whole zones alone.
type fault struct {
	code, name string
	severity   holdfast.Severity
	reference  string
	ede        int // RFC 8914
}

var (
	expired       = fault{"SIG-01", "signature-expired", holdfast.SeverityCritical, "RFC 4035 section 5.3.1", 7}
	notYetValid   = fault{"SIG-05", "signature-not-yet-valid", holdfast.SeverityCritical, "RFC 4035 section 5.3.1", 8}
	invalid       = fault{"SIG-07", "signature-invalid", holdfast.SeverityCritical, "RFC 4035 section 5.3.3", 6}
	unknownKey    = fault{"SIG-08", "signature-by-unknown-key", holdfast.SeverityCritical, "RFC 4035 section 5.3.1", 9}
	missing       = fault{"SIG-09", "signature-missing", holdfast.SeverityCritical, "RFC 4035 section 2.2", 10}
	wrongTTL      = fault{"SIG-10", "signature-ttl", holdfast.SeverityWarning, "RFC 4035 section 2.2", 0}
	notAnchored   = fault{"CHN-03", "dnskey-not-anchored", holdfast.SeverityCritical, "RFC 4035 section 5.2", 9}
	halfSigned    = fault{"CHN-04", "algorithm-incomplete", holdfast.SeverityWarning, "RFC 4035 section 2.2, RFC 6840 section 5.11", 0}
	notSigned     = fault{"CHN-06", "zone-unsigned", holdfast.SeverityNotice, "RFC 4035 section 2", 10}
	misnamed      = fault{"CHN-10", "signature-names", holdfast.SeverityCritical, "RFC 4035 section 5.3.1", 6}
	apexWrong     = fault{"INT-01", "apex-wrong", holdfast.SeverityError, "RFC 1035 section 5.2", 0}
	digestWrong   = fault{"INT-02", "zonemd-mismatch", holdfast.SeverityCritical, "RFC 8976 section 4", 0}
	digestUnknown = fault{"INT-03", "zonemd-unverifiable", holdfast.SeverityNotice, "RFC 8976 section 4", 0}
	outsideZone   = fault{"INT-04", "record-outside-zone", holdfast.SeverityWarning, "RFC 1035 section 5.2", 0}
	ttlsDiffer    = fault{"INT-05", "rrset-ttls-differ", holdfast.SeverityNotice, "RFC 2181 section 5.2", 0}
	unwanted      = fault{"INT-06", "signature-unwanted", holdfast.SeverityWarning, "RFC 4035 section 2.2", 0}
	aliasAndMore  = fault{"INT-07", "cname-and-other-data", holdfast.SeverityError, "RFC 2181 section 10.1", 0}
	unreadable    = fault{"INT-08", "record-unreadable", holdfast.SeverityError, "RFC 1035 section 3.3", 0}
	denialMissing = fault{"INT-11", "denial-missing", holdfast.SeverityError, "RFC 4035 section 2.3, RFC 5155 section 7.1", 12}
	denialBroken  = fault{"INT-12", "denial-chain-broken", holdfast.SeverityError, "RFC 4034 section 4.1.1, RFC 5155 section 7.1", 12}
	denialTypes   = fault{"INT-13", "denial-types-wrong", holdfast.SeverityError, "RFC 4034 section 4.1.2, RFC 5155 section 3.1.8", 6}
	denialExtra   = fault{"INT-14", "denial-superfluous", holdfast.SeverityError, "RFC 4035 section 2.3, RFC 5155 section 7.1", 6}
	denialUnknown = fault{"INT-15", "nsec3-parameters", holdfast.SeverityError, "RFC 5155 section 4, RFC 9276 section 3", 0}
)

// as is the same fault with another severity.
func (f fault) as(severity holdfast.Severity) fault {
	f.severity = severity
	return f
}

// found is a finding and the place by which findings are ordered.
type found struct {
	holdfast.Finding
	key string
	typ wire.Type
}

// find notes a finding about a type at a name; type 0 speaks of the name.
func (j *judgement) find(f fault, n *node, t wire.Type, format string, args ...any) {
	where := n.name.String()
	if t != 0 {
		where += " " + t.String()
	}
	j.found = append(j.found, found{key: n.key, typ: t, Finding: holdfast.Finding{
		Code: f.code, Name: f.name, Severity: f.severity, Zone: j.zone.name, RRset: classOf(t),
		Text: where + ": " + fmt.Sprintf(format, args...), Reference: f.reference, EDE: f.ede, Count: 1, Evidence: []int{},
	}})
}

// until gives the finding noted last the instant that it speaks of.
func (j *judgement) until(at time.Time) { j.found[len(j.found)-1].Until = at }

func classOf(t wire.Type) holdfast.Class {
	switch t {
	case 0:
		return ""
	case wire.TypeNSEC, wire.TypeNSEC3:
		return holdfast.ClassDenial
	}
	return holdfast.Class(t.String())
}

// findings are all that were noted, the worst first, then by code, name and
// type; of one code and severity no more than MaxFindings, the rest counted.
func (j *judgement) findings() []holdfast.Finding {
	slices.SortStableFunc(j.found, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), strings.Compare(a.Code, b.Code),
			strings.Compare(a.key, b.key), cmp.Compare(a.typ, b.typ), strings.Compare(a.Text, b.Text))
	})
	out := []holdfast.Finding{}
	for start := 0; start < len(j.found); {
		end := start
		for end < len(j.found) && j.found[end].Code == j.found[start].Code && j.found[end].Severity == j.found[start].Severity {
			end++
		}
		listed := min(end, start+j.MaxFindings)
		for _, f := range j.found[start:listed] {
			out = append(out, f.Finding)
		}
		if rest := end - listed; rest > 0 {
			more := j.found[listed].Finding
			more.RRset, more.Until, more.Count = "", time.Time{}, rest
			more.Text = fmt.Sprintf("and %d more of this kind", rest)
			out = append(out, more)
		}
		start = end
	}
	return out
}

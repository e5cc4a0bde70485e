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
	apexWrong     = fault{"INT-10", "apex-wrong", holdfast.SeverityError, "RFC 1035 section 5.2", 0}
	digestWrong   = fault{"INT-02", "zonemd-wrong", holdfast.SeverityCritical, "RFC 8976 section 4", 0}
	digestUnknown = fault{"INT-09", "zonemd-unverifiable", holdfast.SeverityNotice, "RFC 8976 section 4", 0}
	expiring      = fault{"SIG-02", "signature-expiring", holdfast.SeverityWarning, "RFC 6781 section 4.4.2", 0}
	outsideZone   = fault{"INT-04", "record-outside-zone", holdfast.SeverityWarning, "RFC 1035 section 5.2", 0}
	ttlsDiffer    = fault{"INT-05", "rrset-ttls-differ", holdfast.SeverityNotice, "RFC 2181 section 5.2", 0}
	unwanted      = fault{"INT-06", "signature-unwanted", holdfast.SeverityWarning, "RFC 4035 section 2.2", 0}
	aliasAndMore  = fault{"INT-03", "alias-and-other-data", holdfast.SeverityError, "RFC 2181 section 10.1", 0}
	unreadable    = fault{"INT-08", "record-unreadable", holdfast.SeverityError, "RFC 1035 section 3.3", 0}
	denialMissing = fault{"INT-11", "denial-missing", holdfast.SeverityError, "RFC 4035 section 2.3, RFC 5155 section 7.1", 12}
	denialBroken  = fault{"INT-12", "denial-chain-broken", holdfast.SeverityError, "RFC 4034 section 4.1.1, RFC 5155 section 7.1", 12}
	denialTypes   = fault{"INT-13", "denial-types-wrong", holdfast.SeverityError, "RFC 4034 section 4.1.2, RFC 5155 section 3.1.8", 6}
	denialExtra   = fault{"INT-14", "denial-superfluous", holdfast.SeverityError, "RFC 4035 section 2.3, RFC 5155 section 7.1", 6}
	denialUnknown = fault{"INT-15", "nsec3-parameters", holdfast.SeverityError, "RFC 5155 section 4, RFC 9276 section 3", 0}
)

var (
	glueMissing   = fault{"INT-16", "glue-missing", holdfast.SeverityError, "RFC 9471 section 3.1", 0}
	glueOrphan    = fault{"INT-17", "glue-orphan", holdfast.SeverityInfo, "RFC 1034 section 4.2.1", 0}
	occluded      = fault{"INT-18", "record-occluded", holdfast.SeverityNotice, "RFC 1034 section 4.2.1", 0}
	serverWrong   = fault{"INT-19", "ns-without-address", holdfast.SeverityError, "RFC 1035 section 3.3.11, RFC 2181 section 10.3", 0}
	renamedAndOwn = fault{"INT-20", "dname-and-other-data", holdfast.SeverityError, "RFC 6672 sections 2.3 and 2.4", 0}
	strayDS       = fault{"INT-21", "ds-without-delegation", holdfast.SeverityWarning, "RFC 4035 section 2.4", 0}
)

// content says whether a finding is about what the zone says, not about whether
// resolvers can validate it: such a zone is wrong, but not bogus.
func content(code string) bool {
	switch code {
	case apexWrong.code, aliasAndMore.code, glueMissing.code, serverWrong.code, renamedAndOwn.code:
		return true
	}
	return false
}

// as is the same fault with another severity.
func (f fault) as(severity holdfast.Severity) fault {
	f.severity = severity
	return f
}

// sort says which findings are listed together and bounded together.
type sort struct {
	code     string
	severity holdfast.Severity
}

// found is a finding and the place by which findings are ordered.
type found struct {
	holdfast.Finding
	key string
	typ wire.Type
}

func (a found) compare(b found) int {
	return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.typ, b.typ), strings.Compare(a.Text, b.Text))
}

// findings are those of each sort that come first, and how many there are. What
// is kept does not depend on the order in which they come.
type findings struct {
	zone  holdfast.Name
	limit int
	sorts map[sort]*sorted
}

type sorted struct {
	first []found // in order, at most limit
	count int
}

func (s *findings) add(f found, count int) {
	of := sort{f.Code, f.Severity}
	if s.sorts == nil {
		s.sorts = map[sort]*sorted{}
	}
	list := s.sorts[of]
	if list == nil {
		list = &sorted{}
		s.sorts[of] = list
	}
	list.count += count
	at, _ := slices.BinarySearchFunc(list.first, f, found.compare)
	if at >= s.limit {
		return
	}
	list.first = slices.Insert(list.first, at, f)
	if len(list.first) > s.limit {
		list.first = list.first[:s.limit]
	}
}

// wants says whether a finding at the key would be among those that are kept;
// where not, it need only be counted.
func (s *findings) wants(of sort, key []byte) bool {
	list := s.sorts[of]
	return list == nil || len(list.first) < s.limit || string(key) <= list.first[len(list.first)-1].key
}

func (s *findings) merge(other *findings) {
	for of, list := range other.sorts {
		for _, f := range list.first {
			s.add(f, 0)
		}
		s.sorts[of].count += list.count
	}
}

// fill makes a finding of the fault. Type 0 speaks of the name.
func (f fault) fill(name holdfast.Name, t wire.Type, format string, args ...any) holdfast.Finding {
	where := name.String()
	if t != 0 {
		where += " " + t.String()
	}
	return holdfast.Finding{
		Code: f.code, Name: f.name, Severity: f.severity, RRset: classOf(t),
		Text: where + ": " + fmt.Sprintf(format, args...), Reference: f.reference, EDE: f.ede, Count: 1, Evidence: []int{},
	}
}

// find notes a finding about a type at a name.
func (t *tally) find(f fault, n *node, typ wire.Type, format string, args ...any) {
	t.findUntil(time.Time{}, f, n, typ, format, args...)
}

// findUntil notes a finding that speaks of an instant.
func (t *tally) findUntil(until time.Time, f fault, n *node, typ wire.Type, format string, args ...any) {
	if of := (sort{f.code, f.severity}); !t.found.wants(of, n.key) {
		t.found.sorts[of].count++
		return
	}
	finding := f.fill(nameOf(n.key), typ, format, args...)
	finding.Until = until
	t.found.add(found{finding, string(n.key), typ}, 1)
}

func classOf(t wire.Type) holdfast.Class {
	switch t {
	case 0:
		return ""
	case wire.TypeNSEC, wire.TypeNSEC3:
		return holdfast.ClassDenial
	}
	return holdfast.Class(t.String())
}

// list is all that was noted, the worst first, then by code, name and type; of
// one code and severity no more than the limit, the rest counted.
func (s *findings) list() []holdfast.Finding {
	var order []sort
	for of := range s.sorts {
		order = append(order, of)
	}
	slices.SortFunc(order, func(a, b sort) int {
		return cmp.Or(cmp.Compare(b.severity, a.severity), strings.Compare(a.code, b.code))
	})
	out := []holdfast.Finding{}
	for _, of := range order {
		list := s.sorts[of]
		for _, f := range list.first {
			f.Zone = s.zone
			out = append(out, f.Finding)
		}
		if rest := list.count - len(list.first); rest > 0 {
			more := out[len(out)-1]
			more.RRset, more.Until, more.Count = "", time.Time{}, rest
			more.Text = fmt.Sprintf("and %d more of this kind", rest)
			out = append(out, more)
		}
	}
	return out
}

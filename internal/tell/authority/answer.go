package authority

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// kind is what an answer is to whoever limits the rate of answers.
type kind uint8

const (
	positive kind = iota
	negative      // for a name that is not there
	referral
	failure // FORMERR, REFUSED and their like
	fresh   // not a kind of answer: any that had to be made
)

// answer is one answer while it is made.
type answer struct {
	zone  *served
	all   *table
	sign  *signer
	now   time.Time
	name  holdfast.Name
	qtype wire.Type
	do    bool
	co    bool // the asker takes NXDOMAIN with compact denial (RFC 9824 section 5.1)
	kind  kind
	until time.Time // when a signature in it is to be made anew
	out   wire.Message
	err   error // the first that was met
}

const typeIXFR wire.Type = 251 // RFC 1995

// make finds what the zone has for the question (RFC 1034 section 4.3.2, RFC
// 4035 section 3.1).
func (a *answer) make() {
	a.out.Response = true
	a.out.Question = []holdfast.Question{{Name: a.name, Type: uint16(a.qtype)}}
	if cut := a.cutOver(); cut != "" {
		a.refer(cut)
		return
	}
	a.out.Authoritative = true
	n, made, ok := a.zone.look(a.name)
	if !ok {
		a.absent()
		return
	}
	set := func(t wire.Type) []wire.Record {
		if made == nil {
			return a.zone.set(a.name, t)
		}
		return slices.DeleteFunc(slices.Clone(made), func(r wire.Record) bool { return r.Type != t })
	}
	switch {
	case slices.Contains(n.types, a.qtype):
		a.put(&a.out.Answer, set(a.qtype), n.fault)
	case a.qtype == wire.TypeANY && len(n.types) > 0: // one RRset will do (RFC 8482 section 4.1)
		a.put(&a.out.Answer, set(n.types[0]), n.fault)
	case a.qtype == wire.TypeRRSIG && len(n.types) > 0 && a.signed(): // likewise
		a.out.Answer = a.signatures(set(n.types[0]), n.fault)
	case a.qtype == wire.TypeNSEC && a.ownsNSEC(n):
		a.proveTypes(a.name, n)
		a.out.Answer, a.out.Authority = a.out.Authority, nil
	default:
		a.noData(n)
	}
}

// cutOver is the delegation that the name lies beneath; empty where there is
// none. Of a delegation itself the DS is the zone's own.
func (a *answer) cutOver() holdfast.Name {
	var cut holdfast.Name
	for name := a.name; name != a.zone.plan.Zone; name = name.Parent() {
		if n := a.zone.nodes[name]; n != nil && n.cut && !(name == a.name && a.qtype == wire.TypeDS) {
			cut = name // the highest one counts
		}
	}
	return cut
}

// refer names the servers of a delegation, and shows its DS or that it has none.
func (a *answer) refer(cut holdfast.Name) {
	a.kind = referral
	ns := a.zone.set(cut, wire.TypeNS)
	a.out.Authority = append(a.out.Authority, ns...)
	if a.do && a.signed() {
		if ds := a.zone.set(cut, wire.TypeDS); ds != nil {
			a.put(&a.out.Authority, ds, Sound)
		} else {
			a.proveTypes(cut, *a.zone.nodes[cut])
		}
	}
	a.glue(ns)
}

// glue adds the addresses of name servers that are known here.
func (a *answer) glue(ns []wire.Record) {
	for _, r := range ns {
		host, err := r.Target()
		if err != nil {
			continue
		}
		addresses := a.zone.sets[setKey{host, wire.TypeA}]
		addresses = slices.Concat(addresses, a.zone.sets[setKey{host, wire.TypeAAAA}])
		if addresses == nil {
			addresses = a.all.addresses(host)
		}
		a.out.Additional = append(a.out.Additional, addresses...)
	}
}

// absent is the answer for a name that is not there. In compact denial the
// code says so only to who understands it.
func (a *answer) absent() {
	a.kind = negative
	compact := a.zone.plan.Denial == Compact && a.do && a.signed() && roomFor(a.name, 2)
	if !compact || a.co {
		a.out.Rcode = wire.NXDomain
	}
	if compact && a.qtype == wire.TypeNSEC {
		a.out.Rcode = wire.NoError // the NSEC of the name is the answer
		a.proveAbsent(a.name)
		a.out.Answer, a.out.Authority = a.out.Authority, nil
		return
	}
	a.addSOA()
	if a.do && a.signed() {
		a.proveAbsent(a.name)
	}
}

// noData is the answer for a name that has no such type.
func (a *answer) noData(n node) {
	a.addSOA()
	if a.do && a.signed() {
		a.proveTypes(a.name, n)
	}
}

// ownsNSEC says whether the name has an NSEC record to show.
func (a *answer) ownsNSEC(n node) bool {
	switch a.zone.plan.Denial {
	case NSEC:
		return a.signed() && len(n.types) > 0
	case NarrowNSEC, Compact:
		return a.signed()
	}
	return false
}

func (a *answer) addSOA() {
	soa := a.zone.soa
	soa.TTL = a.negativeTTL()
	a.put(&a.out.Authority, []wire.Record{soa}, a.zone.faultAt(a.zone.plan.Zone))
}

func (s *served) faultAt(name holdfast.Name) Fault {
	if n := s.nodes[name]; n != nil {
		return n.fault
	}
	return Sound
}

// negativeTTL is for how long it may be remembered that something is not there
// (RFC 2308 section 3, RFC 9077 section 3).
func (a *answer) negativeTTL() uint32 {
	soa, err := a.zone.soa.SOA()
	if err != nil {
		return 0
	}
	return min(a.zone.soa.TTL, soa.NegativeMinTTL)
}

func (a *answer) signed() bool { return len(a.zone.plan.Keys) > 0 }

// put adds an RRset to a section, with its signatures where they are wanted.
func (a *answer) put(section *[]wire.Record, set []wire.Record, fault Fault) {
	*section = append(*section, set...)
	if a.do && a.signed() && len(set) > 0 {
		*section = append(*section, a.signatures(set, fault)...)
	}
}

// signatures are those of the keys that sign such an RRset.
func (a *answer) signatures(set []wire.Record, fault Fault) []wire.Record {
	if fault == Unsigned {
		return nil
	}
	keys := set[0].Name == a.zone.plan.Zone && slices.Contains([]wire.Type{wire.TypeDNSKEY, wire.TypeCDS, wire.TypeCDNSKEY}, set[0].Type)
	var out []wire.Record
	for _, k := range a.zone.plan.Keys {
		if keys && !k.SignKeys || !keys && !k.SignData {
			continue
		}
		sig, until, err := a.sign.signature(k.Pair, a.zone.Edition, set, fault, a.now)
		if err != nil {
			a.fail(err)
			return nil
		}
		out = append(out, sig)
		if a.until.IsZero() || until.Before(a.until) {
			a.until = until
		}
	}
	return out
}

func (a *answer) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

package dnssec

import (
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// claim is what a negative answer says of a question, and so what its proof
// has to show.
type claim int

const (
	claimNoName    claim = iota // NXDOMAIN: neither the name nor a wildcard for it exists
	claimNoData                 // the name (or a wildcard for it) exists, without the type
	claimExpansion              // an answer made from a wildcard: no nearer name exists
)

// denial examines a negative answer of a zone, whose records stand in the
// authority section.
func (x *exams) denial(sets *judge.Sets, ring *keyring, q holdfast.Question, what claim, closest holdfast.Name) *judge.Denial {
	d := &judge.Denial{Question: q, Kind: judge.DenialNone, Exchange: -1, Positive: what == claimExpansion}
	var nsec, nsec3 []*judge.Set
	for _, rrset := range sets.Authority {
		switch {
		case rrset.Type == wire.TypeSOA && what != claimExpansion:
			if d.SOAOwner == "" || rrset.Name == ring.zone {
				d.SOAOwner = rrset.Name
			}
			if rrset.Name == ring.zone {
				d.Sets = append(d.Sets, x.set(rrset, ring, holdfast.ClassSOA))
			}
		case len(nsec)+len(nsec3) >= x.policy.MaxDenialRecords:
		case rrset.Type == wire.TypeNSEC && rrset.Name.IsSubdomainOf(ring.zone):
			nsec = append(nsec, x.set(rrset, ring, holdfast.ClassDenial))
		case rrset.Type == wire.TypeNSEC3 && rrset.Name.Parent() == ring.zone && rrset.Name != ring.zone:
			nsec3 = append(nsec3, x.set(rrset, ring, holdfast.ClassDenial))
		}
	}
	d.Sets = append(append(d.Sets, nsec...), nsec3...)
	ask := asked{claim: what, name: q.Name, t: wire.Type(q.Type), zone: ring.zone, closest: closest}
	switch {
	case len(nsec) > 0 && (len(nsec3) == 0 || readNSEC(nsec).prove(ask).proven()):
		d.Kind = judge.DenialNSEC
		x.settle(d, nsec, func(sets []*judge.Set) proof { return readNSEC(sets).prove(ask) })
	case len(nsec3) > 0:
		d.Kind = judge.DenialNSEC3
		x.hashed(d, nsec3, ask)
	default:
		d.Fault, d.EDE = judge.DenialMissing, edeNSECMissing
		d.Reason = "the answer carries no NSEC or NSEC3 record"
	}
	return d
}

// hashed settles a proof by NSEC3, if its hashing is one that we compute.
func (x *exams) hashed(d *judge.Denial, sets []*judge.Set, ask asked) {
	records := readNSEC3(sets, ask.zone)
	if records.params == nil {
		d.Fault, d.EDE = judge.DenialWrong, edeNSECMissing
		d.Reason = "no NSEC3 record of a known hash can be read"
		return
	}
	d.NSEC3 = records.params
	if records.params.Iterations > x.policy.MaxIterations {
		d.Fault, d.EDE = judge.DenialIterations, edeIterations
		d.Reason = fmt.Sprintf("NSEC3 takes %d extra iterations, more than validators compute", records.params.Iterations)
		return
	}
	x.settle(d, sets, func(sets []*judge.Set) proof {
		r := readNSEC3(sets, ask.zone)
		r.sums = records.sums // names are hashed once
		return r.prove(ask)
	})
}

// settle tries the proof with all records, then with those alone whose
// signatures hold: the difference tells a wrong proof from an unsigned one.
func (x *exams) settle(d *judge.Denial, sets []*judge.Set, prove func([]*judge.Set) proof) {
	p := prove(sets)
	d.OptOut = p.optOut
	if !p.proven() {
		d.Fault, d.Reason, d.EDE = p.fault, p.reason, edeNSECMissing
		if p.fault == judge.DenialExists {
			d.EDE = edeBogus
		}
		return
	}
	var good []*judge.Set
	for _, s := range sets {
		if s.Status == holdfast.Secure {
			good = append(good, s)
		}
	}
	if len(good) == len(sets) || len(good) > 0 && prove(good).proven() {
		return
	}
	d.Fault = judge.DenialUnsigned
	for _, s := range sets {
		if s.Status != holdfast.Secure {
			d.Reason, d.EDE = s.Reason, s.EDE
			return
		}
	}
}

// asked is the question that a proof has to answer.
type asked struct {
	claim   claim
	name    holdfast.Name
	t       wire.Type
	zone    holdfast.Name
	closest holdfast.Name // the wildcard's parent, for claimExpansion
}

// nextCloser is the name one label longer than the closest encloser, on the
// way to name (RFC 5155 section 1.3).
func nextCloser(name, encloser holdfast.Name) holdfast.Name {
	for name.Parent() != encloser && name != holdfast.Root {
		name = name.Parent()
	}
	return name
}

// wildcardAt is the wildcard below a name.
func wildcardAt(encloser holdfast.Name) holdfast.Name {
	if encloser == holdfast.Root {
		return "*."
	}
	return "*." + encloser
}

// proof is what became of an attempt to prove.
type proof struct {
	fault  judge.DenialFault
	reason string
	optOut bool
}

func (p proof) proven() bool { return p.fault == judge.DenialProven }

func wrong(format string, args ...any) proof {
	return proof{fault: judge.DenialWrong, reason: fmt.Sprintf(format, args...)}
}

func exists(format string, args ...any) proof {
	return proof{fault: judge.DenialExists, reason: fmt.Sprintf(format, args...)}
}

// isCut says whether the types are those of a delegation, on the parent's side.
func isCut(types []wire.Type) bool {
	return slices.Contains(types, wire.TypeNS) && !slices.Contains(types, wire.TypeSOA)
}

// lacksType holds the types at a name against the type denied there (RFC 4035
// section 5.4, RFC 5155 section 8.5, RFC 6840 section 4.1).
func lacksType(types []wire.Type, ask asked, at holdfast.Name) proof {
	switch {
	case slices.Contains(types, ask.t):
		return exists("the proof at %s lists the type %s that the answer denies", at, ask.t)
	case slices.Contains(types, wire.TypeCNAME):
		return exists("the proof at %s lists a CNAME, which the answer should have followed", at)
	case ask.t == wire.TypeDS && at != holdfast.Root && slices.Contains(types, wire.TypeSOA):
		return wrong("the proof at %s is the child's, and DS is the parent's to deny", at)
	case ask.t != wire.TypeDS && isCut(types):
		return wrong("the proof at %s is the parent's at a zone cut, and denies nothing but DS there", at)
	}
	return proof{}
}

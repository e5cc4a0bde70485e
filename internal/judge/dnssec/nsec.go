package dnssec

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// typeNXNAME marks a name that does not exist in compact denial of existence
// (RFC 9824 section 3.1).
const typeNXNAME wire.Type = 128

// plainRecord is one NSEC record.
type plainRecord struct {
	owner holdfast.Name
	wire.NSEC
}

// plain are the NSEC records of an answer.
type plain []plainRecord

func readNSEC(sets []*judge.Set) plain {
	var out plain
	for _, s := range sets {
		for _, r := range s.RRset.Records {
			if r.Type != wire.TypeNSEC {
				continue // to make an error of it takes longer
			}
			if nsec, err := r.NSEC(); err == nil {
				out = append(out, plainRecord{owner: r.Name, NSEC: nsec})
			}
		}
	}
	return out
}

// match is the record at a name.
func (p plain) match(name holdfast.Name) *plainRecord {
	for i := range p {
		if p[i].owner == name {
			return &p[i]
		}
	}
	return nil
}

// cover is a record whose span holds the name, both ends excluded, and that
// may speak of it.
func (p plain) cover(name, zone holdfast.Name) *plainRecord {
	for i := range p {
		if r := &p[i]; r.covers(name, zone) && !r.isAbove(name) {
			return r
		}
	}
	return nil
}

// covers says whether the name lies between owner and next, the last record
// of the zone pointing back to the apex (RFC 4034 section 4.1.1).
func (r *plainRecord) covers(name, zone holdfast.Name) bool {
	if !r.Next.IsSubdomainOf(zone) || wire.CompareNames(r.owner, name) >= 0 {
		return false
	}
	return r.Next == zone || wire.CompareNames(name, r.Next) < 0
}

// isAbove says whether the record stands at a delegation or a DNAME above the
// name: such a record knows nothing of what is below (RFC 6840 section 4.1).
func (r *plainRecord) isAbove(name holdfast.Name) bool {
	return r.owner != name && name.IsSubdomainOf(r.owner) &&
		(isCut(r.Types) || slices.Contains(r.Types, wire.TypeDNAME))
}

// encloser is the closest encloser of a covered name: the longest ancestor
// that it shares with either end of the span, for both ends exist.
func (r *plainRecord) encloser(name holdfast.Name) holdfast.Name {
	for _, above := range name.Ancestors() {
		if r.owner.IsSubdomainOf(above) || r.Next.IsSubdomainOf(above) {
			return above
		}
	}
	return holdfast.Root
}

// prove tries to show what is asked (RFC 4035 section 5.4).
func (p plain) prove(ask asked) proof {
	if ask.claim == claimNoData {
		if r := p.match(ask.name); r != nil {
			return lacksType(r.Types, ask, ask.name)
		}
	} else if r := p.match(ask.name); r != nil && ask.claim == claimNoName && slices.Contains(r.Types, typeNXNAME) {
		return proof{} // compact denial: the name exists only to say that it does not
	} else if r != nil {
		return exists("an NSEC record shows that %s exists, which the answer denies", ask.name)
	}
	r := p.cover(ask.name, ask.zone)
	if r == nil {
		return wrong("no NSEC record covers %s", ask.name)
	}
	empty := r.Next != ask.name && r.Next.IsSubdomainOf(ask.name) // an empty non-terminal
	switch ask.claim {
	case claimNoData:
		if empty {
			return proof{}
		}
		wildcard := wildcardAt(r.encloser(ask.name))
		if w := p.match(wildcard); w != nil {
			return lacksType(w.Types, ask, wildcard)
		}
		return wrong("no NSEC record stands at %s or at the wildcard %s", ask.name, wildcard)
	case claimExpansion:
		if closest := r.encloser(ask.name); empty || closest != ask.closest {
			return wrong("the answer is made from the wildcard below %s, but %s is nearer", ask.closest, closest)
		}
		return proof{}
	}
	if empty {
		return exists("an NSEC record shows that names exist below %s, so that it exists", ask.name)
	}
	wildcard := wildcardAt(r.encloser(ask.name))
	switch {
	case p.match(wildcard) != nil:
		return exists("an NSEC record shows that the wildcard %s exists, which should have answered", wildcard)
	case p.cover(wildcard, ask.zone) == nil:
		return wrong("no NSEC record covers the wildcard %s", wildcard)
	}
	return proof{}
}

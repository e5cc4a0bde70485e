package lab

import (
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// answer is one reply in the making.
type answer struct {
	*frame
	qname holdfast.Name
	qtype wire.Type
	do    bool
	out   wire.Message
	proof []int // places in the chain already shown
}

// maxAliases bounds a chain of CNAMEs within one answer.
const maxAliases = 8

// resolve answers a question from the zone, as an authoritative server does
// (RFC 1034 section 4.3.2, RFC 4035 section 3.1).
func (f *frame) resolve(qname holdfast.Name, qtype wire.Type, do bool) (*wire.Message, error) {
	if f.failed != nil {
		return nil, f.failed
	}
	a := &answer{frame: f, qname: qname, qtype: qtype, do: do && f.signed()}
	a.out.Response = true
	a.out.Question = []holdfast.Question{{Name: qname, Type: uint16(qtype)}}
	err := a.lookup(qname, 0)
	return &a.out, err
}

func (a *answer) lookup(name holdfast.Name, aliases int) error {
	if aliases == 0 {
		a.out.Authoritative = true
	}
	c := a.content
	cut := c.cutAt(name)
	if owner, ok := c.redirect(name); ok && (cut == "" || cut.IsSubdomainOf(owner)) {
		return a.redirect(name, owner, aliases)
	}
	if cut != "" && !(cut == name && a.qtype == wire.TypeDS && !a.delegation(cut).dsReferral) {
		if aliases > 0 {
			return nil // the alias leads out of our authority
		}
		a.out.Authoritative = false
		return a.refer(cut)
	}
	if c.nodes[name] != nil {
		return a.exact(name, name, aliases)
	}
	closest, next := c.encloser(name)
	if wildcard := wildcardOf(closest); c.nodes[wildcard] != nil {
		return a.expand(name, wildcard, closest, next, aliases)
	}
	if done, err := a.denyCompactly(name); done {
		return err
	}
	a.out.Rcode = wire.NXDomain
	if err := a.negative(); err != nil || !a.do {
		return err
	}
	return a.proveAbsent(name, closest, next)
}

// exact answers from a name that exists. owner is the name to show: it
// differs from name for a wildcard's expansion.
func (a *answer) exact(name, owner holdfast.Name, aliases int) error {
	switch a.qtype {
	case wire.TypeANY:
		return a.any(name, owner)
	case wire.TypeNSEC, wire.TypeRRSIG:
		if done, err := a.meta(name, owner); done || err != nil {
			return err
		}
	}
	if a.qtype != wire.TypeCNAME {
		alias, err := a.set(name, wire.TypeCNAME)
		if err != nil {
			return err
		}
		if len(alias) > 0 {
			return a.follow(alias, owner, aliases)
		}
	}
	set, err := a.set(name, a.qtype)
	if err != nil {
		return err
	}
	if len(set) > 0 {
		return a.positive(set, owner)
	}
	if err := a.negative(); err != nil || !a.do {
		return err
	}
	switch {
	case a.compact():
		return a.proveTypes(name, owner)
	case name != owner:
		return a.proveMatch(name)
	}
	return a.proveNoData(name)
}

// positive puts an RRset and its signatures into the answer.
func (a *answer) positive(set []wire.Record, owner holdfast.Name) error {
	return a.put(&a.out.Answer, set, owner)
}

// put adds an RRset and, where they are wanted, its signatures to a section.
func (a *answer) put(section *[]wire.Record, set []wire.Record, owner holdfast.Name) error {
	var sigs []wire.Record
	var err error
	if a.do {
		if a.compact() {
			set = called(set, owner)
		}
		if sigs, err = a.sign(set); err != nil {
			return err
		}
	}
	factor := a.stretch(set)
	for _, r := range set {
		r.Name, r.TTL = owner, r.TTL*factor
		*section = append(*section, r)
	}
	for _, r := range sigs {
		r.Name, r.TTL = owner, a.sigTTL(r.TTL*factor)
		*section = append(*section, r)
	}
	return nil
}

func (a *answer) any(name, owner holdfast.Name) error {
	types, err := a.types(name)
	if err != nil {
		return err
	}
	for _, t := range types {
		set, err := a.set(name, t)
		if err != nil {
			return err
		}
		if err := a.positive(set, owner); err != nil {
			return err
		}
		if a.view.manners[AnyFull] == nil {
			return nil // one RRset serves (RFC 8482 section 4.1)
		}
	}
	if len(types) == 0 {
		return a.negative()
	}
	return nil
}

func (a *answer) follow(alias []wire.Record, owner holdfast.Name, aliases int) error {
	if err := a.positive(alias, owner); err != nil {
		return err
	}
	target, err := alias[0].Target()
	if err != nil {
		return err
	}
	if aliases >= maxAliases || !target.IsSubdomainOf(a.zone.name) {
		return nil
	}
	return a.lookup(target, aliases+1)
}

// redirect answers from the DNAME of owner, which is above name (RFC 6672
// section 3.2): the DNAME, a CNAME made of it, and what that leads to. A target
// longer than names may be is YXDOMAIN.
func (a *answer) redirect(name, owner holdfast.Name, aliases int) error {
	dname, err := a.set(owner, wire.TypeDNAME)
	if err != nil || len(dname) == 0 {
		return err
	}
	if err := a.positive(dname, owner); err != nil {
		return err
	}
	target, err := dname[0].Target()
	if err != nil {
		return err
	}
	moved := movedTo(name, owner, target)
	if packed, err := wire.PackName(moved); err != nil || len(packed) > maxName {
		a.out.Rcode = yxDomain
		return nil
	}
	alias, err := wire.NewTarget(name, wire.TypeCNAME, dname[0].TTL, moved)
	if err != nil {
		return err
	}
	a.out.Answer = append(a.out.Answer, alias)
	if a.qtype == wire.TypeCNAME || a.qtype == wire.TypeANY || aliases >= maxAliases || !moved.IsSubdomainOf(a.zone.name) {
		return nil
	}
	return a.lookup(moved, aliases+1)
}

const (
	yxDomain = 6   // the response code where the target is too long (RFC 6672 section 2.2)
	maxName  = 255 // octets (RFC 1035 section 2.3.4)
)

// movedTo is a name with the owner of a DNAME, its end, replaced by the target.
func movedTo(name, owner, target holdfast.Name) holdfast.Name {
	if owner != holdfast.Root {
		name = holdfast.Name(strings.TrimSuffix(string(name), string(owner)))
	}
	if target == holdfast.Root {
		return name
	}
	return name + target
}

// meta answers for the types that DNSSEC puts beside the data: they are in the
// type bitmaps, so they may not be denied.
func (a *answer) meta(name, owner holdfast.Name) (done bool, err error) {
	if !a.signed() || a.content.nodes[name].cut {
		return false, nil
	}
	if a.qtype == wire.TypeNSEC {
		return a.ownLink(name, owner)
	}
	types, err := a.types(name)
	if err != nil {
		return false, err
	}
	for _, t := range types {
		set, err := a.set(name, t)
		if err != nil {
			return false, err
		}
		sigs, err := a.sign(set)
		if err != nil {
			return false, err
		}
		for _, sig := range sigs {
			sig.Name, sig.TTL = owner, a.sigTTL(sig.TTL)
			a.out.Answer = append(a.out.Answer, sig)
		}
	}
	return len(a.out.Answer) > 0, nil
}

// ownLink answers with the NSEC of a name.
func (a *answer) ownLink(name, owner holdfast.Name) (bool, error) {
	if a.hashed() || a.view.noProof {
		return false, nil
	}
	if a.compact() {
		types, err := a.types(name)
		if err != nil {
			return false, err
		}
		return true, a.showCompactly(&a.out.Answer, owner, types, false)
	}
	c, err := a.denial()
	if err != nil {
		return false, err
	}
	index, matches := c.find(name)
	if !matches {
		return false, nil
	}
	record, err := a.link(c, index)
	if err != nil {
		return false, err
	}
	return true, a.positive([]wire.Record{record}, owner)
}

// expand answers from a wildcard (RFC 4592), with the proof that the name
// itself does not exist (RFC 4035 section 3.1.3.3, RFC 5155 section 7.2.6).
func (a *answer) expand(name, wildcard, closest, next holdfast.Name, aliases int) error {
	before := len(a.out.Answer)
	if err := a.exact(wildcard, name, aliases); err != nil || !a.do || a.compact() {
		return err
	}
	if len(a.out.Answer) > before {
		return a.proveCover(name, next)
	}
	// NODATA: the wildcard's own record was shown by exact.
	if a.hashed() {
		if err := a.proveMatch(closest); err != nil {
			return err
		}
	}
	return a.proveCover(name, next)
}

// negative puts the SOA into the authority section (RFC 2308 section 3).
func (a *answer) negative() error {
	if a.view.noSOA {
		return nil
	}
	soa, err := a.set(a.zone.name, wire.TypeSOA)
	if err != nil {
		return err
	}
	before := len(a.out.Authority)
	if err := a.put(&a.out.Authority, soa, a.zone.name); err != nil {
		return err
	}
	for i := range a.out.Authority[before:] {
		r := &a.out.Authority[before+i]
		r.TTL = min(r.TTL, a.negativeTTL())
	}
	return nil
}

// refer answers with the delegation of a child (RFC 1034 section 4.3.2,
// RFC 4035 section 3.1.4).
func (a *answer) refer(cut holdfast.Name) error {
	ns, err := a.set(cut, wire.TypeNS)
	if err != nil {
		return err
	}
	a.out.Authority = append(a.out.Authority, ns...)
	if a.do {
		if err := a.proveDelegation(cut); err != nil {
			return err
		}
	}
	for _, r := range ns {
		target, err := r.Target()
		if err != nil {
			return err
		}
		for _, t := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
			a.out.Additional = append(a.out.Additional, a.content.set(target, t)...)
		}
	}
	return nil
}

func (a *answer) proveDelegation(cut holdfast.Name) error {
	ds, err := a.set(cut, wire.TypeDS)
	if err != nil {
		return err
	}
	if len(ds) > 0 {
		return a.put(&a.out.Authority, ds, cut)
	}
	return a.proveNoData(cut)
}

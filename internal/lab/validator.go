package lab

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// verdict is what a validator makes of data (RFC 4035 section 4.3).
type verdict int

const (
	secure verdict = iota
	insecure
	bogus
)

// Info-codes of extended errors (RFC 8914 section 4).
const (
	edeBogus       = 6
	edeExpired     = 7
	edeNotYet      = 8
	edeKeyMissing  = 9
	edeSigsMissing = 10
	edeNSECMissing = 12
	edeNoAuthority = 22
)

// silences are the faults of every server of a zone that leave a resolver
// without an answer.
var silences = []Kind{Refuse, TimeOut, ServFail, ConnRefused, Unreachable, Lame, LameUpward, LameEmpty, Truncate, Garbage, WrongSource}

// validation is one question in the hands of a validator. It sees each zone as
// its primary has it, with the faults of every server. It verifies what is
// there; what a proof proves it does not ask.
type validation struct {
	in  *Internet
	now time.Time
	ede uint16 // why the answer is not to be had; 0: it is
}

// validate answers as a validating resolver does (RFC 4035 section 3.2).
func (x *exchange) validate(buf []byte) []byte {
	q := x.q
	if !q.rd { // a cache is nobody else's to look into
		return x.plain(buf, wire.Refused, false)
	}
	v := &validation{in: x.in, now: x.now}
	message, found, err := v.answer(x.server, holdfast.Name(q.name), q.qtype, true)
	if err == nil && !q.do {
		message, _, err = v.answer(x.server, holdfast.Name(q.name), q.qtype, false)
	}
	if err != nil {
		return x.plain(buf, wire.ServFail, false)
	}
	if x.disagrees() {
		found, v.ede = bogus, edeBogus
	}
	if message == nil || found == bogus && !q.cd {
		x.ede = v.ede
		return x.plain(buf, wire.ServFail, false)
	}
	message.Authoritative = false
	packet, err := pack(message)
	if err != nil {
		return x.plain(buf, wire.ServFail, false)
	}
	out := x.fit(buf, prepared{packet: packet, rcode: message.Rcode})
	if wanted := q.do || x.packet[3]&0x20 != 0; wanted && found == secure { // RFC 6840 sections 5.7 and 5.8
		out[3] |= 0x20
	}
	return out
}

// disagrees says whether a fault has the validator fail for the zone, or for
// one above it.
func (x *exchange) disagrees() bool {
	for z := x.zone; z != nil; z = z.parent {
		if x.in.viewOf(x.server, z.name, x.now).manners[Disagree] != nil {
			return true
		}
	}
	return false
}

// answer asks from zone to zone, as far as aliases lead. The message is nil
// where some zone cannot be asked.
func (v *validation) answer(s *server, name holdfast.Name, qtype wire.Type, do bool) (*wire.Message, verdict, error) {
	out := &wire.Message{Response: true, Question: []holdfast.Question{{Name: name, Type: uint16(qtype)}}}
	worst := secure
	for range maxAliases {
		z := s.closest([]byte(name), qtype)
		if v.silent(z) {
			v.ede = edeNoAuthority
			return nil, bogus, nil
		}
		f := v.in.newFrame(z, nil, v.now)
		part, err := f.resolve(name, qtype, do)
		if err != nil {
			return nil, bogus, err
		}
		if !part.Authoritative { // a delegation to servers that the lab has not
			v.ede = edeNoAuthority
			return nil, bogus, nil
		}
		if do {
			worst = max(worst, v.judge(z, part))
		}
		out.Rcode = part.Rcode
		out.Answer, out.Authority = append(out.Answer, part.Answer...), append(out.Authority, part.Authority...)
		target := leadsTo(part.Answer, name, qtype)
		if target == name || part.Rcode != wire.NoError || s.closest([]byte(target), qtype) == z {
			break
		}
		name = target
	}
	return out, worst, nil
}

// silent says whether none of the servers of a zone, or of one above it, gives
// an answer that can be used.
func (v *validation) silent(z *zone) bool {
	for ; z != nil; z = z.parent {
		view := v.in.viewOf(nil, z.name, v.now)
		if slices.ContainsFunc(silences, func(k Kind) bool { return view.manners[k] != nil }) {
			return true
		}
	}
	return false
}

// leadsTo is the name at the end of the aliases in an answer.
func leadsTo(answer []wire.Record, name holdfast.Name, qtype wire.Type) holdfast.Name {
	if qtype == wire.TypeCNAME || qtype == wire.TypeANY {
		return name
	}
	for range answer {
		i := slices.IndexFunc(answer, func(r wire.Record) bool { return r.Name == name && r.Type == wire.TypeCNAME })
		if i < 0 {
			break
		}
		target, err := answer[i].Target()
		if err != nil {
			break
		}
		name = target
	}
	return name
}

// judge says what a zone's answer is, and notes why where it is bogus.
func (v *validation) judge(z *zone, m *wire.Message) verdict {
	keys, found := v.keys(z)
	if found != secure {
		return found
	}
	if len(m.Answer) == 0 && !slices.ContainsFunc(m.Authority, isProof) {
		return v.fail(edeNSECMissing)
	}
	for _, section := range [][]wire.Record{m.Answer, m.Authority} {
		for len(section) > 0 {
			set, rest := firstSet(section)
			section = rest
			if set[0].Type == wire.TypeRRSIG || madeOfDNAME(set, m.Answer) {
				continue
			}
			if ede := v.verify(z, set, signaturesOf(set, m), keys); ede != 0 {
				return v.fail(ede)
			}
		}
	}
	if optedOut(z, m) {
		return insecure
	}
	return secure
}

// optedOut says whether an unsigned delegation may hide where a proof says that
// there is nothing (RFC 5155 section 9.2): some NSEC3 with opt-out stands at no
// name that the answer speaks of, so it is there for what it spans.
func optedOut(z *zone, m *wire.Message) bool {
	names := []holdfast.Name{m.Question[0].Name}
	for _, r := range m.Answer {
		if target, err := r.Target(); err == nil && r.Type == wire.TypeCNAME {
			names = append(names, target)
		}
	}
	return slices.ContainsFunc(m.Authority, func(r wire.Record) bool {
		nsec3, err := r.NSEC3()
		return err == nil && nsec3.OptOut && !slices.ContainsFunc(names, func(name holdfast.Name) bool { return standsAbove(z, r.Name, nsec3, name) })
	})
}

// standsAbove says whether an NSEC3 is that of a name, of one above it in the
// zone, or of a wildcard there.
func standsAbove(z *zone, owner holdfast.Name, nsec3 wire.NSEC3, name holdfast.Name) bool {
	for ; name.IsSubdomainOf(z.name); name = name.Parent() {
		for _, candidate := range []holdfast.Name{name, wildcardOf(name)} {
			hash, err := wire.HashName(candidate, nsec3.Iterations, nsec3.Salt)
			if err == nil && childOf(wire.HashLabel(hash), z.name) == owner {
				return true
			}
		}
		if name == holdfast.Root {
			break
		}
	}
	return false
}

func isProof(r wire.Record) bool { return r.Type == wire.TypeNSEC || r.Type == wire.TypeNSEC3 }

func (v *validation) fail(ede uint16) verdict {
	v.ede = ede
	return bogus
}

// keys are those that a zone's data may be signed with, from the root's trust
// anchors down.
func (v *validation) keys(z *zone) ([]wire.DNSKEY, verdict) {
	ds, found := v.delegation(z)
	if found != secure {
		return nil, found
	}
	m, err := v.in.newFrame(z, nil, v.now).resolve(z.name, wire.TypeDNSKEY, true)
	if err != nil {
		return nil, v.fail(edeBogus)
	}
	var set []wire.Record
	var all, entries []wire.DNSKEY
	for _, r := range m.Answer {
		if r.Type != wire.TypeDNSKEY {
			continue
		}
		set = append(set, r)
		key, err := r.DNSKEY()
		if err != nil {
			continue
		}
		if all = append(all, key); slices.ContainsFunc(ds, func(d holdfast.DS) bool { return matches(d, z.name, key) }) {
			entries = append(entries, key)
		}
	}
	if len(entries) == 0 {
		return nil, v.fail(edeKeyMissing)
	}
	if ede := v.verify(z, set, signaturesOf(set, m), entries); ede != 0 {
		return nil, v.fail(ede)
	}
	return all, secure
}

// delegation is the DS RRset of a zone, of the algorithms that are known. A zone
// without any is insecure (RFC 4035 section 5.2).
func (v *validation) delegation(z *zone) ([]holdfast.DS, verdict) {
	var records []wire.Record
	if z.parent == nil {
		anchors, err := v.in.TrustAnchors()
		if err != nil {
			return nil, v.fail(edeBogus)
		}
		records = anchors
	} else {
		m, err := v.in.newFrame(z.parent, nil, v.now).resolve(z.name, wire.TypeDS, true)
		if err != nil {
			return nil, v.fail(edeBogus)
		}
		if found := v.judge(z.parent, m); found != secure {
			return nil, found
		}
		records = m.Answer
	}
	var out []holdfast.DS
	for _, r := range records {
		if ds, err := r.DS(); err == nil && wire.Supported(ds.Algorithm) && wire.DigestSupported(ds.DigestType) {
			out = append(out, ds)
		}
	}
	if len(out) == 0 {
		return nil, insecure
	}
	return out, secure
}

func matches(ds holdfast.DS, zone holdfast.Name, key wire.DNSKEY) bool {
	digest, err := key.Digest(zone, ds.DigestType)
	return err == nil && key.Flags&flagRevoke == 0 && digest.KeyTag == ds.KeyTag && digest.Algorithm == ds.Algorithm && slices.Equal(digest.Digest, ds.Digest)
}

// verify wants one good signature over an RRset (RFC 4035 section 5.3), and
// answers 0, or the info-code that says what came nearest.
func (v *validation) verify(z *zone, set []wire.Record, sigs []wire.RRSIG, keys []wire.DNSKEY) uint16 {
	ede := uint16(edeSigsMissing)
	for _, sig := range sigs {
		if sig.Signer != z.name {
			ede = edeBogus
			continue
		}
		begins, ends := sig.Times(v.now)
		switch {
		case v.now.After(ends):
			ede = edeExpired
			continue
		case v.now.Before(begins):
			ede = edeNotYet
			continue
		}
		for _, key := range keys {
			if wire.Verify(sig, key, set) == nil {
				return 0
			}
		}
		ede = edeBogus
	}
	return ede
}

// firstSet splits the first RRset off a section.
func firstSet(section []wire.Record) (set, rest []wire.Record) {
	for _, r := range section {
		if r.Name == section[0].Name && r.Type == section[0].Type {
			set = append(set, r)
		} else {
			rest = append(rest, r)
		}
	}
	return set, rest
}

// signaturesOf are the signatures in a message over an RRset in it.
func signaturesOf(set []wire.Record, m *wire.Message) []wire.RRSIG {
	var out []wire.RRSIG
	for _, r := range slices.Concat(m.Answer, m.Authority) {
		if sig, err := r.RRSIG(); err == nil && r.Name == set[0].Name && sig.Covered == set[0].Type {
			out = append(out, sig)
		}
	}
	return out
}

// madeOfDNAME says whether an RRset is the CNAME that a DNAME in the answer
// stands for, which nobody signs (RFC 6672 section 5.3.1).
func madeOfDNAME(set, answer []wire.Record) bool {
	return set[0].Type == wire.TypeCNAME && slices.ContainsFunc(answer, func(r wire.Record) bool {
		return r.Type == wire.TypeDNAME && r.Name != set[0].Name && set[0].Name.IsSubdomainOf(r.Name)
	})
}

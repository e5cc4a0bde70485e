package lab

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// propagation is how long a step leaves the zone's secondaries, and its
// parent's, to follow (Dprp and DprpP of RFC 7583).
const propagation = time.Hour

// roller plays a zone's rollovers through, and writes the phases down.
type roller struct {
	z     *zone
	roll  Rollover
	state keyState
	now   time.Time

	key, ds, all, ns time.Duration // TTLs: of DNSKEY, of DS, the highest of the zone, of NS
}

// plan works out the phases of a zone's keys from its plan. It is called once
// the content is whole.
func (z *zone) plan(rolls []Rollover) error {
	for i, a := range z.signing.Algorithms {
		z.begin(i, a)
	}
	r := &roller{z: z, key: time.Duration(z.keyTTL(z.content.set(z.name, wire.TypeSOA)[0].TTL)) * time.Second}
	r.ns, r.all = max(z.ttl.NS, z.ttl.Delegation), r.key
	for _, n := range z.content.nodes {
		for _, set := range n.sets {
			r.all = max(r.all, time.Duration(set[0].TTL)*time.Second)
		}
	}
	if z.parent != nil {
		r.ds = time.Duration(z.dsTTL(z.parent.content.nodes[z.name])) * time.Second
	}
	rolls = expand(rolls)
	r.state = z.initial(rolls)
	z.phases = []phase{{state: r.state.clone()}}
	for _, roll := range rolls {
		last := z.phases[len(z.phases)-1].at
		if !roll.At.After(last) {
			return fmt.Errorf("zone %s: rollover %s at %s begins before the one before it has ended, at %s", z.name, roll.Kind,
				roll.At.Format(time.RFC3339), last.Format(time.RFC3339))
		}
		r.roll = roll
		if err := r.run(); err != nil {
			return fmt.Errorf("zone %s: rollover %s: %w", z.name, roll.Kind, err)
		}
	}
	return nil
}

// expand writes rollovers that begin again out, and orders all by instant.
func expand(rolls []Rollover) []Rollover {
	var out []Rollover
	for _, roll := range rolls {
		times := 1
		if roll.Every > 0 {
			times = maxRolls
		}
		for n := range times {
			next := roll
			next.At = roll.At.Add(time.Duration(n) * roll.Every).Truncate(time.Second).UTC()
			out = append(out, next)
		}
	}
	slices.SortStableFunc(out, func(a, b Rollover) int { return a.At.Compare(b.At) })
	return out
}

// begin puts the keys of one algorithm on the ring: a KSK and a ZSK, or a CSK,
// or both.
func (z *zone) begin(i int, a Algorithm) {
	add := func(flags uint16, role string) {
		z.ring = append(z.ring, &ringKey{algorithm: a, flags: flags, purpose: fmt.Sprint(i, role), twinOf: -1})
	}
	add(wire.FlagZone|wire.FlagSEP, "ksk")
	if !z.signing.CSK {
		add(wire.FlagZone, "zsk")
	}
}

// initial is where the zone stands at first.
func (z *zone) initial(rolls []Rollover) keyState {
	s := keyState{signed: !z.signing.Unsigned}
	for id, k := range z.ring {
		sep := k.flags&wire.FlagSEP != 0
		s.copies[0] = append(s.copies[0], keyUse{id: id, published: true, keys: sep, data: !sep || z.signing.CSK})
		if sep && !z.signing.Island {
			s.ds = append(s.ds, id)
		}
	}
	s.cds = s.ds
	if len(rolls) > 0 && rolls[0].Kind == GoSecure {
		s.signed = false
	}
	if !s.signed {
		s.ds, s.cds = nil, nil
	}
	if len(z.partners) > 0 {
		z.addPartner(&s)
		joins := slices.ContainsFunc(rolls, func(r Rollover) bool { return r.Kind == Multisigner1Join || r.Kind == Multisigner2Join })
		if !joins {
			s.importKeys()
			s.partner = true
			s.ds = z.partnerDS(s)
			s.cds = s.ds
		}
	}
	return s
}

// addPartner gives the partner its keys: a ZSK, and in the second model of RFC
// 8901 a KSK, of the first algorithm.
func (z *zone) addPartner(s *keyState) {
	a := z.signing.Algorithms[0]
	if z.model == 1 {
		for _, u := range s.copies[0] {
			if u.keys {
				s.copies[1] = append(s.copies[1], keyUse{id: u.id, published: true, keys: true})
			}
		}
	} else {
		id := z.newRingKey(a, wire.FlagZone|wire.FlagSEP, "partner-ksk")
		s.copies[1] = append(s.copies[1], keyUse{id: id, published: true, keys: true})
	}
	id := z.newRingKey(a, wire.FlagZone, "partner-zsk")
	s.copies[1] = append(s.copies[1], keyUse{id: id, published: true, data: true})
}

func (z *zone) newRingKey(a Algorithm, flags uint16, role string) int {
	z.ring = append(z.ring, &ringKey{algorithm: a, flags: flags, purpose: fmt.Sprint(len(z.ring), role), twinOf: -1})
	return len(z.ring) - 1
}

// importKeys publishes each provider's ZSK at the other.
func (s *keyState) importKeys() {
	mine, theirs := slices.Clone(s.copies[0]), slices.Clone(s.copies[1])
	for _, u := range theirs {
		if u.data {
			s.copies[0] = append(s.copies[0], keyUse{id: u.id, published: true})
		}
	}
	for _, u := range mine {
		if u.data {
			s.copies[1] = append(s.copies[1], keyUse{id: u.id, published: true})
		}
	}
}

// partnerDS are the DS of both providers' KSKs.
func (z *zone) partnerDS(s keyState) []int {
	if !s.signed || z.signing.Island {
		return nil
	}
	out := slices.Clone(s.ds)
	for _, u := range s.copies[1] {
		if u.keys && !slices.Contains(out, u.id) {
			out = append(out, u.id)
		}
	}
	return out
}

// at is the first step of a rollover.
func (r *roller) at(text string, change func(*keyState)) {
	r.now = r.roll.At
	r.note(text, change)
}

// after is a step that comes once a TTL has passed since the one before, and
// the copies have followed.
func (r *roller) after(ttl time.Duration, text string, change func(*keyState)) {
	wait := ttl + propagation
	if r.roll.Step > 0 {
		wait = r.roll.Step
	}
	r.now = r.now.Add(wait)
	r.note(text, change)
}

func (r *roller) note(text string, change func(*keyState)) {
	old := r.state
	r.state = r.state.clone()
	change(&r.state)
	r.z.phases = append(r.z.phases, newPhase(r.now, string(r.roll.Kind)+": "+text, old, r.state.clone()))
}

// newPhase notes what changes from one state to the next.
func newPhase(at time.Time, text string, old, next keyState) phase {
	p := phase{at: at, text: text, state: next}
	p.parent = !slices.Equal(old.ds, next.ds) || old.noKey != next.noKey || old.partner != next.partner
	p.data = old.signed != next.signed || !slices.Equal(dataSigners(old), dataSigners(next))
	p.own = p.data || old.partner != next.partner || old.delete != next.delete || !slices.Equal(old.cds, next.cds) ||
		!slices.Equal(old.copies[0], next.copies[0]) || !slices.Equal(old.copies[1], next.copies[1])
	return p
}

func dataSigners(s keyState) []int {
	var out []int
	for provider, uses := range s.copies {
		for _, u := range uses {
			if u.data {
				out = append(out, u.id*len(s.copies)+provider)
			}
		}
	}
	return out
}

// ids are the keys of a copy for which a use holds.
func (s *keyState) ids(which func(keyUse) bool) []int {
	var out []int
	for _, u := range s.copies[0] {
		if which(u) {
			out = append(out, u.id)
		}
	}
	return out
}

// each changes the uses of keys in the zone's own copy.
func (s *keyState) each(ids []int, change func(*keyUse)) {
	for i := range s.copies[0] {
		if slices.Contains(ids, s.copies[0][i].id) {
			change(&s.copies[0][i])
		}
	}
}

func (s *keyState) remove(ids []int) {
	s.copies[0] = slices.DeleteFunc(s.copies[0], func(u keyUse) bool { return slices.Contains(ids, u.id) })
}

func (s *keyState) add(ids []int, u keyUse) {
	for _, id := range ids {
		u.id = id
		s.copies[0] = append(s.copies[0], u)
	}
}

// setDS has the parent speak of other keys.
func (r *roller) setDS(s *keyState, ids []int) {
	if !r.z.signing.Island {
		s.ds, s.noKey = ids, r.roll.Unsafe == DSWrong
	}
}

func (r *roller) setCDS(s *keyState, ids []int) {
	if !r.z.signing.Island {
		s.cds = ids
	}
}

// successors are new keys for old ones.
func (r *roller) successors(old []int) []int {
	out := make([]int, 0, len(old))
	for _, id := range old {
		k := r.z.ring[id]
		role := "zsk"
		if k.flags&wire.FlagSEP != 0 {
			role = "ksk"
		}
		next := r.z.newRingKey(k.algorithm, k.flags, role)
		if r.roll.SameTag {
			r.z.ring[next].twinOf = id
		}
		out = append(out, next)
	}
	return out
}

package lab

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// run plays one rollover through.
func (r *roller) run() error {
	if err := r.possible(); err != nil {
		return err
	}
	switch r.roll.Kind {
	case ZSKPrePublish:
		r.prePublish()
	case ZSKDoubleSignature:
		r.doubleZSK()
	case KSKDoubleSignature, CSKDoubleSignature, KSKRevoke:
		r.doubleKSK()
	case KSKDoubleDS:
		r.doubleDS()
	case AlgorithmConservative, AlgorithmLiberal:
		r.algorithm()
	case GoInsecure:
		r.insecure()
	case GoSecure:
		r.secure()
	case Multisigner1Join, Multisigner2Join:
		r.join()
	case Multisigner1Leave, Multisigner2Leave:
		r.leave()
	}
	return nil
}

// possible refuses a rollover of what the zone does not have.
func (r *roller) possible() error {
	csk := slices.ContainsFunc(r.state.copies[0], func(u keyUse) bool { return u.keys && u.data })
	kind, joined := r.roll.Kind, r.state.partner
	leaves := kind == Multisigner1Leave || kind == Multisigner2Leave
	joins := kind == Multisigner1Join || kind == Multisigner2Join
	model := 2
	if kind == Multisigner1Join || kind == Multisigner1Leave {
		model = 1
	}
	switch {
	case !r.state.signed && kind != GoSecure:
		return fmt.Errorf("the zone is unsigned then")
	case r.state.signed && kind == GoSecure:
		return fmt.Errorf("the zone is signed already then")
	case csk != (kind == CSKDoubleSignature) && slices.Contains([]RollKind{ZSKPrePublish, ZSKDoubleSignature, KSKDoubleSignature, KSKDoubleDS, KSKRevoke, CSKDoubleSignature}, kind):
		return fmt.Errorf("the zone has a CSK, or has none: %v", csk)
	case (joins || leaves) && (len(r.z.partners) == 0 || r.z.model != model):
		return fmt.Errorf("want partner servers, and multisigner %d", model)
	case joins && joined, leaves && !joined:
		return fmt.Errorf("the partner has joined already, or not yet: %v", joined)
	case joined && !leaves:
		return fmt.Errorf("a zone of two providers rolls no keys here")
	}
	return nil
}

func (r *roller) is(h Hazard) bool { return r.roll.Unsafe == h }

func signsData(u keyUse) bool { return u.data }
func signsKeys(u keyUse) bool { return u.keys }

func (r *roller) prePublish() {
	old := r.state.ids(signsData)
	next := r.successors(old)
	sign := func(s *keyState) {
		s.each(old, func(u *keyUse) { u.data = false })
		s.each(next, func(u *keyUse) { u.data = true })
	}
	switch {
	case r.is(SignEarly):
		r.at("a new ZSK is published and signs at once", func(s *keyState) { s.add(next, keyUse{published: true}); sign(s) })
	case r.is(KeyEarly):
		r.at("a new ZSK is published", func(s *keyState) { s.add(next, keyUse{published: true}) })
		r.after(r.key, "the new ZSK signs, and the old is gone at once", func(s *keyState) { sign(s); s.remove(old) })
		return
	default:
		r.at("a new ZSK is published", func(s *keyState) { s.add(next, keyUse{published: true}) })
		r.after(r.key, "the new ZSK signs", sign)
	}
	r.after(r.all, "the old ZSK is gone", func(s *keyState) { s.remove(old) })
}

func (r *roller) doubleZSK() {
	old := r.state.ids(signsData)
	next := r.successors(old)
	r.at("a new ZSK is published and signs", func(s *keyState) {
		s.add(next, keyUse{published: true, data: true})
		switch {
		case r.is(SignEarly):
			s.each(old, func(u *keyUse) { u.data = false })
		case r.is(KeyEarly):
			s.remove(old)
		}
	})
	if !r.is(KeyEarly) {
		r.after(max(r.key, r.all), "the old ZSK is gone", func(s *keyState) { s.remove(old) })
	}
}

// doubleKSK is the double-signature rollover of KSK and CSK, and, with the old
// key revoked before it goes, that of RFC 5011.
func (r *roller) doubleKSK() {
	old := r.state.ids(signsKeys)
	next := r.successors(old)
	csk := r.roll.Kind == CSKDoubleSignature
	wait := r.key
	if csk {
		wait = max(r.key, r.all)
	}
	r.at("a new key is published and signs", func(s *keyState) {
		s.add(next, keyUse{published: true, keys: true, data: csk})
		if csk && r.is(SignEarly) {
			s.each(old, func(u *keyUse) { u.data = false })
		}
		if r.is(DSEarly) {
			r.setCDS(s, next)
			r.setDS(s, next)
		}
	})
	if r.is(KeyFirst) {
		r.after(wait, "the old key is gone", func(s *keyState) { s.remove(old) })
	}
	if !r.is(DSEarly) {
		r.changeDS(wait, next, func(s *keyState) {
			if r.is(KeyEarly) {
				s.remove(old)
			}
		})
	}
	switch {
	case r.is(KeyFirst), r.is(KeyEarly):
	case r.roll.Kind == KSKRevoke:
		r.after(r.ds, "the old key is revoked", func(s *keyState) { s.each(old, func(u *keyUse) { u.revoked = true }) })
		r.after(30*day-propagation, "the old key is gone", func(s *keyState) { s.remove(old) })
	default:
		r.after(r.ds, "the old key is gone", func(s *keyState) { s.remove(old) })
	}
}

// changeDS has the CDS speak of other keys, and then the parent.
func (r *roller) changeDS(wait time.Duration, ids []int, also func(*keyState)) {
	if r.z.signing.Island || r.z.parent == nil {
		if r.z.parent == nil {
			wait += 30 * day // the add hold-down of those who follow (RFC 5011 section 2.4.1)
		}
		r.after(wait, "trust anchors may change", func(s *keyState) { r.setCDS(s, ids); r.setDS(s, ids); also(s) })
		return
	}
	if !r.z.signing.NoCDS {
		r.after(wait, "CDS and CDNSKEY change", func(s *keyState) { r.setCDS(s, ids) })
		wait = 0
	}
	r.after(wait, "the DS in the parent change", func(s *keyState) { r.setCDS(s, ids); r.setDS(s, ids); also(s) })
}

func (r *roller) doubleDS() {
	old := r.state.ids(signsKeys)
	next := r.successors(old)
	both := slices.Concat(old, next)
	swap := func(s *keyState) {
		s.remove(old)
		s.add(next, keyUse{published: true, keys: true})
	}
	if !r.z.signing.NoCDS {
		r.at("CDS and CDNSKEY speak of a new key also", func(s *keyState) { r.setCDS(s, both) })
		r.after(0, "the parent has DS of both keys", func(s *keyState) { r.setDS(s, both) })
	} else {
		r.at("the parent has DS of both keys", func(s *keyState) { r.setDS(s, both) })
	}
	if r.is(KeyEarly) {
		r.roll.Step = 10 * time.Minute // what follows comes before the old DS has left the caches
	}
	r.after(r.ds, "the new key takes the place of the old", swap)
	r.changeDS(r.key, next, func(*keyState) {})
}

func (r *roller) algorithm() {
	old := r.state.ids(func(keyUse) bool { return true })
	next := r.successors(old)
	for _, id := range next {
		r.z.ring[id].algorithm = r.roll.Algorithm
	}
	next = next[:r.perAlgorithm()]
	sep := slices.DeleteFunc(slices.Clone(next), func(id int) bool { return r.z.ring[id].flags&wire.FlagSEP == 0 })
	publish := func(s *keyState) {
		s.each(next, func(u *keyUse) { u.published = true })
		s.each(sep, func(u *keyUse) { u.keys = true })
	}
	wait := max(r.key, r.all)
	sign := func(s *keyState) {
		for _, id := range next {
			s.add([]int{id}, keyUse{data: r.z.ring[id].flags&wire.FlagSEP == 0 || r.z.signing.CSK})
		}
	}
	early := func(s *keyState) {
		if r.is(SignEarly) { // the old algorithm signs no more, though the DS speak of it
			s.each(old, func(u *keyUse) { u.data = false })
		}
		if r.is(DSEarly) {
			r.setCDS(s, sep)
			r.setDS(s, sep)
		}
	}
	if r.roll.Kind == AlgorithmConservative {
		r.at("the new algorithm signs", sign)
		r.after(r.all, "the keys of the new algorithm are published", func(s *keyState) { publish(s); early(s) })
		wait = r.key
	} else {
		r.at("the new algorithm signs, and its keys are published", func(s *keyState) { sign(s); publish(s); early(s) })
	}
	if r.is(KeyFirst) {
		r.after(wait, "all of the old algorithm is gone", func(s *keyState) { s.remove(old) })
	}
	if !r.is(DSEarly) {
		r.changeDS(wait, sep, func(s *keyState) {
			if r.is(KeyEarly) {
				s.remove(old)
			}
		})
	}
	switch {
	case r.is(KeyFirst), r.is(KeyEarly):
	case r.roll.Kind == AlgorithmConservative:
		r.after(r.ds, "the old keys are gone", func(s *keyState) {
			s.each(old, func(u *keyUse) { u.published, u.keys = false, false })
		})
		r.after(r.key, "the signatures of the old algorithm are gone", func(s *keyState) { s.remove(old) })
	default:
		r.after(r.ds, "all of the old algorithm is gone", func(s *keyState) { s.remove(old) })
	}
}

// perAlgorithm is how many keys the zone has of each algorithm.
func (r *roller) perAlgorithm() int {
	if r.z.signing.CSK {
		return 1
	}
	return 2
}

func (r *roller) insecure() {
	unsign := func(s *keyState) { s.signed, s.delete, s.cds = false, false, nil }
	r.at("CDS and CDNSKEY ask for the DS to go", func(s *keyState) {
		if s.delete = !r.z.signing.NoCDS; r.is(KeyFirst) {
			unsign(s)
		}
	})
	r.after(0, "the parent has no DS any more", func(s *keyState) {
		if r.setDS(s, nil); r.is(KeyEarly) {
			unsign(s)
		}
	})
	if r.state.signed {
		r.after(r.ds, "the zone is unsigned", unsign)
	}
}

func (r *roller) secure() {
	sep := r.state.ids(signsKeys)
	r.at("the zone is signed", func(s *keyState) {
		s.signed = true
		r.setCDS(s, sep)
		if r.is(DSEarly) {
			s.signed = false
			r.setDS(s, sep)
		}
	})
	r.after(max(r.key, r.all), "the parent has DS", func(s *keyState) {
		s.signed = true
		r.setDS(s, sep)
	})
}

func (r *roller) join() {
	r.at("each provider imports the other's ZSK", func(s *keyState) {
		if !r.is(NoImport) {
			s.importKeys()
		}
		if r.is(DSEarly) {
			s.partner = true
		}
	})
	both := r.z.partnerDS(r.state)
	wait := r.key
	if r.roll.Kind == Multisigner2Join {
		r.changeDS(0, both, func(*keyState) {})
		wait = max(r.key, r.ds)
	}
	if !r.is(DSEarly) {
		r.after(wait, "the partner's servers are in the NS RRsets", func(s *keyState) { s.partner = true })
	}
}

func (r *roller) leave() {
	theirs := map[int]bool{}
	for _, u := range r.state.copies[1] {
		if u.data || r.roll.Kind == Multisigner2Leave && u.keys {
			theirs[u.id] = true
		}
	}
	gone := func(s *keyState) {
		s.copies[0] = slices.DeleteFunc(s.copies[0], func(u keyUse) bool { return theirs[u.id] })
	}
	mine := slices.DeleteFunc(slices.Clone(r.state.ds), func(id int) bool { return theirs[id] })
	r.at("the partner's servers leave the NS RRsets", func(s *keyState) {
		if s.partner = false; r.is(KeyEarly) {
			gone(s)
		}
	})
	wait := r.ns + max(r.key, r.all)
	if !r.is(KeyEarly) {
		r.after(wait, "the partner's ZSK is gone", gone)
	}
	if r.roll.Kind == Multisigner2Leave {
		r.changeDS(0, mine, func(*keyState) {})
	}
}

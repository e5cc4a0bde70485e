package dnssec

import (
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// way goes down from the zone where the walk began for a name to the one that
// answers for it, a step a zone, and gives the last word.
func (r *resolver) way(name holdfast.Name) word {
	at := r.begin(name)
	for at != nil && len(r.out.Steps) < maxSteps {
		replies := r.named(at.zone, name)
		taken, reply := r.take(replies, name, at)
		if below := r.within(replies, name, at); below != at {
			if len(r.named(below.zone, name)) > 0 {
				r.step(at, name, word{
					kind: KindCut, next: below.zone, says: "the same servers hold " + string(below.zone) + " too", verdict: at.verdict(),
				}, reply, nil)
				at = below
				continue
			}
			at = below // a zone that is not secure: what was said is its word
			taken, reply = r.take(replies, name, at)
		}
		r.step(at, name, taken, reply, replies)
		if taken.kind != KindReferral {
			return taken
		}
		if len(r.named(taken.next, name)) == 0 {
			return r.astray(taken, name)
		}
		at = r.enter(taken.next, at)
	}
	return word{kind: KindNothing, verdict: verdict{
		status: holdfast.Indeterminate, ede: edeUnknown, reference: "RFC 4035 section 4.3",
		reason: fmt.Sprintf("the way to %s was not followed to its end", name),
	}}
}

// astray is the word where a referral leads to servers that were not asked:
// none has an address that can be found.
func (r *resolver) astray(referral word, name holdfast.Name) word {
	at := r.enter(referral.next, r.grounds[r.out.Steps[len(r.out.Steps)-1].Zone])
	out := word{kind: KindNothing, says: "nobody was asked", verdict: verdict{
		status: holdfast.Indeterminate, ede: edeNoServer, reference: "RFC 1034 section 5.3.3",
		reason: fmt.Sprintf("no server of %s could be asked: no address was found, or the way leads in a circle", referral.next),
	}}
	if at.status == holdfast.Bogus {
		out.verdict = at.verdict()
	}
	r.step(at, name, out, judge.Reply{}, nil)
	return out
}

// begin is the zone that the walk asked for the name first: the highest of
// those that are known.
func (r *resolver) begin(name holdfast.Name) *ground {
	if len(r.grounds) == 0 {
		return r.enter(holdfast.Root, nil)
	}
	var highest *ground
	for zone, g := range r.grounds {
		if len(r.named(zone, name)) > 0 && (highest == nil || zone.Labels() < highest.zone.Labels()) {
			highest = g
		}
	}
	return highest
}

// named are the replies of a zone's servers to the question for a name.
func (r *resolver) named(zone, name holdfast.Name) []judge.Reply {
	return slices.DeleteFunc(r.kase.Replies(zone, holdfast.PurposeName), func(reply judge.Reply) bool {
		return reply.Exchange.Question.Name != name || reply.Exchange.Question.Type != uint16(r.t)
	})
}

// take is the word that a resolver would go on with: of those that lead to an
// end or to servers that were asked, the one worth most, for any valid path
// suffices (RFC 6840 section 5.4).
func (r *resolver) take(replies []judge.Reply, name holdfast.Name, at *ground) (word, judge.Reply) {
	best, taken, from := -1, word{}, judge.Reply{}
	for _, reply := range replies {
		w := r.hear(reply, name, at)
		rank := 10 * slices.Index([]holdfast.Status{holdfast.Indeterminate, holdfast.Bogus, holdfast.Insecure, holdfast.Secure}, w.status)
		if w.kind == KindNothing {
			rank = 0
		} else if w.next == "" || r.followed(w) {
			rank += 100
		}
		if rank > best {
			best, taken, from = rank, w, reply
		}
	}
	switch {
	case best < 0:
		taken = word{kind: KindNothing, says: "nobody was asked", verdict: verdict{
			status: holdfast.Indeterminate, ede: edeNoServer, reference: "RFC 4035 section 4.3",
			reason: fmt.Sprintf("no server of %s was asked", at.zone),
		}}
	case taken.kind == KindNothing:
		taken.reason = fmt.Sprintf("no server of %s gave a reply of use (%s)", at.zone, taken.reason)
	}
	if taken.kind == KindNothing {
		from = judge.Reply{}
		if at.status == holdfast.Bogus {
			taken.verdict = at.verdict()
		}
	}
	return taken, from
}

func (r *resolver) followed(w word) bool {
	if w.kind == KindReferral {
		return slices.ContainsFunc(r.kase.Replies(w.next, holdfast.PurposeName), func(judge.Reply) bool { return true })
	}
	for i := range r.kase.Measurement.Exchanges {
		e := &r.kase.Measurement.Exchanges[i]
		if e.Purpose == holdfast.PurposeName && e.Question.Name == w.next {
			return true
		}
	}
	return false
}

// within finds a zone that the servers of at hold too, so that no referral
// showed it: one in whose name the replies are signed, or, where nothing in
// them is signed, one on the way to the name that is shown to be unsigned.
func (r *resolver) within(replies []judge.Reply, name holdfast.Name, at *ground) *ground {
	if at.status != holdfast.Secure {
		return at
	}
	if r.t == wire.TypeDS && name != holdfast.Root {
		name = name.Parent()
	}
	for _, reply := range replies {
		if to, _ := r.referral(reply, name, at.zone); to != "" || !answers(reply) {
			continue
		}
		signer, signed := r.signer(reply, name, at.zone)
		to := signer
		if !signed {
			to = name
		}
		if below := r.through(at, to, signer); below != at {
			return below
		}
	}
	return at
}

// through goes from a zone down to a name over the cuts that its servers'
// answers for DS show; signer is a name at which a cut must be.
func (r *resolver) through(at *ground, to, signer holdfast.Name) *ground {
	if to == "" {
		return at
	}
	path := slices.DeleteFunc(append([]holdfast.Name{to}, to.Ancestors()...), func(n holdfast.Name) bool {
		return n == at.zone || !n.IsSubdomainOf(at.zone)
	})
	for _, n := range slices.Backward(path) {
		if known := r.grounds[n]; known != nil {
			at = known
		} else if link := r.linkTo(n, at); n == signer || link.Status == holdfast.Secure || link.Status == holdfast.Insecure {
			at = r.enter(n, at)
		}
		if at.status != holdfast.Secure {
			return at
		}
	}
	return at
}

// signer is the zone below zone in whose name something of the reply is
// signed, the deepest on the way to name; signed says that anything is signed.
func (r *resolver) signer(reply judge.Reply, name, zone holdfast.Name) (signer holdfast.Name, signed bool) {
	sets := r.kase.Sets(reply)
	for _, section := range [][]*judge.RRset{sets.Answer, sets.Authority} {
		for _, s := range section {
			for _, sig := range s.RRSIGs {
				signed = true
				if sig.Signer != zone && sig.Signer.IsSubdomainOf(zone) && name.IsSubdomainOf(sig.Signer) && sig.Signer.Labels() > signer.Labels() {
					signer = sig.Signer
				}
			}
		}
	}
	return signer, signed
}

// step writes down what was asked of a zone and what came.
func (r *resolver) step(at *ground, name holdfast.Name, taken word, reply judge.Reply, replies []judge.Reply) {
	s := Step{
		Zone: at.zone, Name: name, Kind: taken.kind, Says: taken.says, Next: taken.next, Trust: at.trust,
		Status: taken.status, EDE: taken.ede, Reason: taken.reason, Reference: taken.reference,
		Evidence: []int{}, Voices: []Voice{},
	}
	if reply.Exchange != nil {
		s.Server, s.Evidence = reply.Exchange.Server, append(s.Evidence, reply.Index)
	}
	for _, index := range at.evidence {
		if !slices.Contains(s.Evidence, index) {
			s.Evidence = append(s.Evidence, index)
		}
	}
	r.voices(&s, at, taken, replies)
	r.out.Steps = append(r.out.Steps, s)
}

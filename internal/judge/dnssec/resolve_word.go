package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// word is what one reply to the question for a name amounts to.
type word struct {
	verdict
	kind    Kind
	says    string
	next    holdfast.Name
	rcode   int
	records []wire.Record // of the answer, signatures left out
	dies    time.Time     // when it stops being secure; zero: not by time
	key     string        // what is compared between servers
}

type hearing struct {
	message    *wire.Message
	zone, name holdfast.Name
}

// yxDomain says that a DNAME's target is too long (RFC 6672 section 2.2).
const yxDomain = 6

// answers says whether a reply is its server's word about a zone that it holds.
func answers(reply judge.Reply) bool {
	return speaks(reply) || reply.Message != nil && reply.Message.Rcode == yxDomain && len(reply.Message.Answer) > 0
}

// hear reads a reply to the question for a name. Replies that are alike are
// read once.
func (r *resolver) hear(reply judge.Reply, name holdfast.Name, at *ground) word {
	key := hearing{reply.Message, at.zone, name}
	if w, ok := r.heard[key]; ok && reply.Message != nil {
		return w
	}
	w := r.listen(reply, name, at)
	w.dies = sooner(w.dies, at.dies)
	if w.status != holdfast.Secure {
		w.dies = time.Time{}
	}
	r.heard[key] = w
	return w
}

func (r *resolver) listen(reply judge.Reply, name holdfast.Name, at *ground) word {
	if to, ns := r.referral(reply, name, at.zone); to != "" {
		return word{kind: KindReferral, next: to, verdict: at.verdict(), key: "referral " + strings.Join(ns, " "),
			says: fmt.Sprintf("%s is at %s", to, some(ns))}
	}
	if !answers(reply) {
		ede, why := silence(reply)
		return word{kind: KindNothing, says: why, key: why,
			verdict: verdict{holdfast.Indeterminate, ede, why, "RFC 4035 section 4.3"}}
	}
	q := holdfast.Question{Name: name, Type: uint16(r.t)}
	sets := r.kase.Sets(reply)
	w := word{rcode: reply.Message.Rcode}
	if dname := redirection(sets.Answer, name, at.zone); dname != nil {
		r.redirected(&w, sets, dname, q, at)
		return w
	}
	exact := slices.DeleteFunc(slices.Clone(sets.Answer), func(s *judge.RRset) bool {
		return s.Name != name || s.Type != r.t && r.t != wire.TypeANY
	})
	if len(exact) > 0 {
		w.kind, w.rcode, w.says = KindAnswer, wire.NoError, "the answer: "+counted(exact)
		r.positive(&w, sets, exact, q, at)
		return w
	}
	if cname := judge.Find(sets.Answer, name, wire.TypeCNAME); cname != nil {
		w.kind, w.rcode = KindAlias, wire.NoError
		if target, err := cname.Records[0].Target(); err == nil {
			w.next = target
		}
		w.says = fmt.Sprintf("%s is an alias of %s", name, w.next)
		r.positive(&w, sets, []*judge.RRset{cname}, q, at)
		return w
	}
	w.kind, w.says = KindNoData, fmt.Sprintf("%s has no %s", name, r.t)
	if w.rcode == wire.NXDomain {
		w.kind, w.says = KindNoName, fmt.Sprintf("%s does not exist", name)
	}
	w.key = string(w.kind)
	r.negative(&w, sets, q, at)
	return w
}

// referral is the zone that a reply refers to, on the way to name, with the
// names of its servers; empty where it is no referral.
func (r *resolver) referral(reply judge.Reply, name, zone holdfast.Name) (to holdfast.Name, ns []string) {
	if !reply.OK() || reply.Message.Authoritative || len(reply.Message.Answer) > 0 {
		return "", nil
	}
	for _, s := range r.kase.Sets(reply).Authority {
		if s.Type != wire.TypeNS || s.Name == zone || !s.Name.IsSubdomainOf(zone) || !name.IsSubdomainOf(s.Name) {
			continue
		}
		for _, record := range s.Records {
			if target, err := record.Target(); err == nil {
				ns = append(ns, string(target))
			}
		}
		slices.Sort(ns)
		return s.Name, slices.Compact(ns)
	}
	return "", nil
}

// redirection is the DNAME of an answer that applies to the name.
func redirection(sets []*judge.RRset, name, zone holdfast.Name) *judge.RRset {
	for _, s := range sets {
		if s.Type == wire.TypeDNAME && s.Name != name && name.IsSubdomainOf(s.Name) && s.Name.IsSubdomainOf(zone) {
			return s
		}
	}
	return nil
}

// redirected reads an answer made by a DNAME. The CNAME beside it is not
// signed: it is made anew here (RFC 6672 section 5.3.1).
func (r *resolver) redirected(w *word, sets *judge.Sets, dname *judge.RRset, q holdfast.Question, at *ground) {
	w.kind = KindAlias
	target, err := dname.Records[0].Target()
	next := holdfast.Name("")
	if err == nil {
		next = wire.Redirect(q.Name, dname.Name, target)
	}
	r.positive(w, sets, []*judge.RRset{dname}, q, at)
	switch {
	case next == "":
		w.kind, w.rcode = KindNoData, yxDomain
		w.says = fmt.Sprintf("the DNAME of %s makes a name of it that is too long", dname.Name)
		return
	case r.t == wire.TypeCNAME || r.t == wire.TypeANY:
		w.kind = KindAnswer
	default:
		w.next = next
	}
	w.rcode = wire.NoError
	w.says = fmt.Sprintf("the DNAME of %s makes %s of it", dname.Name, next)
	if made, err := wire.NewTarget(q.Name, wire.TypeCNAME, dname.TTL, next); err == nil {
		w.records = append(w.records, made)
	}
}

// positive examines the RRsets of an answer, and where one was made from a
// wildcard the proof that it may be (RFC 4035 section 5.3.4).
func (r *resolver) positive(w *word, sets *judge.Sets, rrsets []*judge.RRset, q holdfast.Question, at *ground) {
	w.verdict = at.verdict()
	var data []string
	for _, rrset := range rrsets {
		w.records = append(w.records, rrset.Records...)
		for _, record := range rrset.Records {
			data = append(data, record.Type.String()+string(record.Canonical()))
		}
		if at.status != holdfast.Secure || w.status != holdfast.Secure {
			continue
		}
		s := r.exams.set(rrset, at.ring, classOf(rrset.Type))
		if s.Status != holdfast.Secure {
			w.verdict = verdict{holdfast.Bogus, s.EDE, s.Reason, clauseOf(s)}
			continue
		}
		w.dies = sooner(w.dies, s.Dies())
		if closest, expanded := expansion(s); expanded && rrset.Name == q.Name {
			r.denied(w, r.exams.denial(sets, at.ring, q, claimExpansion, closest))
		}
	}
	slices.Sort(data)
	w.key = string(w.kind) + " " + strings.Join(data, " ")
}

// negative examines a negative answer, its SOA included.
func (r *resolver) negative(w *word, sets *judge.Sets, q holdfast.Question, at *ground) {
	w.verdict = at.verdict()
	if at.status != holdfast.Secure {
		return
	}
	what := claimNoData
	if w.kind == KindNoName {
		what = claimNoName
	}
	d := r.exams.denial(sets, at.ring, q, what, "")
	r.denied(w, d)
	for _, s := range d.Sets {
		if s.Class == holdfast.ClassSOA && s.Status != holdfast.Secure && w.status == holdfast.Secure {
			w.verdict = verdict{holdfast.Bogus, s.EDE, s.Reason, clauseOf(s)}
		}
	}
}

// denied takes a proof into a word that is secure so far.
func (r *resolver) denied(w *word, d *judge.Denial) {
	switch {
	case d.Fault == judge.DenialProven && d.OptOut:
		w.verdict = verdict{holdfast.Insecure, 0, "the proof rests on an opt-out span, in which unsigned delegations may hide", "RFC 5155 section 9.2"}
	case d.Fault == judge.DenialIterations:
		w.verdict = verdict{holdfast.Insecure, d.EDE, d.Reason, clauseOfDenial(d)}
	case d.Fault != judge.DenialProven:
		w.verdict = verdict{holdfast.Bogus, d.EDE, "the answer is not proven: " + d.Reason, clauseOfDenial(d)}
	}
	for _, s := range d.Sets {
		if s.Class == holdfast.ClassDenial || s.Class == holdfast.ClassSOA {
			w.dies = sooner(w.dies, s.Dies())
		}
	}
}

// counted says of RRsets what they are: "A, 2 records".
func counted(sets []*judge.RRset) string {
	var out []string
	for _, s := range sets[:min(len(sets), 4)] {
		if n := len(s.Records); n > 1 {
			out = append(out, fmt.Sprintf("%d %s records", n, s.Type))
		} else {
			out = append(out, s.Type.String())
		}
	}
	if len(sets) > 4 {
		out = append(out, "...")
	}
	return strings.Join(out, ", ")
}

// some is a list's first with how many more there are.
func some(list []string) string {
	switch len(list) {
	case 0:
		return "no server"
	case 1:
		return list[0]
	}
	return fmt.Sprintf("%s and %d more", list[0], len(list)-1)
}

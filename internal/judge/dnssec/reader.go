package dnssec

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// reader makes the chain of one case. Servers that gave the same message are
// read once between them.
type reader struct {
	validator *Validator
	kase      *judge.Case
	exams     exams
	rings     map[ringKey]*keyring
	read      map[readKey]*reading
	perReply  bool // each reply has its own bound on verifications
}

type ringKey struct {
	message *wire.Message
	trust   *trust
}

type readKey struct {
	message *wire.Message
	ring    *keyring
	purpose holdfast.Purpose
}

// reading is what one reply holds, examined under a ring.
type reading struct {
	sets   []*judge.Set
	denial *judge.Denial
}

// ring is the keyring that a DNSKEY reply gives, nil where it gives none.
func (r *reader) ring(reply judge.Reply, zone holdfast.Name, t *trust) *keyring {
	if !speaks(reply) {
		return nil
	}
	k := ringKey{reply.Message, t}
	if ring, ok := r.rings[k]; ok {
		return ring
	}
	var ring *keyring
	if set := r.kase.Answer(reply, zone, wire.TypeDNSKEY); set != nil {
		ring = newKeyring(zone, set, t, r.validator.Policy.MaxKeysPerTag)
	}
	r.rings[k] = ring
	return ring
}

// classOf is the class that an RRset of a type is counted under.
func classOf(t wire.Type) holdfast.Class { return holdfast.Class(t.String()) }

// examine reads a reply under a ring. What it gives is shared between servers:
// see stamped.
func (r *reader) examine(reply judge.Reply, ring *keyring) *reading {
	k := readKey{reply.Message, ring, reply.Exchange.Purpose}
	if out, ok := r.read[k]; ok {
		return out
	}
	out := r.examineOnce(reply, ring)
	r.read[k] = out
	return out
}

// begin gives the next reply its own share of verifications.
func (r *reader) begin() {
	if r.perReply {
		left := r.validator.Policy.MaxPerReply
		r.exams.left = &left
	}
}

func (r *reader) examineOnce(reply judge.Reply, ring *keyring) *reading {
	r.begin()
	out := &reading{}
	q := reply.Exchange.Question
	sets := r.kase.Sets(reply)
	answer := judge.Find(sets.Answer, q.Name, wire.Type(q.Type))
	switch {
	case answer != nil:
		s := r.exams.set(answer, ring, classOf(answer.Type))
		out.sets = append(out.sets, s)
		if closest, expanded := expansion(s); expanded {
			out.denial = r.exams.denial(sets, ring, q, claimExpansion, closest)
		}
	case len(sets.Answer) > 0:
		// A CNAME or DNAME leads elsewhere: nothing about the zone's apex.
	case reply.Message.Rcode == wire.NXDomain:
		out.denial = r.exams.denial(sets, ring, q, claimNoName, "")
	case judge.Find(sets.Authority, q.Name, wire.TypeNS) != nil && judge.Find(sets.Authority, ring.zone, wire.TypeSOA) == nil:
		// A referral: the server does not speak for the zone.
	default:
		out.denial = r.exams.denial(sets, ring, q, claimNoData, "")
	}
	return out
}

// expansion says whether the RRset was made from a wildcard, and is the name
// that the wildcard stands below (RFC 4035 section 5.3.2).
func expansion(s *judge.Set) (closest holdfast.Name, expanded bool) {
	for _, sig := range s.Signatures {
		if sig.Fault != judge.FaultNone {
			continue
		}
		name := s.RRset.Name
		if name[0] == '*' || int(sig.Labels) >= name.Labels() {
			return "", false
		}
		for name.Labels() > int(sig.Labels) {
			name = name.Parent()
		}
		return name, true
	}
	return "", false
}

// stamped are a reading's parts in the name of one server and exchange.
func (out *reading) stamped(reply judge.Reply) ([]*judge.Set, *judge.Denial) {
	sets := make([]*judge.Set, 0, len(out.sets)+3)
	for _, s := range out.sets {
		sets = append(sets, stampSet(s, reply))
	}
	if out.denial == nil {
		return sets, nil
	}
	d := *out.denial
	d.Server, d.Exchange, d.Purpose = reply.Exchange.Server, reply.Index, reply.Exchange.Purpose
	d.Sets = make([]*judge.Set, len(out.denial.Sets))
	for i, s := range out.denial.Sets {
		d.Sets[i] = stampSet(s, reply)
	}
	return sets, &d
}

func stampSet(s *judge.Set, reply judge.Reply) *judge.Set {
	own := *s
	own.Server, own.Exchange = reply.Exchange.Server, reply.Index
	return &own
}

// signed says whether any RRSIG stands in the reply.
func (r *reader) signed(reply judge.Reply) bool {
	sets := r.kase.Sets(reply)
	for _, section := range [][]*judge.RRset{sets.Answer, sets.Authority} {
		for _, s := range section {
			if len(s.RRSIGs) > 0 {
				return true
			}
		}
	}
	return false
}

package dnssec

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// standing is how far the chain holds at a zone above the judged one: secure
// with its keys, or why not.
type standing struct {
	status holdfast.Status
	ede    int
	reason string
	ring   *keyring
	keys   *judge.Set // the ring's RRset examined
	dies   time.Time  // when the chain down to here dies; zero: not by time
}

func notSecure(status holdfast.Status, ede int, reason string) standing {
	return standing{status: status, ede: ede, reason: reason}
}

// ancestry are the zones from the anchor down to a zone whose keys the walk
// asked for, the highest first.
func (r *reader) ancestry(anchor, to holdfast.Name) []holdfast.Name {
	var out []holdfast.Name
	for i := range r.kase.Measurement.Exchanges {
		e := &r.kase.Measurement.Exchanges[i]
		if e.Purpose == holdfast.PurposeDNSKEY && to.IsSubdomainOf(e.Zone) && e.Zone.IsSubdomainOf(anchor) && !slices.Contains(out, e.Zone) {
			out = append(out, e.Zone)
		}
	}
	slices.SortFunc(out, func(a, b holdfast.Name) int { return a.Labels() - b.Labels() })
	return out
}

// above walks the chain from the anchor down to the parent's keys.
func (r *reader) above(anchor *trust) standing { return r.down(anchor, r.kase.Parent) }

// down walks the chain from the anchor to a zone's keys.
func (r *reader) down(anchor *trust, to holdfast.Name) standing {
	zones := r.ancestry(anchor.zone, to)
	if len(zones) == 0 || zones[0] != anchor.zone {
		return notSecure(holdfast.Indeterminate, edeUnknown, fmt.Sprintf("the keys of %s, where the trust anchor is, were not obtained", anchor.zone))
	}
	s := r.zoneKeys(zones[0], anchor)
	for _, zone := range zones[1:] {
		if s.status != holdfast.Secure {
			return s
		}
		link := bestLink(r.linksTo(zone, s.ring, s.dies))
		if link.Status != holdfast.Secure {
			return standing{status: link.Status, ede: link.EDE, reason: fmt.Sprintf("at %s: %s", zone, link.Reason), dies: link.FailsAt}
		}
		s = r.zoneKeys(zone, &trust{zone: zone, ds: link.DS})
		s.dies = sooner(s.dies, link.FailsAt)
	}
	if s.status == holdfast.Secure && zones[len(zones)-1] != to {
		return notSecure(holdfast.Indeterminate, edeUnknown, fmt.Sprintf("the keys of %s were not obtained", to))
	}
	return s
}

// zoneKeys are the keys of a zone above, from the server whose DNSKEY RRset
// holds longest.
func (r *reader) zoneKeys(zone holdfast.Name, t *trust) standing {
	if !t.followable() {
		return notSecure(holdfast.Insecure, unsupported(t.ds), fmt.Sprintf("no trust in %s is of a supported algorithm and digest", zone))
	}
	best := notSecure(holdfast.Indeterminate, edeNoServer, fmt.Sprintf("the keys of %s were not obtained", zone))
	for _, reply := range r.kase.Replies(zone, holdfast.PurposeDNSKEY) {
		if !speaks(reply) {
			continue
		}
		ring := r.ring(reply, zone, t)
		if ring == nil {
			best = worse(best, notSecure(holdfast.Bogus, edeKeyMissing, fmt.Sprintf("%s has no DNSKEY RRset", zone)))
			continue
		}
		set := r.examine(reply, ring).sets[0]
		if set.Status != holdfast.Secure {
			best = worse(best, notSecure(holdfast.Bogus, set.EDE, fmt.Sprintf("at %s: %s", zone, set.Reason)))
			continue
		}
		if best.status != holdfast.Secure || set.Dies().After(best.dies) {
			best = standing{status: holdfast.Secure, ring: ring, keys: set, dies: set.Dies()}
		}
	}
	return best
}

// worse keeps a secure standing, and else prefers to say what is bogus over
// what is unknown.
func worse(have, found standing) standing {
	if have.status == holdfast.Indeterminate {
		return found
	}
	return have
}

// linksTo are the links to a child as each parent server shows it. ring holds
// the parent's keys, dies is when they do.
func (r *reader) linksTo(child holdfast.Name, ring *keyring, dies time.Time) []judge.Link {
	var out []judge.Link
	for _, reply := range r.kase.Replies(ring.zone, holdfast.PurposeDS) {
		if reply.Exchange.Question.Name == child {
			link := r.link(reply, child, ring)
			if link.Status == holdfast.Secure || link.Status == holdfast.Insecure {
				link.FailsAt = sooner(link.FailsAt, dies)
			}
			out = append(out, link)
		}
	}
	return out
}

// link reads one parent server's answer to the question for the child's DS.
func (r *reader) link(reply judge.Reply, child holdfast.Name, ring *keyring) judge.Link {
	link := judge.Link{Server: reply.Exchange.Server, Exchange: reply.Index, Status: holdfast.Indeterminate}
	if !speaks(reply) {
		link.EDE, link.Reason = silence(reply)
		r.linkByReferral(&link, child, ring)
		return link
	}
	sets, denial := r.examine(reply, ring).stamped(reply)
	link.Denial = denial
	switch {
	case len(sets) > 0:
		r.linkByDS(&link, sets[0])
	case denial == nil:
		link.EDE, link.Reason = edeUnknown, "the parent's server answered the question for DS with a referral"
	case reply.Message.Rcode == wire.NXDomain:
		link.EDE, link.Reason = edeUnknown, fmt.Sprintf("the parent's server says that %s does not exist", child)
	default:
		linkByDenial(&link, denial)
	}
	return link
}

// linkByReferral takes what the same server's referral says where its answer
// to the question for DS did not arrive: the DS RRset or the proof that there
// is none stands there too, and resolvers take it from there (RFC 4035 section
// 3.1.4). A referral that carries neither changes nothing.
func (r *reader) linkByReferral(link *judge.Link, child holdfast.Name, ring *keyring) {
	for _, reply := range r.kase.Replies(ring.zone, holdfast.PurposeReferral) {
		e := reply.Exchange
		if e.Server != link.Server || e.Question.Name != child || !reply.OK() || reply.Message.Authoritative {
			continue
		}
		r.begin()
		said, sets := &reading{}, r.kase.Sets(reply)
		if ds := judge.Find(sets.Authority, child, wire.TypeDS); ds != nil {
			said.sets = []*judge.Set{r.exams.set(ds, ring, holdfast.ClassDS)}
		} else {
			q := holdfast.Question{Name: child, Type: uint16(wire.TypeDS)}
			said.denial = r.exams.denial(sets, ring, q, claimNoData, "")
			if said.denial.Fault == judge.DenialMissing {
				continue
			}
		}
		link.Exchange, link.EDE, link.Reason = reply.Index, 0, ""
		examined, denial := said.stamped(reply)
		if link.Denial = denial; denial != nil {
			linkByDenial(link, denial)
		} else {
			r.linkByDS(link, examined[0])
		}
		return
	}
}

func (r *reader) linkByDS(link *judge.Link, set *judge.Set) {
	link.Set = set
	for _, record := range set.RRset.Records {
		if ds, err := record.DS(); err == nil {
			link.DS = append(link.DS, ds)
		}
	}
	link.FailsAt = set.Dies()
	switch {
	case set.Status != holdfast.Secure:
		link.Status, link.EDE, link.Reason, link.Cause = holdfast.Bogus, set.EDE, "in the parent: "+set.Reason, "SIG-13"
	case len(usable(link.DS)) == 0:
		link.Status, link.EDE = holdfast.Insecure, unsupported(link.DS)
		link.Reason = "no DS record is of a supported algorithm and digest"
	default:
		link.Status = holdfast.Secure
	}
}

func linkByDenial(link *judge.Link, d *judge.Denial) {
	switch d.Fault {
	case judge.DenialProven:
		link.Status, link.Reason = holdfast.Insecure, "the parent has no DS record for it"
	case judge.DenialIterations:
		link.Status, link.EDE, link.Reason = holdfast.Insecure, d.EDE, d.Reason
	default:
		link.Status, link.EDE, link.Cause = holdfast.Bogus, d.EDE, "SIG-13"
		link.Reason = "the parent does not prove that there is no DS record: " + d.Reason
	}
	for _, s := range d.Sets {
		if s.Class == holdfast.ClassDenial {
			link.FailsAt = sooner(link.FailsAt, s.Dies())
		}
	}
}

// bestLink is the link that the chain uses: any valid path suffices, so a
// secure one before an insecure one before what is bogus or unknown. Of secure
// links, the DS records are joined.
func bestLink(links []judge.Link) judge.Link {
	best := judge.Link{Exchange: -1, Status: holdfast.Indeterminate, EDE: edeNoServer, Reason: "no server of the parent was asked for its DS records"}
	rank := map[holdfast.Status]int{holdfast.Secure: 4, holdfast.Insecure: 3, holdfast.Bogus: 2, holdfast.Indeterminate: 1}
	taken := 0
	for _, link := range links {
		if rank[link.Status] > taken {
			taken, best = rank[link.Status], link
		}
	}
	if best.Status != holdfast.Secure {
		return best
	}
	best.DS = slices.Clone(best.DS)
	for _, link := range links {
		if link.Status != holdfast.Secure {
			continue
		}
		best.FailsAt = sooner(best.FailsAt, link.FailsAt)
		for _, ds := range link.DS {
			if !slices.ContainsFunc(best.DS, func(have holdfast.DS) bool { return sameDS(have, ds) }) {
				best.DS = append(best.DS, ds)
			}
		}
	}
	return best
}

func sameDS(a, b holdfast.DS) bool {
	return a.KeyTag == b.KeyTag && a.Algorithm == b.Algorithm && a.DigestType == b.DigestType && slices.Equal(a.Digest, b.Digest)
}

// speaks says whether a reply is a server's word about a zone that it holds. An
// empty answer without AA, or a referral elsewhere, is a lame server's: a
// resolver passes it over, and so does validation (RFC 1912 section 2.8).
func speaks(reply judge.Reply) bool {
	if !reply.OK() {
		return false
	}
	m := reply.Message
	return m.Authoritative || len(m.Answer) > 0 ||
		slices.ContainsFunc(m.Authority, func(r wire.Record) bool { return r.Type == wire.TypeSOA })
}

// silence says why a reply speaks of nothing: the network's fault, or the
// server's.
func silence(reply judge.Reply) (int, string) {
	if reply.OK() {
		return edeNoServer, "it is lame: its answers are empty, or lead elsewhere"
	}
	if reply.Message != nil {
		return edeNoServer, "it answers " + wire.RcodeName(reply.Message.Rcode)
	}
	switch reply.Exchange.Outcome {
	case holdfast.Answered, holdfast.Malformed:
		return edeNetwork, "its reply cannot be read"
	case holdfast.NotAsked:
		return edeUnknown, "it was not asked in time"
	}
	return edeNetwork, "no answer: " + string(reply.Exchange.Outcome)
}

// sooner is the earlier of two instants, of which zero means none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

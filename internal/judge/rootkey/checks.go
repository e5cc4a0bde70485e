package rootkey

import (
	"cmp"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Checks are this room's checks. They speak of the root only, whose keys are
// trusted by whoever validates at all: no DS names them, and what RFC 5011 asks
// of those who publish them is held against what is seen. The calendar's dates
// are held against a root that has one of its keys; another root (of a lab, or
// of a network of its own) is judged by what was seen of it alone.
func Checks(calendar holdfast.Calendar) []judge.Check {
	return []judge.Check{
		underWay(calendar), switchedEarly(calendar), unknownKey(calendar), departs(calendar),
		leftUnrevoked(calendar), revocation(calendar), answerSize(calendar),
	}
}

// timers are those of RFC 5011 for the root.
func timers() holdfast.Timers { return holdfast.DefaultTimers() }

// interval is how often those who follow RFC 5011 ask for keys of that TTL and
// signatures of that life at the latest (section 2.3).
func interval(ttl, life time.Duration) time.Duration {
	t := timers()
	return max(t.Query, min(15*day, ttl/2, life/2))
}

// view is the root in a case.
type view struct {
	c        *judge.Case
	calendar holdfast.Calendar
	set      holdfast.RootSet // what most servers give
	copies   []copied
	evidence []int
	past     holdfast.Past
	foreign  bool // no key of it is in the calendar
}

// copied is the DNSKEY RRset as one server gave it.
type copied struct {
	server holdfast.Server
	chain  *judge.ServerChain
	set    holdfast.RootSet
	reply  int
}

// viewOf is the root in a case, nil where it is about another zone, or no
// server gave a DNSKEY RRset.
func viewOf(c *judge.Case, calendar holdfast.Calendar) *view {
	type key struct{}
	return judge.Shared(c, key{}, func() *view {
		if c.Zone != holdfast.Root {
			return nil
		}
		v := &view{c: c, calendar: calendar, past: past.Keys(c)}
		sets := map[*wire.Message]holdfast.RootSet{}
		for i := range c.Chain.Servers {
			sc := &c.Chain.Servers[i]
			if !sc.KeysAnswered || sc.KeyReply < 0 || sc.Borrowed {
				continue
			}
			message := c.Messages[sc.KeyReply]
			if message == nil {
				continue
			}
			set, known := sets[message]
			if !known {
				found, ok := SetOf(message.Answer, c.Instant, calendar)
				if !ok {
					continue
				}
				set, sets[message] = found, found
			}
			v.copies = append(v.copies, copied{sc.Server, sc, set, sc.KeyReply})
		}
		if len(v.copies) == 0 {
			return nil
		}
		v.choose()
		return v
	})
}

// choose takes the RRset that most servers give for the root's; of several as
// many, the first.
func (v *view) choose() {
	count := map[string]int{}
	for _, c := range v.copies {
		count[shape(c.set)]++
	}
	best := slices.MaxFunc(v.copies, func(a, b copied) int { return cmp.Compare(count[shape(a.set)], count[shape(b.set)]) })
	v.set = best.set
	for _, c := range v.copies {
		if shape(c.set) == shape(best.set) && len(v.evidence) < 2 {
			v.evidence = append(v.evidence, c.reply)
		}
	}
	v.foreign = !slices.ContainsFunc(v.set.Keys, func(k holdfast.RootSetKey) bool { return k.KSK && k.Name != "" })
}

// shape is what an RRset is by its keys and who of them signs.
func shape(set holdfast.RootSet) string {
	var out []byte
	for _, k := range set.Keys {
		flags := byte(0)
		if k.Signs {
			flags |= 1
		}
		if k.Revoked {
			flags |= 2
		}
		out = append(out, byte(k.Shown>>8), byte(k.Shown), k.Algorithm, flags)
	}
	return string(out)
}

// keyPast is what was seen of a key before; ok is false where nothing was.
func (v *view) keyPast(k holdfast.RootSetKey) (holdfast.KeyPast, bool) {
	i := slices.IndexFunc(v.past.Keys, func(p holdfast.KeyPast) bool {
		return p.Tag == k.Tag && p.Algorithm == k.Algorithm && p.Flags&wire.FlagSEP != 0 == k.KSK
	})
	if i < 0 {
		return holdfast.KeyPast{}, false
	}
	return v.past.Keys[i], true
}

// about begins a finding about the root's keys.
func (v *view) about(severity holdfast.Severity, text string) holdfast.Finding {
	return holdfast.Finding{Severity: severity, RRset: holdfast.ClassDNSKEY, Text: text, Evidence: v.evidence}
}

// Seen is the root's DNSKEY RRset as most of the servers of a measurement gave
// it, and when; ok is false where none did.
func Seen(m holdfast.Measurement, at time.Time, calendar holdfast.Calendar) (set holdfast.RootSet, when time.Time, ok bool) {
	c := judge.NewCase(m, at)
	v := &view{}
	for _, r := range c.Replies(holdfast.Root, holdfast.PurposeDNSKEY) {
		if !r.OK() {
			continue
		}
		if set, ok := SetOf(r.Message.Answer, at, calendar); ok {
			v.copies = append(v.copies, copied{server: r.Exchange.Server, set: set, reply: r.Index})
		}
	}
	if len(v.copies) == 0 {
		return set, when, false
	}
	v.choose()
	return v.set, m.Exchanges[v.evidence[0]].Sent, true
}

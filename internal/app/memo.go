package app

import (
	"hash/maphash"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// memo remembers of each zone what its last core look meant. Where the next one
// brings the same replies, and no instant has come at which they may mean
// something else (Verdict.Holds), the verdict is issued again: it is what
// judging would come to. Its size is that of the zones under watch, some
// kilobytes each.
//
// What may differ from look to look without a verdict's noticing is the query
// id, the instants and the round-trip times. Where judges set the instants of
// exchanges against one another, those of a core look lie close together, and
// those of its base lie ever further back: how far, is remembered by the
// bounds that judges have for it.
type memo struct {
	seed  maphash.Seed
	mu    sync.Mutex
	zones map[holdfast.Name]*remembered // owned by mu; what it points to is not changed
}

type remembered struct {
	base     base
	issued   bool // the rest is set
	print    uint64
	subject  holdfast.Subject
	verdict  holdfast.Verdict
	distance int
}

// base is what core looks need to know of the full look that they complete.
type base struct {
	id                string
	started, finished time.Time
	keys              map[holdfast.Server]uint64 // hashes of the DNSKEYs, of servers that answered about them
}

// distances are how far apart judges may take two exchanges for the same look
// at a zone: judge/zone has two minutes and ten.
var distances = [...]time.Duration{2 * time.Minute, 10 * time.Minute}

func newMemo() *memo {
	return &memo{seed: maphash.MakeSeed(), zones: map[holdfast.Name]*remembered{}}
}

// rest takes in a full look, on which the core looks to come will rest.
func (k *memo) rest(m holdfast.Measurement) base {
	b := base{id: m.ID, started: m.Started, finished: m.Finished, keys: k.keySets(m)}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.zones[m.Subject.Zone] = &remembered{base: b}
	return b
}

// base answers what is known of a zone's last full look.
func (k *memo) base(zone holdfast.Name) (base, bool) {
	r := k.of(zone)
	if r == nil {
		return base{}, false
	}
	return r.base, true
}

func (k *memo) of(zone holdfast.Name) *remembered {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.zones[zone]
}

// again issues the last verdict on a zone for a core look that shows the same;
// false where it must be judged.
func (k *memo) again(m holdfast.Measurement, before holdfast.Past, at time.Time) (v holdfast.Verdict, after holdfast.Past, ok bool) {
	r := k.of(m.Subject.Zone)
	if r == nil || !r.issued || m.Depth != holdfast.Core || m.Base != r.base.id || at.Before(r.verdict.At) ||
		!r.verdict.Holds.IsZero() && !at.Before(r.verdict.Holds) || r.distance != r.base.distance(m) ||
		!at.After(before.Until) || !reflect.DeepEqual(r.subject, m.Subject) || r.print != k.print(m) {
		return v, after, false
	}
	v = r.verdict
	v.Measurement, v.At = m.ID, at.UTC()
	v.Servers = slices.Clone(v.Servers)
	for i := range m.Exchanges {
		e := &m.Exchanges[i]
		if e.Purpose != holdfast.PurposeSOA || e.Zone != v.Zone {
			continue
		}
		if n := slices.IndexFunc(v.Servers, func(s holdfast.ServerVerdict) bool { return s.Server == e.Server }); n >= 0 {
			v.Servers[n].RTT = e.RTT
		}
	}
	return v, past.Again(before, m.Depth, at), true
}

// keep remembers what a core look meant, given the past before and after it. A
// look that taught anything is not remembered: the next one like it may still.
func (k *memo) keep(m holdfast.Measurement, before holdfast.Past, v holdfast.Verdict, after holdfast.Past) {
	r := k.of(m.Subject.Zone)
	if r == nil || m.Depth != holdfast.Core || m.Base != r.base.id {
		return
	}
	next := &remembered{base: r.base}
	if distance := r.base.distance(m); distance >= 0 && reflect.DeepEqual(past.Again(before, m.Depth, v.At), after) {
		next.issued, next.print, next.subject, next.verdict, next.distance = true, k.print(m), m.Subject, v, distance
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.zones[m.Subject.Zone] = next
}

// distance is how many of the distances every exchange of a core look is away
// from every one of the base; -1 where some are and some are not.
func (b base) distance(m holdfast.Measurement) int {
	n := 0
	for _, d := range distances {
		switch {
		case m.Started.Sub(b.finished) > d:
			n++
		case m.Finished.Sub(b.started) > d:
			return -1
		}
	}
	return n
}

// seen is part of an exchange as its fingerprint takes it.
type seen struct {
	server, from netip.Addr
	qtype        uint16
	tries        int
	query, reply int // octets
	truncated    bool
}

// print is a fingerprint of a look's exchanges, in all that a verdict can rest
// on.
func (k *memo) print(m holdfast.Measurement) uint64 {
	var h maphash.Hash
	h.SetSeed(k.seed)
	text := func(s string) {
		h.WriteString(s)
		h.WriteByte(0xff)
	}
	text(m.Vantage)
	maphash.WriteComparable(&h, m.Cut)
	for i := range m.Exchanges {
		e := &m.Exchanges[i]
		maphash.WriteComparable(&h, seen{e.Server.Address, e.From, e.Question.Type, e.Tries, len(e.Query), len(e.Reply), e.Truncated})
		for _, s := range [...]string{string(e.Zone), string(e.Purpose), string(e.Server.Name), string(e.Question.Name), string(e.Transport), string(e.Outcome), e.Detail} {
			text(s)
		}
		for _, message := range [...][]byte{e.Query, e.Reply} {
			if len(message) > 2 { // the id
				h.Write(message[2:])
			}
		}
	}
	return h.Sum64()
}

// keySets are hashes of the DNSKEYs, without signatures, by the servers that
// answered about them.
func (k *memo) keySets(m holdfast.Measurement) map[holdfast.Server]uint64 {
	out := map[holdfast.Server]uint64{}
	for i := range m.Exchanges {
		e := &m.Exchanges[i]
		if e.Purpose != holdfast.PurposeDNSKEY || e.Zone != m.Subject.Zone || e.Outcome != holdfast.Answered {
			continue
		}
		message, err := wire.Parse(e.Reply)
		if err != nil || message.Rcode != wire.NoError {
			continue
		}
		var keys []string
		for _, r := range message.Answer {
			if r.Type == wire.TypeDNSKEY {
				keys = append(keys, string(r.Data))
			}
		}
		slices.Sort(keys)
		var h maphash.Hash
		h.SetSeed(k.seed)
		for _, key := range keys {
			maphash.WriteComparable(&h, key)
		}
		out[e.Server] = h.Sum64()
	}
	return out
}

// keysDiffer says whether any server gives another DNSKEY RRset, or none where
// it gave one, or one where it gave none, than in the base.
func (k *memo) keysDiffer(m holdfast.Measurement, b base) bool {
	for server, now := range k.keySets(m) {
		if was, known := b.keys[server]; !known || was != now {
			return true
		}
	}
	return false
}

package anchor

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// line names one quantity of one resolver.
type line struct {
	actor    string
	quantity holdfast.Quantity
	key      string
	source   string
}

// value is what a client of a validator sees of a quantity at an instant; empty
// where nothing is due.
func (w *world) value(l line, m moment) string {
	if m.standing == "" && l.quantity != holdfast.QuantityState {
		return ""
	}
	switch l.quantity {
	case holdfast.QuantityState:
		return string(m.states[l.key])
	case holdfast.QuantitySignal:
		return joinTags(m.trusted)
	case holdfast.Quantity(holdfast.ProbeBare):
		return string(ReplyPlain)
	}
	return string(reply(holdfast.Probe(l.quantity), m.standing, slices.Contains(m.trusted, w.keys[l.key].Tag)))
}

// reply is what a probe gets from a validator. What is secure has AD, what is
// bogus is SERVFAIL (RFC 4035 sections 3.2.3 and 5.5); a sentinel name is
// answered or not by whether its key is trusted, where its own answer is secure
// (RFC 8509 section 2.2).
func reply(probe holdfast.Probe, standing holdfast.Status, trusted bool) Reply {
	if standing == holdfast.Bogus {
		return ReplyFail
	}
	if standing == holdfast.Insecure || probe == holdfast.ProbeUnsigned {
		return ReplyPlain
	}
	switch probe {
	case holdfast.ProbeBogus:
		return ReplyFail
	case holdfast.ProbeIs:
		if !trusted {
			return ReplyFail
		}
	case holdfast.ProbeNot:
		if trusted {
			return ReplyFail
		}
	}
	return ReplySecure
}

func joinTags(tags []uint16) string {
	tags = slices.Compact(slices.Sorted(slices.Values(tags)))
	words := make([]string, len(tags))
	for i, t := range tags {
		words[i] = strconv.Itoa(int(t))
	}
	return strings.Join(words, "+")
}

// clause is what a value rests on.
func clause(l line, m moment) string {
	switch l.quantity {
	case holdfast.QuantityState:
		return "RFC 5011 section 4"
	case holdfast.QuantitySignal:
		return "RFC 8145 section 5"
	case holdfast.Quantity(holdfast.ProbeBare):
		return "RFC 4035 section 3.2.2"
	case holdfast.Quantity(holdfast.ProbeIs), holdfast.Quantity(holdfast.ProbeNot):
		if m.standing == holdfast.Secure {
			return "RFC 8509 section 2.2"
		}
	case holdfast.Quantity(holdfast.ProbeBogus):
		if m.standing == holdfast.Secure {
			return "RFC 4035 section 5.5"
		}
	}
	return m.clause
}

// due is what is due of a quantity over the play, from the runs of an ensemble.
func (w *world) due(l line, runs [][]moment) []holdfast.Due {
	sets := make([]valueSet, len(w.points))
	for i := range w.points {
		for _, run := range runs {
			if v := w.value(l, run[i]); v != "" {
				sets[i].add(v)
			}
		}
	}
	var out []holdfast.Due
	for i, at := range w.points {
		now := runs[0][i]
		d := holdfast.Due{From: at, Until: at + w.step, Open: now.open}
		if d.Open == "" {
			d.Main, d.Clause = w.value(l, now), clause(l, now)
			d.Values = w.allowed(sets, at)
		}
		if n := len(out); n > 0 && sameDue(out[n-1], d) {
			out[n-1].Until = d.Until
			continue
		}
		out = append(out, d)
	}
	return out
}

// allowed are the values that may be seen at an instant: those of the ensemble
// then, a little later (our look at the root may be late), and as long before as
// caches hold.
func (w *world) allowed(sets []valueSet, at time.Duration) []string {
	first := max(0, int((at-w.slack)/w.step))
	last := min(len(sets)-1, int((at+w.lead)/w.step))
	var all valueSet
	for i := first; i <= last; i++ {
		for _, v := range sets[i].values {
			all.add(v)
		}
	}
	slices.Sort(all.values)
	return all.values
}

func sameDue(a, b holdfast.Due) bool {
	return a.Open == b.Open && a.Main == b.Main && a.Clause == b.Clause && slices.Equal(a.Values, b.Values)
}

// valueSet is a set of the few values that a quantity has.
type valueSet struct{ values []string }

func (s *valueSet) add(v string) {
	if !slices.Contains(s.values, v) {
		s.values = append(s.values, v)
	}
}

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
	if m.standing == "" && l.quantity != holdfast.QuantityState && l.quantity != holdfast.QuantityTrust {
		return ""
	}
	switch l.quantity {
	case holdfast.QuantityState:
		return string(m.states[l.key])
	case holdfast.QuantityTrust:
		return trustWord(m.states[l.key])
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
	case holdfast.QuantityTrust:
		return "RFC 5011 section 4.2"
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
	words := &lexicon{}
	strict, free := make([]uint64, len(w.points)), make([]uint64, len(w.points))
	liberty, failed := "", time.Duration(-1)
	for i := range w.points {
		for _, run := range runs {
			v := w.value(l, run[i])
			switch {
			case v == "":
			case run[i].liberty == "":
				strict[i] |= words.bit(v)
			default:
				free[i] |= words.bit(v)
			}
		}
	}
	var out []holdfast.Due
	for i, at := range w.points {
		now := runs[0][i]
		d := holdfast.Due{From: at, Until: at + w.step, Open: now.open}
		if f := w.faultAt(at); f != "" {
			d.Open, failed = f, at
		}
		if now.standing == holdfast.Bogus && l.quantity != holdfast.Quantity(holdfast.ProbeBare) {
			failed = at
		}
		if d.Open == "" {
			d.Main, d.Clause = w.value(l, now), clause(l, now)
			d.Values = words.of(w.allowed(l, strict, at))
			d.Also = slices.DeleteFunc(words.of(w.allowed(l, free, at)), func(v string) bool { return slices.Contains(d.Values, v) })
			if liberty = libertyOf(l, w, runs, d, i, liberty); len(d.Also) > 0 {
				d.Liberty = liberty
			}
			mayFail(l, &d, failed)
		}
		if n := len(out); n > 0 && sameDue(out[n-1], d) {
			out[n-1].Until = d.Until
			continue
		}
		out = append(out, d)
	}
	return out
}

// libertyOf is the liberty that a value rests on which is not strictly due; the
// last one that was taken, where nobody takes it at that very instant.
func libertyOf(l line, w *world, runs [][]moment, d holdfast.Due, i int, last string) string {
	for _, run := range runs {
		if run[i].liberty != "" && slices.Contains(d.Also, w.value(l, run[i])) {
			return run[i].liberty
		}
	}
	return last
}

// failures is for how long a resolver may answer from a failure that it met: up
// to five minutes (RFC 9520 section 3.2). Plays are shorter than that as a rule.
const failures = 5 * time.Minute

// lastingFailure is what is said of one that had not recovered.
const lastingFailure = "a failure may be answered from a cache for up to five minutes (RFC 9520 section 3.2): the play does not last long enough to tell whether it would recover"

// mayFail allows for a failure that lasts on: where everything was bogus, or the
// way to the root was broken, SERVFAIL may still come from a cache. failed is
// when that was so last.
func mayFail(l line, d *holdfast.Due, failed time.Duration) {
	switch l.quantity {
	case holdfast.QuantityState, holdfast.QuantityTrust, holdfast.QuantitySignal:
		return
	}
	if failed < 0 || d.From-failed > failures || slices.Contains(d.Values, string(ReplyFail)) || slices.Contains(d.Also, string(ReplyFail)) {
		return
	}
	d.Also = append(d.Also, string(ReplyFail))
	d.Liberty = lastingFailure
}

func (w *world) faultAt(at time.Duration) string {
	for _, f := range w.faults {
		if f.From <= at && at < f.Until {
			return f.Open
		}
	}
	return ""
}

// allowed are the values that may be seen at an instant: those of the ensemble
// then, a little later (our look at the root may be late), and before: as long as
// caches hold, or for a state as long as we may have seen it late.
func (w *world) allowed(l line, sets []uint64, at time.Duration) uint64 {
	slack := w.slack
	if l.quantity == holdfast.QuantityState || l.quantity == holdfast.QuantityTrust {
		slack = 2 * w.lead
	}
	first := max(0, int((at-slack)/w.step))
	last := min(len(sets)-1, int((at+w.lead)/w.step))
	var all uint64
	for i := first; i <= last; i++ {
		all |= sets[i]
	}
	return all
}

func sameDue(a, b holdfast.Due) bool {
	return a.Open == b.Open && a.Main == b.Main && a.Clause == b.Clause && slices.Equal(a.Values, b.Values) && slices.Equal(a.Also, b.Also) && a.Liberty == b.Liberty
}

// lexicon gives each value of a line a bit, so that sets of values are numbers.
type lexicon struct{ words []string }

// bit is that of a value; zero for those beyond what a number holds. A line has
// six values at most, but for signals.
func (l *lexicon) bit(v string) uint64 {
	i := slices.Index(l.words, v)
	if i < 0 {
		i = len(l.words)
		l.words = append(l.words, v)
	}
	return 1 << i
}

// of are the values of a set, sorted.
func (l *lexicon) of(set uint64) []string {
	var out []string
	for i, w := range l.words {
		if set&(1<<i) != 0 {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return out
}

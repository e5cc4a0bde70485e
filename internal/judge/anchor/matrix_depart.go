package anchor

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// departure gathers where a line leaves what is due within a step.
type departure struct {
	line
	compared int           // values that something was due for
	open     string        // why nothing was due, where it was not
	length   time.Duration // for how long it was off, in all
	times    int           // and how often
	from     time.Duration
	until    time.Duration
	wanted   holdfast.Due // what was due when it left
	value    string       // what was seen instead
	evidence string
	remark   string // a difference that makes none
	liberty  string // one that no clause settles
}

// span compares one stretch of the same value.
func (d *departure) span(due []holdfast.Due, s holdfast.Shown, from, until, step time.Duration) {
	for _, x := range due {
		if x.Open != "" {
			d.open = x.Open
		}
	}
	if s.Value == unanswered {
		return // a question that got no answer says nothing of anchors
	}
	begin, end := max(s.From, from), min(s.Until, until)
	off := false
	for _, x := range due {
		if x.Until <= begin || x.From > end || x.Open != "" {
			continue
		}
		d.compared++
		if d.allows(x, s.Value) {
			continue
		}
		if slices.Contains(x.Also, s.Value) {
			d.liberty = x.Liberty
			continue
		}
		if reason := d.bookkeeping(x, s.Value); reason != "" {
			d.remark = reason
			continue
		}
		a, b := max(begin, x.From), min(end, x.Until)
		if d.times == 0 {
			d.from, d.wanted, d.value, d.evidence = a, x, s.Value, s.Evidence
		}
		off = true
		d.until = b
		d.length += max(0, b-a)
	}
	if off {
		d.times++
		if s.Times > 1 && d.length < step {
			d.times++
		}
	}
}

// allows says whether a value is among those that are due. What section 4.2 has
// as Removed may be purged, and may as well be kept (section 2.4.2).
func (d *departure) allows(due holdfast.Due, value string) bool {
	if slices.Contains(due.Values, value) {
		return true
	}
	return d.quantity == holdfast.QuantityState && slices.Contains(due.Values, string(holdfast.KeyRemoved)) && gone(holdfast.KeyState(value))
}

// settle says what the cell comes to.
func (d *departure) settle(c *holdfast.MatrixCell, w *world) {
	// What a file or a report says is read from time to time, and written so.
	least := w.lead
	if d.quantity == holdfast.QuantityState || d.quantity == holdfast.QuantityTrust {
		least += w.refresh
	}
	brief := d.length < least && !d.grave()
	switch {
	case d.compared == 0 && d.open == switchedOff:
		c.Agreement, c.Why = holdfast.NotSeen, d.open
	case d.compared == 0 && d.open != "":
		c.Agreement, c.Why = holdfast.Open, d.open
		if d.quantity == holdfast.Quantity(holdfast.ProbeBogus) && slices.ContainsFunc(c.Observed, func(v string) bool { return Reply(v).Answered() }) {
			c.Why += "; forged data passed"
		}
	case len(c.Observed) == 0:
		c.Agreement = holdfast.NotSeen
	case d.compared == 0:
		c.Agreement, c.Why = holdfast.NotSeen, "it did not answer"
	case d.times > 0 && !brief:
		c.Agreement, c.From, c.Until, c.Clause = holdfast.Deviates, d.from, d.until, d.wanted.Clause
		c.Why = fmt.Sprintf("%s was due %s, and %s was seen", words(d.wanted.Values), stretch(d.from, d.until), d.value)
		if meaning, clause := d.meaning(w.following(c.Actor)); meaning != "" {
			c.Meaning, c.Clause = meaning, clause
		}
		rest := slices.DeleteFunc(c.Evidence, func(e string) bool { return e == d.evidence })
		c.Evidence = append([]string{d.evidence}, rest[:min(len(rest), maxEvidence-1)]...)
	case d.liberty == lastingFailure && c.Observed[len(c.Observed)-1] != string(ReplyFail):
		c.Agreement, c.Why = holdfast.Agrees, "it failed for longer than was due, and recovered: a failure may be answered from a cache for up to five minutes (RFC 9520 section 3.2)"
	case d.liberty != "":
		c.Agreement, c.Why = holdfast.Open, d.liberty
	default:
		c.Agreement, c.Why = holdfast.Agrees, d.remark
		if d.times > 0 {
			c.Why = fmt.Sprintf("%s for a moment, %s: too short to tell from the time that a question takes", d.value, stretch(d.from, d.until))
		}
	}
}

// grave says that even a moment matters: forged data passed.
func (d *departure) grave() bool {
	return d.quantity == holdfast.Quantity(holdfast.ProbeBogus) && Reply(d.value).Answered()
}

// bookkeeping says why a difference makes none: RFC 5011 speaks of a resolver's
// view of its keys, and what can be seen of it is whom it trusts. How it names
// what comes to the same is its own affair.
func (d *departure) bookkeeping(due holdfast.Due, value string) string {
	switch d.quantity {
	case holdfast.QuantitySignal:
		return fmt.Sprintf("the signal names %s where the trusted keys are %s: what else a signal may name is not compared here", value, words(due.Values))
	case holdfast.QuantityState:
	default:
		return ""
	}
	seen := holdfast.KeyState(value)
	for _, v := range due.Values {
		want := holdfast.KeyState(v)
		switch {
		case want.Trusted() && seen.Trusted():
			return fmt.Sprintf("it has the key as %s where section 4 has it as %s: trusted in either state", seen, want)
		case gone(want) && gone(seen):
			return fmt.Sprintf("it has the key as %s where section 4 has it as %s: when a defunct key is forgotten is bookkeeping (section 2.4.2)", seen, want)
		case want == holdfast.KeyStart && seen == holdfast.KeyAddPend:
			return "it keeps the key as pending while it is away, where section 4 has it start anew: trusted in neither state; what counts is that its hold-down begins again (section 2.2)"
		}
	}
	return ""
}

// gone says that a key is not trusted and will not come to be by waiting.
func gone(s holdfast.KeyState) bool {
	return s == holdfast.KeyRevoked || s == holdfast.KeyRemoved || s == holdfast.KeyStart
}

// meaning is what a departure comes to, for people, and the clause that it is
// one from; empty where there is no more to say than what differs.
func (d *departure) meaning(follows bool) (meaning, clause string) {
	due, seen := d.wanted.Main, d.value
	switch d.quantity {
	case holdfast.QuantityState:
		return stateMeaning(holdfast.KeyState(due), holdfast.KeyState(seen))
	case holdfast.QuantityTrust:
		if due == trustWord(holdfast.KeyValid) {
			return "it waits for longer than the hold-down, or does not trust what it is to trust", "RFC 5011 section 2.2"
		}
		return "it counts a key as trusted that is not to be", d.wanted.Clause
	case holdfast.Quantity(holdfast.ProbeIs), holdfast.Quantity(holdfast.ProbeNot), holdfast.Quantity(holdfast.ProbeBare):
		return "", ""
	}
	switch {
	case d.wanted.Clause == "RFC 5011 section 2.2" && due == string(ReplyFail) && Reply(seen).Answered():
		return "it accepts a key that signs before its hold-down was confirmed", d.wanted.Clause
	case d.wanted.Clause == "RFC 5011 section 5" && seen == string(ReplyFail):
		return "it goes on failing where the trust point counts as deleted; section 5 states this without a word of requirement, and no forged data passes", d.wanted.Clause
	case !follows && due == string(ReplyFail) && Reply(seen).Answered() && d.quantity != holdfast.Quantity(holdfast.ProbeBogus):
		return "so does one that validates by keys that it holds for longer than their TTL", "RFC 4035 section 5.3.3"
	}
	return "", ""
}

// stateMeaning is what it means that a key is in another state than it is to be.
func stateMeaning(due, seen holdfast.KeyState) (meaning, clause string) {
	switch {
	case due == holdfast.KeyAddPend && seen == holdfast.KeyStart:
		return "it notices the key later than the interval of refreshing asks for", "RFC 5011 section 2.3"
	case (due == holdfast.KeyAddPend || due == holdfast.KeyStart) && seen.Trusted():
		return "it counts a key as trusted before a validated RRset confirmed it after the hold-down", "RFC 5011 section 2.2"
	case due.Trusted() && seen == holdfast.KeyAddPend:
		return "it waits for longer than the hold-down", "RFC 5011 section 2.2"
	case due.Trusted() && seen == holdfast.KeyRevoked:
		return "it counts a key as revoked that did not sign for its revocation", "RFC 5011 section 2.1"
	case due.Trusted() && (seen == holdfast.KeyStart || seen == holdfast.KeyRemoved):
		return "it forgets a key that was accepted and never revoked", "RFC 5011 section 2.2"
	case due == holdfast.KeyRevoked && seen.Trusted():
		return "it counts a key as trusted that was revoked", "RFC 5011 section 2.1"
	}
	return "", ""
}

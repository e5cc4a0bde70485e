package anchor

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// unanswered is what is shown where no reply came.
const unanswered = "no answer"

// shown are all lines of a resolver for which there is evidence, in an order
// for people, with what was seen.
func (w *world) shown(a holdfast.Actor) ([]line, map[line][]holdfast.Shown) {
	seen := map[line][]holdfast.Shown{}
	for i, s := range w.Samples {
		if s.Actor != a.Name || !compared(s.Probe) {
			continue
		}
		l := line{actor: a.Name, quantity: holdfast.Quantity(s.Probe), key: s.Key}
		add(seen, l, holdfast.Shown{From: s.After, Until: max(s.Last, s.After), Times: max(s.Times, 1), Value: shownReply(s), Evidence: fmt.Sprintf("samples %d", i)})
	}
	for i, s := range w.States {
		if s.Actor != a.Name || !a.Follows || s.Point == nil {
			continue
		}
		for _, k := range w.Play.Keys {
			key, ok := w.keys[k.Name]
			if !ok || !mayBeAnchor(key.DNSKEY) {
				continue
			}
			state, sure := w.stateIn(*s.Point, key)
			if !sure {
				continue
			}
			l, value := line{actor: a.Name, quantity: holdfast.QuantityState, key: k.Name, source: s.Name}, string(state)
			if trustOnly(s.Name) {
				l.quantity, value = holdfast.QuantityTrust, trustWord(state)
			}
			add(seen, l, holdfast.Shown{From: s.After, Until: s.After, Times: 1, Value: value, Evidence: fmt.Sprintf("states %d", i)})
		}
	}
	for i, s := range w.Signals {
		if s.Actor == a.Name {
			l := line{actor: a.Name, quantity: holdfast.QuantitySignal}
			add(seen, l, holdfast.Shown{From: s.After, Until: max(s.Last, s.After), Times: max(s.Times, 1), Value: joinTags(s.Tags), Evidence: fmt.Sprintf("signals %d", i)})
		}
	}
	w.hold(seen)
	var lines []line
	for l := range seen {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(order(a.quantity), order(b.quantity)), cmp.Compare(a.source, b.source), cmp.Compare(w.keyOrder(a.key), w.keyOrder(b.key)), cmp.Compare(a.key, b.key))
	})
	return lines, seen
}

// trustOnly says whether a report lists the keys that are trusted, and no others.
func trustOnly(source string) bool { return source == "rndc secroots" }

func trustWord(s holdfast.KeyState) string {
	if s.Trusted() {
		return "trusted"
	}
	return "not trusted"
}

// add appends to a line; the same value again makes the last stretch longer.
func add(to map[line][]holdfast.Shown, l line, s holdfast.Shown) {
	list := to[l]
	if n := len(list); n > 0 && list[n-1].Value == s.Value {
		list[n-1].Until, list[n-1].Times = max(list[n-1].Until, s.Until), list[n-1].Times+s.Times
		return
	}
	to[l] = append(list, s)
}

// hold draws states out until the next one: they are kept each time that they
// change, so what was written last is so still.
func (w *world) hold(seen map[line][]holdfast.Shown) {
	for l, list := range seen {
		if l.quantity != holdfast.QuantityState && l.quantity != holdfast.QuantityTrust {
			continue
		}
		for i := range list {
			list[i].Until = w.Play.Length
			if i+1 < len(list) {
				list[i].Until = max(list[i].From, list[i+1].From-time.Millisecond)
			}
		}
	}
}

// compared says whether a probe's result is compared with the RFC.
func compared(p holdfast.Probe) bool {
	switch p {
	case holdfast.ProbeSigned, holdfast.ProbeBogus, holdfast.ProbeUnsigned, holdfast.ProbeIs, holdfast.ProbeNot, holdfast.ProbeBare:
		return true
	}
	return false
}

func order(q holdfast.Quantity) int {
	return slices.Index([]holdfast.Quantity{
		holdfast.Quantity(holdfast.ProbeSigned), holdfast.Quantity(holdfast.ProbeBogus), holdfast.Quantity(holdfast.ProbeUnsigned), holdfast.Quantity(holdfast.ProbeBare),
		holdfast.Quantity(holdfast.ProbeIs), holdfast.Quantity(holdfast.ProbeNot), holdfast.QuantityState, holdfast.QuantityTrust, holdfast.QuantitySignal,
	}, q)
}

func (w *world) keyOrder(name string) int {
	return slices.IndexFunc(w.Play.Keys, func(k holdfast.PlayKey) bool { return k.Name == name })
}

func shownReply(s holdfast.Sample) string {
	r := ReadReply(s.Exchange)
	switch {
	case r == ReplyNone:
		return unanswered
	case s.Probe == holdfast.ProbeBare && r.Answered():
		return string(ReplyPlain) // with CD, AD says nothing
	}
	return string(r)
}

// stateIn is the state of a key as a resolver has it; Start where it does not
// have it. Of several entries for a key the one that counts most is taken. It is
// not sure where an entry has nothing but a tag, and two keys of the play share it.
func (w *world) stateIn(point holdfast.TrustPoint, key SeenKey) (state holdfast.KeyState, sure bool) {
	state = holdfast.KeyStart
	for _, k := range point.Keys {
		if !key.is(k, point.Zone) {
			continue
		}
		if len(k.Public) == 0 && k.DS == nil && w.shared[key.Tag] {
			return state, false
		}
		if state == holdfast.KeyStart || k.State.Trusted() {
			state = k.State
		}
	}
	return state, true
}

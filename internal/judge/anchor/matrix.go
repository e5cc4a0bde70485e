package anchor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// MatrixFormat names the form of a judged rehearsal.
const MatrixFormat = "holdfast-matrix/1"

// Judge compares what resolvers did in a rehearsal with what the RFCs ask for:
// with RFC 5011 where one is set up to follow it, with the plain chain of trust
// of RFC 4035 where it trusts what it was given, with RFC 8509 where it answers
// sentinel names. It fails where the evidence does not say what the root served.
func Judge(r holdfast.Rehearsal) (holdfast.Matrix, error) {
	w, err := newWorld(r)
	if err != nil {
		return holdfast.Matrix{}, fmt.Errorf("judge rehearsal: %w", err)
	}
	m := holdfast.Matrix{
		Format: MatrixFormat, Play: r.Play, Started: r.Started, Clock: r.Clock, Program: r.Program, Tags: r.Tags, Queries: r.Queries, Acts: r.Acts,
		Lines: []holdfast.MatrixLine{}, Cells: []holdfast.MatrixCell{}, Ends: []holdfast.MatrixEnd{},
	}
	if r.Finished.IsZero() {
		m.Cut = w.Play.Length
	}
	for _, a := range r.Actors {
		a.Config = ""
		m.Actors = append(m.Actors, a)
		if a.Skipped == "" {
			w.judgeActor(&m, a)
		}
	}
	return m, nil
}

// judgeActor adds the lines, cells and end of one resolver.
func (w *world) judgeActor(m *holdfast.Matrix, a holdfast.Actor) {
	var runs [][]moment
	for _, member := range w.members(a) {
		runs = append(runs, w.run(a.Name, member))
	}
	lines, shown := w.shown(a)
	sentinel := w.speaksSentinel(a.Name, shown)
	var cells []holdfast.MatrixCell
	for _, l := range lines {
		due := w.due(l, runs)
		mute := !sentinel && (l.quantity == holdfast.Quantity(holdfast.ProbeIs) || l.quantity == holdfast.Quantity(holdfast.ProbeNot))
		if mute {
			due = []holdfast.Due{{Until: w.Play.Length, Open: "it shows no sign of RFC 8509, which need not be implemented"}}
		}
		m.Lines = append(m.Lines, holdfast.MatrixLine{Actor: l.actor, Quantity: l.quantity, Key: l.key, Source: l.source, Due: due, Shown: shown[l]})
		if mute {
			continue // nothing to compare in any step
		}
		cells = append(cells, w.cells(l, due, shown[l])...)
	}
	reported(cells)
	// By step, and within a step in the order of the lines.
	for _, s := range w.Play.Steps {
		for _, c := range cells {
			if c.Step == s.Name {
				m.Cells = append(m.Cells, c)
			}
		}
	}
	m.Ends = append(m.Ends, w.end(a, runs, shown, cells))
}

// reported looks at states that a resolver reports otherwise than due, while
// another report says that it trusts as it is to: then it is the report that is
// odd, which no clause speaks of.
func reported(cells []holdfast.MatrixCell) {
	for i := range cells {
		c := &cells[i]
		if c.Quantity != holdfast.QuantityState || c.Agreement != holdfast.Deviates {
			continue
		}
		j := slices.IndexFunc(cells, func(o holdfast.MatrixCell) bool {
			return o.Quantity == holdfast.QuantityTrust && o.Step == c.Step && o.Key == c.Key && o.Agreement == holdfast.Agrees
		})
		if j >= 0 {
			c.Agreement, c.Why, c.Meaning = holdfast.Open, fmt.Sprintf("%s has it so (%s), and by %s it trusts as it is to: the report is odd, of which no clause speaks", c.Source, c.Why, cells[j].Source), ""
		}
	}
}

// speaksSentinel says whether a resolver ever told one key from another: a
// sentinel name failed for a while in which a signed name did not.
func (w *world) speaksSentinel(actor string, shown map[line][]holdfast.Shown) bool {
	signed := shown[line{actor: actor, quantity: holdfast.Quantity(holdfast.ProbeSigned)}]
	for l, list := range shown {
		if l.quantity != holdfast.Quantity(holdfast.ProbeIs) && l.quantity != holdfast.Quantity(holdfast.ProbeNot) {
			continue
		}
		for _, s := range list {
			for _, other := range signed {
				if s.Value == string(ReplyFail) && other.Value == string(ReplySecure) && min(s.Until, other.Until)-max(s.From, other.From) > w.lead {
					return true
				}
			}
		}
	}
	return false
}

// cells compares one line with what is due, step by step.
func (w *world) cells(l line, due []holdfast.Due, shown []holdfast.Shown) []holdfast.MatrixCell {
	var out []holdfast.MatrixCell
	for i, step := range w.Play.Steps {
		until := w.Play.Length
		if i+1 < len(w.Play.Steps) {
			until = min(until, w.Play.Steps[i+1].At)
		}
		if until <= step.At {
			continue
		}
		c := holdfast.MatrixCell{Step: step.Name, Actor: l.actor, Quantity: l.quantity, Key: l.key, Source: l.source, Expected: []string{}, Observed: []string{}}
		w.compare(&c, l, within(due, step.At, until), shown, step.At, until)
		if l.quantity == holdfast.QuantitySignal && (c.Agreement == holdfast.NotSeen || c.Agreement == holdfast.Open) {
			continue // a signal comes when it comes, and what is open of it is open of all else
		}
		out = append(out, c)
	}
	return out
}

func within(due []holdfast.Due, from, until time.Duration) []holdfast.Due {
	var out []holdfast.Due
	for _, d := range due {
		if d.Until > from && d.From < until {
			d.From, d.Until = max(d.From, from), min(d.Until, until)
			out = append(out, d)
		}
	}
	return out
}

// compare fills in one cell.
func (w *world) compare(c *holdfast.MatrixCell, l line, due []holdfast.Due, shown []holdfast.Shown, from, until time.Duration) {
	for _, d := range due {
		if d.Open == "" {
			c.Expected = follow(c.Expected, d.Main)
		}
		if c.Clause == "" {
			c.Clause = d.Clause
		}
	}
	d := departure{line: l}
	for _, s := range shown {
		if s.Until < from || s.From >= until {
			continue
		}
		c.Observed = follow(c.Observed, s.Value)
		if len(c.Evidence) < maxEvidence {
			c.Evidence = append(c.Evidence, s.Evidence)
		}
		d.span(due, s, from, until, w.step)
	}
	d.settle(c, w)
}

// maxEvidence bounds the references of a cell.
const maxEvidence = 8

// follow appends a value where it is not the last.
func follow(list []string, value string) []string {
	if n := len(list); n > 0 && list[n-1] == value {
		return list
	}
	return append(list, value)
}

// end is how a resolver came out of the play.
func (w *world) end(a holdfast.Actor, runs [][]moment, shown map[line][]holdfast.Shown, cells []holdfast.MatrixCell) holdfast.MatrixEnd {
	e := holdfast.MatrixEnd{Actor: a.Name, Agreement: holdfast.NotSeen}
	for _, c := range cells {
		e.Agreement = holdfast.Worst(e.Agreement, c.Agreement)
		if c.Agreement == holdfast.Agrees || c.Agreement == holdfast.Deviates {
			e.Cells++
		}
	}
	if last := runs[0][len(w.points)-1]; last.open == "" {
		e.Due = last.standing
	}
	signed := shown[line{actor: a.Name, quantity: holdfast.Quantity(holdfast.ProbeSigned)}]
	for i, s := range signed {
		if s.Value == string(ReplyFail) {
			until := w.Play.Length
			if i+1 < len(signed) {
				until = signed[i+1].From
			}
			e.Failed += max(0, until-s.From)
		}
	}
	e.Classes = w.classes(a, shown)
	if n := len(signed); n > 0 {
		switch Reply(signed[n-1].Value) {
		case ReplySecure:
			e.Seen = holdfast.Secure
		case ReplyPlain:
			e.Seen = holdfast.Insecure
		case ReplyFail:
			e.Seen = holdfast.Bogus
		}
	}
	return e
}

// classes are what a resolver is at the end by its answers, key by key. Every
// resolver of a play is set up to validate.
func (w *world) classes(a holdfast.Actor, shown map[line][]holdfast.Shown) []holdfast.MatrixClass {
	last := func(probe holdfast.Probe, key string) Reply {
		list := shown[line{actor: a.Name, quantity: holdfast.Quantity(probe), key: key}]
		if len(list) == 0 || list[len(list)-1].Value == unanswered {
			return ReplyNone
		}
		return Reply(list[len(list)-1].Value)
	}
	var out []holdfast.MatrixClass
	for _, k := range w.Play.Keys {
		if key, ok := w.keys[k.Name]; !ok || !mayBeAnchor(key.DNSKEY) || len(shown[line{actor: a.Name, quantity: holdfast.Quantity(holdfast.ProbeIs), key: k.Name}]) == 0 {
			continue
		}
		class := Classify(Sentinel{
			Is: last(holdfast.ProbeIs, k.Name), Not: last(holdfast.ProbeNot, k.Name), Bogus: last(holdfast.ProbeBogus, ""),
			Signed: last(holdfast.ProbeSigned, ""), Bare: last(holdfast.ProbeBare, ""), Validates: true,
		})
		out = append(out, holdfast.MatrixClass{Key: k.Name, Class: string(class)})
	}
	return out
}

// stretch writes a stretch of a play for people.
func stretch(from, until time.Duration) string {
	if until-from < time.Millisecond {
		return "at " + clockOf(from)
	}
	return fmt.Sprintf("from %s to %s", clockOf(from), clockOf(until))
}

// clockOf is an instant of a play: seconds, or days where it is long.
func clockOf(at time.Duration) string {
	const day = 24 * time.Hour
	if at >= 2*day {
		return fmt.Sprintf("day %.1f", at.Hours()/24)
	}
	return fmt.Sprintf("%.1f s", at.Seconds())
}

func words(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(values, " or ")
}

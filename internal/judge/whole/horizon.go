package whole

import (
	"cmp"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Horizon is what will have lost its last good signature by an instant if
// nobody signs anew.
type Horizon struct {
	Until    time.Time      `json:"until"`
	RRsets   int            `json:"rrsets"`
	Classes  []HorizonClass `json:"classes"`  // the first to die first
	Earliest []Expiring     `json:"earliest"` // the first RRsets to die, at most 10
}

// HorizonClass is that of one class of RRsets.
type HorizonClass struct {
	Class  holdfast.Class `json:"class"`
	RRsets int            `json:"rrsets"`
	First  Expiring       `json:"first"`
}

// Expiring is an RRset that dies.
type Expiring struct {
	Name holdfast.Name `json:"name"`
	Type string        `json:"type"`
	At   time.Time     `json:"at"`
}

const maxEarliest = 10

// reckoning is a Horizon in the making.
type reckoning struct {
	types    map[wire.Type]*mortality
	earliest []death // at most maxEarliest, in order
}

// mortality is how many RRsets of a type die, and the first.
type mortality struct {
	count int
	first death
}

func (r *reckoning) add(d death) {
	if r.types == nil {
		r.types = map[wire.Type]*mortality{}
	}
	m := r.types[d.typ]
	if m == nil {
		m = &mortality{}
		r.types[d.typ] = m
	}
	m.count++
	if d.before(m.first) {
		m.first = d.kept()
	}
	r.early(d)
}

func (r *reckoning) early(d death) {
	if len(r.earliest) == maxEarliest && !d.before(r.earliest[maxEarliest-1]) {
		return
	}
	at := len(r.earliest)
	for at > 0 && d.before(r.earliest[at-1]) {
		at--
	}
	r.earliest = slices.Insert(r.earliest, at, d.kept())
	r.earliest = r.earliest[:min(len(r.earliest), maxEarliest)]
}

func (r *reckoning) merge(o *reckoning) {
	for t, m := range o.types {
		if r.types == nil {
			r.types = map[wire.Type]*mortality{}
		}
		if r.types[t] == nil {
			r.types[t] = m
			continue
		}
		r.types[t].count += m.count
		if m.first.before(r.types[t].first) {
			r.types[t].first = m.first
		}
	}
	for _, d := range o.earliest {
		r.early(d)
	}
}

func (d death) expiring() Expiring {
	return Expiring{Name: nameOf(d.key), Type: d.typ.String(), At: d.time()}
}

// lookAhead says what will have died by the horizon.
func (j *judgement) lookAhead() {
	if j.Options.Horizon <= 0 {
		return
	}
	r := &j.tally.horizon
	h := &Horizon{Until: j.At.Add(j.Options.Horizon).UTC(), Classes: []HorizonClass{}, Earliest: []Expiring{}}
	j.report.Horizon = h
	firsts := map[holdfast.Class]death{}
	counts := map[holdfast.Class]int{}
	for t, m := range r.types {
		class := classOf(t)
		h.RRsets += m.count
		counts[class] += m.count
		if m.first.before(firsts[class]) {
			firsts[class] = m.first
		}
	}
	for class, first := range firsts {
		h.Classes = append(h.Classes, HorizonClass{class, counts[class], first.expiring()})
	}
	slices.SortFunc(h.Classes, func(a, b HorizonClass) int {
		return cmp.Or(a.First.At.Compare(b.First.At), cmp.Compare(a.Class, b.Class))
	})
	for _, d := range r.earliest {
		h.Earliest = append(h.Earliest, d.expiring())
	}
	if h.RRsets > 0 {
		first := r.earliest[0]
		j.tally.findUntil(first.time(), expiring, &node{key: first.key}, first.typ,
			"its last good signature expires at %s; it is the first of %d RRsets that die by %s", first.time().Format(time.RFC3339), h.RRsets, h.Until.Format(time.RFC3339))
	}
}

package walk

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// rareTypes are those that few zones under watch have at their apex: two
// servers are asked for each, and the others where one of them has it.
var rareTypes = []wire.Type{wire.TypeA, wire.TypeMX, wire.TypeTXT, wire.TypeCSYNC, wire.TypeZONEMD}

// scoutsWanted is how many servers are asked for a rare type: one might be
// behind, or lack what the others have.
const scoutsWanted = 2

// scout is how far it is known whether the apex has a type.
type scout struct {
	asked   int
	found   bool
	waiting []holdfast.Server // those not asked yet
}

// scout asks the server for the rare types, or has it wait until two others
// have answered.
func (l *look) scout(s holdfast.Server) {
	var questions []ask.Question
	l.mutex.Lock()
	for _, t := range rareTypes {
		sc := l.scouts[t]
		if sc == nil {
			sc = &scout{}
			l.scouts[t] = sc
		}
		if !sc.found && sc.asked >= scoutsWanted {
			sc.waiting = append(sc.waiting, s)
			continue
		}
		sc.asked++
		questions = append(questions, l.apex(s, holdfast.PurposeApex, t))
	}
	l.mutex.Unlock()
	l.pose(questions...)
}

// scouted takes in what a server said about a type: where it has it, all are
// asked; where it said nothing of use, the next is.
func (l *look) scouted(q ask.Question, m *wire.Message) {
	t := wire.Type(q.Question.Type)
	if !slices.Contains(rareTypes, t) {
		return
	}
	l.mutex.Lock()
	sc := l.scouts[t]
	next := 0
	switch {
	case holds(m, l.zone, t):
		sc.found, next = true, len(sc.waiting)
	case !authoritative(m):
		next = min(1, len(sc.waiting))
	}
	servers := sc.waiting[:next]
	sc.waiting = sc.waiting[next:]
	l.mutex.Unlock()
	for _, s := range servers {
		l.pose(l.apex(s, holdfast.PurposeApex, t))
	}
}

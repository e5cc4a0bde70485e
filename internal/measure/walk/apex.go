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
	answered int // scouts that said of the type whether it is there
	found    bool
	waiting  []holdfast.Server // those not asked yet
}

// scout asks the server for the rare types where it is one of those drawn for
// it, or they are known to be there; otherwise it has it wait.
func (l *look) scout(s holdfast.Server) {
	var questions []ask.Question
	drawn := l.isScout(s)
	l.mutex.Lock()
	for _, t := range rareTypes {
		sc := l.scouts[t]
		if sc == nil {
			sc = &scout{}
			l.scouts[t] = sc
		}
		if !drawn && !sc.found {
			sc.waiting = append(sc.waiting, s)
			continue
		}
		questions = append(questions, l.apex(s, holdfast.PurposeApex, t))
	}
	l.mutex.Unlock()
	l.pose(questions...)
}

func (l *look) isScout(s holdfast.Server) bool {
	l.mutex.Lock()
	known := make([]holdfast.Server, 0, len(l.servers))
	for server := range l.servers {
		known = append(known, server)
	}
	l.mutex.Unlock()
	drawn := l.scoutLots(known)
	return slices.Contains(drawn[:min(scoutsWanted, len(drawn))], s)
}

func (l *look) scoutLots(servers []holdfast.Server) []holdfast.Server {
	return serverLots(l, "scout "+string(l.zone), servers)
}

// scouted takes in what a server said about a type: where it has it, all are
// asked.
func (l *look) scouted(q ask.Question, m *wire.Message) {
	t := wire.Type(q.Question.Type)
	if !slices.Contains(rareTypes, t) {
		return
	}
	l.mutex.Lock()
	sc := l.scouts[t]
	if authoritative(m) {
		sc.answered++
	}
	var servers []holdfast.Server
	if holds(m, l.zone, t) {
		sc.found = true
		servers, sc.waiting = sc.waiting, nil
	}
	l.mutex.Unlock()
	for _, s := range servers {
		l.pose(l.apex(s, holdfast.PurposeApex, t))
	}
}

// scoutsMissing are questions to those who wait, in place of scouts that said
// nothing of use.
func (l *look) scoutsMissing() (questions []ask.Question) {
	for _, t := range rareTypes {
		l.mutex.Lock()
		var next []holdfast.Server
		if sc := l.scouts[t]; sc != nil && !sc.found && sc.answered < scoutsWanted {
			waiting := l.scoutLots(sc.waiting)
			n := min(scoutsWanted-sc.answered, len(waiting))
			next, sc.waiting = waiting[:n], waiting[n:]
		}
		l.mutex.Unlock()
		for _, s := range next {
			questions = append(questions, l.apex(s, holdfast.PurposeApex, t))
		}
	}
	return questions
}

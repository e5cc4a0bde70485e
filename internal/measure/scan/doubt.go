package scan

import (
	"slices"
	"sync"

	"github.com/holdfastdns/holdfast"
)

// Bounds of doubt. They are judgement, not measurement: ten zones do not fall
// silent at the same minute by themselves, and the largest shared backends
// serve a tenth of the root's zones.
const (
	doubtWindow = 60  // zones whose last look is remembered
	doubtFewest = 10  // zones without which nothing is concluded
	doubtShare  = 0.5 // of them dead, above which the trouble is ours
	doubtHeld   = 512 // looks held back at most
)

// held is a look that got hardly an answer and waits to be judged.
type held struct {
	subject     holdfast.Subject
	measurement holdfast.Measurement
	sweep       *sweep
	later       map[holdfast.Name]bool // the zones looked at since, and whether they were dead
}

// doubt decides whether silence is theirs or ours. A dead look is held until
// nine other zones have been looked at after it: where most of them are dead
// too it is withheld, else it is judged. Looks from before it say nothing,
// for the network may have failed between them and it. What the world is
// called, down or not, rests on more zones, so that the failure of one large
// operator is not taken for ours.
type doubt struct {
	mu      sync.Mutex
	watched int     // zones under watch; owned by mu
	recent  []pulse // each zone once, newest last; owned by mu
	held    []held  // owned by mu
	down    bool    // owned by mu
}

// pulse is how the last look at a zone went. A zone in the fast loop counts
// once however often it is looked at.
type pulse struct {
	zone holdfast.Name
	dead bool
}

// watch says how many zones are under watch: with few of them, silence is
// taken as theirs at once.
func (d *doubt) watch(zones int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watched = zones
}

// decision is what to do after a look was considered.
type decision struct {
	judge    []held // now
	withheld []held // never: their silence is ours
	changed  bool   // the world went down, or came back
	down     bool
}

// own says whether an exchange is of the look itself. A core look comes
// composed with its base, whose replies, an hour old, would make a dead zone
// look alive.
func own(m holdfast.Measurement, e holdfast.Exchange) bool { return !e.Sent.Before(m.Started) }

// dead says whether hardly anything answered: less than half of the questions
// to the zone's own servers.
func dead(m holdfast.Measurement) bool {
	asked, answered := 0, 0
	for _, e := range m.Exchanges {
		if e.Zone != m.Subject.Zone || !e.Purpose.Plain() || !own(m, e) {
			continue
		}
		asked++
		if e.Outcome != holdfast.Timeout && e.Outcome != holdfast.Unreachable && e.Outcome != holdfast.NotAsked {
			answered++
		}
	}
	return 2*answered < asked || asked == 0
}

// consider takes a look in and says what is to be judged now.
func (d *doubt) consider(h held) decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	isDead := dead(h.measurement)
	d.recent = slices.DeleteFunc(d.recent, func(p pulse) bool { return p.zone == h.subject.Zone })
	d.recent = append(d.recent, pulse{h.subject.Zone, isDead})
	if len(d.recent) > doubtWindow {
		d.recent = d.recent[1:]
	}
	out := decision{}
	d.held = slices.DeleteFunc(d.held, func(old held) bool {
		if old.subject.Zone != h.subject.Zone {
			old.later[h.subject.Zone] = isDead
			return false
		}
		// Looks at one zone are judged in their order.
		out.judge = append(out.judge, old)
		return true
	})
	if isDead {
		h.later = make(map[holdfast.Name]bool)
		d.held = append(d.held, h)
	} else {
		out.judge = append(out.judge, h)
	}
	d.observe(&out)
	switch {
	case d.down || d.watched < doubtFewest || len(d.held) >= doubtHeld:
		d.settle(&out)
	default:
		d.release(&out)
	}
	return out
}

// release lets go of those held looks that enough others have followed.
func (d *doubt) release(out *decision) {
	d.held = slices.DeleteFunc(d.held, func(h held) bool {
		if len(h.later) < doubtFewest-1 {
			return false
		}
		silent := 0
		for _, isDead := range h.later {
			if isDead {
				silent++
			}
		}
		if float64(silent) > doubtShare*float64(len(h.later)) {
			out.withheld = append(out.withheld, h)
		} else {
			out.judge = append(out.judge, h)
		}
		return true
	})
}

// finish settles what is held when a single sweep is over, however few looks
// there were.
func (d *doubt) finish() decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := decision{}
	d.observe(&out)
	d.settle(&out)
	return out
}

// observe says how the world is, by the last look at each zone.
func (d *doubt) observe(out *decision) {
	silent := 0
	for _, p := range d.recent {
		if p.dead {
			silent++
		}
	}
	down := len(d.recent) >= doubtFewest && float64(silent) > doubtShare*float64(len(d.recent))
	out.changed, out.down = down != d.down, down
	d.down = down
}

// settle decides on all that is held by how the world is.
func (d *doubt) settle(out *decision) {
	if d.down {
		out.withheld = append(out.withheld, d.held...)
	} else {
		out.judge = append(out.judge, d.held...)
	}
	d.held = nil
}

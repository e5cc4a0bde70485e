package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// RootKeys answers what is known of the root's keys: the judges' work, handed
// in so that the page has no rules of its own.
type RootKeys func(context.Context) (holdfast.RootState, error)

// rootPath is the page of the root's keys.
const rootPath = "/root"

type rootView struct {
	holdfast.RootState
	Now     time.Time
	Phase   string // in words
	Picture rootPicture
	Dates   []rootDateView
	Coming  []rootStepView
	Checks  bool
	Slots   []rootSlotView
}

// rootDateView is a line of the table of all dates.
type rootDateView struct {
	Key, Tag, Step, At, Source string
	Planned                    bool
}

// rootStepView is a step still to come.
type rootStepView struct {
	holdfast.RootExpected
	Word string
}

// rootSlotView is a slot of a signed key response.
type rootSlotView struct {
	holdfast.RootSpan
	Sign, Published string
}

func (s *Site) serveRoot(w http.ResponseWriter, r *http.Request) error {
	state, err := s.config.Root(r.Context())
	if err != nil {
		return err
	}
	view := rootView{RootState: state, Now: s.clock.Now().UTC(), Checks: s.config.Checks != nil}
	if state.Set != nil {
		view.Phase = phaseWords[state.Set.Phase]
	}
	view.Picture = newRootPicture(state, view.Now)
	for _, k := range state.Calendar.Keys {
		for _, d := range k.Dates {
			line := rootDateView{Key: k.Name, Step: stepWords[d.Step], At: dayOrInstant(d.At), Source: d.Source, Planned: d.Planned}
			if k.Tag != 0 {
				line.Tag = strconv.Itoa(int(k.Tag))
			}
			view.Dates = append(view.Dates, line)
		}
	}
	for _, e := range state.Expected {
		view.Coming = append(view.Coming, rootStepView{e, stepWords[e.Step]})
	}
	for _, span := range state.Forecast {
		view.Slots = append(view.Slots, rootSlotView{span, rootTags(span.Set.Signers()), rootTags(span.Set.Keys)})
	}
	return s.show(w, r, shell{Title: "The root's keys", Nav: rootPath, Live: true}, "root", view)
}

var phaseWords = map[holdfast.RootPhase]string{
	holdfast.RootSteady:       "One key signs, and no rollover is under way.",
	holdfast.RootPrePublished: "A newer key is published, and the older one signs. Resolvers that follow RFC 5011 come to trust the newer one by themselves, 30 days after they first saw it.",
	holdfast.RootSwitched:     "The newer key signs alone. A resolver that trusts only the older one fails for every name.",
	holdfast.RootDoubleSigned: "More than one key signs: whoever trusts either of them can validate.",
	holdfast.RootRevoking:     "A key is shown as revoked. A resolver that follows RFC 5011 and trusts no other key turns insecure without a word.",
	holdfast.RootIrregular:    "The keys are as no rollover has them.",
}

var stepWords = map[holdfast.RootStep]string{
	holdfast.RootGenerated: "generated", holdfast.RootAnchored: "in IANA's trust anchor file", holdfast.RootPublished: "published",
	holdfast.RootSigns: "signs", holdfast.RootRetired: "signs no more", holdfast.RootRevoked: "revoked", holdfast.RootRemoved: "gone", holdfast.RootAbandoned: "abandoned",
}

// dayOrInstant is a date as exact as its source: midnight stands for a day.
func dayOrInstant(t time.Time) string {
	if t.Equal(t.Truncate(day)) {
		return t.UTC().Format("2 Jan 2006")
	}
	return instant(t)
}

func rootTags(keys []holdfast.RootSetKey) string {
	var out []string
	for _, k := range keys {
		tag := strconv.Itoa(int(k.Tag))
		if k.Revoked {
			tag += " (revoked)"
		}
		out = append(out, tag)
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// rootPicture is the life of every key-signing key of the root since 2010
// along one axis, with what is planned behind the present.
type rootPicture struct {
	axis
	NowAnchor string
	Lanes     []rootLane
}

type rootLane struct {
	Name, Tag, State, Life string
	Stretches              []stretch
}

// newRootPicture draws the calendar. What it has as planned is drawn as a plan
// until the root itself shows it.
func newRootPicture(s holdfast.RootState, now time.Time) rootPicture {
	from, to := now, now.AddDate(1, 0, 0)
	for _, k := range s.Calendar.Keys {
		for _, d := range k.Dates {
			from, to = earlier(from, d.At), later(to, d.At)
		}
	}
	for _, plan := range s.Calendar.Plans {
		to = later(to, plan.Until)
	}
	p := rootPicture{axis: newAxis(from.AddDate(0, -3, 0), to.AddDate(0, 3, 0), now)}
	p.Ticks, p.NowAnchor = yearTicks(p.axis), p.anchor(now)
	for _, k := range s.Calendar.Keys {
		p.Lanes = append(p.Lanes, newRootLane(p.axis, k, s, now))
	}
	for _, plan := range s.Calendar.Plans {
		p.Lanes = append(p.Lanes, rootLane{
			Name: "Planned", State: plan.Name, Life: plan.Name + ", " + plan.From.Format("Jan 2006") + " to " + plan.Until.Add(-time.Second).Format("Jan 2006") + ", planned",
			Stretches: []stretch{{Class: "planned", X: p.place(plan.From), Width: percentOf(p.share(plan.Until) - p.share(plan.From)), Height: "12", Title: plan.Text + " (" + plan.Source + ")"}},
		})
	}
	return p
}

// yearTicks are years, at most six of them.
func yearTicks(a axis) []tick {
	step := 1
	for a.to.Year()-a.from.Year() > 5*step {
		step++
	}
	var out []tick
	for year := a.from.Year() + 1; year <= a.to.Year(); year += step {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		anchor := "middle"
		if share := a.share(at); share < 0.06 {
			anchor = "start"
		} else if share > 0.94 {
			anchor = "end"
		}
		out = append(out, tick{a.place(at), strconv.Itoa(year), anchor})
	}
	return out
}

// lookOf is how a key is drawn from a step on: class, height of the bar, word.
var lookOf = map[holdfast.RootStep]struct{ class, height, word string }{
	holdfast.RootGenerated: {"made", "3", "made, not published"},
	holdfast.RootPublished: {"standby", "6", "published, does not sign"},
	holdfast.RootSigns:     {"active", "14", "signs"},
	holdfast.RootRetired:   {"standby", "6", "published, signs no more"},
	holdfast.RootRevoked:   {"revoked", "14", "revoked"},
}

func newRootLane(a axis, k holdfast.RootKey, s holdfast.RootState, now time.Time) rootLane {
	l := rootLane{Name: k.Name}
	if k.Tag != 0 {
		l.Tag = strconv.Itoa(int(k.Tag))
	}
	var said []string
	ended := false
	for i, d := range k.Dates {
		planned := d.Planned && !seen(s, k, d.Step)
		said = append(said, stepWords[d.Step]+" "+map[bool]string{true: "planned for "}[planned]+dayOrInstant(d.At))
		if !planned && (d.Step != holdfast.RootAnchored || l.State == "") {
			l.State = stepWords[d.Step]
		}
		look, drawn := lookOf[d.Step]
		ended = ended || d.Step == holdfast.RootRemoved || d.Step == holdfast.RootAbandoned
		if !drawn {
			continue
		}
		until := a.to
		next := slices.IndexFunc(k.Dates[i+1:], func(n holdfast.RootDate) bool { return n.Step != holdfast.RootAnchored })
		if next >= 0 {
			n := k.Dates[i+1+next]
			if until = n.At; n.Planned && !planned && !seen(s, k, n.Step) {
				until = later(until, now) // what was to end goes on until it is seen to
			}
		}
		for _, part := range parts(d.At, until, now, planned) {
			class := look.class
			if part.planned {
				class += " planned"
			}
			l.Stretches = append(l.Stretches, stretch{
				Class: class, X: a.place(part.from), Width: percentOf(max(a.share(part.until)-a.share(part.from), 0.002)), Height: look.height,
				Title: fmt.Sprintf("%s: %s, %s to %s", k.Name, look.word, dayOrInstant(part.from), map[bool]string{true: "…", false: dayOrInstant(part.until)}[part.until.Equal(a.to)]),
			})
		}
	}
	l.Life = strings.Join(said, ", ")
	if ended {
		l.State = stepWords[k.Dates[len(k.Dates)-1].Step]
	}
	return l
}

type part struct {
	from, until time.Time
	planned     bool
}

// parts cuts a stretch at the present: what lies behind it is expected, not
// known.
func parts(from, until, now time.Time, planned bool) []part {
	switch {
	case !until.After(from):
		return nil
	case planned || !from.Before(now):
		return []part{{from, until, true}}
	case until.After(now):
		return []part{{from, now, false}, {now, until, true}}
	}
	return []part{{from, until, false}}
}

// seen says whether the root itself shows a step that the calendar has as
// planned: such a step is not among those still to come.
func seen(s holdfast.RootState, k holdfast.RootKey, step holdfast.RootStep) bool {
	if s.Set == nil || s.Foreign {
		return false
	}
	i := slices.IndexFunc(s.Expected, func(e holdfast.RootExpected) bool { return e.Key == k.Name && e.Step == step })
	return i < 0 || s.Expected[i].Seen
}

package web

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/holdfastdns/holdfast"
)

// classOrder is from the zone's own chain outwards.
var classOrder = []holdfast.Class{
	holdfast.ClassDS, holdfast.ClassDNSKEY, holdfast.ClassSOA, holdfast.ClassNS,
	holdfast.ClassDenial, holdfast.ClassNSEC3PARAM, holdfast.ClassCDS, holdfast.ClassCDNSKEY,
}

const day = 24 * time.Hour

// windowsPicture shows the lives of signatures along one axis of time.
type windowsPicture struct {
	axis
	Lanes     []lane
	FailsWord string // "fails" or "failed"
	Fails     string // place of the instant of failure, "" where there is none or it lies outside
	// FailsAnchor and NowAnchor keep the words beside the lines within the picture.
	FailsAnchor, NowAnchor string
}

// lane is one RRset class as one or more servers serve it.
type lane struct {
	Class   holdfast.Class
	Who     string
	Servers []holdfast.Server
	Window  holdfast.Window
	Level   string
	Word    string // what the colour says
	Note    string // what is to be said beside the bar, if anything
	X       string // where the bar begins
	Width   string
	Early   bool // it began before the picture does
	Late    bool // it ends after the picture does
}

// axis maps instants to places in percent.
type axis struct {
	from, to time.Time
	Now      string
	Ticks    []tick
}

type tick struct{ X, Label, Anchor string }

func newAxis(from, to, now time.Time) axis {
	a := axis{from: from, to: to}
	a.Now = a.place(now)
	a.Ticks = a.ticks()
	return a
}

func (a axis) share(t time.Time) float64 {
	share := float64(t.Sub(a.from)) / float64(a.to.Sub(a.from))
	return min(max(share, 0), 1)
}

func (a axis) place(t time.Time) string { return percentOf(a.share(t)) }

func percentOf(share float64) string { return strconv.FormatFloat(100*share, 'f', 2, 64) + "%" }

// anchor says on which side of its line a word goes.
func (a axis) anchor(t time.Time) string {
	if a.share(t) > 0.6 {
		return "end"
	}
	return "start"
}

// ticks are round instants, at most six of them, so that a phone has room.
func (a axis) ticks() []tick {
	step, layout := 90*day, "Jan 2006"
	for _, s := range []struct {
		step   time.Duration
		layout string
	}{{time.Hour, "15:04"}, {3 * time.Hour, "15:04"}, {6 * time.Hour, "2 Jan 15:04"}, {12 * time.Hour, "2 Jan 15:04"}, {day, "2 Jan"}, {2 * day, "2 Jan"}, {4 * day, "2 Jan"}, {7 * day, "2 Jan"}, {14 * day, "2 Jan"}, {30 * day, "2 Jan"}} {
		if a.to.Sub(a.from)/s.step <= 5 {
			step, layout = s.step, s.layout
			break
		}
	}
	var out []tick
	for t := a.from.UTC().Truncate(step).Add(step); t.Before(a.to); t = t.Add(step) {
		anchor := "middle"
		if share := a.share(t); share < 0.06 {
			anchor = "start"
		} else if share > 0.94 {
			anchor = "end"
		}
		out = append(out, tick{a.place(t), t.Format(layout), anchor})
	}
	return out
}

func newWindowsPicture(v holdfast.Verdict, now time.Time) windowsPicture {
	if len(v.Windows) == 0 {
		return windowsPicture{}
	}
	from, to := bounds(v.Windows, now)
	p := windowsPicture{axis: newAxis(from, to, now), NowAnchor: "start", FailsAnchor: "start"}
	p.NowAnchor = p.anchor(now)
	if !v.FailsAt.IsZero() && v.FailsAt.After(from) && v.FailsAt.Before(to) {
		p.FailsWord = "fails"
		if !v.FailsAt.After(now) {
			p.FailsWord = "failed"
		}
		p.Fails, p.FailsAnchor = p.place(v.FailsAt), p.anchor(v.FailsAt)
	}
	// Where all die together, none is the first.
	together := !slices.ContainsFunc(v.Windows, func(w holdfast.Window) bool { return !w.Expiration.Equal(v.FailsAt) })
	for _, group := range groupWindows(v.Windows) {
		w := group[0]
		l := lane{Class: w.Class, Window: w, X: p.place(w.Inception), Early: w.Inception.Before(from), Late: w.Expiration.After(to)}
		l.Width = percentOf(max(p.share(w.Expiration)-p.share(w.Inception), 0.004))
		for _, one := range group {
			l.Servers = append(l.Servers, one.Server)
		}
		l.Who = whoServes(v.Windows, w.Class, l.Servers)
		l.Level, l.Word = laneLevel(v, w, l.Servers, now)
		switch first := !v.FailsAt.IsZero() && !together && w.Expiration.Equal(v.FailsAt); {
		case first && !w.Expiration.After(now):
			l.Note = "expired first"
		case first:
			l.Note = "fails first"
		case l.Word != "good":
			l.Note = l.Word
		}
		p.Lanes = append(p.Lanes, l)
	}
	return p
}

// bounds are the instants that the picture reaches from and to: all windows,
// but not so far that the next days could not be told apart.
func bounds(windows []holdfast.Window, now time.Time) (from, to time.Time) {
	from, to = now, now.Add(day)
	first := windows[0].Expiration
	for _, w := range windows {
		if w.Inception.Before(from) {
			from = w.Inception
		}
		if w.Expiration.After(to) {
			to = w.Expiration
		}
		if w.Expiration.Before(first) {
			first = w.Expiration
		}
	}
	earliest, latest := now.Add(-21*day), now.Add(45*day)
	if first.Add(-day).Before(earliest) {
		earliest = first.Add(-day)
	}
	if ancient := now.Add(-180 * day); earliest.Before(ancient) {
		earliest = ancient
	}
	if from.Before(earliest) {
		from = earliest
	}
	if to.After(latest) {
		to = latest
	}
	margin := to.Sub(from) / 40
	return from.Add(-margin), to.Add(margin)
}

// groupWindows puts together what servers serve alike, so that the one that
// differs stands out. Groups are in the order of classes, the first to die first.
func groupWindows(windows []holdfast.Window) [][]holdfast.Window {
	type alike struct {
		class                 holdfast.Class
		inception, expiration int64
		tag                   uint16
		algorithm             uint8
		signer                holdfast.Name
	}
	at := map[alike]int{}
	var groups [][]holdfast.Window
	for _, w := range windows {
		key := alike{w.Class, w.Inception.Unix(), w.Expiration.Unix(), w.KeyTag, w.Algorithm, w.Signer}
		if i, ok := at[key]; ok {
			groups[i] = append(groups[i], w)
			continue
		}
		at[key] = len(groups)
		groups = append(groups, []holdfast.Window{w})
	}
	slices.SortStableFunc(groups, func(a, b []holdfast.Window) int {
		return cmp.Or(cmp.Compare(classPlace(a[0].Class), classPlace(b[0].Class)), cmp.Compare(a[0].Class, b[0].Class), a[0].Expiration.Compare(b[0].Expiration))
	})
	return groups
}

func classPlace(c holdfast.Class) int {
	if i := slices.Index(classOrder, c); i >= 0 {
		return i
	}
	return len(classOrder)
}

func whoServes(windows []holdfast.Window, class holdfast.Class, servers []holdfast.Server) string {
	all := 0
	for _, w := range windows {
		if w.Class == class {
			all++
		}
	}
	switch {
	case len(servers) == 1:
		return clean(servers[0].Name.Short()) + " " + servers[0].Address.String()
	case len(servers) == all:
		return fmt.Sprintf("all %d servers", all)
	}
	return fmt.Sprintf("%d of %d servers", len(servers), all)
}

// laneLevel is what the judges said of these signatures: the page has no
// thresholds of its own. What is dead is dead.
func laneLevel(v holdfast.Verdict, w holdfast.Window, servers []holdfast.Server, now time.Time) (class, word string) {
	if !w.Expiration.After(now) {
		return levelDown.class(), "expired"
	}
	worst := holdfast.SeverityInfo
	for _, f := range v.Findings {
		if f.RRset == w.Class && familyOf(f.Code) == "SIG" && (f.Server == (holdfast.Server{}) || slices.Contains(servers, f.Server)) {
			worst = max(worst, f.Severity)
		}
	}
	if worst == holdfast.SeverityInfo {
		return levelFine.class(), "good"
	}
	return severityLevel(worst).class(), worst.String()
}

package web

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// lifePicture shows how much life signatures had left, over time: a saw whose
// teeth are the re-signings. Where it comes near the ground, re-signing was late.
type lifePicture struct {
	axis
	Strokes []stroke
	Levels  []tick // lines across, by days left; X is their height
	Spans   []record.WindowSpan
	More    int // spans that are not listed
	Least   time.Duration
	LeastAt time.Time
	LeastBy holdfast.Class
}

// stroke is one window while it was seen: its life runs out at a day a day.
type stroke struct {
	X1, Y1, X2, Y2 string
	Class, Title   string
}

const (
	strokesDrawn = 3000
	spansListed  = 200
	// historyLeast is what must have been seen for a picture to say anything.
	historyLeast = time.Hour
)

func newLifePicture(spans []record.WindowSpan, now time.Time) lifePicture {
	var p lifePicture
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b record.WindowSpan) int {
		return cmp.Or(b.FirstSeen.Compare(a.FirstSeen), cmp.Compare(classPlace(a.Window.Class), classPlace(b.Window.Class)))
	})
	if len(spans) == 0 {
		return p
	}
	// The newest strokes are drawn; a zone that has more is re-signed so often
	// that the older ones would be a smear.
	drawn := spans[:min(len(spans), strokesDrawn)]
	from, most := now, day
	p.Least = 1 << 62
	for _, s := range drawn {
		from = earlier(from, s.FirstSeen)
		most = max(most, s.Window.Expiration.Sub(s.FirstSeen))
		if left := s.Window.Expiration.Sub(s.LastSeen); left < p.Least {
			p.Least, p.LeastAt, p.LeastBy = left, s.LastSeen, s.Window.Class
		}
	}
	from = later(from, now.Add(-historyShown))
	if now.Sub(from) < historyLeast {
		return lifePicture{}
	}
	most = min(most, 60*day)
	p.axis = newAxis(from.Add(-time.Hour), now.Add(now.Sub(from)/50+time.Minute), now)
	// Life may be negative where dead signatures were served: a tenth of the
	// picture lies below the ground.
	height := func(left time.Duration) string {
		share := 0.9 * (1 - float64(left)/float64(most))
		return percentOf(min(max(share, 0), 1))
	}
	for _, s := range drawn {
		first, last := later(s.FirstSeen, from), s.LastSeen
		p.Strokes = append(p.Strokes, stroke{
			X1: p.place(first), Y1: height(s.Window.Expiration.Sub(first)),
			X2: percentOf(max(p.share(last), p.share(first)+0.003)), Y2: height(s.Window.Expiration.Sub(last)),
			Class: classClass(s.Window.Class),
			Title: fmt.Sprintf("%s at %s: until %s, seen %s to %s", s.Window.Class, clean(s.Window.Server.String()), instant(s.Window.Expiration), instant(s.FirstSeen), instant(s.LastSeen)),
		})
	}
	p.Levels = []tick{{X: height(0), Label: "0"}, {X: height(most / 2), Label: span(most / 2)}, {X: height(most), Label: span(most)}}
	p.Spans, p.More = spans[:min(len(spans), spansListed)], max(0, len(spans)-spansListed)
	return p
}

// Low says in words what the picture shows: the least life that was seen.
func (p lifePicture) Low() string {
	if p.Least < 0 {
		return fmt.Sprintf("At the lowest, %s signatures were served %s after they had died (%s).", p.LeastBy, span(-p.Least), instant(p.LeastAt))
	}
	return fmt.Sprintf("At the lowest, %s signatures had %s left (%s).", p.LeastBy, span(p.Least), instant(p.LeastAt))
}

// classClass is the style of an RRset class: the key's, the parent's, the rest.
func classClass(c holdfast.Class) string {
	switch c {
	case holdfast.ClassDNSKEY:
		return "by-dnskey"
	case holdfast.ClassDS:
		return "by-ds"
	}
	return "by-zone"
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

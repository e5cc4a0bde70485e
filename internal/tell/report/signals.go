package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

//go:embed assets/signals.html
var signalAssets embed.FS

// The picture of days, in units of its SVG.
const (
	signalLeft, signalWidth = 48.0, 852.0
	signalTop, signalHeight = 10.0, 220.0
	// staleListed bounds the page: more than these is a list for a program.
	staleListed = 500
)

// signalClass is a class in the table and the legend.
type signalClass struct {
	Class holdfast.SignalClass
	Slug  string
	Count int
	Share string
}

// signalBar is one class of one day in the picture.
type signalBar struct {
	Slug, Title         string
	X, Y, Width, Height string
}

// signalMark is a line or a word of the picture's frame.
type signalMark struct{ X, Y, Text, Label, Anchor string }

type signalDay struct {
	Day     string
	Sources int
	Counts  []int
}

type staleSource struct {
	Address, Class, Keys, First, Last, Noise string
	Count                                    int64
}

// signalsView is what the page shows.
type signalsView struct {
	Zone, From, Until, New, Old, Ancient string
	Count                                int64
	Sources, More                        int
	Classes                              []signalClass
	Bars                                 []signalBar
	Grid, Dates                          []signalMark
	Days                                 []signalDay
	Addresses                            bool
	Stale                                []staleSource
}

// SignalsPage writes a page of HTML about key tag signals: the days as a
// picture and as numbers, and the stale sources. It needs no other file and no
// JavaScript.
func SignalsPage(out io.Writer, s holdfast.Signals) error {
	return signals(out, "page", s, true)
}

// SignalsPart writes what SignalsPage has between head and foot, for a page that
// has its own; the addresses of sources only where they may be seen.
func SignalsPart(out io.Writer, s holdfast.Signals, addresses bool) error {
	return signals(out, "signals", s, addresses)
}

func signals(out io.Writer, part string, s holdfast.Signals, addresses bool) error {
	pages, err := template.ParseFS(signalAssets, "assets/signals.html")
	if err != nil {
		return fmt.Errorf("write page of signals: %w", err)
	}
	if err := pages.ExecuteTemplate(out, part, newSignalsView(s, addresses)); err != nil {
		return fmt.Errorf("write page of signals: %w", err)
	}
	return nil
}

func newSignalsView(s holdfast.Signals, addresses bool) signalsView {
	view := signalsView{
		Zone: zoneWords(s.Zone), From: dayWords(s.From), Until: dayWords(s.Until), Count: s.Count, Addresses: addresses,
		New: tagWords(s.Roles.New), Old: tagWords(s.Roles.Old), Ancient: tagWords(s.Roles.Ancient),
	}
	for _, n := range s.Classes {
		view.Sources += n
	}
	for _, class := range holdfast.SignalClasses() {
		view.Classes = append(view.Classes, signalClass{class, slugOf(class), s.Classes[class], percent(s.Classes[class], view.Sources)})
	}
	for i, d := range s.Days {
		view.Bars = append(view.Bars, signalBars(d, i, len(s.Days))...)
		view.Days = append(view.Days, newSignalDay(d))
	}
	view.Grid, view.Dates = signalGrid(), signalDates(s.Days)
	if !addresses {
		return view
	}
	for _, source := range s.Stale[:min(len(s.Stale), staleListed)] {
		view.Stale = append(view.Stale, newStaleSource(source))
	}
	view.More = len(s.Stale) - len(view.Stale)
	return view
}

func zoneWords(zone holdfast.Name) string {
	if zone == holdfast.Root {
		return "the root"
	}
	return zone.Short()
}

// slugOf is a class as a style: its first word.
func slugOf(c holdfast.SignalClass) string {
	word, _, _ := strings.Cut(string(c), " ")
	return word
}

func percent(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

func dayWords(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.Format(time.DateOnly)
}

func tagWords(tags []uint16) string {
	if len(tags) == 0 {
		return "none"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(tags), " ", ", "), "[]")
}

// signalBars stacks the classes of a day, the healthy ones below.
func signalBars(d holdfast.SignalDay, n, of int) []signalBar {
	var out []signalBar
	step := signalWidth / float64(of)
	width := min(step*0.9, 60)
	below := signalTop + signalHeight
	for _, class := range holdfast.SignalClasses() {
		count := d.Classes[class]
		if count == 0 {
			continue
		}
		height := signalHeight * float64(count) / float64(d.Sources)
		below -= height
		out = append(out, signalBar{
			Slug: slugOf(class), Title: fmt.Sprintf("%s: %s, %d of %d sources", dayWords(d.Day), class, count, d.Sources),
			X: unit(signalLeft + step*float64(n) + (step-width)/2), Y: unit(below), Width: unit(width), Height: unit(height),
		})
	}
	return out
}

func unit(v float64) string { return fmt.Sprintf("%.2f", v) }

func signalGrid() []signalMark {
	var out []signalMark
	for share := 0; share <= 100; share += 25 {
		y := signalTop + signalHeight*float64(100-share)/100
		out = append(out, signalMark{Y: unit(y), Text: unit(y + 4), Label: fmt.Sprintf("%d %%", share)})
	}
	return out
}

// signalDates are the days below the picture: at most eight, the first and the
// last among them.
func signalDates(days []holdfast.SignalDay) []signalMark {
	var out []signalMark
	every := max(1, (len(days)+6)/7)
	step := signalWidth / float64(max(1, len(days)))
	for i, d := range days {
		last := i == len(days)-1
		if !last && (i%every != 0 || len(days)-1-i < every) {
			continue // the last day's word needs its room
		}
		mark := signalMark{X: unit(signalLeft + step*(float64(i)+0.5)), Label: dayWords(d.Day), Anchor: "middle"}
		if last && len(days) > 8 {
			mark.X, mark.Anchor = unit(signalLeft+signalWidth), "end"
		}
		out = append(out, mark)
	}
	return out
}

func newSignalDay(d holdfast.SignalDay) signalDay {
	out := signalDay{Day: dayWords(d.Day), Sources: d.Sources}
	for _, class := range holdfast.SignalClasses() {
		out.Counts = append(out.Counts, d.Classes[class])
	}
	return out
}

func newStaleSource(s holdfast.SignalSource) staleSource {
	out := staleSource{Address: s.Address.String(), Class: string(s.Class), First: dayWords(s.First), Last: dayWords(s.Last), Count: s.Count}
	if n := len(s.Spans); n > 0 {
		out.Keys = tagWords(s.Spans[n-1].Tags)
	}
	for _, noise := range s.Noise {
		switch noise {
		case holdfast.NoiseOnce:
			out.Noise += "one signal only. "
		case holdfast.NoiseSeveral:
			out.Noise += "several resolvers at this address. "
		case holdfast.NoiseBack:
			out.Noise += "went back to the old key. "
		}
	}
	return out
}

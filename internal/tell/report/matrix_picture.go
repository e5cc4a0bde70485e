package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// matrixPicture is the time lines of one resolver: of each quantity a band of
// what was due and a band of what was seen.
type matrixPicture struct {
	Actor, Class, Word string
	Sentinel           string // what it is by RFC 8509 at the end
	Title              string // for those who cannot see it
	Height             int
	Rows               []pictureRow
	Steps              []pictureStep
}

// pictureRow is one quantity.
type pictureRow struct {
	Label     string
	LabelY    int // where its name stands
	Due, Seen []pictureBand
	Spoken    string
}

// pictureBand is a value that lasted.
type pictureBand struct {
	X, Width string // of a thousand
	Y        int
	Class    string
	Title    string
	Label    string // where there is room
}

// pictureStep is where a step begins.
type pictureStep struct{ X, Name string }

const (
	pictureWidth = 1000
	pictureLeft  = 150 // where the bands begin
	rowHeight    = 40
	pictureTop   = 22
)

// newMatrixPicture draws what matters most: signed and bogus names, and the
// state of each key.
func newMatrixPicture(m holdfast.Matrix, a holdfast.Actor) matrixPicture {
	e, _ := m.End(a.Name)
	p := matrixPicture{Actor: strings.TrimSpace(a.Software + " " + a.Version), Class: string(e.Agreement), Word: agreementWord(e.Agreement)}
	if a.Software == "" || !strings.EqualFold(a.Software, a.Name) {
		p.Actor = strings.TrimSpace(fmt.Sprintf("%s: %s", a.Name, p.Actor))
	}
	var classes []string
	for _, c := range e.Classes {
		classes = append(classes, c.Key+" "+c.Class)
	}
	p.Sentinel = strings.Join(classes, ", ")
	source := ""
	var spoken []string
	for _, l := range m.Lines {
		if l.Actor != a.Name || !drawn(l.Quantity) {
			continue
		}
		if l.Quantity == holdfast.QuantityState {
			if source == "" {
				source = l.Source
			}
			if l.Source != source {
				continue
			}
		}
		row := newPictureRow(m, l, pictureTop+len(p.Rows)*rowHeight)
		spoken = append(spoken, row.Spoken)
		p.Rows = append(p.Rows, row)
	}
	p.Title = fmt.Sprintf("Time lines of %s. %s", p.Actor, strings.Join(spoken, ". "))
	p.Height = pictureTop + len(p.Rows)*rowHeight + 4
	for _, s := range m.Play.Steps {
		p.Steps = append(p.Steps, pictureStep{X: place(m, s.At), Name: s.Name})
	}
	return p
}

func drawn(q holdfast.Quantity) bool {
	return q == holdfast.Quantity(holdfast.ProbeSigned) || q == holdfast.Quantity(holdfast.ProbeBogus) || q == holdfast.QuantityState
}

func newPictureRow(m holdfast.Matrix, l holdfast.MatrixLine, y int) pictureRow {
	row := pictureRow{Label: strings.TrimSpace(string(l.Quantity) + " " + l.Key), LabelY: y + 21}
	class := func(value string) string {
		if l.Quantity == holdfast.Quantity(holdfast.ProbeBogus) { // there it is well to fail
			switch value {
			case "SERVFAIL":
				return "v-good"
			case "answer", "AD":
				return "v-fail"
			}
		}
		return valueClass(value)
	}
	for _, d := range dueBands(l.Due) {
		value := d.Main
		if d.Open != "" {
			value = "open"
		}
		title := fmt.Sprintf("due from %s to %s: %s", playTime(d.From), playTime(d.Until), value)
		row.Due = append(row.Due, band(m, d.From, min(d.Until, m.Play.Length), y, value, class(value), title))
	}
	var seen []string
	for i, s := range l.Shown {
		until := m.Play.Length
		if i+1 < len(l.Shown) {
			until = l.Shown[i+1].From
		}
		row.Seen = append(row.Seen, band(m, s.From, until, y+18, s.Value, class(s.Value), fmt.Sprintf("seen from %s to %s: %s (%s)", playTime(s.From), playTime(until), s.Value, s.Evidence)))
		seen = append(seen, fmt.Sprintf("%s from %s", s.Value, playTime(s.From)))
	}
	row.Spoken = row.Label + ": " + strings.Join(seen, ", then ")
	return row
}

// dueBands joins stretches that differ only in what caches allow.
func dueBands(due []holdfast.Due) []holdfast.Due {
	var out []holdfast.Due
	for _, d := range due {
		if n := len(out); n > 0 && out[n-1].Main == d.Main && out[n-1].Open == d.Open {
			out[n-1].Until = d.Until
			continue
		}
		out = append(out, d)
	}
	return out
}

func band(m holdfast.Matrix, from, until time.Duration, y int, value, class, title string) pictureBand {
	x, end := share(m, from), share(m, until)
	b := pictureBand{X: fmt.Sprintf("%.1f", x), Width: fmt.Sprintf("%.1f", max(end-x, 1)), Y: y, Class: class, Title: title}
	if end-x > float64(8*len(value)+8) {
		b.Label = value
	}
	return b
}

func place(m holdfast.Matrix, at time.Duration) string { return fmt.Sprintf("%.1f", share(m, at)) }

func share(m holdfast.Matrix, at time.Duration) float64 {
	if m.Play.Length <= 0 {
		return pictureLeft
	}
	at = min(max(at, 0), m.Play.Length)
	return pictureLeft + float64(pictureWidth-pictureLeft)*float64(at)/float64(m.Play.Length)
}

// valueClass is the style of a value.
func valueClass(value string) string {
	switch value {
	case "AD", string(holdfast.KeyValid):
		return "v-good"
	case "SERVFAIL":
		return "v-fail"
	case "answer":
		return "v-plain"
	case string(holdfast.KeyAddPend):
		return "v-wait"
	case string(holdfast.KeyMissing):
		return "v-missing"
	case string(holdfast.KeyRevoked):
		return "v-revoked"
	case "open":
		return "v-open"
	}
	return "v-none"
}

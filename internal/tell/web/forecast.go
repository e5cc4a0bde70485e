package web

import (
	"fmt"
	"net/http"
	"time"

	"github.com/holdfastdns/holdfast"
)

// ahead are how far the forecast may be asked to look by its form. An instant
// may be given as well: "?at=2026-12-24T00:00".
var ahead = []string{"24h", "3d", "7d", "14d", "30d"}

const (
	daysDrawn     = 30
	outlooksShown = 500
)

type forecastView struct {
	holdfast.Forecast
	Now      time.Time
	Wish     string
	Choices  []option
	Days     []dying
	Picture  string // what the picture shows, in words
	Cut, Top int
	Bad      string // what was asked for and cannot be read
}

// dying is a day of the picture and how many zones turn bogus in it.
type dying struct {
	X, Y, Width, Height string
	Title, Label        string
	Anchor              string // of the label; "": it begins where the bar does
}

func (s *Site) serveForecast(w http.ResponseWriter, r *http.Request) error {
	all, err := s.record.Statuses(r.Context())
	if err != nil {
		return err
	}
	verdicts := make([]holdfast.Verdict, len(all))
	for i, z := range all {
		verdicts[i] = z.Verdict
	}
	now := s.clock.Now().UTC()
	view := forecastView{Now: now, Wish: r.URL.Query().Get("at"), Top: outlooksShown}
	at, ok := lookAhead(view.Wish, now)
	if !ok {
		view.Bad = view.Wish
	}
	view.Forecast = holdfast.NewForecast(verdicts, at)
	view.Cut = max(0, len(view.Bogus)-outlooksShown)
	view.Bogus = view.Bogus[:len(view.Bogus)-view.Cut]
	view.Partly = view.Partly[:min(len(view.Partly), outlooksShown)]
	for _, d := range ahead {
		view.Choices = append(view.Choices, option{Value: d, Text: d, Selected: d == view.Wish || view.Wish == "" && d == "7d"})
	}
	view.draw(holdfast.NewForecast(verdicts, now.AddDate(0, 0, daysDrawn)))
	return s.show(w, r, shell{Title: "Forecast", Nav: "/forecast", Live: true}, "forecast", view)
}

// lookAhead reads how far to look, or the instant; seven days where it is
// neither.
func lookAhead(text string, now time.Time) (time.Time, bool) {
	week := now.AddDate(0, 0, 7)
	if text == "" {
		return week, true
	}
	var d holdfast.Duration
	if d.UnmarshalText([]byte(text)) == nil {
		return now.Add(d.Of()), true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return at, true
		}
	}
	return week, false
}

// zonesCounted is "1 zone" or "1,438 zones".
func zonesCounted(n int) string {
	if n == 1 {
		return "1 zone"
	}
	return comma(n) + " zones"
}

// draw makes the picture: a bar a day, as high as there are zones that turn
// bogus in it.
func (v *forecastView) draw(month holdfast.Forecast) {
	var counts [daysDrawn]int
	most, total := 0, 0
	for _, o := range month.Bogus {
		if n := int(o.FailsAt.Sub(v.Now) / (24 * time.Hour)); !o.FailsAt.Before(v.Now) && n < daysDrawn {
			counts[n]++
			total++
			most = max(most, counts[n])
		}
	}
	v.Picture = fmt.Sprintf("Within %d days the signatures of %s run out, %s of them on the worst day.", daysDrawn, zonesCounted(total), comma(most))
	if total == 0 {
		v.Picture = fmt.Sprintf("Within %d days no zone's signatures run out.", daysDrawn)
		return
	}
	for n, count := range counts {
		share := float64(count) / float64(most)
		d := dying{X: percentOf(float64(n) / daysDrawn), Width: percentOf(0.8 / daysDrawn), Y: percentOf(1 - share), Height: percentOf(share)}
		from := v.Now.AddDate(0, 0, n)
		d.Title = fmt.Sprintf("%s in the 24 hours from %s", zonesCounted(count), instant(from))
		if n%7 == 0 {
			d.Label = from.Format("2 Jan")
			if n > daysDrawn*3/4 {
				d.Anchor = "end" // there is no room for it on a phone
			}
		}
		v.Days = append(v.Days, d)
	}
}

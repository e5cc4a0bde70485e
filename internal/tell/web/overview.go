package web

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/holdfastdns/holdfast"
)

// bucket is a span of time to failure, up to but not including its end.
type bucket struct {
	Slug, Label string
	end         time.Duration
}

var buckets = [...]bucket{
	{"dead", "dead", 0},
	{"6h", "< 6 h", 6 * time.Hour},
	{"24h", "6–24 h", 24 * time.Hour},
	{"3d", "1–3 d", 3 * 24 * time.Hour},
	{"7d", "3–7 d", 7 * 24 * time.Hour},
	{"14d", "7–14 d", 14 * 24 * time.Hour},
	{"30d", "14–30 d", 30 * 24 * time.Hour},
	{"later", "> 30 d", math.MaxInt64},
}

func bucketOf(left time.Duration) bucket {
	for _, b := range buckets[:len(buckets)-1] {
		if left < b.end {
			return b
		}
	}
	return buckets[len(buckets)-1]
}

// option is one choice of a select element.
type option struct {
	Value, Text string
	Selected    bool
}

// count is a number that leads to the zones that it counts.
type count struct {
	Href   string
	Number int
	Badge  template.HTML
}

// cell is one zone in the picture of all.
type cell struct{ Href, Title, Class, Glyph string }

type frontView struct {
	Wish       wish
	Warnings   []string
	Counts     []count
	Incidents  int
	Swept      template.HTML
	Sweep      holdfast.Sweep
	HasSweep   bool
	Rate       string
	Roster     string
	Total      int
	Shown      int
	Kinds      []option
	Statuses   []option
	Algorithms []option
	Fails      []option
	Lines      []line
	Cells      []cell
	Bars       []histogramBar
	BarsHeight int // pixels, as are the next two
	BarsLabel  int
	BarsGround int
	Latest     []latest
	Unsigned   int    // zones that nothing can expire in
	Unmeasured int    // zones of which nothing is known yet
	Order      string // of the table, in words
	ByName     sortLink
	ByWorst    sortLink
	ByFailure  sortLink
}

// sortLink is a column's header: where it leads and aria-sort's value.
type sortLink struct{ Href, Aria string }

func (s *Site) frontView(seen world, wanted wish) frontView {
	rows := seen.rows()
	view := frontView{Wish: wanted, Total: len(rows), Warnings: seen.warnings(s.config.StaleAfter), Incidents: len(seen.incidents)}
	if last, found := seen.finished(); found {
		view.HasSweep, view.Sweep, view.Swept = true, last, moment(seen.now, last.Finished)
		view.Rate = comma(int(s.config.ClockRate * last.Rate()))
	}
	if seen.roster.Serial != 0 {
		view.Roster = strconv.FormatUint(uint64(seen.roster.Serial), 10)
	}
	view.Counts = counts(rows)
	view.Latest = latestOf(seen.recent, seen.now)
	view.Bars, view.Unsigned, view.Unmeasured = histogram(rows, seen.now)
	view.BarsGround = histogramTop + histogramHeight
	view.BarsLabel, view.BarsHeight = view.BarsGround+17, view.BarsGround+24
	view.Cells = cells(rows, seen.now)
	view.choices(rows, wanted)
	shown := slices.DeleteFunc(rows, func(r row) bool { return !wanted.wants(r, seen.now) })
	view.Order = "worst first"
	switch wanted.Sort {
	case "name":
		view.Order = "by name"
		slices.SortStableFunc(shown, byName)
	case "failure":
		view.Order = "by the next failure"
		slices.SortStableFunc(shown, soonest)
	}
	view.ByWorst, view.ByName, view.ByFailure = sorting(wanted, ""), sorting(wanted, "name"), sorting(wanted, "failure")
	view.Shown = len(shown)
	view.Lines = make([]line, len(shown))
	for i, r := range shown {
		view.Lines[i] = newLine(r, seen.now)
	}
	return view
}

func sorting(wanted wish, by string) sortLink {
	link := sortLink{Href: wanted.with(by), Aria: "none"}
	if wanted.Sort == by {
		link.Aria = "ascending"
	}
	return link
}

// counts are zones by status, worst first, those of none left out.
func counts(rows []row) []count {
	number := map[holdfast.Status]int{}
	for _, r := range rows {
		number[r.Verdict.Status]++
	}
	var out []count
	for _, s := range []holdfast.Status{holdfast.Bogus, holdfast.Unreached, holdfast.Indeterminate, holdfast.Secure, holdfast.Insecure, ""} {
		value := string(s)
		if value == "" {
			value = "unmeasured"
		}
		if number[s] > 0 {
			out = append(out, count{wish{Status: value}.with(""), number[s], statusBadge(s)})
		}
	}
	return out
}

func (v *frontView) choices(rows []row, wanted wish) {
	choose := func(selected string, options ...option) []option {
		for i := range options {
			options[i].Selected = options[i].Value == selected
		}
		return options
	}
	v.Kinds = choose(wanted.Kind, option{"", "any kind", false}, option{string(holdfast.KindGeneric), "generic", false},
		option{string(holdfast.KindCountry), "country-code", false}, option{"idn", "internationalised (IDN)", false}, option{string(holdfast.KindInfra), "infrastructure", false})
	v.Statuses = choose(wanted.Status, option{"", "any status", false}, option{"trouble", "in trouble", false},
		option{"bogus", "bogus", false}, option{"unreachable", "unreachable", false}, option{"indeterminate", "indeterminate", false},
		option{"secure", "secure", false}, option{"insecure", "insecure", false}, option{"unmeasured", "not measured", false},
		option{"level-critical", "worst finding: critical", false}, option{"level-error", "worst finding: error", false},
		option{"level-warning", "worst finding: warning", false}, option{"level-notice", "worst finding: notice", false})
	fails := []option{{"", "any time", false}}
	for _, b := range buckets {
		fails = append(fails, option{b.Slug, b.Label, false})
	}
	v.Fails = choose(wanted.Fails, fails...)
	seen := map[uint8]bool{}
	for _, r := range rows {
		for _, a := range r.Verdict.Algorithms {
			seen[a] = true
		}
	}
	algorithms := []option{{"", "any algorithm", false}}
	for a := range 256 {
		if seen[uint8(a)] {
			algorithms = append(algorithms, option{strconv.Itoa(a), strconv.Itoa(a) + " " + algorithmName(uint8(a)), false})
		}
	}
	v.Algorithms = choose(wanted.Algorithm, algorithms...)
}

// cells are all zones as small squares, worst first.
func cells(rows []row, now time.Time) []cell {
	out := make([]cell, len(rows))
	for i, r := range rows {
		title := unicodeOf(r.Subject) + ": " + levels[r.level].word
		if r.Verdict.Status != "" {
			title = unicodeOf(r.Subject) + ": " + string(r.Verdict.Status)
		}
		if !r.Verdict.FailsAt.IsZero() {
			title += ", fails " + relative(now, r.Verdict.FailsAt)
		}
		out[i] = cell{Href: zoneHref(r.Subject.Zone), Title: title, Class: r.level.class()}
		if r.level >= levelWarning {
			out[i].Glyph = levels[r.level].glyph[:1]
			if r.level >= levelCritical {
				out[i].Glyph = levels[r.level].glyph
			}
		}
	}
	return out
}

// latest is one thing that happened to an incident.
type latest struct {
	At                 template.HTML
	Zones, What, Title string
	Href               string
	Severity           template.HTML
}

// latestShown is as many as fit beside the picture of all zones.
const latestShown = 5

// newsworthy are the lines of an incident's log that are news to a passer-by.
// Reminders say nothing new, and what passed before it was confirmed was no
// incident.
var newsworthy = []string{"opened", "rose", "fell", "closed", "reopened"}

// latestOf are the newest lines of the incidents' logs.
func latestOf(incidents []holdfast.Incident, now time.Time) []latest {
	type line struct {
		holdfast.IncidentEvent
		of *holdfast.Incident
	}
	var lines []line
	for i := range incidents {
		for _, event := range incidents[i].Log {
			if slices.Contains(newsworthy, event.What) {
				lines = append(lines, line{event, &incidents[i]})
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return b.At.Compare(a.At) })
	out := make([]latest, min(len(lines), latestShown))
	for i := range out {
		l := lines[i]
		out[i] = latest{moment(now, l.At), zonesInWords(l.of.Zones), l.What, clean(l.of.Title), "/incidents/" + url.PathEscape(l.of.ID), eventBadge(l.IncidentEvent)}
	}
	return out
}

// histogramBar is a column of the picture "when the next signature dies": its
// place and its segments, worst at the bottom.
type histogramBar struct {
	Href, Label, Title string
	Number             int
	X, Mid, Width      string // percent of the picture's width
	Top                int    // where its number is written, in pixels
	Segments           []segment
}

type segment struct {
	Class     string
	Y, Height int // pixels
}

// The histogram's measures in pixels: a line for numbers, the bars, a line for labels.
const (
	histogramTop    = 20
	histogramHeight = 140
	histogramLeast  = 3 // a single zone must be seen beside a thousand
)

func histogram(rows []row, now time.Time) (bars []histogramBar, unsigned, unmeasured int) {
	numbers := map[string]map[level]int{}
	most := 1
	for _, r := range rows {
		switch {
		case r.Verdict.Status == "":
			unmeasured++
			continue
		case r.Verdict.FailsAt.IsZero():
			unsigned++
			continue
		}
		slug := bucketOf(r.Verdict.FailsAt.Sub(now)).Slug
		if numbers[slug] == nil {
			numbers[slug] = map[level]int{}
		}
		numbers[slug][r.level]++
		sum := 0
		for _, n := range numbers[slug] {
			sum += n
		}
		most = max(most, sum)
	}
	share := 100 / float64(len(buckets))
	percent := func(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) + "%" }
	bars = make([]histogramBar, len(buckets))
	for i, b := range buckets {
		bar := histogramBar{
			Href: wish{Fails: b.Slug}.with(""), Label: b.Label,
			X: percent(float64(i)*share + share*0.08), Mid: percent((float64(i) + 0.5) * share), Width: percent(share * 0.84),
		}
		y := histogramTop + histogramHeight
		for l := levelDown; l >= levelUnknown; l-- {
			n := numbers[b.Slug][l]
			if n == 0 {
				continue
			}
			height := max(histogramLeast, n*histogramHeight/most)
			y = max(y-height, histogramTop)
			bar.Number += n
			bar.Segments = append(bar.Segments, segment{l.class(), y, height})
		}
		bar.Top = y - 5
		bar.Title = fmt.Sprintf("%s zones: next failure %s", comma(bar.Number), b.Label)
		bars[i] = bar
	}
	return bars, unsigned, unmeasured
}

package web

import (
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                            "0 s",
		59*time.Second + 999e6:       "59 s",
		time.Minute:                  "1 min 0 s",
		time.Hour - time.Second:      "59 min 59 s",
		6*time.Hour + 12*time.Minute: "6 h 12 min",
		48*time.Hour - time.Minute:   "47 h 59 min",
		48 * time.Hour:               "2 d 0 h",
		59*day + 23*time.Hour:        "59 d 23 h",
		60 * day:                     "60 d",
		-90 * time.Minute:            "1 h 30 min",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
	if got := relative(noon, noon.Add(-time.Minute)); got != "1 min 0 s ago" {
		t.Errorf("the past reads %q", got)
	}
	if got := relative(noon, noon); got != "in 0 s" {
		t.Errorf("now reads %q", got)
	}
}

func TestComma(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 28911: "28,911", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := comma(n); got != want {
			t.Errorf("comma(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain, مصر, 中国":   "plain, مصر, 中国",
		"a\x1b[2Jb":        `a\u{1b}[2Jb`,
		"a\u202eb\u2066c":  `a\u{202e}b\u{2066}c`,
		"bad\xffutf":       `bad\u{fffd}utf`,
		"line\nnext\tfine": "line\nnext\tfine",
		"zero\u200bwidth":  `zero\u{200b}width`,
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "a", hostile, "\xff\xfe", "مصر", "\u2028\u2029"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := clean(in)
		if clean(out) != out {
			t.Errorf("clean(%q) is not clean: %q", in, out)
		}
		if strings.ContainsAny(out, "\x1b\x00\r\u202e\u200b\ufeff") {
			t.Errorf("clean(%q) = %q", in, out)
		}
	})
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"example.": "example.", "xn--p1ai.": "xn--p1ai.", "": "''",
		"a;rm -rf /": "'a;rm -rf /'", "$(x)": "'$(x)'", "it's": `'it'\''s'`, "a\nb": "'a\nb'",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestZoneHref(t *testing.T) {
	for in, want := range map[holdfast.Name]string{".": "/zone/@", "com.": "/zone/com", "a/b.": "/zone/a%2Fb", "xn--p1ai.": "/zone/xn--p1ai"} {
		if got := zoneHref(in); got != want {
			t.Errorf("zoneHref(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestBuckets(t *testing.T) {
	for left, want := range map[time.Duration]string{-time.Second: "dead", 0: "6h", 6 * time.Hour: "24h", 24*time.Hour - 1: "24h", 3 * day: "7d", 29 * day: "30d", 31 * day: "later", math.MaxInt64: "later"} {
		if got := bucketOf(left).Slug; got != want {
			t.Errorf("bucketOf(%v) = %s, want %s", left, got, want)
		}
	}
}

func TestAxisHasFewTicks(t *testing.T) {
	for _, width := range []time.Duration{time.Minute, time.Hour, 7 * time.Hour, day, 3 * day, 14 * day, 45 * day, 400 * day} {
		a := newAxis(noon.Add(-width/2), noon.Add(width/2), noon)
		if len(a.Ticks) > 7 {
			t.Errorf("%v has %d ticks", width, len(a.Ticks))
		}
		if a.Now != "50.00%" {
			t.Errorf("%v: now stands at %s", width, a.Now)
		}
	}
}

// TestContrast holds every pair of ink and paper, light and dark, to the 4.5:1
// of WCAG 2.2 success criterion 1.4.3, by its definition of relative luminance.
func TestContrast(t *testing.T) {
	text, err := os.ReadFile("assets/style.css")
	must(t, err)
	light, dark, found := strings.Cut(string(text), "prefers-color-scheme: dark")
	if !found {
		t.Fatal("no dark colours")
	}
	dark, _, _ = strings.Cut(dark, "\n}\n")
	variable := regexp.MustCompile(`--(\w+-)?(ink|paper): (#[0-9a-f]{6});`)
	for name, scheme := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]string{}
		for _, m := range variable.FindAllStringSubmatch(scheme, -1) {
			colours[m[1]+m[2]] = m[3]
		}
		pairs := 0
		for key, ink := range colours {
			base, isInk := strings.CutSuffix(key, "ink")
			if !isInk {
				continue
			}
			pairs++
			if c := contrast(t, ink, colours[base+"paper"]); c < 4.5 {
				t.Errorf("%s: %sink %s on %s has a contrast of %.2f", name, base, ink, colours[base+"paper"], c)
			}
		}
		if pairs < 14 {
			t.Errorf("%s: only %d pairs were found", name, pairs)
		}
		for _, on := range []string{"card-paper"} {
			for _, ink := range []string{"quiet-ink", "link-ink"} {
				if c := contrast(t, colours[ink], colours[on]); c < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", name, ink, on, c)
				}
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	channel := func(hex string) float64 {
		n, err := strconv.ParseUint(hex, 16, 8)
		must(t, err)
		c := float64(n) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(colour[1:3]) + 0.7152*channel(colour[3:5]) + 0.0722*channel(colour[5:7])
}

func TestZonesInWords(t *testing.T) {
	for _, c := range []struct {
		zones []holdfast.Name
		want  string
	}{
		{nil, "the watch itself"},
		{[]holdfast.Name{"."}, "."},
		{[]holdfast.Name{"aero."}, ".aero"},
		{[]holdfast.Name{"aero.", "bike.", "cat."}, ".aero, .bike, .cat"},
		{[]holdfast.Name{"a.", "b.", "c.", "d.", "e."}, ".a, .b, .c and 2 more"},
	} {
		if got := zonesInWords(c.zones); got != c.want {
			t.Errorf("zonesInWords(%v) is %q, want %q", c.zones, got, c.want)
		}
	}
}

func TestFailsByNamesTheServersWhereNotAllFail(t *testing.T) {
	soon, late := time.Unix(1000, 0), time.Unix(9000, 0)
	server := func(at time.Time) holdfast.ServerVerdict { return holdfast.ServerVerdict{FailsAt: at} }
	for _, c := range []struct {
		verdict holdfast.Verdict
		want    string
	}{
		{holdfast.Verdict{}, ""},
		{holdfast.Verdict{FailsAt: soon, FailsBy: "NS", Servers: []holdfast.ServerVerdict{server(soon), server(soon)}}, "NS"},
		{holdfast.Verdict{FailsAt: soon, FailsBy: "NS", Servers: []holdfast.ServerVerdict{server(soon), server(late), server(late)}}, "NS at 1 of 3 servers"},
		{holdfast.Verdict{FailsAt: soon, FailsBy: "DS", Servers: []holdfast.ServerVerdict{server(late)}}, "DS"},                      // the parent's signature
		{holdfast.Verdict{FailsAt: soon, FailsBy: "NS", Servers: []holdfast.ServerVerdict{server(soon), server(time.Time{})}}, "NS"}, // an unsigned copy
	} {
		if got := failsBy(c.verdict); got != c.want {
			t.Errorf("failsBy is %q, want %q", got, c.want)
		}
	}
}

func TestMatrixShowsACheckOnceWithItsClasses(t *testing.T) {
	at := holdfast.Server{Name: "b.nic.bike."}
	finding := func(code string, class holdfast.Class) holdfast.Finding {
		return holdfast.Finding{Code: code, Server: at, RRset: class, Severity: holdfast.SeverityError}
	}
	m := newMatrix(holdfast.Verdict{
		Servers:  []holdfast.ServerVerdict{{Server: at}},
		Findings: []holdfast.Finding{finding("SIG-01", "DNSKEY"), finding("SIG-02", "SOA"), finding("SIG-01", "NS"), finding("SIG-01", "NS"), finding("CST-01", "")},
	})
	column := func(code string) []cellFinding {
		return m.Rows[0].Cells[slices.IndexFunc(m.Families, func(f family) bool { return f.Code == code })].Findings
	}
	if got, want := column("SIG"), []cellFinding{{"#finding-0", "SIG-01", "", "DNSKEY, NS"}, {"#finding-1", "SIG-02", "", "SOA"}}; !slices.Equal(got, want) {
		t.Errorf("signatures: %v, want %v", got, want)
	}
	if got, want := column("CST"), []cellFinding{{"#finding-4", "CST-01", "", ""}}; !slices.Equal(got, want) {
		t.Errorf("consistency: %v, want %v", got, want)
	}
}

func TestWhatPassedUnconfirmedIsNoIncident(t *testing.T) {
	log := func(whats ...string) (out []holdfast.IncidentEvent) {
		for _, what := range whats {
			out = append(out, holdfast.IncidentEvent{What: what})
		}
		return out
	}
	for _, c := range []struct {
		incident holdfast.Incident
		want     bool
	}{
		{holdfast.Incident{State: holdfast.StateClosed, Log: log("passed")}, true},
		{holdfast.Incident{State: holdfast.StateClosed, Log: log("passed", "opened", "closed")}, false},
		{holdfast.Incident{State: holdfast.StatePending}, false},
	} {
		if got := unconfirmed(c.incident); got != c.want {
			t.Errorf("unconfirmed(%s, %v) is %t", c.incident.State, c.incident.Log, got)
		}
	}
}

package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// rollingRoot is a root in which a second key is published, with a plan behind
// it, and a name and a source that somebody meant ill by.
func rollingRoot() holdfast.RootState {
	on := func(year int, month time.Month) time.Time { return time.Date(year, month, 11, 0, 0, 0, 0, time.UTC) }
	return holdfast.RootState{
		At: noon, Taken: noon.Add(-time.Hour),
		Set: &holdfast.RootSet{
			TTL: 172800, Size: 1414, Phase: holdfast.RootPrePublished, Inception: noon.Add(-10 * day), Expires: noon.Add(11 * day),
			Keys: []holdfast.RootSetKey{
				{Name: "KSK-A", Tag: 100, Shown: 100, Algorithm: 8, Bits: 2048, KSK: true, Signs: true},
				{Name: "KSK-B", Tag: 200, Shown: 200, Algorithm: 8, Bits: 2048, KSK: true},
				{Tag: 300, Shown: 300, Algorithm: 8, Bits: 2048},
			},
		},
		Departs:  []string{"overdue: " + hostile},
		Expected: []holdfast.RootExpected{{Key: "KSK-B", Tag: 200, Step: holdfast.RootSigns, At: on(2027, 3), Planned: true, Source: "a plan"}},
		Calendar: holdfast.Calendar{
			Taken: noon,
			Keys: []holdfast.RootKey{
				{Name: "KSK-A", Tag: 100, Algorithm: 8, Dates: []holdfast.RootDate{
					{Step: holdfast.RootPublished, At: on(2010, 7), Source: hostile}, {Step: holdfast.RootSigns, At: on(2010, 7), Source: "x"},
				}},
				{Name: "KSK-X", Algorithm: 8, Dates: []holdfast.RootDate{{Step: holdfast.RootGenerated, At: on(2023, 4), Source: "x"}, {Step: holdfast.RootAbandoned, At: on(2023, 7), Source: "x"}}},
				{Name: "KSK-B", Tag: 200, Algorithm: 8, Dates: []holdfast.RootDate{
					{Step: holdfast.RootPublished, At: on(2025, 1), Source: "x"}, {Step: holdfast.RootSigns, At: on(2027, 3), Planned: true, Source: "a plan"},
				}},
			},
			Plans: []holdfast.RootPlan{{Name: "another algorithm", From: on(2028, 1), Until: on(2029, 1), Text: "a new algorithm", Source: "x"}},
		},
		Findings: []holdfast.Finding{{Code: "RKR-01", Severity: holdfast.SeverityInfo, Text: hostile}},
		Forecast: []holdfast.RootSpan{{From: noon, Until: noon.Add(10 * day), Left: 11 * day, Slot: 1, Set: holdfast.RootSet{Phase: holdfast.RootSwitched, Size: 1139, Keys: []holdfast.RootSetKey{{Tag: 100, Shown: 228, KSK: true, Revoked: true, Signs: true}}}}},
	}
}

func TestRootPage(t *testing.T) {
	world := invent(t, 20)
	state := rollingRoot()
	site := world.site(func(c *Config) {
		c.Root = func(context.Context) (holdfast.RootState, error) { return state, nil }
	})
	text := soundPage(t, get(t, site, "/root"), http.StatusOK)
	for _, want := range []string{
		"A newer key is published, and the older one signs", "KSK-A</b> <span class=\"who\">100", "1,414 octets", "more than the 1,232",
		"Not as planned", "another algorithm", "100 (revoked)", "11 Mar 2027, planned",
		// the picture in words, for who does not see it
		"KSK-B (200): published 11 Jan 2025, signs planned for 11 Mar 2027",
		"KSK-X: generated 11 Apr 2023, abandoned 11 Jul 2023",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, must := range []string{`class="active" `, `class="standby" `, `class="active planned" `, `class="planned" `} {
		if !strings.Contains(text, must) {
			t.Errorf("the picture has no %s", must)
		}
	}
	front := soundPage(t, get(t, site, "/"), http.StatusOK)
	if !strings.Contains(front, `href="/root"`) {
		t.Error("the status page does not lead to the root's keys")
	}

	state = holdfast.RootState{At: noon, Calendar: state.Calendar}
	if text := soundPage(t, get(t, site, "/root"), http.StatusOK); !strings.Contains(text, "have not been looked at yet") {
		t.Error("a root that was never looked at is shown as one that was")
	}
	state.Set, state.Foreign = &holdfast.RootSet{Phase: holdfast.RootSteady}, true
	if text := soundPage(t, get(t, site, "/root"), http.StatusOK); !strings.Contains(text, "another root than IANA's") {
		t.Error("another root is not told apart from IANA's")
	}
}

// TestRootPicturePlans: what is planned is drawn as a plan until the root shows
// it, also where its day has passed, and what was to end goes on until then.
func TestRootPicturePlans(t *testing.T) {
	state := rollingRoot()
	for _, c := range []struct {
		name string
		now  time.Time
		seen bool
		want string // classes of KSK-B's stretches
	}{
		{"before", noon, false, "standby,standby planned,active planned"},
		{"overdue", time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC), false, "standby,active planned"},
		{"done", time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC), true, "standby,active,active planned"},
	} {
		t.Run(c.name, func(t *testing.T) {
			state.Expected[0].Seen = c.seen
			var got []string
			for _, l := range newRootPicture(state, c.now).Lanes {
				if l.Name == "KSK-B" {
					for _, s := range l.Stretches {
						got = append(got, s.Class)
					}
				}
			}
			if strings.Join(got, ",") != c.want {
				t.Errorf("drawn as %v, want %s", got, c.want)
			}
		})
	}
}

func TestRootPageAbsent(t *testing.T) {
	world := invent(t, 20)
	without := world.site(nil)
	soundPage(t, get(t, without, "/root"), http.StatusNotFound)
	if strings.Contains(soundPage(t, get(t, without, "/"), http.StatusOK), `href="/root"`) {
		t.Error("a page that is not there is linked to")
	}
	broken := world.site(func(c *Config) {
		c.Root = func(context.Context) (holdfast.RootState, error) {
			return holdfast.RootState{}, errors.New("the disk is gone")
		}
	})
	if text := soundPage(t, get(t, broken, "/root"), http.StatusInternalServerError); strings.Contains(text, "disk") {
		t.Error("the visitor reads what went wrong inside")
	}
}

package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// Testbed is who runs the test zones that the pages show. What it refuses it
// says in a sentence for the visitor; an error is ours.
type Testbed interface {
	// Open says whether people can subscribe at all.
	Open() bool
	Explain(holdfast.TestZone) holdfast.TestGuidance
	Subscribe(ctx context.Context, zone holdfast.Name, address string, from netip.Addr) (refused string, err error)
	// Subscription is the one of a mail's link; record.ErrNotFound where the
	// token is not its own.
	Subscription(ctx context.Context, id, token string) (holdfast.Subscription, error)
	Settle(ctx context.Context, id, token string, to holdfast.SubscriptionState) (refused string, err error)
	Report(ctx context.Context, id, token string, result holdfast.TestResult) (refused string, err error)
}

// testbedPath is the list of test zones, and the link in the bar.
const testbedPath = "/testbed"

func (s *Site) testbedRoutes() map[string]page {
	return map[string]page{
		"GET /testbed":                        s.serveTestbed,
		"GET /testbed/zones/{zone}":           s.serveTestZone,
		"GET /testbed/zones/{zone}/steps.ics": s.serveTestCalendar,
		"POST /testbed/zones/{zone}":          s.subscribe,
		"GET /testbed/confirm":                s.serveConfirm,
		"POST /testbed/confirm":               s.confirm,
		"GET /testbed/subscription":           s.serveSubscription,
		"POST /testbed/subscription":          s.report,
		"GET /testbed/unsubscribe":            s.serveUnsubscribe,
		"POST /testbed/unsubscribe":           s.unsubscribe,
	}
}

// endedShown is how many zones that have ended the list shows.
const endedShown = 30

// testZoneRow is a zone in the list.
type testZoneRow struct {
	holdfast.TestZone
	Path      string
	Step      string // its present step for people
	NextStep  string
	Next      time.Time
	Joinable  bool
	Confirmed int // results that say secure after the new key signed alone
	Failed    int // and others
}

func (s *Site) serveTestbed(w http.ResponseWriter, r *http.Request) error {
	now := s.clock.Now()
	zones, err := s.record.TestZones(r.Context(), time.Time{})
	if err != nil {
		return err
	}
	view := struct {
		Now         time.Time
		Open        bool
		Live, Ended []testZoneRow
	}{Now: now, Open: s.config.Testbed.Open()}
	for _, z := range zones {
		if _, begun := z.At(now); !begun || !z.Live(now) && len(view.Ended) >= endedShown {
			continue
		}
		row, err := s.testZoneRow(r.Context(), z, now)
		if err != nil {
			return err
		}
		if z.Live(now) {
			view.Live = append(view.Live, row)
		} else {
			view.Ended = append(view.Ended, row)
		}
	}
	return s.show(w, r, shell{Title: "Test zones for trust anchor updates", Nav: testbedPath, Live: true}, "testbed", view)
}

func testZonePath(zone holdfast.Name) string {
	return testbedPath + "/zones/" + url.PathEscape(zone.Short())
}

func (s *Site) testZoneRow(ctx context.Context, z holdfast.TestZone, now time.Time) (testZoneRow, error) {
	row := testZoneRow{TestZone: z, Path: testZonePath(z.Name), Joinable: now.Before(z.Closes())}
	guidance := s.config.Testbed.Explain(z)
	for n, step := range z.Steps {
		if !step.At.After(now) {
			row.Step = guidance.Guides[n].Title
		} else if row.Next.IsZero() {
			row.Next, row.NextStep = step.At, guidance.Guides[n].Title
		}
	}
	results, err := s.record.TestResults(ctx, z.Name)
	if err != nil {
		return row, err
	}
	for _, result := range results {
		switch {
		case result.Move != holdfast.TestSigns:
		case result.Outcome == holdfast.OutcomeSecure:
			row.Confirmed++
		default:
			row.Failed++
		}
	}
	return row, nil
}

// testZone finds the zone of a path.
func (s *Site) testZone(r *http.Request) (holdfast.TestZone, error) {
	name, err := holdfast.ParseName(r.PathValue("zone"))
	if err != nil {
		return holdfast.TestZone{}, notFound("There is no test zone of this name.")
	}
	z, err := s.record.TestZone(r.Context(), name)
	if errors.Is(err, record.ErrNotFound) {
		err = notFound("There is no test zone of this name. Zones are forgotten some time after they have ended.")
	}
	return z, err
}

// testZoneView is the page of one zone.
type testZoneView struct {
	testZoneRow
	Now      time.Time
	Open     bool
	Live     bool
	Calendar string // path
	Steps    []testStepView
	Picture  testPicture
	Guidance holdfast.TestGuidance
	Follow   []holdfast.TestRecipe
	Fixed    []holdfast.TestRecipe
	Results  []testTally
	Reports  int
	Seen     []sourceView
	Refused  string // why the form was not taken
	Address  string // as it was given, where the form was not taken
}

type testStepView struct {
	Number int
	holdfast.TestStep
	holdfast.TestGuide
	State string // past, now, or to come
}

func (s *Site) testZoneView(ctx context.Context, z holdfast.TestZone) (testZoneView, error) {
	now := s.clock.Now()
	row, err := s.testZoneRow(ctx, z, now)
	if err != nil {
		return testZoneView{}, err
	}
	view := testZoneView{testZoneRow: row, Now: now, Open: s.config.Testbed.Open(), Live: z.Live(now), Calendar: row.Path + "/steps.ics",
		Guidance: s.config.Testbed.Explain(z), Picture: newTestPicture(z, now)}
	for n, step := range z.Steps {
		state := "to come"
		if !step.At.After(now) {
			state = "past"
			if n+1 == len(z.Steps) || z.Steps[n+1].At.After(now) {
				state = "now"
			}
		}
		view.Steps = append(view.Steps, testStepView{n + 1, step, view.Guidance.Guides[n], state})
	}
	for _, recipe := range view.Guidance.Recipes {
		if recipe.Follows {
			view.Follow = append(view.Follow, recipe)
		} else {
			view.Fixed = append(view.Fixed, recipe)
		}
	}
	results, err := s.record.TestResults(ctx, z.Name)
	if err != nil {
		return view, err
	}
	view.Results, view.Reports = tallied(results, view.Steps), len(results)
	sightings, err := s.record.TestSightings(ctx, z.Name)
	if err != nil {
		return view, err
	}
	view.Seen = sourcesSeen(z, sightings)
	return view, nil
}

func (s *Site) serveTestZone(w http.ResponseWriter, r *http.Request) error {
	z, err := s.testZone(r)
	if err != nil {
		return err
	}
	view, err := s.testZoneView(r.Context(), z)
	if err != nil {
		return err
	}
	return s.show(w, r, shell{Title: "Test zone " + z.Name.Short(), Nav: testbedPath, Live: view.Live}, "test-zone", view)
}

func (s *Site) serveTestCalendar(w http.ResponseWriter, r *http.Request) error {
	z, err := s.testZone(r)
	if err != nil {
		return err
	}
	text, err := notify.Calendar(s.config.Testbed.Explain(z).Calendar, z.Steps[0].At)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8; method=PUBLISH")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", z.Name.Short()+".ics"))
	_, err = w.Write(text)
	return err
}

// testTally counts what was reported of one step by one kind of resolver.
type testTally struct {
	Step     string
	number   int
	Software string
	Version  string
	Secure   int
	Servfail int
	Insecure int
	Other    int
}

func tallied(results []holdfast.TestResult, steps []testStepView) []testTally {
	type key struct {
		move              holdfast.TestMove
		software, version string
	}
	tallies := map[key]*testTally{}
	for _, result := range results {
		k := key{result.Move, result.Software, result.Version}
		t := tallies[k]
		if t == nil {
			t = &testTally{Step: string(result.Move), Software: result.Software, Version: result.Version}
			for _, s := range steps {
				if s.Move == result.Move {
					t.Step, t.number = s.Title, s.Number
				}
			}
			tallies[k] = t
		}
		switch result.Outcome {
		case holdfast.OutcomeSecure:
			t.Secure++
		case holdfast.OutcomeServfail:
			t.Servfail++
		case holdfast.OutcomeInsecure:
			t.Insecure++
		default:
			t.Other++
		}
	}
	out := make([]testTally, 0, len(tallies))
	for _, t := range tallies {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b testTally) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.Software, b.Software), cmp.Compare(a.Version, b.Version))
	})
	return out
}

// sourceView says how many resolvers announced the same keys last.
type sourceView struct {
	Trusts string
	Count  int
}

// sourcesSeen counts sources by the keys that they announced last. No address
// is shown: it is that of somebody's resolver.
func sourcesSeen(z holdfast.TestZone, sightings []holdfast.TestSighting) []sourceView {
	latest := map[netip.Addr]holdfast.TestSighting{}
	for _, sighting := range sightings {
		if len(sighting.Tags) > 0 && !sighting.Last.Before(latest[sighting.Source].Last) {
			latest[sighting.Source] = sighting
		}
	}
	counts := map[string]int{}
	for _, sighting := range latest {
		counts[trusts(z, sighting.Tags)]++
	}
	var out []sourceView
	for _, words := range []string{trustsOld, trustsBoth, trustsNew, trustsOther} {
		if counts[words] > 0 {
			out = append(out, sourceView{words, counts[words]})
		}
	}
	return out
}

const (
	trustsOld   = "the old key only"
	trustsBoth  = "both keys"
	trustsNew   = "the new key only"
	trustsOther = "other keys"
)

func trusts(z holdfast.TestZone, tags []uint16) string {
	old, successor := slices.Contains(tags, z.Old.Tag) || slices.Contains(tags, z.Old.Revoked), slices.Contains(tags, z.New.Tag)
	switch {
	case old && successor:
		return trustsBoth
	case old:
		return trustsOld
	case successor:
		return trustsNew
	}
	return trustsOther
}

// testPicture is the zone's keys along its time.
type testPicture struct {
	axis
	NowAnchor string
	Lanes     []keyLane
	Words     string
}

func newTestPicture(z holdfast.TestZone, now time.Time) testPicture {
	first, last := z.Steps[0].At, z.Steps[len(z.Steps)-1].At
	p := testPicture{axis: newAxis(first, last, now)}
	p.Ticks, p.NowAnchor = nil, p.anchor(now)
	for n, s := range z.Steps {
		p.Ticks = append(p.Ticks, tick{p.place(s.At), strconv.Itoa(n + 1), "middle"})
	}
	p.Ticks[0].Anchor, p.Ticks[len(p.Ticks)-1].Anchor = "start", "end"
	at := z.When
	for _, l := range []struct {
		name  string
		key   holdfast.TestKey
		turns []turn
		ends  time.Time
	}{
		{"Old key", z.Old, []turn{{at(holdfast.TestBegins), "active", "signs", "signs from"}, {at(holdfast.TestSigns), "standby", "published, does not sign", "signs no more from"},
			{at(holdfast.TestRevokes), "revoked", "revoked", "revoked"}}, at(holdfast.TestRemoves)},
		{"New key", z.New, []turn{{at(holdfast.TestPublishes), "standby", "published, does not sign", "published"}, {at(holdfast.TestSigns), "active", "signs", "signs from"}}, last},
	} {
		lane := keyLane{Kind: l.name, Tag: l.key.Tag, What: algorithmName(l.key.Algorithm), Absent: first, Published: l.turns[0].at, Ended: l.ends}
		lane.draw(p.axis, l.turns, now)
		_, lane.Life = wordsOf(lane, l.turns, now)
		p.Lanes = append(p.Lanes, lane)
	}
	return p
}

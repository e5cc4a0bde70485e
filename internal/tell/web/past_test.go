package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

func daysAgo(n float64) time.Time { return noon.Add(-time.Duration(n * float64(day))) }

// rolled is the past of a zone whose ZSK was replaced and whose KSK is being:
// the new one signs the keys, the parent still has the DS of the old.
func rolled() holdfast.Past {
	return holdfast.Past{
		Since: daysAgo(50), Until: noon, Looks: 1200,
		Keys: []holdfast.KeyPast{
			{ID: "z1", Flags: 256, Algorithm: 13, Tag: 111, Published: daysAgo(50), Active: daysAgo(50), Retired: daysAgo(6), Gone: daysAgo(4)},
			{ID: "z2", Flags: 256, Algorithm: 13, Tag: 222, Absent: daysAgo(9), Published: daysAgo(8), Everywhere: daysAgo(8), Active: daysAgo(6)},
			{ID: "k1", Flags: 257, Algorithm: 13, Tag: 333, Published: daysAgo(50), Active: daysAgo(50)},
			{ID: "k2", Flags: 257, Algorithm: 13, Tag: 444, Absent: daysAgo(2), Published: daysAgo(1), Active: daysAgo(1)},
			{ID: "k0", Flags: 257, Algorithm: 8, Tag: 555, Published: daysAgo(50), Active: daysAgo(50), Revoked: daysAgo(40), Gone: daysAgo(20)},
		},
		DS: []holdfast.DSPast{{ID: "d1", DS: holdfast.DS{KeyTag: 333, Algorithm: 13, DigestType: 2, Digest: []byte{1}}, Key: "k1", Published: daysAgo(50)}},
		Editions: []holdfast.EditionPast{
			{Of: holdfast.ClassDNSKEY, Members: []string{"k1", "k2", "z2"}, Signers: []string{"k1", "k2"}, Published: daysAgo(1)},
			{Of: holdfast.ClassSOA, Signers: []string{"z2"}, Published: daysAgo(6)},
		},
		Signing: []holdfast.SigningPast{
			{Class: holdfast.ClassSOA, Renewed: daysAgo(3), Renewals: make([]holdfast.Renewal, 7)},
			{Class: holdfast.ClassNS, Renewed: daysAgo(3), Renewals: make([]holdfast.Renewal, 7)},
			{Class: holdfast.ClassDNSKEY, Renewed: daysAgo(8), Renewals: make([]holdfast.Renewal, 3)},
			{Class: holdfast.ClassDS, Renewed: daysAgo(1), Renewals: make([]holdfast.Renewal, 1)},
		},
	}
}

func step(severity holdfast.Severity, until time.Time) findingView {
	return findingView{Finding: holdfast.Finding{Code: "ROL-05", Severity: severity, Text: "a rollover", Until: until}}
}

func TestKeysOverTime(t *testing.T) {
	p := newKeysPicture(rolled(), []findingView{step(holdfast.SeverityInfo, noon.Add(2*day)), {Finding: holdfast.Finding{Code: "SIG-01"}}}, noon)
	var names, shapes []string
	for _, l := range p.Lanes {
		shape := ""
		for _, s := range l.Stretches {
			shape += s.Class + " "
		}
		names, shapes = append(names, l.Kind), append(shapes, strings.TrimSpace(shape))
	}
	if want := []string{"DS", "KSK", "KSK", "ZSK", "KSK", "ZSK"}; !slices.Equal(names, want) {
		t.Errorf("lanes are %v, want %v", names, want)
	}
	if want := []string{"delegated", "active", "active", "standby active", "active revoked", "active standby"}; !slices.Equal(shapes, want) {
		t.Errorf("lanes show %q, want %q", shapes, want)
	}
	if len(p.Steps) != 1 || p.Safe == "" || !p.Changed {
		t.Errorf("steps %v, safe at %q, changed %v", p.Steps, p.Safe, p.Changed)
	}
	if old := p.Lanes[4]; old.State != "gone since 12 Jul 12:00" || old.Life != "there at the first look, active then, revoked 22 Jun 2026 12:00:00 UTC, gone 12 Jul 2026 12:00:00 UTC" || !old.Early {
		t.Errorf("the revoked key is %q: %q", old.State, old.Life)
	}
	if next := p.Lanes[3]; next.State != "active since 26 Jul 12:00" || next.Early || next.Life != "published 24 Jul 2026 12:00:00 UTC, signs from 26 Jul 2026 12:00:00 UTC" {
		t.Errorf("the new ZSK is %q: %q", next.State, next.Life)
	}
	// The picture reaches from the first look to the next step, and a fortieth
	// further: 52 days and 1.3. Now is 50 days into 53.3.
	if p.Now != "93.81%" || p.Safe != "97.56%" {
		t.Errorf("now stands at %s, the next step at %s", p.Now, p.Safe)
	}
}

func TestKeysThatSay(t *testing.T) {
	resting := holdfast.Past{Since: daysAgo(500), Until: noon, Looks: 9, Keys: []holdfast.KeyPast{
		{ID: "c", Flags: 257, Algorithm: 13, Tag: 7, Published: daysAgo(500), Active: daysAgo(500)},
		{ID: "s", Flags: 257, Algorithm: 13, Tag: 8, Published: daysAgo(500)},
		{ID: "old", Flags: 256, Algorithm: 13, Tag: 9, Published: daysAgo(500), Active: daysAgo(500), Retired: daysAgo(470), Gone: daysAgo(460)},
	}, Editions: []holdfast.EditionPast{{Of: holdfast.ClassDNSKEY, Signers: []string{"c"}}, {Of: holdfast.ClassSOA, Signers: []string{"c"}}}}
	p := newKeysPicture(resting, nil, noon)
	if p.Changed || len(p.Lanes) != 2 || len(p.All) != 3 || p.Safe != "" {
		t.Errorf("at rest: changed %v, %d lanes of %d, safe %q", p.Changed, len(p.Lanes), len(p.All), p.Safe)
	}
	if standby, csk := p.Lanes[0], p.Lanes[1]; csk.Kind != "CSK" || csk.State != "active" || standby.Kind != "KSK" || standby.Stretches[0].Class != "standby" {
		t.Errorf("lanes: %+v", p.Lanes)
	}
	once := resting
	once.Until = once.Since
	if p := newKeysPicture(once, nil, noon); len(p.All) != 0 {
		t.Error("one look is drawn as if it were time")
	}
	// A finding that blames says since when, not from when something is safe.
	if p := newKeysPicture(rolled(), []findingView{step(holdfast.SeverityError, noon.Add(day))}, noon); p.Safe != "" || len(p.Steps) != 1 {
		t.Errorf("an error is shown as safe at %q", p.Safe)
	}
}

func TestSigningHabits(t *testing.T) {
	habit := Habit{Interval: 7 * day, Left: 21 * day, Calendar: "on Wed by 12:00 UTC", Settled: true, Next: noon.Add(4 * day), Due: noon.Add(5 * day)}
	habitOf := func(s holdfast.SigningPast) (Habit, bool) { return habit, len(s.Renewals) >= 5 }
	rows := newSigning(rolled(), habitOf, noon)
	if len(rows) != 2 || !slices.Equal(rows[0].Classes, []holdfast.Class{holdfast.ClassDNSKEY}) || !slices.Equal(rows[1].Classes, []holdfast.Class{holdfast.ClassSOA, holdfast.ClassNS}) {
		t.Fatalf("rows: %+v", rows)
	}
	if rows[0].Known || rows[0].Days != 3 || !rows[1].Known || rows[1].Overdue || rows[1].Late {
		t.Errorf("rows: %+v", rows)
	}
	if late := newSigning(rolled(), habitOf, noon.Add(4*day))[1]; !late.Late || late.Overdue {
		t.Errorf("on the day: %+v", late)
	}
	if over := newSigning(rolled(), habitOf, noon.Add(5*day))[1]; !over.Overdue {
		t.Errorf("a day later: %+v", over)
	}
	if rows := newSigning(rolled(), nil, noon); len(rows) != 0 {
		t.Errorf("without anybody who knows habits: %+v", rows)
	}
}

func TestZonePageTellsThePast(t *testing.T) {
	world, all := invent(t, 20), subjects(20)
	ctx := t.Context()
	for i, known := range map[int]holdfast.Past{0: rolled(), 1: {}} {
		status, err := world.Status(ctx, all[i].Zone)
		must(t, err)
		v := status.Verdict
		v.Catalogue, v.Suppressed = "2026.11.1/quiet", map[string]string{"SIG-02": "SIG-01", "SIG-03": "SIG-01", "NEG-01": "CHN-01"}
		v.Findings = append(v.Findings, holdfast.Finding{Code: "ROL-05", Name: "rollover-under-way", Zone: v.Zone, RRset: holdfast.ClassDS, Text: "double-signature rollover " + hostile, Until: noon.Add(2 * time.Hour)})
		must(t, world.Found(ctx, all[i], v, known))
	}
	site := world.site(func(c *Config) {
		c.Habit = func(s holdfast.SigningPast) (Habit, bool) {
			return Habit{Interval: 7 * day, Left: 21 * day, Calendar: "on Wed by 12:00 UTC", Next: noon.Add(4 * day)}, len(s.Renewals) >= 5
		}
	})
	text := soundPage(t, get(t, site, zonePath(all[0])), http.StatusOK)
	for _, want := range []string{
		"Keys over time", "next step is safe", `aria-label="KSK 444, ECDSAP256SHA256: published 31 Jul 2026 12:00:00 UTC, signs from 31 Jul 2026 12:00:00 UTC"`,
		"How it signs", "SOA, NS", "7 d 0 h", "21 d 0 h", "on Wed by 12:00 UTC", "in 4 d 0 h", "still settling", "renewed on 3 days so far",
		"judged by catalogue 2026.11.1, profile quiet", `<a href="/checks/NEG-01">NEG-01</a> because of <a href="/checks/CHN-01">CHN-01</a>`,
		`<a href="/checks/SIG-02">SIG-02</a>, <a href="/checks/SIG-03">SIG-03</a> because of`, ">Rollover</th>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	text = soundPage(t, get(t, site, zonePath(all[1])), http.StatusOK)
	for _, absent := range []string{"Keys over time", "How it signs"} {
		if strings.Contains(text, absent) {
			t.Errorf("%q is said of a zone of which nothing is known", absent)
		}
	}
}

// TestIncidentOfTheWatch: what is wrong with the watch is about no zone, and
// reads well all the same.
func TestIncidentOfTheWatch(t *testing.T) {
	world := invent(t, 20)
	must(t, world.Decide(t.Context(), []holdfast.Incident{{
		ID: "i-self", State: holdfast.StateOpen, Severity: holdfast.SeverityWarning, Peak: holdfast.SeverityWarning,
		Title: "the looks are behind", Opened: noon.Add(-time.Hour), Updated: noon,
		Log: []holdfast.IncidentEvent{{At: noon.Add(-time.Hour), What: "opened", Severity: holdfast.SeverityWarning}},
	}}, nil))
	site := world.site(nil)
	for path, want := range map[string]string{"/": "the watch itself", "/incidents": "the watch itself", "/incidents/i-self": "<bdi>the watch itself</bdi>: the looks are behind"} {
		if text := soundPage(t, get(t, site, path), http.StatusOK); !strings.Contains(text, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
}

// TestHistogramTellsUnmeasuredApart: a zone that was not looked at is not one
// without signatures.
func TestHistogramTellsUnmeasuredApart(t *testing.T) {
	zone := func(status holdfast.Status, fails time.Time) row {
		return row{ZoneStatus: record.ZoneStatus{Verdict: holdfast.Verdict{Status: status, FailsAt: fails}}}
	}
	_, unsigned, unmeasured := histogram([]row{zone("", time.Time{}), zone("", time.Time{}), zone(holdfast.Insecure, time.Time{}), zone(holdfast.Secure, noon.Add(day))}, noon)
	if unsigned != 1 || unmeasured != 2 {
		t.Errorf("%d unsigned and %d not measured, want 1 and 2", unsigned, unmeasured)
	}
}

func TestIndexOfChecks(t *testing.T) {
	page := "# The *checks*\n\nIntroduction, see [SIG-01](SIG-01.md).\n\n## How grave\n\n| severity | who |\n|---|---|\n| error | some |\n\n" +
		"## Time & keys\n\n| check | usually | in short |\n|---|---|---|\n| [SIG-01](SIG-01.md) expired | critical | dead |\n| [ROL-02](ROL-02.md) soon | by case | soon |\n"
	got, err := newIndex([]byte(page))
	must(t, err)
	if want := []checkGroup{{"checks-time-keys", "Time & keys", "SIG, ROL", 2}}; got.Title != "The checks" || !slices.Equal(got.Groups, want) {
		t.Errorf("%q with %+v, want %+v", got.Title, got.Groups, want)
	}
	for _, want := range []string{`<h2 id="checks-time-keys">`, `<tr id="SIG-01">`, `<td class="cell critical">critical</td>`, `<td>by case</td>`, `<td>error</td>`, `<a href="/checks/ROL-02">`} {
		if !strings.Contains(string(got.Body), want) {
			t.Errorf("the index lacks %s:\n%s", want, got.Body)
		}
	}
	if strings.Contains(string(got.Body), "<h1") {
		t.Error("the title stands twice")
	}
}

package rollover_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/judge/rollover"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
)

// watch is a lab and all that looks at its zone red., over time.
type watch struct {
	clock     *lab.Clock
	start     time.Time
	walker    *walk.Walker
	catalogue judge.Catalogue
	past      holdfast.Past
	base      holdfast.Measurement // the last full look
}

func newWatch(t *testing.T, zone string) *watch {
	t.Helper()
	text := `clock 2026-08-01T12:00:00Z
zone red.
  ttl default 1h ns 3h dnskey 2h delegation 12h ds 5h
  ns ns1.red. 192.0.2.1
  ns ns2.red. 198.51.100.2
` + zone
	plan, err := lab.Parse(strings.NewReader(text), "lab", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{clock: lab.NewClock(plan.Start, 1e-9), start: plan.Start}
	internet, err := lab.New(plan, w.clock)
	if err != nil {
		t.Fatal(err)
	}
	short := holdfast.Duration(50 * time.Millisecond)
	asker, err := ask.New(ask.Config{Rate: -1, UDPWait: short, TCPWait: short}, internet, w.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asker.Close() })
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	w.walker = walk.New(walk.Config{Roots: internet.Servers(holdfast.Root), Seed: 7}, asker, w.clock, "here")
	w.catalogue = judge.Catalogue{Checks: rollover.Checks(), Validate: dnssec.NewValidator(anchors, dnssec.NewCache(10000)).Validate, Remember: past.Fold}
	return w
}

// look goes to an instant after the start and looks at the zone; a core look is
// completed by the last full one.
func (w *watch) look(t *testing.T, after time.Duration, depth holdfast.Depth) []holdfast.Finding {
	t.Helper()
	w.clock.Advance(w.start.Add(after).Sub(w.clock.Now()))
	m, err := w.walker.NewSweep("").Measure(context.Background(), holdfast.Subject{Zone: "red."}, depth)
	if err != nil {
		t.Fatal(err)
	}
	if m.Depth == holdfast.Core {
		m = holdfast.Compose(m, w.base)
	} else {
		w.base = m
	}
	var v holdfast.Verdict
	v, w.past = w.catalogue.Follow(m, w.past, w.clock.Now().Truncate(time.Second)) // the clock creeps by nanoseconds
	for _, f := range v.Findings {
		if f.Code == judge.CodeBroken {
			t.Error(f.Text)
		}
	}
	return v.Findings
}

// graver are those findings of a severity and above.
func graver(findings []holdfast.Finding, severity holdfast.Severity) []holdfast.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f holdfast.Finding) bool { return f.Severity < severity })
}

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

// TestOneLook: what can be told by one look.
func TestOneLook(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	for _, c := range []struct {
		name, zone string
		code       string // the gravest finding's; empty: none of warning or above
		severity   holdfast.Severity
		text       string
	}{
		{"healthy", "", "", 0, ""},
		{"several digests", "  digest 2 4\n", "", 0, ""},
		{"no CDS", "  no-cds\n", "", 0, ""},
		{"CDS of no key", "  no-cds\n  record @ CDS 1 13 2 " + digest + "\n", "ROL-07", holdfast.SeverityError, "lead to no key"},
		{"CDNSKEY of no key", "  no-cds\n  record @ CDNSKEY 257 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA==\n", "ROL-07", holdfast.SeverityError, "lead to no key"},
		{"deletion", "  no-cds\n  record @ CDS 0 0 0 00\n", "", 0, ""},
		{"deletion by both", "  no-cds\n  record @ CDS 0 0 0 00\n  record @ CDNSKEY 0 3 0 AA==\n", "", 0, ""},
		{"deletion and more", "  no-cds\n  record @ CDS 0 0 0 00\n  record @ CDS 1 13 2 " + digest + "\n", "ROL-07", holdfast.SeverityWarning, "no parent may heed"},
		{"deletion in another form", "  no-cds\n  record @ CDS 0 0 1 00\n", "ROL-07", holdfast.SeverityWarning, "no parent may heed"},
		{"deletion by one of both", "  no-cds\n  record @ CDS 0 0 0 00\n  record @ CDNSKEY 257 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA==\n", "ROL-07", holdfast.SeverityError, ""},
		{"CDS signed by nobody", "fault * unknown-key CDS red.\n", "ROL-07", holdfast.SeverityWarning, "not signed by a key that a DS record names"},
		{"CDS on an island", "  island\n  no-cds\n  record @ CDS 1 13 2 " + digest + "\n", "", 0, ""},
		{"revoked, not by itself", "  record @ DNSKEY 385 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA==\n", "ROL-10", holdfast.SeverityWarning, "does not sign"},
		{"a stand-by key", "  record @ DNSKEY 257 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA==\n", "", 0, ""},
		{"a stand-by DS", "fault * ds-extra red.\n", "", 0, ""},
		{"two providers, model 1", "  partner ns1.blue. 203.0.113.1\n  multisigner 1\n", "", 0, ""},
		{"two providers, model 2", "  partner ns1.blue. 203.0.113.1\n", "", 0, ""},
		{"an old copy on one server", "fault ns2.red. stale 8d red.\n", "", 0, ""},
		{"an unsigned copy on one server", "fault ns2.red. unsigned-copy red.\n", "", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found := graver(newWatch(t, c.zone).look(t, 0, holdfast.Full), holdfast.SeverityWarning)
			switch {
			case c.code == "" && len(found) > 0:
				t.Errorf("found %+v", found)
			case c.code != "" && (len(found) == 0 || found[0].Code != c.code || found[0].Severity != c.severity || !strings.Contains(found[0].Text, c.text)):
				t.Errorf("want %s %s %q, found %+v", c.code, c.severity, c.text, found)
			}
		})
	}
}

// TestNoBlameWithoutProof: unsafe rollovers of which it cannot be told that they
// were, and legal ones in troubled weather, are nobody's fault.
func TestNoBlameWithoutProof(t *testing.T) {
	every := func(d, until time.Duration) (out []time.Duration) {
		for at := time.Duration(0); at < until; at += d {
			out = append(out, at)
		}
		return out
	}
	for _, c := range []struct {
		name, zone string
		looks      []time.Duration
	}{
		{"the first look after it", "  rollover zsk-prepublish at +12h unsafe sign-early\n", []time.Duration{12 * hour, 13 * hour}},
		{"a watch that was down", "  rollover ksk-doublesig at +12h unsafe key-early\n", []time.Duration{0, 13 * hour, 20 * hour, 21 * hour}},
		{"looks further apart than the TTL", "  rollover zsk-prepublish at +12h unsafe sign-early\n", []time.Duration{0, 9 * hour, 12 * hour, 15 * hour}},
		{"exactly the TTL", "  rollover zsk-prepublish at +12h unsafe sign-early\n", []time.Duration{0, 10 * hour, 12 * hour}},
		{"a server that comes and goes", "  rollover ksk-doublesig at +12h\nfault ns2.red. timeout * from +11h to +12h30m\nfault ns1.red. timeout * from +14h to +15h30m\n", every(hour, 30*hour)},
		{"no server for hours", "  rollover ksk-doublesig at +12h\nfault * timeout red. from +12h30m to +17h\n", every(hour, 30*hour)},
		{"a secondary that stopped", "  rollover zsk-prepublish at +12h\nfault ns2.red. freeze red. from +6h\n", every(hour, 30*hour)},
		{"a secondary half an hour late", "  rollover csk at +12h\n  csk\nfault ns2.red. stale 30m red.\n", every(30*time.Minute, 40*hour)},
		{"lost packets", "  rollover zsk-doublesig at +12h\nfault * lossy 20 *\n", every(hour, 24*hour)},
		{"a new key with the tag of the old", "  rollover zsk-prepublish at +12h same-tag\n", every(hour, 24*hour)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWatch(t, c.zone)
			for _, at := range c.looks {
				for _, f := range graver(w.look(t, at, holdfast.Full), holdfast.SeverityWarning) {
					t.Errorf("at +%s: %s %s: %s", at, f.Code, f.Severity, f.Text)
				}
			}
		})
	}
}

// TestCoreLooks: between full looks a core look sees new keys and signers, and
// takes the DS of the base for what they are: as old as it.
func TestCoreLooks(t *testing.T) {
	w := newWatch(t, "  no-cds\n  rollover ksk-doublesig at +12h unsafe key-early\n")
	for at := time.Duration(0); at < 15*hour; at += hour {
		depth := holdfast.Core
		if at%(6*hour) == 0 {
			depth = holdfast.Full
		}
		if found := graver(w.look(t, at, depth), holdfast.SeverityWarning); len(found) > 0 {
			t.Fatalf("at +%s: %+v", at, found)
		}
	}
	// At +15h the DS and the keys change at once. The DS were last seen at
	// +12h, and their TTL is 5 h.
	found := graver(w.look(t, 15*hour, holdfast.Full), holdfast.SeverityWarning)
	if len(found) == 0 || found[0].Code != "ROL-01" || !found[0].Until.Equal(w.start.Add(20*hour)) {
		t.Errorf("found %+v", found)
	}
	for _, e := range w.past.Editions {
		if e.Of == holdfast.ClassDS && !e.Here() && !e.Last.Equal(w.start.Add(12*hour)) {
			t.Errorf("the old DS were last seen at %s", e.Last)
		}
	}
}

// TestStates: a key's life is told by the looks that found it changed.
func TestStates(t *testing.T) {
	w := newWatch(t, "  rollover zsk-prepublish at +12h\n")
	for at := time.Duration(0); at <= 20*hour; at += hour {
		w.look(t, at, holdfast.Full)
	}
	at := func(h int) time.Time { return w.start.Add(time.Duration(h) * hour) }
	var old, fresh holdfast.KeyPast
	for _, k := range w.past.Keys {
		switch {
		case k.Flags == 257:
		case k.Absent.IsZero():
			old = k
		default:
			fresh = k
		}
	}
	// Published at +12h, signing after the TTL of DNSKEY (2 h) and an hour; the
	// old goes after the highest TTL of the zone (3 h) and an hour.
	if !fresh.Absent.Equal(at(11)) || !fresh.Published.Equal(at(12)) || !fresh.Everywhere.Equal(at(12)) || !fresh.Active.Equal(at(15)) || !fresh.Gone.IsZero() {
		t.Errorf("the new key: %+v", fresh)
	}
	if !old.Active.Equal(at(0)) || !old.Retired.Equal(at(15)) || !old.Gone.Equal(at(19)) {
		t.Errorf("the old key: %+v", old)
	}
}

// TestCadence: a zone that replaced its key every month is not blamed, and one
// whose last change lies two months further back is told.
func TestCadence(t *testing.T) {
	w := newWatch(t, "  rollover zsk-prepublish at +1d every 30d\n")
	said := func(findings []holdfast.Finding) bool {
		return slices.ContainsFunc(findings, func(f holdfast.Finding) bool { return f.Code == "ROL-06" })
	}
	for at := time.Duration(0); at <= 200*day; at += 12 * hour {
		if said(w.look(t, at, holdfast.Full)) {
			t.Fatalf("blamed at +%s", at)
		}
	}
	for i := range w.past.Keys {
		k := &w.past.Keys[i]
		for _, instant := range []*time.Time{&k.Absent, &k.Published, &k.Active} {
			if !instant.IsZero() {
				*instant = instant.Add(-60 * day)
			}
		}
	}
	if !said(w.look(t, 201*day, holdfast.Full)) {
		t.Errorf("not told: %+v", w.past.Keys)
	}
}

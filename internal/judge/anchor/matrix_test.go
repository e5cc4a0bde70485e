package anchor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
)

func names(s ...string) []string { return s }

// plainRoll is the roll of the reference lab: old alone, both, new signs, old
// revoked, new alone.
func plainRoll(t *testing.T) *stage {
	return newStage(t, 95*time.Second,
		step(0, "S0", names("old", "zsk"), names("old"), nil),
		step(15, "S1", names("old", "new", "zsk"), names("old"), nil),
		step(40, "S2", names("old", "new", "zsk"), names("new"), nil),
		step(60, "S3", names("old", "new", "zsk"), names("new", "old"), names("old")),
		step(80, "S4", names("new", "zsk"), names("new"), nil))
}

func judged(t *testing.T, s *stage) holdfast.Matrix {
	t.Helper()
	m, err := anchor.Judge(s.r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func cell(t *testing.T, m holdfast.Matrix, step, actor string, q holdfast.Quantity, key string) holdfast.MatrixCell {
	t.Helper()
	for _, c := range m.Cells {
		if c.Step == step && c.Actor == actor && c.Quantity == q && c.Key == key {
			return c
		}
	}
	t.Fatalf("no cell %s %s %s %s", step, actor, q, key)
	return holdfast.MatrixCell{}
}

const (
	signed = holdfast.Quantity(holdfast.ProbeSigned)
	bogus  = holdfast.Quantity(holdfast.ProbeBogus)
	isTA   = holdfast.Quantity(holdfast.ProbeIs)
	state  = holdfast.QuantityState
)

// TestPlainRoll replays what the reference lab saw of Unbound, of a static
// Unbound and of PowerDNS: each as the RFCs have it.
func TestPlainRoll(t *testing.T) {
	s := plainRoll(t)
	s.actor("unbound", true)
	s.shows("unbound", holdfast.ProbeSigned, "", 0, "AD")
	s.shows("unbound", holdfast.ProbeBogus, "", 0, "SERVFAIL")
	s.shows("unbound", holdfast.ProbeIs, "new", 0, spans(span(27, "SERVFAIL"), span(1, "AD"))...)
	s.shows("unbound", holdfast.ProbeNot, "new", 0, spans(span(27, "AD"), span(1, "SERVFAIL"))...)
	s.shows("unbound", holdfast.ProbeIs, "old", 0, spans(span(62, "AD"), span(1, "SERVFAIL"))...)
	s.holds("unbound", 0, map[string]holdfast.KeyState{"old": holdfast.KeyValid})
	s.holds("unbound", 17, map[string]holdfast.KeyState{"old": holdfast.KeyValid, "new": holdfast.KeyAddPend})
	s.holds("unbound", 27, map[string]holdfast.KeyState{"old": holdfast.KeyValid, "new": holdfast.KeyValid})
	s.holds("unbound", 62, map[string]holdfast.KeyState{"old": holdfast.KeyRevoked, "new": holdfast.KeyValid})
	s.holds("unbound", 92, map[string]holdfast.KeyState{"new": holdfast.KeyValid})
	s.actor("static", false)
	s.shows("static", holdfast.ProbeSigned, "", 0, spans(span(42, "AD"), span(1, "SERVFAIL"))...)
	s.actor("pdns", false)
	s.shows("pdns", holdfast.ProbeSigned, "", 0, spans(span(43, "AD"), span(1, "SERVFAIL"))...)
	s.shows("pdns", holdfast.ProbeIs, "new", 0, spans(span(43, "AD"), span(1, "SERVFAIL"))...)
	s.r.Actors = append(s.r.Actors, holdfast.Actor{Name: "knot", Software: "Knot Resolver", Skipped: "kresd is not installed"})
	m := judged(t, s)
	for _, c := range m.Cells {
		if c.Actor == "pdns" && c.Quantity == isTA {
			t.Error("a resolver that does not speak RFC 8509 is held to it")
		}
		if c.Agreement != holdfast.Agrees {
			t.Errorf("%s %s %s %s: %s, due %v, seen %v: %s", c.Step, c.Actor, c.Quantity, c.Key, c.Agreement, c.Expected, c.Observed, c.Why)
		}
	}
	if c := cell(t, m, "S1", "unbound", state, "new"); strings.Join(c.Expected, " ") != "start add-pend valid" && strings.Join(c.Expected, " ") != "add-pend valid" {
		t.Errorf("S1 new: expected %v", c.Expected)
	}
	if c := cell(t, m, "S3", "unbound", state, "old"); !slices.Contains(c.Expected, "revoked") {
		t.Errorf("S3 old: expected %v", c.Expected)
	}
	ends := map[string]holdfast.MatrixEnd{}
	for _, e := range m.Ends {
		ends[e.Actor] = e
	}
	if e := ends["unbound"]; e.Due != holdfast.Secure || e.Seen != holdfast.Secure || e.Failed != 0 || e.Agreement != holdfast.Agrees {
		t.Errorf("unbound ends %+v", e)
	}
	if e := ends["static"]; e.Due != holdfast.Bogus || e.Seen != holdfast.Bogus || e.Failed != 53*time.Second {
		t.Errorf("static ends %+v", e)
	}
	if e := ends["pdns"]; len(e.Classes) != 1 || e.Classes[0].Key != "new" {
		t.Errorf("pdns, classes: %+v", e.Classes)
	}
	if _, there := ends["knot"]; there {
		t.Error("a resolver that did not play has an end")
	}
}

// TestEarlySwitch is N1: the new key is there for six seconds of ten, and then
// signs alone. Section 2.2 forbids to trust it.
func TestEarlySwitch(t *testing.T) {
	s := newStage(t, 60*time.Second,
		step(0, "S0", names("old", "zsk"), names("old"), nil),
		step(15, "S1", names("old", "new", "zsk"), names("old"), nil),
		step(21, "S2", names("old", "new", "zsk"), names("new"), nil),
		step(45, "S3", names("old", "zsk"), names("old"), nil))
	s.actor("promotes", true)
	s.shows("promotes", holdfast.ProbeSigned, "", 0, spans(span(24, "AD"), span(3, "SERVFAIL"), span(1, "AD"))...)
	s.holds("promotes", 16, map[string]holdfast.KeyState{"old": holdfast.KeyValid, "new": holdfast.KeyAddPend})
	s.holds("promotes", 27, map[string]holdfast.KeyState{"old": holdfast.KeyValid, "new": holdfast.KeyValid})
	s.actor("waits", true)
	s.shows("waits", holdfast.ProbeSigned, "", 0, spans(span(24, "AD"), span(22, "SERVFAIL"), span(1, "AD"))...)
	s.holds("waits", 16, map[string]holdfast.KeyState{"old": holdfast.KeyValid, "new": holdfast.KeyAddPend})
	m := judged(t, s)
	c := cell(t, m, "S2", "promotes", signed, "")
	if c.Agreement != holdfast.Deviates || c.Clause != "RFC 5011 section 2.2" || c.Expected[len(c.Expected)-1] != "SERVFAIL" {
		t.Errorf("promotes, S2: %+v", c)
	}
	if c.From < 26*time.Second || c.From > 34*time.Second || len(c.Evidence) == 0 {
		t.Errorf("the departure: %v, %v", c.From, c.Evidence)
	}
	if c := cell(t, m, "S2", "promotes", state, "new"); c.Agreement != holdfast.Deviates {
		t.Errorf("promotes, state: %+v", c)
	}
	for _, name := range names("S0", "S1", "S2", "S3") {
		if c := cell(t, m, name, "waits", signed, ""); c.Agreement != holdfast.Agrees {
			t.Errorf("waits, %s: %+v", name, c)
		}
	}
	// The pending key is kept while it is away: bookkeeping.
	if c := cell(t, m, "S3", "waits", state, "new"); c.Agreement != holdfast.Agrees || !strings.Contains(c.Why, "pending while it is away") && !strings.Contains(strings.Join(c.Expected, " "), "add-pend") {
		t.Errorf("waits, state in S3: %+v", c)
	}
}

// TestOnlyAnchorRevoked is N6 and N7: section 5.
func TestOnlyAnchorRevoked(t *testing.T) {
	s := newStage(t, 60*time.Second,
		step(0, "S0", names("old", "zsk"), names("old"), nil),
		step(15, "S1", names("old", "zsk"), names("old"), names("old")))
	s.actor("opens", true)
	s.shows("opens", holdfast.ProbeSigned, "", 0, spans(span(18, "AD"), span(1, "answer"))...)
	s.shows("opens", holdfast.ProbeBogus, "", 0, spans(span(18, "SERVFAIL"), span(1, "answer"))...)
	s.actor("closes", true)
	s.shows("closes", holdfast.ProbeSigned, "", 0, spans(span(18, "AD"), span(1, "SERVFAIL"))...)
	s.actor("static", false)
	s.shows("static", holdfast.ProbeSigned, "", 0, spans(span(18, "AD"), span(1, "SERVFAIL"))...)
	m := judged(t, s)
	for actor, want := range map[string]holdfast.Agreement{"opens": holdfast.Agrees, "closes": holdfast.Deviates, "static": holdfast.Agrees} {
		if c := cell(t, m, "S1", actor, signed, ""); c.Agreement != want {
			t.Errorf("%s: %+v", actor, c)
		}
	}
	if c := cell(t, m, "S1", "closes", signed, ""); c.Clause != "RFC 5011 section 5" || !strings.Contains(c.Meaning, "without a word of requirement") {
		t.Errorf("closes: %+v", c)
	}
	if c := cell(t, m, "S1", "opens", bogus, ""); c.Agreement != holdfast.Agrees || c.Expected[len(c.Expected)-1] != "answer" {
		t.Errorf("bogus of a deleted trust point: %+v", c)
	}
}

// TestRevokeUnproved is N2: REVOKE without the key's own signature counts for
// nothing, and old may sign again.
func TestRevokeUnproved(t *testing.T) {
	s := newStage(t, 90*time.Second,
		step(0, "S0", names("old", "zsk"), names("old"), nil),
		step(10, "S1", names("old", "new", "zsk"), names("old"), nil),
		step(40, "S2", names("old", "new", "zsk"), names("new"), names("old")),
		step(60, "S3", names("old", "new", "zsk"), names("old"), nil))
	s.actor("heeds", true)
	s.shows("heeds", holdfast.ProbeSigned, "", 0, spans(span(63, "AD"), span(1, "SERVFAIL"))...)
	s.holds("heeds", 0, map[string]holdfast.KeyState{"old": holdfast.KeyValid})
	s.holds("heeds", 22, map[string]holdfast.KeyState{"old": holdfast.KeyValid, "new": holdfast.KeyValid})
	s.holds("heeds", 42, map[string]holdfast.KeyState{"old": holdfast.KeyRevoked, "new": holdfast.KeyValid})
	s.actor("ignores", true)
	s.shows("ignores", holdfast.ProbeSigned, "", 0, "AD")
	s.holds("ignores", 0, map[string]holdfast.KeyState{"old": holdfast.KeyValid})
	s.holds("ignores", 22, map[string]holdfast.KeyState{"old": holdfast.KeyValid, "new": holdfast.KeyValid})
	m := judged(t, s)
	if c := cell(t, m, "S3", "heeds", signed, ""); c.Agreement != holdfast.Deviates {
		t.Errorf("heeds: %+v", c)
	}
	if c := cell(t, m, "S2", "heeds", state, "old"); c.Agreement != holdfast.Deviates || !strings.Contains(c.Meaning, "did not sign for its revocation") {
		t.Errorf("heeds, state: %+v", c)
	}
	if c := cell(t, m, "S3", "ignores", signed, ""); c.Agreement != holdfast.Agrees {
		t.Errorf("ignores: %+v", c)
	}
	// Valid where the table has Missing: trusted in either state.
	if c := cell(t, m, "S2", "ignores", state, "old"); c.Agreement != holdfast.Agrees || !strings.Contains(c.Why, "trusted in either state") {
		t.Errorf("ignores, state: %+v", c)
	}
}

// TestActs holds that what is done to a resolver changes what is due of it.
func TestActs(t *testing.T) {
	s := plainRoll(t)
	for _, name := range names("off", "reset", "restart", "damaged", "clock", "behind") {
		s.actor(name, true)
	}
	act := func(actor string, at int, do holdfast.ActKind, with string) {
		s.r.Acts = append(s.r.Acts, holdfast.Acted{After: time.Duration(at) * time.Second, Actor: actor, Act: holdfast.PlayAct{Do: do, With: with}})
	}
	act("off", 10, holdfast.ActStop, "")
	act("off", 65, holdfast.ActStart, "")
	s.shows("off", holdfast.ProbeSigned, "", 0, spans(span(10, "AD"), span(55, ""), span(1, "answer"))...) // N7: insecure by revocation
	act("reset", 45, holdfast.ActReset, "")
	s.shows("reset", holdfast.ProbeSigned, "", 0, spans(span(45, "AD"), span(17, "SERVFAIL"), span(1, "answer"))...)
	act("restart", 20, holdfast.ActRestart, "")
	s.shows("restart", holdfast.ProbeSigned, "", 0, "AD")
	s.shows("restart", holdfast.ProbeIs, "new", 0, spans(span(31, "SERVFAIL"), span(1, "AD"))...) // a hold-down begun anew at 20 s
	act("damaged", 20, holdfast.ActTamper, "half")
	s.shows("damaged", holdfast.ProbeSigned, "", 0, spans(span(21, "AD"), span(1, "SERVFAIL"))...)
	act("clock", 20, holdfast.ActClock, "+40d")
	s.shows("clock", holdfast.ProbeSigned, "", 0, spans(span(20, "AD"), span(1, "SERVFAIL"))...)
	act("behind", 20, holdfast.ActClock, "-1d")
	s.shows("behind", holdfast.ProbeSigned, "", 0, "AD") // from a cache that was kept
	m := judged(t, s)
	for _, test := range []struct {
		step, actor string
		want        holdfast.Agreement
	}{
		{"S0", "off", holdfast.Agrees}, {"S2", "off", holdfast.NotSeen}, {"S4", "off", holdfast.Agrees},
		{"S2", "reset", holdfast.Agrees}, {"S4", "reset", holdfast.Agrees},
		{"S1", "restart", holdfast.Agrees}, {"S2", "restart", holdfast.Agrees},
		{"S0", "damaged", holdfast.Agrees}, {"S2", "damaged", holdfast.Open},
		{"S0", "behind", holdfast.Agrees}, {"S1", "behind", holdfast.Open},
		{"S2", "clock", holdfast.Agrees}, // no signature is in its time by that clock
	} {
		if c := cell(t, m, test.step, test.actor, signed, ""); c.Agreement != test.want {
			t.Errorf("%s %s: %s, due %v, seen %v: %s", test.step, test.actor, c.Agreement, c.Expected, c.Observed, c.Why)
		}
	}
	if c := cell(t, m, "S1", "restart", isTA, "new"); c.Agreement != holdfast.Agrees {
		t.Errorf("a hold-down that a restart began anew: %+v", c)
	}
}

// TestLastingFailure: SERVFAIL may come from a cache for a while after it was due,
// where all was bogus before.
func TestLastingFailure(t *testing.T) {
	s := newStage(t, 90*time.Second,
		step(0, "S0", names("old", "zsk"), names("old"), nil),
		step(10, "S1", names("old", "new", "zsk"), names("new"), nil),
		step(30, "S2", names("old", "zsk"), names("old"), nil))
	s.actor("soon", false)
	s.shows("soon", holdfast.ProbeSigned, "", 0, spans(span(12, "AD"), span(20, "SERVFAIL"), span(1, "AD"))...)
	s.actor("late", false)
	s.shows("late", holdfast.ProbeSigned, "", 0, spans(span(12, "AD"), span(60, "SERVFAIL"), span(1, "AD"))...)
	s.actor("never", false)
	s.shows("never", holdfast.ProbeSigned, "", 0, spans(span(12, "AD"), span(1, "SERVFAIL"))...)
	s.actor("early", false)
	s.shows("early", holdfast.ProbeSigned, "", 0, spans(span(3, "AD"), span(6, "SERVFAIL"), span(1, "AD"), span(20, "SERVFAIL"), span(1, "AD"))...)
	m := judged(t, s)
	for actor, want := range map[string]holdfast.Agreement{"soon": holdfast.Agrees, "late": holdfast.Agrees, "never": holdfast.Open} {
		if c := cell(t, m, "S2", actor, signed, ""); c.Agreement != want {
			t.Errorf("%s: %+v", actor, c)
		}
	}
	if c := cell(t, m, "S0", "early", signed, ""); c.Agreement != holdfast.Deviates {
		t.Errorf("a failure while all was well: %+v", c)
	}
}

// TestCutShort: nothing is due of what was not looked at.
func TestCutShort(t *testing.T) {
	s := plainRoll(t)
	s.actor("static", false)
	s.shows("static", holdfast.ProbeSigned, "", 0, spans(span(42, "AD"), span(1, "SERVFAIL"))...)
	s.r.Finished = time.Time{}
	s.r.Samples = s.r.Samples[:30]
	s.r.Served = s.r.Served[:2]
	m := judged(t, s)
	if m.Cut != 29*time.Second || m.Ends[0].Due != holdfast.Secure || m.Ends[0].Seen != holdfast.Secure || m.Ends[0].Agreement != holdfast.Agrees {
		t.Errorf("cut at %v: %+v", m.Cut, m.Ends)
	}
	for _, c := range m.Cells {
		if c.Step != "S0" && c.Step != "S1" {
			t.Errorf("a cell of a step that was not reached: %+v", c)
		}
	}
}

func TestJudgeRefusesWhatItCannotRead(t *testing.T) {
	s := plainRoll(t)
	s.r.Served = nil
	if _, err := anchor.Judge(s.r); err == nil || !strings.Contains(err.Error(), "no answer of the root") {
		t.Errorf("no served keys: %v", err)
	}
	s = plainRoll(t)
	s.r.Public["old"] = "nonsense"
	if _, err := anchor.Judge(s.r); err == nil {
		t.Error("a key that is none was taken")
	}
}

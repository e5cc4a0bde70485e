package alert

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

func TestOpensWhenTwoLooksAgree(t *testing.T) {
	w := newWatch(t)
	until := start.Add(20 * time.Hour)
	w.look("example.", expiring(holdfast.SeverityError, until))
	if i := w.only(); i.State != holdfast.StatePending || i.Trouble != holdfast.TroubleExpiry || !w.InTrouble("example.") {
		t.Fatalf("after one look: %s %s", i.State, i.Trouble)
	}
	w.wantTold(staff, "")
	w.look("example.", expiring(holdfast.SeverityError, until))
	i := w.only()
	if i.State != holdfast.StateOpen || i.Severity != holdfast.SeverityError || !i.FailsAt.Equal(until) || !i.Opened.Equal(start.Add(5*time.Minute)) {
		t.Errorf("after two looks: %s %s, fails at %s, since %s", i.State, i.Severity, i.FailsAt, i.Opened)
	}
	if fmt.Sprint(i.Zones) != "[example.]" || len(i.Servers) != 2 || i.Findings[0].Measurement != "m000002" {
		t.Errorf("zones %v, servers %v, findings %v", i.Zones, i.Servers, i.Findings)
	}
	w.wantTold(staff, "opened error")
	w.look("example.", expiring(holdfast.SeverityError, until))
	w.wantTold(staff, "opened error")
}

func TestOneLookIsEnoughWhereAllHasExpired(t *testing.T) {
	w := newWatch(t)
	w.look("example.", expired(start))
	if i := w.only(); i.State != holdfast.StateOpen || i.Severity != holdfast.SeverityCritical {
		t.Errorf("it is %s %s", i.State, i.Severity)
	}
	w.wantTold(staff, "opened critical")
	// At one server of two it takes a second look.
	one := expired(start)
	one.Server = server("other.", 1)
	w.look("other.", one)
	if w.told(staff) != "opened critical" {
		t.Error("expired at one server of two: told after one look")
	}
	two := one
	two.Server = server("third.", 2)
	one.Server = server("third.", 1)
	w.look("third.", one, two)
	w.wantTold(staff, "opened critical, opened critical")
}

func TestNoticesMakeNoIncident(t *testing.T) {
	w := newWatch(t)
	for range 3 {
		w.look("example.", expiring(holdfast.SeverityNotice, start.Add(100*time.Hour)))
	}
	if all := w.all(); len(all) != 0 || w.InTrouble("example.") {
		t.Errorf("incidents %v", all)
	}
}

func TestPassesWithoutAWord(t *testing.T) {
	w := newWatch(t)
	w.look("example.", silentServer(server("example.", 1)))
	w.look("example.")
	if i := w.only(); i.State != holdfast.StateClosed || i.Log[len(i.Log)-1].What != "passed" || w.InTrouble("example.") {
		t.Errorf("it is %s: %v", i.State, i.Log)
	}
	w.wantTold(staff, "")
	// A third time within the hour it comes and goes, and that is trouble.
	w.look("example.", silentServer(server("example.", 1)))
	w.look("example.")
	w.look("example.", silentServer(server("example.", 1)))
	w.wantTold(staff, "opened warning")
	if i := w.only(); i.Reopened != 0 {
		t.Errorf("it counts as reopened %d times", i.Reopened)
	}
}

func TestSeverityRisesAtOnceAndFallsSlowly(t *testing.T) {
	w := newWatch(t)
	until := start.Add(40 * time.Hour)
	severities := func(list ...holdfast.Severity) {
		for _, s := range list {
			w.look("example.", expiring(s, until))
		}
	}
	severities(holdfast.SeverityWarning, holdfast.SeverityWarning, holdfast.SeverityCritical)
	w.wantTold(staff, "opened warning, raised critical")
	severities(holdfast.SeverityError)
	if i := w.only(); i.Severity != holdfast.SeverityCritical {
		t.Errorf("fell after one look to %s", i.Severity)
	}
	severities(holdfast.SeverityWarning)
	if i := w.only(); i.Severity != holdfast.SeverityError {
		t.Errorf("after looks of error and warning it is %s, want what both agree on", i.Severity)
	}
	severities(holdfast.SeverityWarning, holdfast.SeverityError, holdfast.SeverityWarning)
	if i := w.only(); i.Severity != holdfast.SeverityError || i.Peak != holdfast.SeverityCritical {
		t.Errorf("looks that do not agree made it %s, peak %s", i.Severity, i.Peak)
	}
	severities(holdfast.SeverityWarning)
	if i := w.only(); i.Severity != holdfast.SeverityWarning {
		t.Errorf("it is %s", i.Severity)
	}
	w.wantTold(staff, "opened warning, raised critical")
}

func TestClosesAfterTwoGoodLooks(t *testing.T) {
	w := newWatch(t)
	for range 2 {
		w.look("example.", expiring(holdfast.SeverityError, start.Add(20*time.Hour)))
	}
	w.look("example.")
	if i := w.only(); i.State != holdfast.StateOpen {
		t.Fatal("closed after one good look")
	}
	w.look("example.", expiring(holdfast.SeverityError, start.Add(20*time.Hour)))
	w.look("example.")
	w.look("example.")
	i := w.only()
	if i.State != holdfast.StateClosed || !i.Closed.Equal(w.clock.Now()) || fmt.Sprint(i.Zones) != "[example.]" || len(i.Findings) == 0 {
		t.Errorf("it is %s at %s, zones %v", i.State, i.Closed, i.Zones)
	}
	w.wantTold(staff, "opened error, closed error")
	all := w.notices(staff)
	if !strings.HasPrefix(all[1].Subject, "[Holdfast] MENDED .example: ") || all[0].ThreadID != "" || all[1].ThreadID != all[0].MessageID {
		t.Errorf("subject %q, thread %q of %q", all[1].Subject, all[1].ThreadID, all[0].MessageID)
	}
}

func TestReopensWithinADay(t *testing.T) {
	w := newWatch(t)
	bad := func() { w.look("example.", expiring(holdfast.SeverityError, start.Add(200*time.Hour))) }
	bad()
	bad()
	w.look("example.")
	w.look("example.")
	w.clock.move(23 * time.Hour)
	bad()
	bad()
	if i := w.only(); i.State != holdfast.StateOpen || i.Reopened != 1 || !i.Closed.IsZero() {
		t.Errorf("it is %s, reopened %d times", i.State, i.Reopened)
	}
	w.wantTold(staff, "opened error, closed error, reopened error")
	// What was reopened takes twice as many good looks to close.
	for range 3 {
		w.look("example.")
	}
	if i := w.only(); i.State != holdfast.StateOpen {
		t.Error("closed as easily as the first time")
	}
	w.look("example.")
	if i := w.only(); i.State != holdfast.StateClosed {
		t.Error("four good looks did not close it")
	}
	w.clock.move(25 * time.Hour)
	w.tick()
	bad()
	bad()
	if all := w.all(); len(all) != 2 {
		t.Errorf("%d incidents, want a new one after more than a day", len(all))
	}
}

func TestSameLookCountsOnce(t *testing.T) {
	w := newWatch(t)
	v := w.look("example.", expiring(holdfast.SeverityError, start.Add(20*time.Hour)))
	w.consider(v)
	w.restart()
	w.consider(v)
	if i := w.only(); i.State != holdfast.StatePending {
		t.Fatalf("one look, considered three times, made it %s", i.State)
	}
	next := w.look("example.", expiring(holdfast.SeverityError, start.Add(20*time.Hour)))
	w.consider(next)
	w.consider(v)
	w.restart()
	w.consider(next)
	w.wantTold(staff, "opened error")
}

// TestRestartBetweenAnyTwoLooks runs the same story with and without a kill
// after each step; the record must end up the same.
func TestRestartBetweenAnyTwoLooks(t *testing.T) {
	story := func(w *watch, after func()) string {
		until := start.Add(30 * time.Hour)
		steps := [][]holdfast.Finding{
			{expiring(holdfast.SeverityWarning, until)}, {expiring(holdfast.SeverityWarning, until)}, {expiring(holdfast.SeverityCritical, until)},
			{expiring(holdfast.SeverityWarning, until)}, {expiring(holdfast.SeverityWarning, until)}, {}, {expiring(holdfast.SeverityWarning, until)},
			{}, {}, {expiring(holdfast.SeverityError, until)}, {expiring(holdfast.SeverityError, until)}, {}, {}, {}, {},
		}
		w.contact("example.", "tech@nic.test")
		for _, findings := range steps {
			w.look("example.", findings...)
			after()
			w.tick()
			after()
		}
		i := w.only()
		var log []string
		for _, e := range i.Log {
			log = append(log, e.At.Format("15:04 ")+e.What+" "+e.Severity.String())
		}
		return strings.Join(log, "\n") + "\n" + w.told(staff) + "\n" + w.told("tech@nic.test")
	}
	calm, killed := newWatch(t), newWatch(t)
	want, got := story(calm, func() {}), story(killed, killed.restart)
	if got != want {
		t.Errorf("with kills\n%s\nwithout\n%s", got, want)
	}
	if !strings.Contains(want, "opened warning, raised critical, closed critical, reopened error, closed critical") {
		t.Errorf("the story was\n%s", want)
	}
}

// TestFailedDecisionIsTakenAgain lets the record fail, and tries the same look
// again.
func TestFailedDecisionIsTakenAgain(t *testing.T) {
	w := newWatch(t)
	w.look("example.", expiring(holdfast.SeverityError, start.Add(20*time.Hour)))
	v := w.verdict("example.", expiring(holdfast.SeverityError, start.Add(20*time.Hour)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Consider(ctx, subject("example."), v, ""); err == nil {
		t.Fatal("considered under a context that had ended")
	}
	w.consider(v)
	w.wantTold(staff, "opened error")
	if i := w.only(); i.State != holdfast.StateOpen {
		t.Errorf("it is %s", i.State)
	}
}

func TestSharedAddressesAreOneIncident(t *testing.T) {
	w := newWatch(t)
	const zones = 30
	zone := func(n int) holdfast.Name { return holdfast.Name(fmt.Sprintf("zone%02d.", n)) }
	// The same address under a name of each zone's own.
	dead := func(n int) holdfast.Finding {
		return silentServer(holdfast.Server{Name: "ns." + zone(n), Address: netip.MustParseAddr("198.51.100.7")})
	}
	for n := range zones {
		w.lookNow(zone(n), dead(n))
	}
	w.clock.move(5 * time.Minute)
	for n := range zones {
		w.lookNow(zone(n), dead(n))
	}
	i := w.only()
	if len(i.Zones) != zones || i.State != holdfast.StateOpen {
		t.Fatalf("%s, %d zones", i.State, len(i.Zones))
	}
	w.wantTold(staff, "opened warning")
	if n := w.notices(staff)[0]; len(n.Zones) != zones || !strings.Contains(n.Subject, ".zone00, .zone01 and 28 more zones") {
		t.Errorf("the mail names %d zones: %q", len(n.Zones), n.Subject)
	}
	// Three leave, one joins: one mail after ten minutes.
	w.clock.move(5 * time.Minute)
	for range 2 {
		w.clock.move(time.Minute)
		for n := range 3 {
			w.lookNow(zone(n))
		}
		w.lookNow("late.", silentServer(holdfast.Server{Name: "ns.late.", Address: netip.MustParseAddr("198.51.100.7")}))
		w.tick()
	}
	w.wantTold(staff, "opened warning")
	w.clock.move(10 * time.Minute)
	w.tick()
	w.tick()
	w.wantTold(staff, "opened warning, changed warning")
	if i := w.only(); len(i.Zones) != zones-2 || w.InTrouble(zone(0)) || !w.InTrouble("late.") {
		t.Errorf("%d zones after three left and one joined", len(i.Zones))
	}
	for range 2 {
		w.clock.move(5 * time.Minute)
		for n := 3; n < zones; n++ {
			w.lookNow(zone(n))
		}
		w.lookNow("late.")
	}
	w.wantTold(staff, "opened warning, changed warning, closed warning")
	if i := w.only(); len(i.Zones) != zones+1 {
		t.Errorf("closed, it names %d zones, want all that it was on", len(i.Zones))
	}
}

func TestWhatIsNotShared(t *testing.T) {
	address := netip.MustParseAddr("198.51.100.7")
	at := func(zone holdfast.Name, code string, until time.Time) holdfast.Finding {
		return holdfast.Finding{Code: code, Severity: holdfast.SeverityError, Server: holdfast.Server{Name: "ns." + zone, Address: address}, Until: until, Text: "x"}
	}
	for name, c := range map[string]struct {
		code  string
		apart time.Duration
		want  int
	}{
		"keys are a zone's own":             {"CHN-02", 0, 2},
		"delegations are a zone's own":      {"DEL-04", 0, 2},
		"a secondary that lags for two":     {"CST-01", 0, 1},
		"signatures of one batch":           {"SIG-02", time.Hour, 1},
		"signatures due on different days":  {"SIG-02", 30 * time.Hour, 2},
		"a server that is silent, for both": {"CON-01", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(t)
			until := start.Add(50 * time.Hour)
			w.look("a.", at("a.", c.code, until))
			w.look("b.", at("b.", c.code, until.Add(c.apart)))
			if got := len(w.all()); got != c.want {
				t.Errorf("%d incidents, want %d", got, c.want)
			}
		})
	}
}

func TestSilenceIsNoGoodNews(t *testing.T) {
	w := newWatch(t)
	stale := expired(start)
	stale.Server = server("example.", 2)
	w.look("example.", stale)
	w.look("example.", stale)
	// The server dies: its signatures are not seen, and not mended.
	for range 4 {
		v := w.verdict("example.", silentServer(server("example.", 2)))
		v.Servers[1].Status = holdfast.Unreached
		w.consider(v)
		w.clock.move(5 * time.Minute)
	}
	// A check that was not run is no good news either, nor is a zone that
	// could not be judged.
	v := w.verdict("example.")
	v.Suppressed = map[string]string{"SIG-01": "DEL-01"}
	w.consider(v)
	v = w.verdict("example.")
	v.Status = holdfast.Indeterminate
	w.consider(v)
	expiry := func() holdfast.Incident {
		for _, i := range w.all() {
			if i.Trouble == holdfast.TroubleExpiry {
				return i
			}
		}
		t.Fatal("no incident of expiry")
		return holdfast.Incident{}
	}
	if i := expiry(); i.State != holdfast.StateOpen {
		t.Fatalf("it is %s", i.State)
	}
	w.clock.move(25 * time.Hour)
	for range 2 {
		v := w.verdict("example.")
		v.Servers[1].Status = holdfast.Unreached
		w.consider(v)
		w.clock.move(5 * time.Minute)
	}
	if i := expiry(); i.State != holdfast.StateClosed {
		t.Errorf("a day of silence left it %s", i.State)
	}
}

func TestHoldGood(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.HoldGood = holdfast.Duration(time.Hour) })
	for range 2 {
		w.look("example.", silentServer(server("example.", 1)))
	}
	for range 11 {
		w.look("example.")
	}
	if i := w.only(); i.State != holdfast.StateOpen {
		t.Fatal("closed before an hour of good looks")
	}
	w.look("example.")
	w.look("example.")
	if i := w.only(); i.State != holdfast.StateClosed {
		t.Error("not closed after an hour of good looks")
	}
}

func TestTroubleOf(t *testing.T) {
	for code, want := range map[string]holdfast.Trouble{
		"SIG-01": holdfast.TroubleExpiry, "SIG-02": holdfast.TroubleExpiry, "SIG-13": holdfast.TroubleExpiry, "SIG-07": holdfast.TroubleChain,
		"SIG-10": holdfast.TroubleChain, "CHN-02": holdfast.TroubleChain, "NEG-03": holdfast.TroubleDenial, "DEL-05": holdfast.TroubleDelegation,
		"CON-05": holdfast.TroubleReachability, "CST-04": holdfast.TroubleConsistency, "ALG-01": holdfast.TroubleChain, "XYZ-01": holdfast.TroubleChain,
		"SELF-00": holdfast.TroubleSelf,
	} {
		if got := TroubleOf(code); got != want {
			t.Errorf("%s is %s, want %s", code, got, want)
		}
	}
}

// TestBogusBecauseExpired holds that the sum of the validation makes no second
// incident where what it sums up has one.
func TestBogusBecauseExpired(t *testing.T) {
	bogus := holdfast.Finding{Code: "CHN-01", Severity: holdfast.SeverityCritical, Text: "the chain is broken"}
	w := newWatch(t)
	w.look("example.", expired(start), bogus)
	if i := w.only(); i.Trouble != holdfast.TroubleExpiry || len(i.Findings) != 2 {
		t.Errorf("%s with %d findings", i.Trouble, len(i.Findings))
	}
	w = newWatch(t)
	w.look("example.", expired(start), bogus, holdfast.Finding{Code: "CHN-02", Severity: holdfast.SeverityCritical, Text: "no key"})
	if all := w.all(); len(all) != 2 {
		t.Errorf("%d incidents, want the chain's own beside the expiry", len(all))
	}
}

func TestSelf(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	w.contact("example.", "tech@nic.test")
	sweep := holdfast.Sweep{ID: "s1", Zones: 1438, Vantage: "ams", Outcomes: map[holdfast.Outcome]int{holdfast.Answered: 38, holdfast.Timeout: 1400}}
	for range 2 {
		if err := w.Withheld(t.Context(), sweep); err != nil {
			t.Fatal(err)
		}
	}
	i := w.only()
	if i.Trouble != holdfast.TroubleSelf || len(i.Zones) != 0 || i.State != holdfast.StateOpen || !strings.Contains(i.Title, "1400 of 1438") {
		t.Errorf("%s %s, zones %v: %s", i.Trouble, i.State, i.Zones, i.Title)
	}
	w.wantTold(staff, "opened critical")
	if n := w.notices(staff)[0]; !strings.HasPrefix(n.Subject, "[Holdfast] CRITICAL Holdfast itself: most of the world") {
		t.Errorf("subject %q", n.Subject)
	}
	// While we are in doubt about ourselves nothing goes to strangers alone.
	w.look("example.", expired(start))
	w.tick()
	w.wantTold("tech@nic.test", "opened critical held")
	w.restart()
	for range 2 {
		if err := w.SelfGood(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.wantTold(staff, "opened critical, opened critical, closed critical")
	if err := w.SelfGood(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Withheld(t.Context(), sweep); err != nil {
		t.Fatal(err)
	}
	w.wantTold(staff, "opened critical, opened critical, closed critical, reopened critical")
}

// TestBrokenCheck has a check that panics on two zones: that is ours, and one.
func TestBrokenCheck(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	w.contact("a.", tech)
	broken := holdfast.Finding{Code: "SELF-00", Name: "check-broken", Severity: holdfast.SeverityError, Text: "check CST-01 could not be carried out"}
	if err := w.Withheld(t.Context(), holdfast.Sweep{ID: "s1"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.look("a.", broken)
		w.look("b.", broken)
	}
	w.tick()
	w.wantTold(staff, "opened critical, opened error")
	w.wantTold(tech, "")
	if n := w.notices(staff)[1]; fmt.Sprint(n.Zones) != "[a. b.]" || !strings.Contains(n.Subject, "Holdfast itself: check CST-01") {
		t.Errorf("zones %v: %s", n.Zones, n.Subject)
	}
}

func TestUndeliveredNoticesAreTold(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Staff = []string{"a@registry.example", "b@registry.example"} })
	n := holdfast.Notice{ID: "n1", Channel: "mail", Recipient: "a@registry.example", Audience: holdfast.ForStaff}
	for range 3 {
		if err := w.GaveUp(t.Context(), n, fmt.Errorf("550 no such user")); err != nil {
			t.Fatal(err)
		}
	}
	w.wantTold("a@registry.example", "")
	w.wantTold("b@registry.example", "opened critical")
	if err := w.Delivered(t.Context(), holdfast.Notice{Channel: "webhook:x"}); err != nil {
		t.Fatal(err)
	}
	w.clock.move(time.Minute)
	for range 2 {
		if err := w.Delivered(t.Context(), holdfast.Notice{Channel: "mail"}); err != nil {
			t.Fatal(err)
		}
	}
	w.wantTold("b@registry.example", "opened critical, closed critical")
	w.clock.move(time.Minute)
	n.Audience, n.Recipient, n.Zones = holdfast.ForContact, "tech@nic.test", []holdfast.Name{"example."}
	if err := w.GaveUp(t.Context(), n, fmt.Errorf("550 <Tech@nic.test>: no such user")); err != nil {
		t.Fatal(err)
	}
	if i := w.only(); strings.Contains(strings.ToLower(fmt.Sprint(i)), "tech@") {
		t.Errorf("a contact's address is in what the page shows: %v", i)
	}
}

// TestSelfTrouble holds that trouble of our own is told once, again where it
// rises, and when it is over; and that with a doubtful clock nothing goes to
// strangers by itself.
func TestSelfTrouble(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	w.contact("example.", tech)
	tell := func(severity holdfast.Severity) {
		w.clock.move(time.Minute)
		if err := w.SelfTrouble(t.Context(), SelfClock, severity, "the clock is odd"); err != nil {
			t.Fatal(err)
		}
	}
	good := func() {
		w.clock.move(time.Minute)
		if err := w.SelfMended(t.Context(), SelfClock); err != nil {
			t.Fatal(err)
		}
	}
	good() // nothing stands, and nothing is told
	tell(holdfast.SeverityWarning)
	tell(holdfast.SeverityWarning)
	w.wantTold(staff, "opened warning")
	if i := w.only(); i.Trouble != holdfast.TroubleSelf || i.Findings[0].Code != "SELF-CLOCK" || len(i.Zones) != 0 {
		t.Errorf("%s of %v: %v", i.Trouble, i.Zones, i.Findings)
	}
	tell(holdfast.SeverityCritical)
	w.wantTold(staff, "opened warning, raised critical")
	w.look("example.", expired(start))
	w.tick()
	w.wantTold(tech, "opened critical held")
	good()
	tell(holdfast.SeverityCritical) // one good word in between is none
	good()
	w.wantTold(staff, "opened warning, raised critical, opened critical")
	good()
	w.wantTold(staff, "opened warning, raised critical, opened critical, closed critical")
	if err := w.SelfTrouble(t.Context(), "SELF-NONE", holdfast.SeverityWarning, "x"); err == nil {
		t.Error("a code that there is not was taken")
	}
}

func TestRosterRefused(t *testing.T) {
	w := newWatch(t)
	if err := w.RosterRefused(t.Context(), fmt.Errorf("it lacks 200 of 1438 zones")); err != nil {
		t.Fatal(err)
	}
	w.wantTold(staff, "opened critical")
	for range 2 {
		w.clock.move(time.Minute)
		if err := w.RosterGood(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.wantTold(staff, "opened critical, closed critical")
}

func TestLogIsBounded(t *testing.T) {
	w := newWatch(t)
	for n := range 60 {
		severity := holdfast.SeverityWarning + holdfast.Severity(n/2%2)
		w.look("example.", expiring(severity, start.Add(1000*time.Hour)))
	}
	for range 80 {
		w.look("example.", expiring(holdfast.SeverityError, start.Add(1000*time.Hour)))
		w.look("example.", expiring(holdfast.SeverityWarning, start.Add(1000*time.Hour)))
		w.look("example.", expiring(holdfast.SeverityWarning, start.Add(1000*time.Hour)))
	}
	if i := w.only(); len(i.Log) > maxLog || i.Log[0].What != "opened" {
		t.Errorf("%d lines, the first is %s", len(i.Log), i.Log[0].What)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for want, c := range map[string]Config{
		"alert.staff":           {Staff: []string{"nobody"}},
		"alert.escalation":      {Escalation: []string{"a@b\r\nBcc: c@d"}},
		"alert.contacts":        {Contacts: "sometimes"},
		"alert.automatic":       {Automatic: []string{"a..b"}},
		"alert.second_contacts": {SecondContacts: map[string]string{"example": "x"}},
		"alert.base_url":        {BaseURL: "watch.example"},
		"alert.message_domain":  {MessageDomain: "a b"},
		"alert.batch":           {Batch: -1},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that names %s", err, want)
		}
	}
	if err := (Config{}).Check(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
}

// BenchmarkSweep lets sweeps over 1,438 zones be considered: 300 of them share
// a dead address, and 100 have trouble of their own. The first two are those
// that open the incidents.
func BenchmarkSweep(b *testing.B) {
	w := newWatch(b)
	sweep := func() {
		w.clock.move(5 * time.Minute)
		for n := range 1438 {
			zone := holdfast.Name(fmt.Sprintf("zone%04d.", n))
			switch {
			case n < 300:
				w.lookNow(zone, silentServer(holdfast.Server{Name: "ns." + zone, Address: netip.MustParseAddr("198.51.100.7")}))
			case n < 400:
				w.lookNow(zone, expiring(holdfast.SeverityError, start.Add(time.Duration(n)*24*time.Hour)))
			default:
				w.lookNow(zone)
			}
		}
		w.tick()
	}
	began := time.Now()
	sweep()
	sweep()
	opening := time.Since(began)
	for b.Loop() {
		sweep()
	}
	b.ReportMetric(float64(opening.Milliseconds()), "ms/opening")
}

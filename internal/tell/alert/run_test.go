package alert

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// TestReminders walks the last day of a signature minute by minute.
func TestReminders(t *testing.T) {
	w := newWatch(t, func(c *Config) { c.Contacts = ReleaseAutomatic })
	w.contact("example.", tech)
	until := start.Add(24 * time.Hour)
	w.trouble("example.", expiring(holdfast.SeverityCritical, until))
	for w.clock.Now().Before(until.Add(3 * time.Hour)) {
		w.clock.move(time.Minute)
		w.tick()
		w.send()
		if w.clock.Now().Minute() == 30 {
			w.restart()
		}
	}
	for _, recipient := range []string{staff, tech} {
		var at []string
		for _, n := range w.notices(recipient) {
			at = append(at, string(n.Reason)+" "+until.Sub(n.Created).String())
		}
		want := "[opened 23h50m0s reminder 12h0m0s reminder 6h0m0s reminder 2h0m0s reminder 30m0s reminder 0s]"
		if fmt.Sprint(at) != want {
			t.Errorf("%s was told\n\t%v\nwant\n\t%s", recipient, at, want)
		}
	}
	last := w.notices(staff)[5]
	if !strings.Contains(last.Subject, "expired 2026-08-04 00:00 UTC (now)") || !strings.Contains(last.Text, "signatures have died") {
		t.Errorf("the last reminder reads %q\n%s", last.Subject, last.Text)
	}
}

func TestReminderAfterALongSleep(t *testing.T) {
	w := newWatch(t)
	w.trouble("example.", expiring(holdfast.SeverityError, start.Add(20*time.Hour)))
	w.clock.move(19*time.Hour + 40*time.Minute) // over 12 h, 6 h, 2 h and 30 min
	w.restart()
	w.tick()
	w.tick()
	w.wantTold(staff, "opened error, reminder error")
}

func TestReminderIsNotTwiceWhatARiseSaid(t *testing.T) {
	w := newWatch(t)
	until := start.Add(13 * time.Hour)
	w.trouble("example.", expiring(holdfast.SeverityError, until))
	w.clock.move(until.Add(-12 * time.Hour).Sub(w.clock.Now()))
	w.lookNow("example.", expiring(holdfast.SeverityCritical, until))
	w.tick()
	w.wantTold(staff, "opened error, raised critical")
}

func TestNoRemindersForWhatIsMended(t *testing.T) {
	w := newWatch(t)
	w.trouble("example.", expiring(holdfast.SeverityCritical, start.Add(13*time.Hour)))
	w.mended("example.")
	w.clock.move(14 * time.Hour)
	w.tick()
	w.wantTold(staff, "opened critical, closed critical")
}

// TestEachServersDeadline has one server that dies now and one tomorrow.
func TestEachServersDeadline(t *testing.T) {
	w := newWatch(t)
	one, two := expired(start.Add(-time.Hour)), expiring(holdfast.SeverityError, start.Add(20*time.Hour))
	one.Server, two.Server = server("example.", 1), server("example.", 2)
	w.trouble("example.", one, two)
	w.clock.move(14*time.Hour - w.clock.Now().Sub(start))
	w.tick()
	w.wantTold(staff, "opened critical, reminder critical")
	if n := w.notices(staff)[1]; !strings.Contains(n.Text, "signatures die in 6 h, at 2026-08-03 20:00 UTC") {
		t.Errorf("the reminder reads\n%s", n.Text)
	}
}

func TestDeadlinesThatLieTogether(t *testing.T) {
	i := &holdfast.Incident{Trouble: holdfast.TroubleExpiry, FailsAt: start}
	for _, m := range []int{0, 10, 29, 31, 45, 120} {
		i.Findings = append(i.Findings, holdfast.IncidentFinding{Finding: holdfast.Finding{Until: start.Add(time.Duration(m) * time.Minute)}})
	}
	var got []string
	for _, d := range deadlines(i) {
		got = append(got, d.Format("15:04"))
	}
	if want := "[00:00 00:31 02:00]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	i.Trouble = holdfast.TroubleChain
	if len(deadlines(i)) != 0 {
		t.Error("a broken chain has deadlines")
	}
}

func TestAlertmanagerIsToldAgain(t *testing.T) {
	w := newWatch(t)
	w.targets = []notify.Target{{Channel: notify.ChannelAlertmanager, Recipient: "http://am.example"}}
	w.restart()
	w.trouble("example.", silentServer(server("example.", 1)))
	for range 8 * 60 {
		w.clock.move(time.Minute)
		w.tick()
	}
	w.mended("example.")
	w.clock.move(8 * time.Hour)
	w.tick()
	w.wantTold("http://am.example", "opened warning, reminder warning, reminder warning, closed warning")
	w.wantTold(staff, "opened warning, closed warning")
}

func TestRunWritesWhatIsDue(t *testing.T) {
	w := newWatch(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Alert.Run(ctx) }()
	w.contact("example.", tech)
	w.look("example.", expired(start))
	for deadline := time.Now().Add(10 * time.Second); len(w.notices(tech)) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("Run was not woken by what Consider decided")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

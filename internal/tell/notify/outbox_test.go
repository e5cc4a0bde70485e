package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

func newOutbox(r *record.Record, c *clock, channels map[string]Notifier) *Outbox {
	o := NewOutbox(OutboxConfig{}, r, c, channels)
	o.jitter = func() float64 { return 0 }
	return o
}

func round(t *testing.T, o *Outbox) {
	t.Helper()
	if err := o.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// channel is a notifier that does what a test tells it.
type channel struct {
	mu     sync.Mutex
	got    []string
	answer func(n holdfast.Notice) error
}

func (c *channel) Deliver(_ context.Context, n holdfast.Notice) error {
	if c.answer != nil {
		if err := c.answer(n); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, n.ID)
	return nil
}

func TestOutboxDelivers(t *testing.T) {
	r, _ := newRecord(t)
	s := newServer(t)
	c := &clock{now: start}
	o := newOutbox(r, c, map[string]Notifier{ChannelMail: newMail(t, mailConfig(s))})
	held := notice("held", "tech@nic.example")
	held.State = holdfast.NoticeHeld
	later := notice("later", "staff@registry.example")
	later.NotBefore = start.Add(time.Hour)
	decide(t, r, notice("now", "staff@registry.example"), held, later)
	round(t, o)
	round(t, o)
	if got := s.got(); len(got) != 1 {
		t.Fatalf("%d mails, want the one that is due, once", len(got))
	}
	if n := stateOf(t, r, "now"); n.State != holdfast.NoticeSent || !n.Sent.Equal(start) || n.Attempts != 1 {
		t.Errorf("the sent one: %s at %s after %d tries", n.State, n.Sent, n.Attempts)
	}
	c.move(time.Hour)
	if err := r.ReleaseNotice(t.Context(), "held", c.Now()); err != nil {
		t.Fatal(err)
	}
	round(t, o)
	if got := s.got(); len(got) != 3 {
		t.Errorf("%d mails, want 3", len(got))
	}
}

// TestServerDownForHours walks through six hours without a mail server.
func TestServerDownForHours(t *testing.T) {
	r, _ := newRecord(t)
	s := newServer(t)
	address := s.address
	_ = s.listener.Close()
	c := &clock{now: start}
	mail := newMail(t, mailConfig(s))
	o := newOutbox(r, c, map[string]Notifier{ChannelMail: mail})
	for n := range 5 {
		one := notice(fmt.Sprintf("n%d", n), "staff@registry.example")
		one.Created = start.Add(time.Duration(n) * time.Second)
		decide(t, r, one)
	}
	for range 6 * 60 {
		round(t, o)
		c.move(time.Minute)
	}
	first := stateOf(t, r, "n0")
	// 30 s, 1, 2, 4, 8 min, then every 15 min: 5 tries in the first 16 minutes
	// and 4 an hour after that, in steps of a minute.
	if first.State != holdfast.NoticeQueued || first.Attempts < 24 || first.Attempts > 30 {
		t.Errorf("after six hours it is %s after %d tries", first.State, first.Attempts)
	}
	if last := stateOf(t, r, "n4"); last.Attempts != 0 {
		t.Errorf("the last was tried %d times before the first had gone", last.Attempts)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("the port of the mail server was taken: %v", err)
	}
	go func() { _ = s.smtp.Serve(listener) }()
	for range 20 {
		c.move(time.Minute)
		round(t, o)
	}
	got := s.got()
	if len(got) != 5 {
		t.Fatalf("%d mails arrived, want 5", len(got))
	}
	for n, m := range got {
		if want := fmt.Sprintf("Message-ID: <n%d@registry.example>", n); !strings.Contains(m.data, want) {
			t.Errorf("mail %d is not %s", n, want)
		}
	}
}

func TestGreylistingIsRetried(t *testing.T) {
	r, _ := newRecord(t)
	s := newServer(t)
	c := &clock{now: start}
	s.onRcpt = func(string) error {
		if c.Now().Sub(start) < 5*time.Minute {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, come back later"}
		}
		return nil
	}
	o := newOutbox(r, c, map[string]Notifier{ChannelMail: newMail(t, mailConfig(s))})
	decide(t, r, notice("n1", "tech@nic.example"))
	round(t, o)
	if n := stateOf(t, r, "n1"); !strings.Contains(n.LastError, "Greylisted") || !n.NotBefore.Equal(start.Add(30*time.Second)) {
		t.Errorf("waits until %s because %q", n.NotBefore, n.LastError)
	}
	for range 12 {
		c.move(time.Minute)
		round(t, o)
	}
	if n := stateOf(t, r, "n1"); n.State != holdfast.NoticeSent || len(s.got()) != 1 {
		t.Errorf("it is %s, %d mails", n.State, len(s.got()))
	}
}

func TestRefusedForGood(t *testing.T) {
	r, _ := newRecord(t)
	s := newServer(t)
	s.onRcpt = func(to string) error {
		if to == "gone@nic.example" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"}
		}
		return nil
	}
	o := newOutbox(r, &clock{now: start}, map[string]Notifier{ChannelMail: newMail(t, mailConfig(s))})
	var told []string
	o.GaveUp = func(_ context.Context, n holdfast.Notice, err error) error {
		told = append(told, n.ID+": "+err.Error())
		return nil
	}
	second := notice("n2", "gone@nic.example")
	second.Created = start.Add(time.Second)
	decide(t, r, notice("n1", "gone@nic.example"), second, notice("n3", "staff@registry.example"))
	round(t, o)
	if n := stateOf(t, r, "n1"); n.State != holdfast.NoticeFailed || !strings.Contains(n.LastError, "No such user") {
		t.Errorf("it is %s: %q", n.State, n.LastError)
	}
	if n := stateOf(t, r, "n2"); n.State != holdfast.NoticeFailed {
		t.Errorf("the one behind it is %s: a refused one must not hold it up", n.State)
	}
	if len(told) != 2 || stateOf(t, r, "n3").State != holdfast.NoticeSent {
		t.Errorf("told of %q", told)
	}
}

func TestGivesUpAfterDays(t *testing.T) {
	r, _ := newRecord(t)
	c := &clock{now: start}
	o := newOutbox(r, c, map[string]Notifier{ChannelMail: &channel{answer: func(holdfast.Notice) error { return errors.New("down") }}})
	var gaveUp time.Time
	o.GaveUp = func(context.Context, holdfast.Notice, error) error { gaveUp = c.Now(); return nil }
	decide(t, r, notice("n1", "staff@registry.example"))
	for gaveUp.IsZero() && c.Now().Sub(start) < 30*24*time.Hour {
		round(t, o)
		if wait := stateOf(t, r, "n1").NotBefore.Sub(c.Now()); wait > 0 {
			c.move(wait)
		}
	}
	if took := gaveUp.Sub(start); took < 5*24*time.Hour || took > 5*24*time.Hour+time.Hour {
		t.Errorf("gave up after %s, want five days", took)
	}
	if n := stateOf(t, r, "n1"); n.State != holdfast.NoticeFailed {
		t.Errorf("it is %s", n.State)
	}
}

// TestKilledBetweenAcceptanceAndNote closes the database in the moment in
// which the server has taken the mail, as if the process had been killed, and
// opens it again.
func TestKilledBetweenAcceptanceAndNote(t *testing.T) {
	r, path := newRecord(t)
	s := newServer(t)
	c := &clock{now: start}
	mail := newMail(t, mailConfig(s))
	kill := true
	dying := &channel{}
	dying.answer = func(n holdfast.Notice) error {
		err := mail.Deliver(context.Background(), n)
		if kill {
			kill = false
			_ = r.Close()
		}
		return err
	}
	o := newOutbox(r, c, map[string]Notifier{ChannelMail: dying})
	decide(t, r, notice("n1", "staff@registry.example"))
	if err := o.Round(t.Context()); err == nil {
		t.Fatal("a round over a closed database found no fault")
	}
	for range 3 {
		again, err := record.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		o := newOutbox(again, c, map[string]Notifier{ChannelMail: mail})
		o.Sent = func(context.Context, holdfast.Notice) error { cancel(); return nil }
		go func() { done <- o.Run(ctx) }()
		select {
		case err = <-done:
		case <-time.After(300 * time.Millisecond):
			cancel()
			err = <-done
		}
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		_ = again.Close()
	}
	got := s.got()
	if len(got) != 2 {
		t.Fatalf("%d mails arrived; want two: where SMTP leaves it open, once more and no more", len(got))
	}
	for _, m := range got {
		if !strings.Contains(m.data, "Message-ID: <n1@registry.example>") {
			t.Errorf("a mail without the same Message-ID:\n%s", m.data)
		}
	}
}

// TestKilledBeforeSending leaves a claimed notice, as a kill between the claim
// and the first byte would.
func TestKilledBeforeSending(t *testing.T) {
	r, _ := newRecord(t)
	c := &clock{now: start}
	got := &channel{}
	decide(t, r, notice("n1", "staff@registry.example"))
	if err := r.ClaimNotice(t.Context(), "n1", start); err != nil {
		t.Fatal(err)
	}
	o := newOutbox(r, c, map[string]Notifier{ChannelMail: got})
	round(t, o)
	if len(got.got) != 0 {
		t.Fatal("sent what another may be sending")
	}
	if err := o.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(got.got) != 1 || stateOf(t, r, "n1").State != holdfast.NoticeSent {
		t.Errorf("sent %v", got.got)
	}
}

// TestOrderIsKept lets the opening fail and looks that the closing waits, and
// that another recipient does not.
func TestOrderIsKept(t *testing.T) {
	r, _ := newRecord(t)
	c := &clock{now: start}
	down := true
	got := &channel{answer: func(n holdfast.Notice) error {
		if down && n.Recipient == "a@registry.example" {
			return errors.New("not now")
		}
		return nil
	}}
	o := newOutbox(r, c, map[string]Notifier{ChannelMail: got})
	closing := notice("closing", "a@registry.example")
	closing.Created, closing.NotBefore, closing.Reason = start.Add(time.Second), start.Add(time.Second), holdfast.ReasonClosed
	other := notice("other", "b@registry.example")
	other.Created = start.Add(2 * time.Second)
	decide(t, r, notice("opening", "a@registry.example"), closing, other)
	c.move(2 * time.Second)
	round(t, o)
	c.move(5 * time.Second)
	down = false
	// A new process knows nothing of what the old one was waiting for.
	o = newOutbox(r, c, map[string]Notifier{ChannelMail: got})
	round(t, o)
	if len(got.got) != 1 || got.got[0] != "other" {
		t.Fatalf("sent %v, want the other recipient's alone", got.got)
	}
	c.move(time.Minute)
	round(t, o)
	if want := "[other opening closing]"; fmt.Sprint(got.got) != want {
		t.Errorf("sent %v, want %s", got.got, want)
	}
}

func TestContactIsNotFlooded(t *testing.T) {
	r, _ := newRecord(t)
	c := &clock{now: start}
	got := &channel{}
	o := newOutbox(r, c, map[string]Notifier{ChannelMail: got})
	for n, severity := range []holdfast.Severity{holdfast.SeverityWarning, holdfast.SeverityError, holdfast.SeverityCritical} {
		one := notice(severity.String(), "tech@nic.example")
		one.Audience, one.Severity, one.Created = holdfast.ForContact, severity, start.Add(time.Duration(n))
		decide(t, r, one)
	}
	round(t, o)
	if want := "[warning critical]"; fmt.Sprint(got.got) != want {
		t.Fatalf("sent %v, want %s", got.got, want)
	}
	c.move(6*time.Hour - time.Minute)
	round(t, o)
	if len(got.got) != 2 {
		t.Fatalf("sent %v before six hours were over", got.got)
	}
	c.move(time.Minute)
	round(t, o)
	if len(got.got) != 3 {
		t.Errorf("sent %v after six hours", got.got)
	}
}

func TestUnknownChannelWaits(t *testing.T) {
	r, _ := newRecord(t)
	o := newOutbox(r, &clock{now: start}, nil)
	decide(t, r, notice("n1", "staff@registry.example"))
	round(t, o)
	if n := stateOf(t, r, "n1"); n.State != holdfast.NoticeQueued || !strings.Contains(n.LastError, `no channel "mail"`) {
		t.Errorf("it is %s: %q", n.State, n.LastError)
	}
}

func TestManyRecipientsAtOnce(t *testing.T) {
	r, _ := newRecord(t)
	var mu sync.Mutex
	now, most := 0, 0
	got := &channel{answer: func(holdfast.Notice) error {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(2 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
		return nil
	}}
	o := newOutbox(r, &clock{now: start}, map[string]Notifier{ChannelMail: got})
	var all []holdfast.Notice
	for n := range 700 {
		all = append(all, notice(fmt.Sprintf("n%d", n), fmt.Sprintf("r%d@registry.example", n%40)))
	}
	decide(t, r, all...)
	round(t, o)
	if len(got.got) != 700 || most > 4 {
		t.Errorf("%d sent, at most %d at once, want 700 and 4", len(got.got), most)
	}
}

// TestRunEndsGently ends the context while a delivery is under way: it is
// finished and noted.
func TestRunEndsGently(t *testing.T) {
	r, _ := newRecord(t)
	ctx, cancel := context.WithCancel(t.Context())
	got := &channel{answer: func(holdfast.Notice) error {
		cancel()
		time.Sleep(50 * time.Millisecond)
		return nil
	}}
	o := newOutbox(r, &clock{now: start}, map[string]Notifier{ChannelMail: got})
	second := notice("n2", "staff@registry.example")
	second.Created = start.Add(time.Second)
	decide(t, r, notice("n1", "staff@registry.example"), second)
	if err := o.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := stateOf(t, r, "n1"); n.State != holdfast.NoticeSent {
		t.Errorf("the one under way is %s", n.State)
	}
	if n := stateOf(t, r, "n2"); n.State != holdfast.NoticeQueued || n.Attempts != 0 {
		t.Errorf("the next one is %s after %d tries", n.State, n.Attempts)
	}
}

func TestBackOff(t *testing.T) {
	o := NewOutbox(OutboxConfig{}, nil, nil, nil)
	want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute}
	for n, d := range want {
		if got := o.wait(n + 1); got != d {
			t.Errorf("after %d tries: %s, want %s", n+1, got, d)
		}
	}
	if got := o.wait(1 << 40); got != 15*time.Minute {
		t.Errorf("after very many tries: %s", got)
	}
}

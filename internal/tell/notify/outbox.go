package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// OutboxConfig is how patiently notices are tried.
type OutboxConfig struct {
	// FirstRetry is how long after a failure the next try is made; each further
	// one waits twice as long, up to MaxRetry. 30s and 15m where zero.
	FirstRetry holdfast.Duration `toml:"first_retry"`
	MaxRetry   holdfast.Duration `toml:"max_retry"`
	// GiveUp is how long a notice is tried, the time we did not run not
	// counted. 5d where zero.
	GiveUp holdfast.Duration `toml:"give_up"`
	// Parallel is how many recipients are served at once. 4 where zero.
	Parallel int `toml:"parallel"`
	// ContactInterval is the least time between two mails to one contact below
	// critical; the same as [alert] contact_interval. 6h where zero.
	ContactInterval holdfast.Duration `toml:"-"`
}

func (c OutboxConfig) check() error {
	if c.FirstRetry < 0 || c.MaxRetry < 0 || c.GiveUp < 0 || c.Parallel < 0 {
		return errors.New("notify.outbox: a value is negative")
	}
	if c.MaxRetry != 0 && c.FirstRetry > c.MaxRetry {
		return errors.New("notify.outbox: first_retry is longer than max_retry")
	}
	return nil
}

func (c OutboxConfig) withDefaults() OutboxConfig {
	duration := func(d *holdfast.Duration, value time.Duration) {
		if *d == 0 {
			*d = holdfast.Duration(value)
		}
	}
	duration(&c.FirstRetry, 30*time.Second)
	duration(&c.MaxRetry, 15*time.Minute)
	duration(&c.GiveUp, 5*24*time.Hour)
	duration(&c.ContactInterval, 6*time.Hour)
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	c.FirstRetry = min(c.FirstRetry, c.MaxRetry)
	return c
}

// Outbox makes each recorded notice arrive, once. A notice is claimed in the
// record before it is tried and settled after. If we were to crash between the
// two, the next start tries it once more, with the same Message-ID: SMTP leaves
// it open whether it went out, and a notice too many is better than one lost.
type Outbox struct {
	config   OutboxConfig
	record   *record.Record
	clock    holdfast.Clock
	channels map[string]Notifier
	// GaveUp, where set, is told of a notice before it is settled as failed,
	// perhaps more than once. Its error keeps the notice from being settled.
	GaveUp func(context.Context, holdfast.Notice, error) error
	// Sent, where set, is told of each notice that arrived. Its error ends Run.
	Sent func(context.Context, holdfast.Notice) error
	// jitter is a number in [0,1) by which a wait is shortened.
	jitter func() float64
}

// NewOutbox makes an outbox over channels by name. A notice of a channel that
// is not among them is tried again until one of that name is configured.
func NewOutbox(c OutboxConfig, r *record.Record, clock holdfast.Clock, channels map[string]Notifier) *Outbox {
	return &Outbox{config: c.withDefaults(), record: r, clock: clock, channels: channels,
		jitter: rand.Float64}
}

// Channels makes the notifiers that a configuration names, and the targets to
// which the alert addresses what machines read.
func Channels(c Config, clock holdfast.Clock) (map[string]Notifier, []Target, error) {
	if err := c.Check(); err != nil {
		return nil, nil, err
	}
	channels := make(map[string]Notifier)
	var targets []Target
	if c.Mail != nil {
		m, err := NewMail(*c.Mail)
		if err != nil {
			return nil, nil, err
		}
		channels[ChannelMail] = m
	}
	for name, w := range c.Webhooks {
		channel := ChannelWebhook + name
		channels[channel] = NewWebhook(w, clock)
		targets = append(targets, Target{channel, shown(w.URL)})
	}
	if c.Alertmanager != nil {
		channels[ChannelAlertmanager] = NewAlertmanager(*c.Alertmanager)
		targets = append(targets, Target{ChannelAlertmanager, shown(c.Alertmanager.URL)})
	}
	slices.SortFunc(targets, func(a, b Target) int { return strings.Compare(a.Channel, b.Channel) })
	return channels, targets, nil
}

// Bounds of one round.
const (
	batch    = 500
	maxBatch = 32000
	pace     = 5 * time.Second // how soon a new notice is seen
	grace    = 10 * time.Second
)

// Run delivers what is due until the context ends; then it lets deliveries
// under way end, for ten seconds, and answers nil. An error is the record's.
func (o *Outbox) Run(ctx context.Context) error {
	if _, err := o.record.RecoverSending(ctx, o.clock.Now()); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("recover notices: %w", err)
	}
	for {
		if err := o.Round(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.clock.After(pace):
		}
	}
}

// Once tries all that is due, as a single sweep does at its end: first what the
// last process may have left half sent, then a round.
func (o *Outbox) Once(ctx context.Context) error {
	if _, err := o.record.RecoverSending(ctx, o.clock.Now()); err != nil {
		return fmt.Errorf("recover notices: %w", err)
	}
	return o.Round(ctx)
}

// Round tries once all that is due now, several recipients at a time, and
// answers when all of them have ended.
func (o *Outbox) Round(ctx context.Context) error {
	due, err := o.due(ctx)
	if err != nil {
		return err
	}
	lanes := make(map[lane][]holdfast.Notice)
	var order []lane
	for _, n := range due {
		l := lane{n.Channel, n.Recipient}
		if lanes[l] == nil {
			order = append(order, l)
		}
		lanes[l] = append(lanes[l], n)
	}
	work, stop := o.patience(ctx)
	defer stop()
	slots := make(chan struct{}, o.config.Parallel)
	var running sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, l := range order {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if err := o.serve(ctx, work, l, lanes[l]); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// due are the notices whose time has come. Those that stand behind one that is
// tried again are among them, so a bound must not cut off the other lanes.
func (o *Outbox) due(ctx context.Context) ([]holdfast.Notice, error) {
	for limit := batch; ; limit *= 4 {
		due, err := o.record.DueNotices(ctx, o.clock.Now(), limit)
		if err != nil {
			return nil, fmt.Errorf("read due notices: %w", err)
		}
		if len(due) < limit || limit >= maxBatch {
			return due, nil
		}
	}
}

// patience is the context of deliveries: it outlives the caller's by the grace
// that one under way is given, so that its end is known and noted.
func (o *Outbox) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(grace):
		case <-work.Done():
		}
		cancel()
	})
	return work, func() { stop(); cancel() }
}

// lane is what keeps its order: the notices to one recipient over one channel.
type lane struct{ channel, recipient string }

// serve delivers one lane's notices in their order. The first that must be
// tried again holds up those behind it: a closing mail never overtakes the
// opening one.
func (o *Outbox) serve(ctx, work context.Context, l lane, due []holdfast.Notice) error {
	waiting, err := o.record.Notices(ctx, record.NoticeFilter{Recipient: l.recipient,
		States: []holdfast.NoticeState{holdfast.NoticeQueued, holdfast.NoticeSending}, Limit: maxBatch})
	if err != nil {
		return fmt.Errorf("read notices to a recipient: %w", err)
	}
	slices.SortStableFunc(due, older)
	for _, n := range due {
		if ctx.Err() != nil {
			return nil
		}
		now := o.clock.Now()
		earlier := slices.ContainsFunc(waiting, func(w holdfast.Notice) bool {
			return w.Channel == l.channel && w.Attempts > 0 && w.NotBefore.After(now) && older(w, n) < 0
		})
		if earlier {
			return nil
		}
		tooSoon, err := o.tooSoon(ctx, n, now)
		if err != nil {
			return err
		}
		if tooSoon {
			continue
		}
		settled, err := o.deliver(ctx, work, n)
		if err != nil || !settled {
			return err
		}
	}
	return nil
}

func older(a, b holdfast.Notice) int {
	if c := a.Created.Compare(b.Created); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// tooSoon says whether a contact had a mail so lately that this one, below
// critical, must wait. The alert spaces what it writes; a person who releases
// several at once is what this is for.
func (o *Outbox) tooSoon(ctx context.Context, n holdfast.Notice, now time.Time) (bool, error) {
	if n.Audience != holdfast.ForContact || n.Severity >= holdfast.SeverityCritical {
		return false, nil
	}
	sent, err := o.record.Notices(ctx, record.NoticeFilter{Recipient: n.Recipient,
		States: []holdfast.NoticeState{holdfast.NoticeSent}})
	if err != nil {
		return false, fmt.Errorf("read notices to a contact: %w", err)
	}
	return slices.ContainsFunc(sent, func(s holdfast.Notice) bool {
		return s.Audience == holdfast.ForContact && now.Sub(s.Sent) < o.config.ContactInterval.Of()
	}), nil
}

// deliver tries a notice once. settled says that it is done with, for better
// or worse; the next in its lane may go.
func (o *Outbox) deliver(ctx, work context.Context, n holdfast.Notice) (settled bool, err error) {
	err = o.record.ClaimNotice(ctx, n.ID, o.clock.Now())
	if errors.Is(err, record.ErrState) {
		return true, nil // dropped by a person in this very moment
	}
	if err != nil {
		return false, fmt.Errorf("claim notice %s: %w", n.ID, err)
	}
	n.Attempts++
	// From here to the settling a crash leaves the notice in sending.
	failure := o.try(work, n)
	now := o.clock.Now()
	switch {
	case failure == nil:
		if err := o.settle(work, n, holdfast.NoticeSent, now, time.Time{}, ""); err != nil {
			return false, err
		}
		if o.Sent != nil {
			return true, o.Sent(work, n)
		}
		return true, nil
	case errors.Is(failure, ErrPermanent) || o.spent(n.Attempts) >= o.config.GiveUp.Of():
		if o.GaveUp != nil {
			if err := o.GaveUp(work, n, failure); err != nil {
				return false, fmt.Errorf("tell that notice %s failed: %w", n.ID, err)
			}
		}
		return true, o.settle(work, n, holdfast.NoticeFailed, now, time.Time{}, failure.Error())
	}
	wait := o.wait(n.Attempts)
	wait -= time.Duration(o.jitter() * float64(wait) / 4)
	return false, o.settle(work, n, holdfast.NoticeQueued, now, now.Add(wait), failure.Error())
}

func (o *Outbox) try(ctx context.Context, n holdfast.Notice) error {
	channel := o.channels[n.Channel]
	if channel == nil {
		return fmt.Errorf("no channel %q is configured", n.Channel)
	}
	return channel.Deliver(ctx, n)
}

// settleTries is how often the record is asked to note how a delivery ended,
// before we give up and let the next start find it unknown.
const settleTries = 5

// settle notes how a delivery ended. It is tried more than once: a mail that
// is out and not noted would go out again.
func (o *Outbox) settle(ctx context.Context, n holdfast.Notice, state holdfast.NoticeState, at, notBefore time.Time, why string) error {
	const maxWhy = 500
	if len(why) > maxWhy {
		why = why[:maxWhy]
	}
	var err error
	for try := range settleTries {
		if err = o.record.SettleNotice(ctx, n.ID, state, at, notBefore, oneLine(why)); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(try) * 100 * time.Millisecond):
		}
	}
	return fmt.Errorf("settle notice %s: %w", n.ID, err)
}

// wait is how long after so many tries the next one waits, before jitter.
func (o *Outbox) wait(attempts int) time.Duration {
	wait := o.config.FirstRetry.Of()
	for n := 1; n < attempts && wait < o.config.MaxRetry.Of(); n++ {
		wait *= 2
	}
	return min(wait, o.config.MaxRetry.Of())
}

// spent is how long so many tries have taken.
func (o *Outbox) spent(attempts int) time.Duration {
	var total time.Duration
	for n := 1; n < attempts; n++ {
		total += o.wait(n)
		if total >= o.config.GiveUp.Of() {
			break
		}
	}
	return total
}

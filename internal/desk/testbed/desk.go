package testbed

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// Desk runs the zones of a test bed. It may be used by many goroutines at once.
type Desk struct {
	config Config
	host   Host
	record *record.Record
	clock  holdfast.Clock
	log    *slog.Logger
	domain string // right-hand side of Message-IDs; empty: no mail leaves
	random io.Reader
	secret []byte // makes the tokens of subscribers
	sighted

	mu      sync.Mutex
	courses map[holdfast.Name][]Shown // of the zones that are live; owned by mu
	sources map[string]*allowance     // by prefix; owned by mu
	forgot  time.Time                 // when forget last did; owned by mu
}

// secretFact is where the record keeps what makes tokens.
const secretFact = "testbed.secret"

// New makes a desk. domain is the right-hand side of Message-IDs; empty where
// no mail can leave, and then nobody can subscribe.
func New(ctx context.Context, c Config, host Host, r *record.Record, clock holdfast.Clock, domain string, log *slog.Logger) (*Desk, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	d := &Desk{config: c.withDefaults(), host: host, record: r, clock: clock, log: log, domain: domain, random: rand.Reader,
		sighted: sighted{asked: make(chan Question, sightingQueue)}, courses: map[holdfast.Name][]Shown{}, sources: map[string]*allowance{}}
	secret, err := r.Fact(ctx, secretFact)
	if errors.Is(err, record.ErrNotFound) {
		secret = make([]byte, sha256.Size)
		if _, err := io.ReadFull(d.random, secret); err != nil {
			return nil, fmt.Errorf("make secret of the test bed: %w", err)
		}
		err = r.SetFact(ctx, secretFact, secret)
	}
	if err != nil {
		return nil, fmt.Errorf("set up test bed: %w", err)
	}
	d.secret = secret
	return d, nil
}

// token is what only we and who has a mail of ours know of a subscription.
func (d *Desk) token(what, id string) string {
	mac := hmac.New(sha256.New, d.secret)
	mac.Write([]byte(what + "\x00" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// confirming is what a token for confirming is about: this very asking, so
// that the mail of an earlier one opens nothing.
func confirming(s holdfast.Subscription) string {
	return fmt.Sprintf("confirm %d", s.Created.UnixNano())
}

const managing = "manage"

// The pages that mails link to.
const (
	pagePath        = "/testbed/zones/"
	confirmPath     = "/testbed/confirm"
	managePath      = "/testbed/subscription"
	unsubscribePath = "/testbed/unsubscribe"
)

func (d *Desk) links(s holdfast.Subscription) links {
	with := func(path, what string) string {
		return d.config.BaseURL + path + "?" + url.Values{"id": {s.ID}, "token": {d.token(what, s.ID)}}.Encode()
	}
	return links{page: d.config.BaseURL + pagePath + url.PathEscape(s.Zone.Short()), confirm: with(confirmPath, confirming(s)),
		manage: with(managePath, managing), unsubscribe: with(unsubscribePath, managing)}
}

func (d *Desk) letters(z holdfast.TestZone, s holdfast.Subscription, now time.Time) letters {
	return letters{config: d.config, domain: d.domain, zone: z, to: s, links: d.links(s), now: now}
}

// Open says whether people can subscribe at all.
func (d *Desk) Open() bool { return d.domain != "" && d.config.BaseURL != "" }

// Explain is what a tester is told of a zone.
func (d *Desk) Explain(z holdfast.TestZone) holdfast.TestGuidance {
	out := holdfast.TestGuidance{Recipes: Recipes(z), DNSKEY: DNSKEY(z), DS: DS(z)}
	for _, s := range z.Steps {
		out.Guides = append(out.Guides, guide(z, s.Move))
	}
	page := ""
	if d.config.BaseURL != "" {
		page = d.config.BaseURL + pagePath + url.PathEscape(z.Name.Short())
	}
	out.Calendar = Calendar(z, page, time.Time{})
	return out
}

// pace is how often Run looks whether something is due: often enough for zones
// that go through their steps in a minute.
const pace = time.Second

// Run makes zones, announces their steps and keeps what questions told, until
// the context ends. An error is the record's, and passes: it is logged, and
// the round is made again.
func (d *Desk) Run(ctx context.Context) error {
	for {
		if err := d.Round(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("the test bed could not go on; it tries again", "error", err)
		}
		select {
		case <-ctx.Done():
			// What was seen until now is worth a last write.
			return d.keepSightings(context.WithoutCancel(ctx))
		case <-d.clock.After(pace):
		}
	}
}

// Round does what is due now.
func (d *Desk) Round(ctx context.Context) error {
	now := d.clock.Now()
	return errors.Join(d.makeZones(ctx, now), d.announce(ctx, now), d.forget(ctx, now), d.keepSightings(ctx))
}

// makeZones makes the zones whose time has come. One that nobody made when it
// was due, as the program did not run, is made as long as its keys have not
// begun to roll.
func (d *Desk) makeZones(ctx context.Context, now time.Time) error {
	for _, p := range d.config.paces() {
		for _, slot := range slices.Compact([]time.Time{p.Slot(now), p.Slot(now.Add(p.Lead()))}) {
			if err := d.wantZone(ctx, p, slot, now); err != nil {
				return err
			}
		}
	}
	return d.load(ctx, now)
}

func (d *Desk) wantZone(ctx context.Context, p Pace, slot, now time.Time) error {
	z, err := p.Zone(d.host.Base, slot)
	if err != nil {
		return err
	}
	if !now.Before(z.When(holdfast.TestPublishes)) || d.knows(z.Name) {
		return nil
	}
	_, err = d.record.TestZone(ctx, z.Name)
	if errors.Is(err, record.ErrNotFound) {
		err = d.makeZone(ctx, z)
	}
	return err
}

func (d *Desk) makeZone(ctx context.Context, z holdfast.TestZone) error {
	keys, err := MakeKeys(&z, d.config.Algorithm, d.random)
	if err != nil {
		return err
	}
	packed, err := keys.pack()
	if err != nil {
		return fmt.Errorf("keep keys of %s: %w", z.Name.Short(), err)
	}
	if err := d.record.SaveTestZone(ctx, z, packed); err != nil {
		return err
	}
	d.log.Info("made a test zone", "zone", z.Name.Short(), "pace", z.Pace, "old", z.Old.Tag, "new", z.New.Tag)
	return nil
}

func (d *Desk) knows(zone holdfast.Name) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.courses[zone] != nil
}

// load reads from the record the zones that are live, so that after a start
// they go on with the keys that they had.
func (d *Desk) load(ctx context.Context, now time.Time) error {
	zones, err := d.record.TestZones(ctx, now)
	if err != nil {
		return err
	}
	courses := make(map[holdfast.Name][]Shown, len(zones))
	for _, z := range zones {
		d.mu.Lock()
		course := d.courses[z.Name]
		d.mu.Unlock()
		if course == nil {
			if course, err = d.course(ctx, z); err != nil {
				return err
			}
		}
		courses[z.Name] = course
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.courses = courses
	return nil
}

func (d *Desk) course(ctx context.Context, z holdfast.TestZone) ([]Shown, error) {
	packed, err := d.record.TestZoneKeys(ctx, z.Name)
	if err != nil {
		return nil, err
	}
	keys, err := readKeys(packed)
	if err != nil {
		return nil, fmt.Errorf("test zone %s: %w", z.Name.Short(), err)
	}
	return d.host.Course(z, keys)
}

// Courses are what the zones that are live show, by their names. The slices
// stay the same as long as a zone lives, and are not to be written to.
func (d *Desk) Courses() map[holdfast.Name][]Shown {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[holdfast.Name][]Shown, len(d.courses))
	for name, course := range d.courses {
		out[name] = course
	}
	return out
}

// announce tells subscribers of the steps that have come. After a time in
// which the program did not run only the last of several is told; the others
// are noted as passed over, as what they asked to do can no longer be done.
func (d *Desk) announce(ctx context.Context, now time.Time) error {
	zones, err := d.record.UntoldTestZones(ctx, now.Add(-lateness))
	if err != nil {
		return err
	}
	var errs []error
	for _, z := range zones {
		errs = append(errs, d.announceZone(ctx, z, now))
	}
	return errors.Join(errs...)
}

// lateness is how long after the end of a zone its end is still announced: who
// keeps its trust anchor has a resolver that asks for what is gone.
const lateness = 14 * day

func (d *Desk) announceZone(ctx context.Context, z holdfast.TestZone, now time.Time) error {
	current, ok := z.At(now)
	if !ok {
		return nil
	}
	told, err := d.record.AnnouncedTestSteps(ctx, z.Name)
	if err != nil {
		return err
	}
	for _, s := range z.Steps {
		if _, done := told[s.Move]; done || s.At.After(now) {
			continue
		}
		var notices []holdfast.Notice
		if s == current && s.Move != holdfast.TestBegins && d.Open() {
			if notices, err = d.tellAll(ctx, z, s, now); err != nil {
				return err
			}
		}
		if _, err := d.record.AnnounceTestStep(ctx, z.Name, s.Move, now, notices); err != nil {
			return err
		}
		d.log.Info("test zone", "zone", z.Name.Short(), "step", s.Move, "told", len(notices))
	}
	return nil
}

func (d *Desk) tellAll(ctx context.Context, z holdfast.TestZone, s holdfast.TestStep, now time.Time) ([]holdfast.Notice, error) {
	subscribers, err := d.record.Subscriptions(ctx, z.Name, holdfast.SubscriptionConfirmed)
	if err != nil {
		return nil, err
	}
	var notices []holdfast.Notice
	for _, to := range subscribers {
		notices = append(notices, d.letters(z, to, now).step(s))
	}
	return notices, nil
}

// forgetting is how often it is looked what is to be forgotten, idle how long a
// zone that nobody followed is still shown.
const (
	forgetting = time.Minute
	idle       = day
)

// forget takes away what is kept no longer.
func (d *Desk) forget(ctx context.Context, now time.Time) error {
	d.mu.Lock()
	due := now.Sub(d.forgot) >= forgetting
	d.mu.Unlock()
	if !due {
		return nil
	}
	err := errors.Join(d.record.ForgetSubscribers(ctx, now, now.Add(-d.config.Forget.Of())),
		d.record.TidyTestZones(ctx, now, now.Add(-idle), now.Add(-d.config.Keep.Of())))
	if err == nil {
		d.mu.Lock()
		d.forgot = now
		d.mu.Unlock()
	}
	return err
}

// Bounced is told of a notice that cannot be delivered. One of ours ends its
// subscription: an address that a mail server refuses is written to no more.
func (d *Desk) Bounced(ctx context.Context, n holdfast.Notice) error {
	rest, ours := strings.CutPrefix(n.ID, noticePrefix)
	id, _, found := strings.Cut(rest, "-")
	if !ours || !found {
		return nil
	}
	err := d.record.EndSubscription(ctx, id, prefix(id), d.clock.Now())
	if errors.Is(err, record.ErrNotFound) {
		return nil // it was not confirmed in time, and is forgotten
	}
	return err
}

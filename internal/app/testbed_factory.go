package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/desk/testbed"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/authority"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
	"github.com/holdfastdns/holdfast/internal/tell/web"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// factory makes the zones of the test bed that roll their keys, tells their
// subscribers, and serves their pages.
type factory struct {
	desk   *testbed.Desk
	outbox *notify.Outbox
	clock  holdfast.Clock
	log    *slog.Logger
	// zones are what the name server was last given, by name; owned by follow.
	zones map[holdfast.Name]*testZone
}

// newFactory wires the desk over an open record. Where no mail is configured,
// zones roll all the same, and nobody can subscribe.
func newFactory(ctx context.Context, w World, zones testbed.Config, host testbed.Host, mails notify.Config, r *record.Record, log *slog.Logger) (*factory, error) {
	channels, _, err := notify.Channels(mails, w.Clock)
	if err != nil {
		return nil, err
	}
	domain := ""
	if mails.Mail != nil {
		domain = mails.Mail.SenderDomain()
	}
	desk, err := testbed.New(ctx, zones, host, r, w.Clock, domain, log)
	if err != nil {
		return nil, err
	}
	f := &factory{desk: desk, outbox: notify.NewOutbox(mails.Outbox, r, w.Clock, channels), clock: w.Clock, log: log, zones: map[holdfast.Name]*testZone{}}
	f.outbox.GaveUp = func(ctx context.Context, n holdfast.Notice, _ error) error {
		// Why, and the address, are with the notice: they are not for the log.
		log.Warn("a mail could not be delivered; its subscription ends", "notice", n.ID)
		return desk.Bounced(ctx, n)
	}
	// The zones are there when the page is.
	return f, desk.Round(ctx)
}

// run keeps the zones, the mails and the name server's set of zones going
// until the context ends. give hands the name server the zones that there are.
func (f *factory) run(ctx context.Context, give func([]authority.Zone)) error {
	if err := f.follow(give); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.desk.Run(ctx) })
	group.Go(func() error { return f.outbox.Run(ctx) })
	group.Go(func() error { return f.keepFollowing(ctx, give) })
	return group.Wait()
}

// keepFollowing gives the name server the zones anew whenever one came or went.
func (f *factory) keepFollowing(ctx context.Context, give func([]authority.Zone)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.clock.After(followPace):
		}
		if err := f.follow(give); err != nil {
			f.log.Error("a test zone cannot be served", "error", err)
		}
	}
}

// followPace is that of the desk: what it made is served within two seconds.
const followPace = time.Second

func (f *factory) follow(give func([]authority.Zone)) error {
	courses := f.desk.Courses()
	changed := len(courses) != len(f.zones)
	for name, course := range courses {
		if f.zones[name] != nil {
			continue
		}
		zone, err := newTestZone(name, course)
		if err != nil {
			return err
		}
		f.zones[name], changed = zone, true
	}
	if !changed {
		return nil
	}
	maps.DeleteFunc(f.zones, func(name holdfast.Name, _ *testZone) bool { return courses[name] == nil })
	var zones []authority.Zone
	for _, name := range slices.Sorted(maps.Keys(f.zones)) {
		zones = append(zones, f.zones[name])
	}
	give(zones)
	return nil
}

// saw passes a question that the name server was asked on to the desk.
func (f *factory) saw(q authority.Asked) {
	f.desk.Saw(testbed.Question{At: q.At, From: q.From.Addr(), Name: q.Question.Name, Zone: q.Zone})
}

// adjust puts the pages into a site.
func (f *factory) adjust(c *web.Config) { c.Testbed = f.desk }

// testZone is a test zone as the name server wants it.
type testZone struct{ authority.Zone }

func newTestZone(name holdfast.Name, course []testbed.Shown) (*testZone, error) {
	var dates []authority.Dated
	for n, shown := range course {
		dated := authority.Dated{From: shown.From}
		if n == 0 {
			dated.From = time.Time{} // it is there before people are shown it
		}
		if !shown.Gone {
			var err error
			if dated.Edition, err = authority.NewEdition(planOf(shown)); err != nil {
				return nil, fmt.Errorf("serve test zone: %w", err)
			}
		}
		dates = append(dates, dated)
	}
	return &testZone{authority.Timeline(name, dates...)}, nil
}

func planOf(s testbed.Shown) authority.Plan {
	p := authority.Plan{Zone: s.Zone, Records: s.Records, Names: rollingNames{s}, KeyTTL: s.TTL, Denial: authority.NarrowNSEC, DS: []holdfast.DS{s.DS}, Life: s.Life}
	for _, k := range s.Keys {
		p.Keys = append(p.Keys, authority.Key{Pair: k.Pair, Publish: k.Publish, Revoke: k.Revoke, SignKeys: k.SignKeys, SignData: k.SignData})
	}
	return p
}

// rollingNames are the names below a test zone.
type rollingNames struct{ shown testbed.Shown }

func (n rollingNames) Node(name holdfast.Name) ([]wire.Record, authority.Fault, bool) {
	records, ok := n.shown.Node(name)
	return records, authority.Sound, ok
}

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/measure"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/scan"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source/roster"
	"github.com/holdfastdns/holdfast/internal/tell/alert"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// WatchOptions are the flags of `holdfast watch`.
type WatchOptions struct {
	Config     string
	Once, Core bool
	RootZone   string
	JSON       bool
}

// Watch keeps watch until interrupted, or makes a single sweep.
func Watch(ctx context.Context, w World, o WatchOptions) (Exit, error) {
	exit, err := watch(ctx, w, o)
	if err != nil && !o.Once && interrupted(ctx, err) {
		return Healthy, nil // it was asked to stop, if before it had begun
	}
	return exit, err
}

func watch(ctx context.Context, w World, o WatchOptions) (Exit, error) {
	config, err := LoadConfig(o.Config)
	if err != nil {
		return Unworked, err
	}
	if o.RootZone != "" {
		config.Roster.Sources = []string{o.RootZone}
	}
	if err := w.trust(config.TrustAnchor, config.RootHints, w.Clock.Now()); err != nil {
		return Unworked, err
	}
	r, err := openRecord(ctx, config.Database)
	if err != nil {
		return Unworked, err
	}
	defer r.Close()
	unlock, err := lockRecord(config.Database)
	if err != nil {
		return Unworked, err
	}
	defer unlock()
	h, err := build(ctx, w, config, r)
	if err != nil {
		return Unworked, err
	}
	defer h.asker.Close()
	if o.Once {
		return h.once(ctx, o)
	}
	var listener net.Listener
	if config.Web.listen() != "off" {
		if listener, err = listenWeb(config.Web.listen()); err != nil {
			return Unworked, err
		}
		fmt.Fprintf(w.Stderr, "the page is on http://%s/\n", listener.Addr())
	}
	if err := h.run(ctx, listener, nil); err != nil {
		return Unworked, err
	}
	return Healthy, nil
}

// house is the rooms, wired.
type house struct {
	world  World
	config Config
	log    *slog.Logger
	record *record.Record
	asker  *ask.Asker
	line   *line
	alert  *alert.Alert
	outbox *notify.Outbox
	scan   *scan.Scan
	roster atomic.Pointer[roster.Roster] // in force
	people *people
	self   *selfwatch
}

// build wires the rooms over an open record and finds a roster.
func build(ctx context.Context, w World, config Config, r *record.Record) (*house, error) {
	h := &house{world: w, config: config, record: r, log: logger(w.Stderr)}
	if config.Vantage != "" {
		h.world.Vantage = config.Vantage
	}
	fetched, refused, err := h.firstRoster(ctx)
	if err != nil {
		return nil, err
	}
	if h.asker, err = ask.New(config.Ask, w.Dialer, w.Clock); err != nil {
		return nil, err
	}
	if h.people, err = newPeople(config.Contacts, w, r, h.log, h.roster.Load); err != nil {
		return nil, err
	}
	channels, targets, err := notify.Channels(config.Notify, w.Clock)
	if err != nil {
		return nil, err
	}
	if h.alert, err = alert.New(ctx, config.Alert, r, w.Clock, targets, h.people.flag); err != nil {
		return nil, err
	}
	if fetched {
		if err := h.tellRoster(ctx, refused); err != nil {
			return nil, err
		}
	}
	config.Notify.Outbox.ContactInterval = config.Alert.ContactInterval
	h.outbox = notify.NewOutbox(config.Notify.Outbox, r, w.Clock, channels)
	h.outbox.GaveUp = h.alert.GaveUp
	h.outbox.Sent = h.alert.Delivered
	config.Walk.Roots = w.Hints
	weights, err := profileOf(config.Profile)
	if err != nil {
		return nil, err
	}
	calendar, err := config.calendar()
	if err != nil {
		return nil, err
	}
	clock := newClockwatch(func() int { return len(h.roster.Load().Subjects) })
	h.self = newSelfwatch(h, clock)
	h.line = &line{
		walker: walk.New(config.Walk, h.asker, w.Clock, h.world.Vantage), record: r,
		catalogue: under(following(NewCatalogue(w.Anchors, dnssec.NewCache(verifications)), calendar), weights), alert: h.alert, log: h.log, program: Program(),
		serial: func() uint32 { return h.roster.Load().Serial },
		sweeps: map[string]measure.Instrument{}, doubted: map[string]bool{}, memo: newMemo(), clock: clock, about: h.people.registration,
	}
	h.scan = scan.New(config.Scan, w.Clock, h.world.Vantage, h.line)
	return h, nil
}

// verifications remembered between sweeps: the whole root needs about 20,000,
// at some 100 octets each.
const verifications = 1 << 17

func logger(out io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// once makes a single sweep and prints what it came to.
func (h *house) once(ctx context.Context, o WatchOptions) (Exit, error) {
	subjects := h.roster.Load().Subjects
	depth := holdfast.Full
	if o.Core {
		depth = holdfast.Core
	}
	if err := h.recover(ctx); err != nil {
		return Unworked, err
	}
	if err := h.people.local(ctx); err != nil {
		return Unworked, err
	}
	progress := startProgress(h.world, "sweeping")
	sweep, err := h.scan.Once(ctx, subjects, depth, func(done int) { progress.set("%d of %d zones", done, len(subjects)) })
	progress.stop()
	if err != nil {
		return Unworked, fmt.Errorf("sweep: %w", err)
	}
	if err := errors.Join(h.self.look(ctx), h.alert.Tick(ctx)); err != nil {
		return Unworked, err
	}
	if err := h.outbox.Once(ctx); err != nil {
		return Unworked, err
	}
	statuses, err := h.record.Statuses(ctx)
	if err != nil {
		return Unworked, err
	}
	sweep = h.line.described(sweep)
	if o.JSON {
		return worst(statuses), writeJSON(h.world.Stdout, sweep)
	}
	return worst(statuses), writeSweep(h.world, sweep, statuses)
}

// worst is the exit that the worst zone calls for.
func worst(statuses []record.ZoneStatus) Exit {
	exit := Healthy
	for _, s := range statuses {
		exit = max(exit, ExitFor(s.Verdict))
	}
	return exit
}

// run keeps all the loops until the context ends or one of them cannot go on.
// more are further things to run beside them.
func (h *house) run(ctx context.Context, listener net.Listener, pages *site, more ...func(context.Context) error) error {
	if err := h.recover(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	looked, err := h.looked(ctx)
	if err != nil {
		return err
	}
	loops := h.scan.Loops(h.roster.Load().Subjects, looked)
	group.Go(func() error { return loops.Run(ctx) })
	group.Go(func() error { return h.alert.Run(ctx) })
	group.Go(func() error { return h.outbox.Run(ctx) })
	group.Go(func() error { return h.followRoster(ctx, loops) })
	group.Go(func() error { return h.people.run(ctx) })
	group.Go(func() error { return h.prune(ctx) })
	group.Go(func() error { return h.self.run(ctx) })
	if listener != nil {
		handler, err := h.pages(pages)
		if err != nil {
			return err
		}
		group.Go(func() error { return serveHTTP(ctx, listener, handler) })
	}
	for _, f := range more {
		group.Go(func() error { return f(ctx) })
	}
	return group.Wait()
}

// recover takes up what the last process left unfinished: looks that it had
// recorded and not judged, and notices that it was sending.
func (h *house) recover(ctx context.Context) error {
	looks, err := h.line.Recover(ctx)
	if err != nil {
		return err
	}
	notices, err := h.record.RecoverSending(ctx, h.world.Clock.Now())
	if err != nil {
		return err
	}
	if looks+notices > 0 {
		h.log.Info("took up what the last process left", "looks", looks, "notices", notices)
	}
	return nil
}

func (h *house) pages(s *site) (http.Handler, error) {
	token, err := h.config.Web.token()
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &site{}
	}
	calendar, err := h.config.calendar()
	if err != nil {
		return nil, err
	}
	forecast, err := readForecast(h.config.RootResponses, calendar)
	if err != nil {
		return nil, fmt.Errorf("root_responses: %w", err)
	}
	s.root = rootKeys(h.record, h.world.Clock, calendar, forecast)
	s.signals = signalsPage(h.record, h.world.Clock, calendar)
	s.record, s.clock, s.log, s.token = h.record, h.world.Clock, h.log, token
	if s.stale == 0 {
		s.stale = 3 * max(h.config.Scan.Core.Of(), 5*time.Minute)
	}
	return s.handler(), nil
}

// looked answers when a zone was last looked at, from the record.
func (h *house) looked(ctx context.Context) (func(holdfast.Name) scan.Looked, error) {
	last, err := h.record.LastLooks(ctx)
	if err != nil {
		return nil, err
	}
	return func(zone holdfast.Name) scan.Looked {
		return scan.Looked{Core: last[zone][holdfast.Core], Full: last[zone][holdfast.Full]}
	}, nil
}

// prune applies retention once a day.
func (h *house) prune(ctx context.Context) error {
	for {
		if pruned, err := h.record.Prune(ctx, h.config.Retention.keep(), h.world.Clock.Now()); err != nil && ctx.Err() == nil {
			h.log.Error("retention could not be applied", "error", err)
		} else if pruned.Measurements > 0 {
			h.log.Info("retention", "measurements", pruned.Measurements, "bytes", pruned.Bytes)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-h.world.Clock.After(24 * time.Hour):
		}
	}
}

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/measure"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/alert"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// line is the house at work: what happens to a subject from the question to
// the people told. It is what scan calls for each that is due.
type line struct {
	walker    *walk.Walker
	record    *record.Record
	catalogue judge.Catalogue
	alert     *alert.Alert
	log       *slog.Logger
	program   string
	serial    func() uint32 // of the roster in force

	mu     sync.Mutex
	sweeps map[string]measure.Instrument // by sweep; owned by mu
	knows  map[holdfast.Name]bool        // zones whose servers the walker knows; owned by mu
}

// Look measures a subject and keeps what was seen.
func (l *line) Look(ctx context.Context, s holdfast.Subject, d holdfast.Depth, sweep string) (holdfast.Measurement, error) {
	if err := l.remind(ctx, s.Zone, d); err != nil {
		return holdfast.Measurement{}, err
	}
	m, err := l.instrument(sweep).Measure(ctx, s, d)
	if err != nil {
		return m, fmt.Errorf("measure %s: %w", s.Zone, err)
	}
	m.Sweep = sweep
	// The record keeps milliseconds. What is judged now must be what recovery
	// and rejudge will find there.
	m.Started, m.Finished = m.Started.Truncate(time.Millisecond), m.Finished.Truncate(time.Millisecond)
	if m.Depth == holdfast.Core { // the walker may have looked deeper than it was asked to
		var again bool
		if m, again, err = l.complete(ctx, m); err != nil {
			return m, err
		}
		// Old signatures must not be held against new keys: where the keys have
		// changed, or nothing is known yet, the zone is looked at in full.
		if again {
			return l.Look(ctx, s, holdfast.Full, sweep)
		}
		return m, nil
	}
	// Keep the evidence before judging it: a bug in a check must not cost us the
	// measurement, and rejudge starts from the same rows.
	if err := l.record.Measured(ctx, m); err != nil {
		return m, fmt.Errorf("record %s: %w", s.Zone, err)
	}
	return m, nil
}

// remind gives the walker the servers of a zone's last full look before this
// process makes its first core look at it.
func (l *line) remind(ctx context.Context, zone holdfast.Name, d holdfast.Depth) error {
	l.mu.Lock()
	knows := l.knows[zone]
	l.knows[zone] = true
	l.mu.Unlock()
	if knows || d == holdfast.Full {
		return nil
	}
	base, err := l.record.LatestMeasurement(ctx, zone, holdfast.Full)
	if errors.Is(err, record.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the last full look at %s: %w", zone, err)
	}
	l.walker.Remember(base)
	return nil
}

// complete records a core look over its base and answers both as one. again
// says that it cannot be judged over the base there is.
func (l *line) complete(ctx context.Context, m holdfast.Measurement) (whole holdfast.Measurement, again bool, err error) {
	base, err := l.record.LatestMeasurement(ctx, m.Subject.Zone, holdfast.Full)
	if errors.Is(err, record.ErrNotFound) {
		return m, true, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read the last full look at %s: %w", m.Subject.Zone, err)
	}
	if keysDiffer(m, base) {
		return m, true, nil
	}
	m.Base = base.ID
	if err := l.record.Measured(ctx, m); err != nil {
		return m, false, fmt.Errorf("record %s: %w", m.Subject.Zone, err)
	}
	return holdfast.Compose(m, base), false, nil
}

// Judge says what a look means, remembers it, and tells.
func (l *line) Judge(ctx context.Context, s holdfast.Subject, m holdfast.Measurement) (holdfast.Status, error) {
	past, err := l.record.Past(ctx, s.Zone)
	if err != nil {
		return holdfast.Indeterminate, fmt.Errorf("read what is known of %s: %w", s.Zone, err)
	}
	v, past := l.catalogue.Follow(m, past, m.Finished)
	if err := l.record.Found(ctx, s, v, past); err != nil {
		return v.Status, fmt.Errorf("record findings on %s: %w", s.Zone, err)
	}
	// No findings are news too: they close incidents.
	if err := l.alert.Consider(ctx, s, v, m.Sweep); err != nil {
		return v.Status, fmt.Errorf("consider %s: %w", s.Zone, err)
	}
	return v.Status, nil
}

// Recover judges what was recorded and not judged when the last process ended.
// It takes the same path as normal work.
func (l *line) Recover(ctx context.Context) (int, error) {
	judged := 0
	for m, err := range l.record.Unjudged(ctx) {
		if err != nil {
			return judged, fmt.Errorf("recover: %w", err)
		}
		if _, err := l.Judge(ctx, m.Subject, m); err != nil {
			return judged, fmt.Errorf("recover: %w", err)
		}
		judged++
	}
	return judged, nil
}

// Begin starts a sweep: the work that its zones share is done once in it.
func (l *line) Begin(ctx context.Context, s holdfast.Sweep) error {
	s = l.described(s)
	l.mu.Lock()
	l.sweeps[s.ID] = l.walker.NewSweep(s.ID)
	l.mu.Unlock()
	return l.record.BeginSweep(ctx, s)
}

// End notes how a sweep went.
func (l *line) End(ctx context.Context, s holdfast.Sweep) error {
	l.mu.Lock()
	delete(l.sweeps, s.ID)
	l.mu.Unlock()
	if err := l.record.EndSweep(ctx, l.described(s)); err != nil {
		return err
	}
	if s.Withheld || len(s.Statuses) == 0 {
		return nil
	}
	return l.alert.SelfGood(ctx)
}

// described is a sweep with what scan does not know of it.
func (l *line) described(s holdfast.Sweep) holdfast.Sweep {
	s.Program, s.Catalogue, s.Serial = l.program, l.catalogue.Version, l.serial()
	return s
}

func (l *line) instrument(sweep string) measure.Instrument {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sweeps[sweep]
}

// InTrouble says whether a zone belongs into the fast loop.
func (l *line) InTrouble(zone holdfast.Name) bool { return l.alert.InTrouble(zone) }

// World tells staff that most of the world seems down, or no longer does. No
// zone is blamed meanwhile.
func (l *line) World(ctx context.Context, down bool, s holdfast.Sweep) error {
	if down {
		l.log.Error("most zones gave no answer: blame is withheld; look at this machine's network", "sweep", s.ID)
		return l.alert.Withheld(ctx, s)
	}
	l.log.Info("zones answer again", "sweep", s.ID)
	return nil // whole sweeps close the incident: End
}

// Withhold marks a look as one that recovery must not judge either.
func (l *line) Withhold(ctx context.Context, m holdfast.Measurement) error {
	return l.record.Withhold(ctx, m.ID)
}

// Failed notes that we could not work on a subject. The others go on.
func (l *line) Failed(s holdfast.Subject, err error) {
	l.log.Error("could not work on a zone", "zone", s.Zone, "error", err)
}

// keysDiffer says whether any server gives another DNSKEY RRset, or none where
// it gave one, or one where it gave none, than in the base.
func keysDiffer(m, base holdfast.Measurement) bool {
	before := keySets(base)
	for server, now := range keySets(m) {
		was, known := before[server]
		if !known || !slices.Equal(now, was) {
			return true
		}
	}
	return false
}

// keySets are the DNSKEYs by the servers that answered about them, as sorted
// data, without signatures.
func keySets(m holdfast.Measurement) map[holdfast.Server][]string {
	out := map[holdfast.Server][]string{}
	for _, e := range m.Exchanges {
		if e.Purpose != holdfast.PurposeDNSKEY || e.Zone != m.Subject.Zone || e.Outcome != holdfast.Answered {
			continue
		}
		message, err := wire.Parse(e.Reply)
		if err != nil || message.Rcode != wire.NoError {
			continue
		}
		keys := []string{}
		for _, r := range message.Answer {
			if r.Type == wire.TypeDNSKEY {
				keys = append(keys, string(r.Data))
			}
		}
		slices.Sort(keys)
		out[e.Server] = keys
	}
	return out
}

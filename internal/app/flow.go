package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/measure"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/alert"
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
	memo      *memo
	clock     *clockwatch
	// about is what is known of a zone's contact; nil: nothing of any.
	about func(context.Context, holdfast.Name, holdfast.Depth) *holdfast.Registration

	mu     sync.Mutex
	sweeps map[string]measure.Instrument // by sweep; owned by mu
	// doubted are the sweeps in which our clock was wrong, until they end;
	// owned by mu.
	doubted map[string]bool
}

// Look measures a subject and keeps what was seen.
func (l *line) Look(ctx context.Context, s holdfast.Subject, d holdfast.Depth, sweep string) (holdfast.Measurement, error) {
	if err := l.remind(ctx, s.Zone, d); err != nil {
		return holdfast.Measurement{}, err
	}
	if l.about != nil {
		s.Registration = l.about(ctx, s.Zone, d)
	}
	m, err := l.instrument(sweep).Measure(ctx, s, d)
	if err != nil {
		return m, fmt.Errorf("measure %s: %w", s.Zone, err)
	}
	m.Sweep = sweep
	// What is judged now must be what recovery and rejudge will find.
	m = record.AsKept(m)
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
	l.memo.rest(m)
	return m, nil
}

// remind gives the walker the servers of a zone's last full look before this
// process makes its first core look at it.
func (l *line) remind(ctx context.Context, zone holdfast.Name, d holdfast.Depth) error {
	if d == holdfast.Full {
		return nil
	}
	if _, known := l.memo.base(zone); known {
		return nil
	}
	last, err := l.record.LatestMeasurement(ctx, zone, holdfast.Full)
	if errors.Is(err, record.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the last full look at %s: %w", zone, err)
	}
	l.walker.Remember(last)
	l.memo.rest(last)
	return nil
}

// complete records a core look over the last full one, by which it is to be
// completed when it is judged. again says that it cannot be.
func (l *line) complete(ctx context.Context, m holdfast.Measurement) (_ holdfast.Measurement, again bool, err error) {
	base, known := l.memo.base(m.Subject.Zone)
	if !known || l.memo.keysDiffer(m, base) {
		return m, true, nil
	}
	m.Base = base.id
	if err := l.record.Measured(ctx, m); err != nil {
		return m, false, fmt.Errorf("record %s: %w", m.Subject.Zone, err)
	}
	return m, false, nil
}

// Judge says what a look means, remembers it, and tells. A look that shows what
// the last one did is not judged anew.
func (l *line) Judge(ctx context.Context, s holdfast.Subject, m holdfast.Measurement) (holdfast.Status, error) {
	// Whoever does not know what time it is cannot say what has expired.
	if l.clock.see(m); l.clock.wrong(s.Zone) {
		l.mu.Lock()
		l.doubted[m.Sweep] = true
		l.mu.Unlock()
		return holdfast.Indeterminate, l.Withhold(ctx, m)
	}
	before, err := l.record.Past(ctx, s.Zone)
	if err != nil {
		return holdfast.Indeterminate, fmt.Errorf("read what is known of %s: %w", s.Zone, err)
	}
	v, after, same := l.memo.again(m, before, m.Finished)
	if !same {
		whole, err := l.whole(ctx, m)
		if err != nil {
			return holdfast.Indeterminate, err
		}
		v, after = l.catalogue.Follow(whole, before, m.Finished)
		l.memo.keep(m, before, v, after)
	}
	return v.Status, l.found(ctx, s, v, after, m.Sweep)
}

// whole is a look completed by the full one that it rests on.
func (l *line) whole(ctx context.Context, m holdfast.Measurement) (holdfast.Measurement, error) {
	if m.Base == "" {
		return m, nil
	}
	full, err := l.record.Measurement(ctx, m.Base)
	if errors.Is(err, record.ErrNotFound) {
		return m, nil // judged as it stands: all that there is
	}
	if err != nil {
		return m, fmt.Errorf("read the last full look at %s: %w", m.Subject.Zone, err)
	}
	return holdfast.Compose(m, full), nil
}

// found remembers what a look means, and tells.
func (l *line) found(ctx context.Context, s holdfast.Subject, v holdfast.Verdict, after holdfast.Past, sweep string) error {
	if err := l.record.Found(ctx, s, v, after); err != nil {
		return fmt.Errorf("record findings on %s: %w", s.Zone, err)
	}
	// No findings are news too: they close incidents.
	if err := l.alert.Consider(ctx, s, v, sweep); err != nil {
		return fmt.Errorf("consider %s: %w", s.Zone, err)
	}
	return nil
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
	s.Withheld = s.Withheld || l.doubted[s.ID]
	delete(l.sweeps, s.ID)
	delete(l.doubted, s.ID)
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

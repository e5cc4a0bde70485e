package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Why a zone was refused as the new roster. The old one stays in each case.
var (
	ErrUnverified = errors.New("the zone does not verify")
	ErrShrunk     = errors.New("too many of the zones under watch are gone from it")
	ErrOlder      = errors.New("its serial is older than the roster's")
	ErrOtherZone  = errors.New("it is another zone than the roster's")
)

// Verify checks a whole zone at an instant: its digest and all its signatures
// under the trust anchors. App makes it of judge/whole; nil where the operator
// vouches for the file (the lab's).
type Verify func(zone source.Zone, at time.Time) error

// Gate is what a zone must pass to become the roster.
type Gate struct {
	Verify Verify
	// MaxLossPercent as in Config; zero: 10.
	MaxLossPercent int
}

// Accept makes the zone the new roster, or says why not: ErrUnverified,
// ErrEmpty, ErrOtherZone, ErrOlder (serials as in RFC 1982; the same serial
// again is accepted), ErrShrunk. Errors name source and remedy. previous is
// nil the first time.
func (g Gate) Accept(zone source.Zone, at time.Time, previous *Roster) (*Roster, error) {
	if g.Verify != nil {
		if err := g.Verify(zone, at); err != nil {
			return nil, fmt.Errorf("roster from %s, serial %d: %w: %w; try another source, and look at this machine's clock",
				zone.From, zone.SOA.Serial, ErrUnverified, err)
		}
	}
	next, err := Build(zone)
	if err != nil || previous == nil {
		return next, err
	}
	if previous.Zone == "" {
		// A list was in force before: there is no serial to go back from, and
		// whoever changed the configuration meant it.
		return next, nil
	}
	if previous.Zone != next.Zone {
		return nil, fmt.Errorf("roster from %s: %w: %s in place of %s", zone.From, ErrOtherZone, next.Zone, previous.Zone)
	}
	if wire.CompareSerial(next.Serial, previous.Serial) < 0 {
		return nil, fmt.Errorf("roster from %s: %w: %d after %d; the source lags, try another",
			zone.From, ErrOlder, next.Serial, previous.Serial)
	}
	lost := previous.missingIn(next)
	limit := g.MaxLossPercent
	if limit == 0 {
		limit = 10
	}
	if 100*len(lost) >= limit*previous.delegations() && len(lost) > 0 {
		return nil, fmt.Errorf("roster from %s, serial %d: %w: %d of %d, %s the first; if this is true, raise max_loss_percent for one look",
			zone.From, next.Serial, ErrShrunk, len(lost), previous.delegations(), lost[0])
	}
	return next, nil
}

// missingIn are the names that next no longer has.
func (r *Roster) missingIn(next *Roster) []holdfast.Name {
	var lost []holdfast.Name
	for _, s := range r.Subjects {
		if _, ok := next.Find(s.Zone); !ok {
			lost = append(lost, s.Zone)
		}
	}
	return lost
}

// delegations counts the subjects, without the zone itself.
func (r *Roster) delegations() int {
	if r.Zone == "" {
		return len(r.Subjects)
	}
	return len(r.Subjects) - 1
}

// Fetch tries the sources in order and answers the first roster that one of
// them gives and that is accepted. Where none is, the error names every source
// and why; previous stays in force.
func (g Gate) Fetch(ctx context.Context, sources []source.Fetcher, clock holdfast.Clock, previous *Roster) (*Roster, error) {
	if len(sources) == 0 {
		return nil, errors.New("fetch roster: no source is configured; set [roster] sources or list")
	}
	var failures []error
	for _, s := range sources {
		zone, err := s.Fetch(ctx)
		if err == nil {
			var next *Roster
			if next, err = g.Accept(zone, clock.Now(), previous); err == nil {
				return next, nil
			}
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("fetch roster from %s: %w", s, ctx.Err())
		}
		failures = append(failures, err)
	}
	err := errors.Join(failures...)
	if previous != nil {
		return nil, fmt.Errorf("fetch roster: the one of serial %d from %s stays in force: %w", previous.Serial, previous.From, err)
	}
	return nil, fmt.Errorf("fetch roster: %w", err)
}

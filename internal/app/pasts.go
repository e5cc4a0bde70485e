package app

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/record"
)

// pasts judges recorded looks again, each in the light of those before it, as
// the watch did. It begins with the past that the record keeps from before the
// first look of each zone.
type pasts struct {
	record    *record.Record
	catalogue judge.Catalogue
	withheld  map[string]bool // sweeps whose looks taught nothing
	known     map[holdfast.Name]holdfast.Past
}

// judge takes the looks of a zone in the order in which they ended.
func (p *pasts) judge(ctx context.Context, m holdfast.Measurement) (holdfast.Verdict, error) {
	past, known := p.known[m.Subject.Zone]
	if !known {
		var err error
		if past, err = p.before(ctx, m); err != nil {
			return holdfast.Verdict{}, err
		}
	}
	v, after := p.catalogue.Follow(m, past, m.Finished)
	p.known[m.Subject.Zone] = after
	return v, nil
}

// before is what was known of a zone when the look was judged: what the record
// kept from before it, with the looks in between taken in.
func (p *pasts) before(ctx context.Context, m holdfast.Measurement) (holdfast.Past, error) {
	zone := m.Subject.Zone
	past, err := p.record.PastBefore(ctx, zone, m.Finished.Add(-time.Nanosecond))
	if err != nil {
		return past, fmt.Errorf("read what was known of %s: %w", zone, err)
	}
	for earlier, err := range p.record.Measurements(ctx, past.Until, m.Started, zone) {
		if err != nil {
			return past, fmt.Errorf("read earlier looks at %s: %w", zone, err)
		}
		if earlier.Finished.After(past.Until) && earlier.Finished.Before(m.Finished) && !p.withheld[earlier.Sweep] {
			_, past = p.catalogue.Follow(earlier, past, earlier.Finished)
		}
	}
	return past, nil
}

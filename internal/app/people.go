package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source/registry"
	"github.com/holdfastdns/holdfast/internal/source/roster"
)

// people keeps the technical contacts of the roster's zones fresh in the
// record, politely: one at a time.
type people struct {
	lookup *registry.Lookup
	record *record.Record
	clock  holdfast.Clock
	log    *slog.Logger
	roster func() *roster.Roster
	fresh  time.Duration // how long a contact is good for
}

func newPeople(config registry.Config, w World, r *record.Record, log *slog.Logger, roster func() *roster.Roster) (*people, error) {
	lookup, err := registry.New(config, registry.Means{
		Dial: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, Client: &http.Client{Timeout: 30 * time.Second},
		UserAgent: Program(), Clock: w.Clock,
	})
	if err != nil {
		return nil, err
	}
	return &people{lookup: lookup, record: r, clock: w.Clock, log: log, roster: roster, fresh: config.WithDefaults().Refresh.Of()}, nil
}

// local takes the contacts that are known without asking anybody: the
// configuration's, and the file's where it comes first. A change in either is
// in force from the next start, whatever the record holds.
func (p *people) local(ctx context.Context) error {
	lookup := p.lookup.Local()
	for _, subject := range p.roster().Subjects {
		contact, err := lookup.Contact(ctx, subject.Zone)
		if errors.Is(err, registry.ErrNoContact) {
			continue
		}
		if err != nil {
			return err
		}
		known, err := p.record.Contact(ctx, subject.Zone)
		if err == nil && sameContact(known, contact) {
			continue
		}
		if err := p.record.SaveContact(ctx, contact); err != nil {
			return err
		}
	}
	return nil
}

func sameContact(a, b holdfast.Contact) bool {
	a.Fetched, b.Fetched = time.Time{}, time.Time{}
	return a == b
}

// run looks up who has no contact, or an old one, and then waits for a day. A
// failure leaves the old contact in place and is tried again the next day.
func (p *people) run(ctx context.Context) error {
	if err := p.local(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	for ctx.Err() == nil {
		learned, failed := 0, 0
		for _, subject := range p.roster().Subjects {
			if subject.Zone == holdfast.Root || !p.stale(ctx, subject.Zone) {
				continue
			}
			contact, err := p.lookup.Contact(ctx, subject.Zone)
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, registry.ErrNoContact):
			case err != nil:
				failed++
				p.log.Debug("contact not found", "zone", subject.Zone, "error", err)
			default:
				learned++
				if err := p.record.SaveContact(ctx, contact); err != nil && ctx.Err() == nil {
					p.log.Error("contact not kept", "zone", subject.Zone, "error", err)
				}
			}
		}
		if learned+failed > 0 {
			p.log.Info("contacts", "learned", learned, "failed", failed)
		}
		select {
		case <-ctx.Done():
		case <-p.clock.After(24 * time.Hour):
		}
	}
	return nil
}

// stale says whether the zone's contact is missing or older than configured.
func (p *people) stale(ctx context.Context, zone holdfast.Name) bool {
	contact, err := p.record.Contact(ctx, zone)
	return err != nil || p.clock.Now().Sub(contact.Fetched) > p.fresh
}

// flag says what makes a contact's address doubtful while its zone is down.
func (p *people) flag(contact holdfast.Contact, zone holdfast.Name) string {
	var servers []holdfast.Name
	if subject, ok := p.roster().Find(zone); ok && subject.Delegation != nil {
		servers = subject.Delegation.NS
	}
	return registry.Depends(contact, zone, servers)
}

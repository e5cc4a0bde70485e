package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
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

	mu    sync.Mutex
	none  map[holdfast.Name]bool                   // zones of which every source said that it knows no contact; owned by mu
	known map[holdfast.Name]*holdfast.Registration // as of the last full look; owned by mu, what it points to is not changed
}

func newPeople(config registry.Config, w World, r *record.Record, log *slog.Logger, roster func() *roster.Roster) (*people, error) {
	lookup, err := registry.New(config, registry.Means{
		Dial: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, Client: &http.Client{Timeout: 30 * time.Second},
		UserAgent: Program(), Clock: w.Clock,
	})
	if err != nil {
		return nil, err
	}
	return &people{lookup: lookup, record: r, clock: w.Clock, log: log, roster: roster, fresh: config.WithDefaults().Refresh.Of(),
		none: map[holdfast.Name]bool{}, known: map[holdfast.Name]*holdfast.Registration{}}, nil
}

// local takes the contacts that are known without asking anybody: the
// configuration's, and the file's where it comes first. A change in either is
// in force from the next start, whatever the record holds.
func (p *people) local(ctx context.Context) error {
	lookup := p.lookup.Local()
	for _, subject := range p.roster().Subjects {
		contact, err := lookup.Contact(ctx, subject.Zone)
		if errors.Is(err, registry.ErrNoContact) {
			if p.lookup.AllLocal() {
				p.found(subject.Zone, false)
			}
			continue
		}
		if err != nil {
			return err
		}
		p.found(subject.Zone, true)
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
				p.found(subject.Zone, false)
			case err != nil:
				failed++
				p.log.Debug("contact not found", "zone", subject.Zone, "error", err)
			default:
				learned++
				p.found(subject.Zone, true)
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

// found notes whether the sources know a contact of the zone.
func (p *people) found(zone holdfast.Name, contact bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.none[zone] = !contact
}

// registration is what a look is told of the zone's contact: nil where nobody
// was asked. It is read anew with every full look; core looks go by the last.
func (p *people) registration(ctx context.Context, zone holdfast.Name, d holdfast.Depth) *holdfast.Registration {
	p.mu.Lock()
	known, seen := p.known[zone]
	none := p.none[zone]
	p.mu.Unlock()
	if zone == holdfast.Root || seen && d == holdfast.Core {
		return known
	}
	known = p.read(ctx, zone, none)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[zone] = known
	return known
}

func (p *people) read(ctx context.Context, zone holdfast.Name, none bool) *holdfast.Registration {
	contact, err := p.record.Contact(ctx, zone)
	switch {
	case err == nil:
	case none:
		return &holdfast.Registration{}
	default:
		return nil
	}
	out := &holdfast.Registration{Source: contact.Source, Fetched: contact.Fetched.UTC()}
	out.Domain, out.Contact = registry.MailDomain(contact)
	if last, err := p.record.LastNoticeTo(ctx, contact.Email, holdfast.ForContact); err == nil && last.State == holdfast.NoticeFailed {
		out.Bounced = last.Created.UTC()
	}
	return out
}

// flag says what makes a contact's address doubtful while its zone is down.
func (p *people) flag(contact holdfast.Contact, zone holdfast.Name) string {
	var servers []holdfast.Name
	if subject, ok := p.roster().Find(zone); ok && subject.Delegation != nil {
		servers = subject.Delegation.NS
	}
	return registry.Depends(contact, zone, servers)
}

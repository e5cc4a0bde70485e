// Package registry brings in who stands behind a top-level domain: its
// technical contact, from IANA's RDAP service, IANA's WHOIS, a CSV file, or
// the operator's own word.
//
// The services are other people's: they are asked one question at a time, with
// a pause between, and what they answer is bounded and cleaned, since it ends
// up in mail headers and on pages. To remember the answers is record's business.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Config is the [contacts] table.
type Config struct {
	// Sources of contacts, asked in this order until one knows: "rdap",
	// "whois", "csv". Default: rdap, whois; with File set, csv before both.
	// Overrides come before all.
	Sources []string `toml:"sources"`
	// File is a CSV file with at least the columns tld and tech_email, and
	// where it has them tech_org.
	File string `toml:"file"`
	// RDAP is the address before the domain's name. Default
	// https://rdap.iana.org/domain/
	RDAP string `toml:"rdap"`
	// WHOIS server. Default whois.iana.org:43.
	WHOIS string `toml:"whois"`
	// Interval between two questions to one service. Default 2s.
	Interval holdfast.Duration `toml:"interval"`
	// Timeout of one question. Default 15s.
	Timeout holdfast.Duration `toml:"timeout"`
	// Refresh is the age at which a contact is looked up again. Default 7d.
	Refresh holdfast.Duration `toml:"refresh"`
	// Overrides by zone: [contacts.overrides."example"].
	Overrides map[string]Override `toml:"overrides"`
}

// WithDefaults fills in what is not set.
func (c Config) WithDefaults() Config {
	if len(c.Sources) == 0 {
		c.Sources = []string{"rdap", "whois"}
		if c.File != "" {
			c.Sources = []string{"csv", "rdap", "whois"}
		}
	}
	if c.RDAP == "" {
		c.RDAP = "https://rdap.iana.org/domain/"
	}
	if c.WHOIS == "" {
		c.WHOIS = "whois.iana.org:43"
	}
	if c.Interval <= 0 {
		c.Interval = holdfast.Duration(2 * time.Second)
	}
	if c.Timeout <= 0 {
		c.Timeout = holdfast.Duration(15 * time.Second)
	}
	if c.Refresh <= 0 {
		c.Refresh = holdfast.Duration(7 * 24 * time.Hour)
	}
	return c
}

// ErrNoContact says that a source works and knows no technical contact.
var ErrNoContact = errors.New("no technical contact is known")

// Source knows contacts.
type Source interface {
	// Contact of the zone; ErrNoContact, wrapped, where the source has none.
	Contact(ctx context.Context, zone holdfast.Name) (holdfast.Contact, error)
}

// Lookup asks sources in their order. It is a Source itself.
type Lookup struct{ sources []Source }

// NewLookup makes a lookup of sources in the order in which they are asked.
func NewLookup(sources ...Source) *Lookup { return &Lookup{sources} }

// Local is what of the lookup comes before the first service: it answers
// without asking anybody.
func (l *Lookup) Local() *Lookup {
	n := slices.IndexFunc(l.sources, func(s Source) bool { _, here := s.(fixed); return !here })
	if n < 0 {
		n = len(l.sources)
	}
	return &Lookup{l.sources[:n]}
}

// AllLocal says that no service is asked: what Local does not know, nobody does.
func (l *Lookup) AllLocal() bool { return len(l.Local().sources) == len(l.sources) }

// MailDomain is the domain that a contact's mail address is at, false where it
// has none that can be read.
func MailDomain(contact holdfast.Contact) (holdfast.Name, bool) {
	domain, err := mailDomain(contact.Email)
	return domain, err == nil && contact.Email != ""
}

// Means are what looking up takes; app gives them.
type Means struct {
	Dial      source.DialContext
	Client    *http.Client
	UserAgent string
	Clock     holdfast.Clock
}

// New makes the lookup that the configuration describes, overrides first. It
// reads the configured file; errors name the setting.
func New(config Config, means Means) (*Lookup, error) {
	config = config.WithDefaults()
	own, err := NewOverrides(config.Overrides, means.Clock.Now())
	if err != nil {
		return nil, err
	}
	sources := []Source{own}
	for _, name := range config.Sources {
		switch name {
		case "rdap":
			sources = append(sources, NewRDAP(config, means.Client, means.UserAgent, means.Clock))
		case "whois":
			sources = append(sources, NewWHOIS(config, means.Dial, means.Clock))
		case "csv":
			file, err := readFile(config.File)
			if err != nil {
				return nil, err
			}
			sources = append(sources, file)
		default:
			return nil, fmt.Errorf("contacts.sources: %q is none of rdap, whois, csv", name)
		}
	}
	return NewLookup(sources...), nil
}

// Contact is the first that a source knows. A source that fails does not keep
// the next from being asked; where none knows, the error has what each said,
// and is ErrNoContact only where none failed.
func (l *Lookup) Contact(ctx context.Context, zone holdfast.Name) (holdfast.Contact, error) {
	var failures []error
	for _, source := range l.sources {
		contact, err := source.Contact(ctx, zone)
		if err == nil {
			return contact, nil
		}
		if ctx.Err() != nil {
			return holdfast.Contact{}, fmt.Errorf("contact of %s: %w", zone, ctx.Err())
		}
		if !errors.Is(err, ErrNoContact) {
			failures = append(failures, err)
		}
	}
	if len(failures) == 0 {
		return holdfast.Contact{}, fmt.Errorf("contact of %s: %w", zone, ErrNoContact)
	}
	return holdfast.Contact{}, fmt.Errorf("contact of %s: %w", zone, errors.Join(failures...))
}

// Override is a contact on the operator's word.
type Override struct {
	Email        string `toml:"email"`
	Person       string `toml:"person"`
	Organisation string `toml:"organisation"`
	Phone        string `toml:"phone"`
}

// fixed are contacts that are known beforehand.
type fixed struct {
	contacts map[holdfast.Name]holdfast.Contact
	from     string
}

func (f fixed) Contact(_ context.Context, zone holdfast.Name) (holdfast.Contact, error) {
	if contact, ok := f.contacts[zone]; ok {
		return contact, nil
	}
	return holdfast.Contact{}, fmt.Errorf("%s: %s: %w", f.from, zone, ErrNoContact)
}

// NewOverrides makes a source of the operator's own contacts. at is when they
// were read. Names and addresses that are none are errors.
func NewOverrides(overrides map[string]Override, at time.Time) (Source, error) {
	out := fixed{make(map[holdfast.Name]holdfast.Contact, len(overrides)), "configuration"}
	for text, o := range overrides {
		zone, err := wire.FromUnicode(text)
		if err != nil {
			return nil, fmt.Errorf("contact override: %w", err)
		}
		contact, err := finish(holdfast.Contact{
			Zone: zone, Email: o.Email, Person: o.Person, Organisation: o.Organisation, Phone: o.Phone,
			Source: holdfast.ContactFromConfig, Fetched: at,
		})
		if err != nil {
			return nil, fmt.Errorf("contact override of %q: %w", text, err)
		}
		out.contacts[zone] = contact
	}
	return out, nil
}

// maxText bounds each text of a contact, in characters.
const maxText = 200

// clean makes one printable line of what a stranger wrote.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar:
			return -1
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText])
	}
	return text
}

// finish cleans a contact and sees that mail can be sent to it.
func finish(c holdfast.Contact) (holdfast.Contact, error) {
	c.Role = "technical"
	c.Person, c.Organisation, c.Phone = clean(c.Person), clean(c.Organisation), clean(c.Phone)
	raw := strings.TrimSpace(c.Email)
	if raw == "" {
		return holdfast.Contact{}, ErrNoContact
	}
	address, err := mail.ParseAddress(raw)
	if err != nil || address.Name != "" || clean(address.Address) != address.Address {
		return holdfast.Contact{}, fmt.Errorf("%q is not a mail address", clean(raw))
	}
	c.Email = address.Address
	if _, err := mailDomain(c.Email); err != nil {
		return holdfast.Contact{}, fmt.Errorf("mail address: %w", err)
	}
	return c, nil
}

// mailDomain is the domain that a mail address is at.
func mailDomain(address string) (holdfast.Name, error) {
	return wire.FromUnicode(address[strings.LastIndexByte(address, '@')+1:])
}

// Depends says, in a sentence for staff, how a contact's mail hangs on the very
// zone that fails, so that mail to it may not arrive: its domain lies under the
// zone, or beside the zone's name servers. It is empty where neither is so.
func Depends(contact holdfast.Contact, zone holdfast.Name, nsNames []holdfast.Name) string {
	domain, err := mailDomain(contact.Email)
	if err != nil || contact.Email == "" {
		return ""
	}
	if zone != holdfast.Root && domain.IsSubdomainOf(zone) {
		return fmt.Sprintf("the contact's mail domain %s lies under %s itself: mail may not arrive while it fails", domain, zone)
	}
	for _, ns := range nsNames {
		// ns1.nic.example and mail at nic.example, or mail.nic.example and
		// ns1.nic.example: one domain carries both. A parent of one label is a
		// registry, and shared by strangers.
		home := ns.Parent()
		if ns.IsSubdomainOf(domain) || home.Labels() > 1 && domain.IsSubdomainOf(home) {
			return fmt.Sprintf("the contact's mail domain %s shares its domain with the zone's name server %s: mail may not arrive while that fails", domain, ns)
		}
	}
	return ""
}

// turns lets one question at a time go to a service, with a pause between.
type turns struct {
	clock    holdfast.Clock
	interval time.Duration
	// last is the line of one: whoever holds its value, the instant at which
	// the last question ended, has the turn.
	last chan time.Time
}

func newTurns(clock holdfast.Clock, interval time.Duration) *turns {
	t := &turns{clock: clock, interval: interval, last: make(chan time.Time, 1)}
	t.last <- time.Time{}
	return t
}

// take waits for the turn; done gives it back.
func (t *turns) take(ctx context.Context) (done func(), err error) {
	var last time.Time
	select {
	case last = <-t.last:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if pause := t.interval - t.clock.Now().Sub(last); !last.IsZero() && pause > 0 {
		select {
		case <-t.clock.After(pause):
		case <-ctx.Done():
			t.last <- last
			return nil, ctx.Err()
		}
	}
	return func() { t.last <- t.clock.Now() }, nil
}

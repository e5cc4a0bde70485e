package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
)

// WHOIS asks IANA's WHOIS service (RFC 3912) for a top-level domain's
// technical contact.
type WHOIS struct {
	server  string
	dial    source.DialContext
	timeout time.Duration
	turns   *turns
	clock   holdfast.Clock
}

// NewWHOIS makes a source of the server that the configuration names.
func NewWHOIS(config Config, dial source.DialContext, clock holdfast.Clock) *WHOIS {
	config = config.WithDefaults()
	return &WHOIS{server: config.WHOIS, dial: dial, timeout: config.Timeout.Of(), turns: newTurns(clock, config.Interval.Of()), clock: clock}
}

// Contact asks for one domain.
func (w *WHOIS) Contact(ctx context.Context, zone holdfast.Name) (holdfast.Contact, error) {
	done, err := w.turns.take(ctx)
	if err != nil {
		return holdfast.Contact{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	contact, err := w.ask(ctx, zone)
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, ErrNoContact) {
			err = ctx.Err()
		}
		return holdfast.Contact{}, fmt.Errorf("WHOIS %s %s: %w", w.server, zone.Short(), err)
	}
	contact.Fetched = w.clock.Now()
	return contact, nil
}

func (w *WHOIS) ask(ctx context.Context, zone holdfast.Name) (holdfast.Contact, error) {
	if zone == holdfast.Root || strings.ContainsAny(zone.Short(), "\\ ") {
		return holdfast.Contact{}, ErrNoContact
	}
	conn, err := w.dial(ctx, "tcp", w.server)
	if err != nil {
		return holdfast.Contact{}, err
	}
	defer conn.Close()
	// The service ends its answer by closing; a read that waits ends when the
	// context does.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := ask(conn, zone); err != nil {
		return holdfast.Contact{}, err
	}
	body, err := readAll(conn)
	if err != nil {
		return holdfast.Contact{}, err
	}
	return parseWHOIS(string(body), zone)
}

func ask(conn net.Conn, zone holdfast.Name) error {
	_, err := conn.Write([]byte(zone.Short() + "\r\n"))
	return err
}

// parseWHOIS reads the technical contact from an answer in the form of
// whois.iana.org: lines of "key: value" in blocks, of which the one that begins
// with "contact: technical" is ours. A comment begins with "%".
func parseWHOIS(text string, zone holdfast.Name) (holdfast.Contact, error) {
	contact := holdfast.Contact{Zone: zone, Source: holdfast.ContactFromWHOIS}
	about := ""
	technical := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, ":")
		if line == "" || line[0] == '%' || !ok {
			// A blank line ends a block.
			technical = technical && line != ""
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "domain":
			about = value
		case "contact":
			technical = strings.EqualFold(value, "technical")
		case "name":
			keep(technical, &contact.Person, value)
		case "organisation":
			keep(technical, &contact.Organisation, value)
		case "phone":
			keep(technical, &contact.Phone, value)
		case "e-mail":
			keep(technical, &contact.Email, value)
		}
	}
	if about == "" {
		return holdfast.Contact{}, ErrNoContact
	}
	if name, err := holdfast.ParseName(about); err != nil || name != zone {
		return holdfast.Contact{}, fmt.Errorf("the answer is about %q", clean(about))
	}
	return finish(contact)
}

// keep takes the first value of a field of our block.
func keep(ours bool, field *string, value string) {
	if ours && *field == "" {
		*field = value
	}
}

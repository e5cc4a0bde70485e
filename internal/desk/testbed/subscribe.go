package testbed

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// Subscribe notes that somebody wants to be told of a zone's steps, and writes
// to the address to ask whether that is so. refused says to the visitor why it
// does not; whether an address is known already is told to nobody.
func (d *Desk) Subscribe(ctx context.Context, zone holdfast.Name, address string, from netip.Addr) (refused string, err error) {
	if !d.Open() {
		return "This test bed sends no mails: follow the zone by its page and its calendar.", nil
	}
	address, ok := mailbox(address)
	if !ok {
		return "That is not a mail address of the form name@domain.example.", nil
	}
	now := d.clock.Now()
	if !d.allow(from, now) {
		return "Too many forms came from your network. Please try again in some minutes.", nil
	}
	z, err := d.record.TestZone(ctx, zone)
	if errors.Is(err, record.ErrNotFound) {
		return "There is no test zone of this name.", nil
	}
	if err != nil {
		return "", err
	}
	if !z.Live(now) {
		return "The zone has not begun, or it has ended.", nil
	}
	s, fresh, err := d.subscription(ctx, z, address, now)
	if err != nil || !fresh {
		return "", err
	}
	refused, room, err := d.room(ctx, z, address)
	if err != nil || !room {
		return refused, err
	}
	err = d.record.SaveSubscription(ctx, s, d.letters(z, s, now).confirm())
	if errors.Is(err, record.ErrState) {
		return "", nil // the same form was sent twice in this very moment
	}
	return "", err
}

// subscription is the one to be recorded for an address. fresh is false where
// there is one already: then no further mail is sent.
func (d *Desk) subscription(ctx context.Context, z holdfast.TestZone, address string, now time.Time) (s holdfast.Subscription, fresh bool, err error) {
	s, err = d.record.SubscriptionOf(ctx, z.Name, address)
	switch {
	case errors.Is(err, record.ErrNotFound):
		s = holdfast.Subscription{ID: word(), Zone: z.Name, Address: address, Label: "t-" + word()}
	case err != nil:
		return s, false, err
	case s.State != holdfast.SubscriptionEnded || now.Sub(s.Changed) < confirmWithin && now.Sub(s.Created) < confirmWithin:
		// Who ends and asks again, over and over, would be sent a mail each time.
		return s, false, nil
	}
	s.State, s.Created, s.Changed, s.Expires = holdfast.SubscriptionPending, now, now, now.Add(confirmWithin)
	return s, true, nil
}

// room says whether there is room for one more. Where there is none because of
// the address, refused is empty: what is known of an address is not told.
func (d *Desk) room(ctx context.Context, z holdfast.TestZone, address string) (refused string, ok bool, err error) {
	all, theirs, err := d.record.PendingSubscriptions(ctx, address)
	if err != nil {
		return "", false, err
	}
	confirmed, err := d.record.Subscriptions(ctx, z.Name, holdfast.SubscriptionConfirmed)
	switch {
	case err != nil || theirs >= pendingEach:
		return "", false, err
	case all >= pendingLimit:
		return "Too many subscriptions wait to be confirmed. Please try again tomorrow.", false, nil
	case len(confirmed) >= d.config.Subscribers:
		return "This zone has as many subscribers as it can have. Choose another one.", false, nil
	}
	return "", true, nil
}

// word is a random name of 80 bits, in lower case, fit for a DNS label.
func word() string { return strings.ToLower(rand.Text()[:16]) }

// dotAtom is the local part of an address as nearly all have it (RFC 5322
// section 3.2.3). Quoted ones are refused: they are a way to smuggle.
var dotAtom = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+)*$`)

// hostName is a domain of two labels or more that does not end in digits.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$`)

// mailbox is an address as it is kept: nothing but local part and domain, the
// domain in lower case.
func mailbox(text string) (string, bool) {
	text = strings.TrimSpace(text)
	at := strings.LastIndex(text, "@")
	if at < 0 || len(text) > 254 || at > 64 { // RFC 5321 section 4.5.3.1
		return "", false
	}
	local, domain := text[:at], strings.ToLower(text[at+1:])
	if _, err := holdfast.ParseName(domain); err != nil || !dotAtom.MatchString(local) || !hostName.MatchString(domain) {
		return "", false
	}
	parsed, err := mail.ParseAddress(local + "@" + domain)
	return local + "@" + domain, err == nil && parsed.Address == local+"@"+domain
}

// Subscription answers the one that a mail of ours linked to; ErrNotFound where
// id or token are not what we sent, and where it was not confirmed in time.
func (d *Desk) Subscription(ctx context.Context, id, token string) (holdfast.Subscription, error) {
	s, err := d.record.Subscription(ctx, clip(id))
	if err != nil {
		return holdfast.Subscription{}, err
	}
	expired := s.State == holdfast.SubscriptionPending && !d.clock.Now().Before(s.Expires)
	if expired || !same(token, d.token(confirming(s), s.ID)) && !same(token, d.token(managing, s.ID)) {
		return holdfast.Subscription{}, fmt.Errorf("read subscription: %w", record.ErrNotFound)
	}
	return s, nil
}

func clip(text string) string { return text[:min(len(text), 64)] }

func same(given, want string) bool { return hmac.Equal([]byte(given), []byte(want)) }

// Settle confirms a subscription or ends it. refused says to the visitor why
// it does not.
func (d *Desk) Settle(ctx context.Context, id, token string, to holdfast.SubscriptionState) (refused string, err error) {
	s, err := d.Subscription(ctx, id, token)
	if err != nil {
		return "", err
	}
	now := d.clock.Now()
	if to == holdfast.SubscriptionEnded {
		return "", d.record.EndSubscription(ctx, s.ID, prefix(s.ID), now)
	}
	if s.State == holdfast.SubscriptionConfirmed {
		return "", nil // the button was pressed twice
	}
	if s.State != holdfast.SubscriptionPending || !same(token, d.token(confirming(s), s.ID)) {
		return "This link has served. Subscribe again on the zone's page.", nil
	}
	z, err := d.record.TestZone(ctx, s.Zone)
	if err != nil {
		return "", err
	}
	err = d.record.ConfirmSubscription(ctx, s.ID, now, d.letters(z, s, now).welcome())
	if errors.Is(err, record.ErrState) {
		return "", nil
	}
	return "", err
}

// Software that a result may name.
func Software() []string {
	return []string{"Unbound", "BIND", "Knot Resolver", "PowerDNS Recursor", "dnsmasq", "systemd-resolved", "Windows DNS", "other"}
}

// versionText is what may stand in a result as a version: it is shown on a
// public page.
var versionText = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+~:-]{0,39}$`)

// Report keeps what a subscriber saw at a step of their zone.
func (d *Desk) Report(ctx context.Context, id, token string, result holdfast.TestResult) (refused string, err error) {
	s, err := d.Subscription(ctx, id, token)
	if err != nil {
		return "", err
	}
	z, err := d.record.TestZone(ctx, s.Zone)
	if err != nil {
		return "", err
	}
	now := d.clock.Now()
	when := z.When(result.Move)
	switch {
	case s.State != holdfast.SubscriptionConfirmed:
		return "The subscription is not confirmed, or it has ended.", nil
	case when.IsZero() || when.After(now) || result.Move == holdfast.TestEnds:
		return "The zone has not come to that step.", nil
	case !slices.Contains([]holdfast.TestOutcome{holdfast.OutcomeSecure, holdfast.OutcomeServfail, holdfast.OutcomeInsecure, holdfast.OutcomeOther}, result.Outcome):
		return "Choose what your resolver answered.", nil
	case !slices.Contains(Software(), result.Software):
		return "Choose your resolver from the list, or “other”.", nil
	case result.Version != "" && !versionText.MatchString(result.Version):
		return "A version has digits, letters and dots, 40 at most: 1.17.1.", nil
	}
	result.Subscription, result.Zone, result.At = s.ID, s.Zone, now
	return "", d.record.SaveTestResult(ctx, result)
}

// allowance is how many forms a source may send: burst at once, and one more
// in each refill.
type allowance struct {
	left float64
	at   time.Time
}

const (
	burst       = 6
	refill      = 2 * time.Minute
	sourceLimit = 10000
)

// allow takes one from the allowance of a source: an IPv4 address, or the /56
// that a household has in IPv6.
func (d *Desk) allow(from netip.Addr, now time.Time) bool {
	from = from.Unmap().WithZone("")
	key := from.String()
	if from.Is6() {
		if p, err := from.Prefix(56); err == nil {
			key = p.String()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.sources[key]
	if a == nil {
		if len(d.sources) >= sourceLimit {
			d.tidy(now)
		}
		if len(d.sources) >= sourceLimit {
			return false
		}
		a = &allowance{left: burst, at: now}
		d.sources[key] = a
	}
	a.left = min(burst, a.left+float64(now.Sub(a.at))/float64(refill))
	a.at = now
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}

// tidy forgets the sources whose allowance is whole again. The caller holds mu.
func (d *Desk) tidy(now time.Time) {
	for key, a := range d.sources {
		if now.Sub(a.at) >= burst*refill {
			delete(d.sources, key)
		}
	}
}

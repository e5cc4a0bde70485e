package alert

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Release says when a mail to a zone's contact goes out.
type Release string

const (
	// ReleaseHeld holds each mail until a person releases it (`holdfast
	// notices release`). The closing mail goes by itself to those who got the
	// opening.
	ReleaseHeld Release = "held"
	// ReleaseThread holds the first mail of an incident; once that is released
	// the later ones of its thread go by themselves.
	ReleaseThread Release = "thread"
	// ReleaseAutomatic holds none.
	ReleaseAutomatic Release = "automatic"
	// ReleaseNever makes none.
	ReleaseNever Release = "never"
)

// Config is the section [alert] of the configuration. Its zero value tells
// nobody, and holds what it would tell contacts.
type Config struct {
	// Staff are the mail addresses of those who run the watch. They get every
	// opening, rise, change of zones, reminder and closing.
	Staff []string `toml:"staff"`
	// Escalation are further addresses of staff that are told once an incident
	// is critical.
	Escalation []string `toml:"escalation"`
	// StaffFrom is the severity from which staff are told; "warning" where empty.
	StaffFrom holdfast.Severity `toml:"staff_from"`

	// Contacts says when mails to the technical contact of a zone go out:
	// "held" (the default: each waits for a person), "thread" (the first mail
	// of an incident waits, later ones follow it), "automatic" or "never".
	Contacts Release `toml:"contacts"`
	// Automatic are zones whose contacts are written to without a person,
	// whatever Contacts says.
	Automatic []string `toml:"automatic"`
	// ContactInterval is the least time between two mails to one contact below
	// critical; what comes in between is merged into the next. 6h where zero.
	ContactInterval holdfast.Duration `toml:"contact_interval"`
	// ContactPatience is how long servers must have failed, others of the zone
	// answering, before its contact is told of it: most are back within
	// minutes. 30m where zero.
	ContactPatience holdfast.Duration `toml:"contact_patience"`
	// SecondContacts gives a second address for a zone, told once its trouble
	// is critical: zone = "address".
	SecondContacts map[string]string `toml:"second_contacts"`

	// ReopenWithin is how long after its closing an incident is opened again
	// by the same trouble rather than a new one made. 24h where zero.
	ReopenWithin holdfast.Duration `toml:"reopen_within"`
	// HoldGood is how long all must have been good, beyond two looks, before
	// an incident closes. Zero by default: two looks are enough the first
	// time, and each reopening doubles them up to 64, so that trouble which
	// comes and goes is one incident. Set it to the DNSKEY TTL of your zones
	// to keep an incident open while caches may still hold what was broken.
	HoldGood holdfast.Duration `toml:"hold_good"`
	// Batch is how long changes of an incident's zones are gathered before
	// staff are told of them. 10m where zero.
	Batch holdfast.Duration `toml:"batch"`
	// Resend is how often an open incident is told again to Alertmanager,
	// which forgets what it does not hear of for three times as long. 4h where
	// zero.
	Resend holdfast.Duration `toml:"resend"`

	// BaseURL is where people reach the page: "https://holdfast.example/".
	// Mails link to it; empty: no links.
	BaseURL string `toml:"base_url"`
	// DocsURL is where the pages of the checks are; a code and ".md" are added.
	DocsURL string `toml:"docs_url"`
	// MessageDomain is the right-hand side of Message-IDs, a domain of yours;
	// the domain of the sender where empty.
	MessageDomain string `toml:"message_domain"`
	// Sender says in the mails who writes: "Example Registry Watch,
	// +1 555 0100". Contacts see it.
	Sender string `toml:"sender"`
	// SubjectTag begins each subject, in brackets. "Holdfast" where empty.
	SubjectTag string `toml:"subject_tag"`
}

const defaultDocsURL = "https://github.com/holdfastdns/holdfast/blob/main/docs/checks/"

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	duration := func(d *holdfast.Duration, value time.Duration) {
		if *d == 0 {
			*d = holdfast.Duration(value)
		}
	}
	duration(&c.ContactInterval, 6*time.Hour)
	duration(&c.ContactPatience, 30*time.Minute)
	duration(&c.ReopenWithin, 24*time.Hour)
	duration(&c.Batch, 10*time.Minute)
	duration(&c.Resend, 4*time.Hour)
	c.StaffFrom = max(c.StaffFrom, holdfast.SeverityWarning)
	if c.Contacts == "" {
		c.Contacts = ReleaseHeld
	}
	if c.DocsURL == "" {
		c.DocsURL = defaultDocsURL
	}
	if c.SubjectTag == "" {
		c.SubjectTag = "Holdfast"
	}
	if c.MessageDomain == "" {
		c.MessageDomain = "holdfast.invalid"
	}
	if c.BaseURL != "" && !strings.HasSuffix(c.BaseURL, "/") {
		c.BaseURL += "/"
	}
	return c
}

// Check says all that is wrong with a configuration, each by its key.
func (c Config) Check() error {
	var errs []error
	for key, list := range map[string][]string{"staff": c.Staff, "escalation": c.Escalation} {
		for _, address := range list {
			errs = append(errs, checkAddress("alert."+key, address))
		}
	}
	for zone, address := range c.SecondContacts {
		errs = append(errs, checkZone("alert.second_contacts", zone), checkAddress("alert.second_contacts."+zone, address))
	}
	for _, zone := range c.Automatic {
		errs = append(errs, checkZone("alert.automatic", zone))
	}
	if !slices.Contains([]Release{"", ReleaseHeld, ReleaseThread, ReleaseAutomatic, ReleaseNever}, c.Contacts) {
		errs = append(errs, fmt.Errorf(`alert.contacts is %q: want "held", "thread", "automatic" or "never"`, c.Contacts))
	}
	for key, d := range map[string]holdfast.Duration{"contact_interval": c.ContactInterval, "contact_patience": c.ContactPatience, "reopen_within": c.ReopenWithin,
		"hold_good": c.HoldGood, "batch": c.Batch, "resend": c.Resend} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("alert.%s is negative", key))
		}
	}
	for key, link := range map[string]string{"base_url": c.BaseURL, "docs_url": c.DocsURL} {
		if u, err := url.Parse(link); link != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
			errs = append(errs, fmt.Errorf("alert.%s is %q: want an address that begins with https://", key, link))
		}
	}
	if _, err := holdfast.ParseName(c.MessageDomain); c.MessageDomain != "" && (err != nil || strings.ContainsAny(c.MessageDomain, "<>@ ")) {
		errs = append(errs, fmt.Errorf("alert.message_domain is %q: want a domain name", c.MessageDomain))
	}
	return errors.Join(errs...)
}

func checkAddress(key, address string) error {
	if _, err := mailAddress(address); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func checkZone(key, zone string) error {
	if _, err := holdfast.ParseName(zone); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// mailAddress is the bare address of a mailbox, its domain in lower case, so
// that the same one is known again however it is written.
func mailAddress(text string) (string, error) {
	parsed, err := mail.ParseAddress(strings.TrimSpace(text))
	if err != nil {
		return "", fmt.Errorf("%q is no mail address: %w", clean(text, maxLine), err)
	}
	local, domain, _ := cutLast(parsed.Address, "@")
	return local + "@" + strings.ToLower(domain), nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

package zone

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// The checks of this file rest on what the roster's people were found to be
// (holdfast.Registration). They name domains, and never a person.

func contactUnusable() judge.Check {
	return judge.Check{
		Code: "REG-01", Name: "contact-unusable", Severity: holdfast.SeverityNotice,
		Reference: "RFC 1591 section 3; IANA root zone database, technical contact",
		Summary:   "A technical contact is known to whom mail can be sent.",
		Judge: aboutContact(func(_ holdfast.Name, r holdfast.Registration) string {
			if r.Contact {
				return ""
			}
			return "no technical contact is known to whom mail can be sent: if the zone fails, nobody there is told"
		}),
	}
}

func contactUnderZone() judge.Check {
	return judge.Check{
		Code: "REG-02", Name: "contact-under-zone", Severity: holdfast.SeverityNotice,
		Reference: "RFC 2142 section 7",
		Summary:   "The technical contact's mail domain does not lie under the zone itself.",
		Judge: aboutContact(func(zone holdfast.Name, r holdfast.Registration) string {
			if !r.Contact || r.Domain == "" || zone == holdfast.Root || !r.Domain.IsSubdomainOf(zone) {
				return ""
			}
			return fmt.Sprintf("the technical contact's mail domain %s lies under the zone itself: mail to it may not arrive while the zone fails", r.Domain)
		}),
	}
}

func contactBounces() judge.Check {
	return judge.Check{
		Code: "REG-03", Name: "contact-bounces", Severity: holdfast.SeverityNotice,
		Reference: "RFC 5321 section 4.2.1",
		Summary:   "The last mail to the technical contact was not refused for good.",
		Judge: aboutContact(func(_ holdfast.Name, r holdfast.Registration) string {
			if r.Bounced.IsZero() {
				return ""
			}
			return fmt.Sprintf("mail to the technical contact was refused for good at %s", r.Bounced.Format(time.DateTime+" UTC"))
		}),
	}
}

// aboutContact judges what is known of the contact; nothing is said where
// nobody was asked, and an empty text is no finding.
func aboutContact(fault func(holdfast.Name, holdfast.Registration) string) func(*judge.Case) []holdfast.Finding {
	return func(c *judge.Case) []holdfast.Finding {
		r := c.Measurement.Subject.Registration
		if r == nil {
			return nil
		}
		text := fault(c.Zone, *r)
		if text == "" {
			return nil
		}
		return []holdfast.Finding{{Severity: holdfast.SeverityNotice, Text: text}}
	}
}

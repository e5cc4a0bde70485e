package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// What contacts are told is not decided when a look comes in, but drawn from
// what stands: the incidents, and the notices that were written before. The
// pass may be repeated at any time and writes only what is missing.
//
// Below critical a contact gets at most one mail in Config.ContactInterval;
// what becomes due meanwhile is not written until the time has come, and then
// once, about all its incidents, as they are by then. A notice that is held is
// replaced by the next one, so that at most one about an incident waits for a
// person. Whatever a person dropped is not written again.

// contactPace is how often the pass is made where nothing changes.
const contactPace = 10 * time.Minute

// mailbox is a contact's address and the incidents of the zones behind it.
type mailbox struct {
	address string
	why     string // who its owner is to us
	parts   map[string]*part
	history []holdfast.Notice // to this address, newest first
}

// due is one incident that a contact is to be told of.
type due struct {
	part
	reason   holdfast.NoticeReason
	severity holdfast.Severity
}

func (a *Alert) tellContacts(ctx context.Context, now time.Time) error {
	a.contactsAt = now.Add(contactPace)
	if a.config.Contacts == ReleaseNever && len(a.config.Automatic) == 0 {
		return nil
	}
	boxes, err := a.mailboxes(ctx)
	if err != nil {
		return err
	}
	for _, address := range slices.Sorted(maps.Keys(boxes)) {
		if err := a.tellContact(ctx, boxes[address], now); err != nil {
			return err
		}
	}
	return a.clearForgotten(ctx, boxes, now)
}

// mailboxes sorts the incidents by whom they concern.
func (a *Alert) mailboxes(ctx context.Context) (map[string]*mailbox, error) {
	boxes := make(map[string]*mailbox)
	add := func(address, why string, i *holdfast.Incident, zone holdfast.Name) {
		address, err := mailAddress(address)
		if err != nil {
			return // staff read in their own mail that it cannot be used
		}
		box := boxes[address]
		if box == nil {
			box = &mailbox{address: address, why: why, parts: make(map[string]*part)}
			boxes[address] = box
		}
		p := box.parts[i.ID]
		if p == nil {
			p = &part{incident: i, foreign: true}
			box.parts[i.ID] = p
		}
		if !slices.Contains(p.zones, zone) {
			p.zones = append(p.zones, zone)
		}
	}
	for _, i := range a.sorted(func(i *holdfast.Incident) bool { return i.Trouble != holdfast.TroubleSelf && wasOpen(i) }) {
		for _, m := range i.Members {
			contact, err := a.record.Contact(ctx, m.Zone)
			if err != nil && !errors.Is(err, record.ErrNotFound) {
				return nil, fmt.Errorf("read contact of %s: %w", m.Zone, err)
			}
			if err == nil && contact.Email != "" {
				add(contact.Email, whyContact(contact), i, m.Zone)
			}
			if second := a.second[m.Zone]; second != "" && i.Peak >= holdfast.SeverityCritical {
				add(second, "You are named in our configuration as the second contact of "+zoneText(m.Zone, m.Unicode)+".", i, m.Zone)
			}
		}
	}
	return boxes, nil
}

func whyContact(c holdfast.Contact) string {
	from := map[holdfast.ContactSource]string{
		holdfast.ContactFromRDAP: "in IANA's RDAP service", holdfast.ContactFromWHOIS: "in IANA's WHOIS",
		holdfast.ContactFromFile: "in our list of contacts", holdfast.ContactFromConfig: "in our configuration",
	}[c.Source]
	return clean(strings.TrimSpace("You get this mail because you are the technical contact of "+zoneText(c.Zone, "")+" "+from), maxText) + "."
}

func (a *Alert) tellContact(ctx context.Context, box *mailbox, now time.Time) error {
	history, err := a.record.Notices(ctx, record.NoticeFilter{Recipient: box.address})
	if err != nil {
		return fmt.Errorf("read notices to a contact: %w", err)
	}
	box.history = slices.DeleteFunc(history, func(n holdfast.Notice) bool { return n.Audience != holdfast.ForContact })
	notices, wait, err := a.letters(box, now)
	if err != nil {
		return err
	}
	if !wait.IsZero() && wait.Before(a.contactsAt) {
		a.contactsAt = wait
	}
	if len(notices) > 0 {
		if err := a.record.Decide(ctx, nil, notices); err != nil {
			return fmt.Errorf("decide notices: %w", err)
		}
	}
	return a.clear(ctx, box, notices, now)
}

// letters are the notices that a contact is missing now. Where some must wait,
// wait is until when.
func (a *Alert) letters(box *mailbox, now time.Time) (notices []holdfast.Notice, wait time.Time, err error) {
	urgent, open, closed := box.due(now, a.config.ContactPatience.Of())
	free := box.lastMail().Add(a.config.ContactInterval.Of())
	write := func(notBefore time.Time, dues ...due) error {
		n, err := a.contactNotice(box, now, notBefore, dues...)
		notices = append(notices, n)
		return err
	}
	for group := range slices.Chunk(urgent, groupSize(len(urgent))) {
		if err := write(now, group...); err != nil {
			return nil, wait, err
		}
	}
	if len(open) > 0 {
		open = append(open, box.waiting(open)...)
		switch held := a.held(box, open); {
		case held:
			err = write(latest(now, free), open...)
		case free.After(now) || len(notices) > 0:
			wait = latest(free, now.Add(pace))
		default:
			err = write(now, open...)
		}
	}
	if len(closed) > 0 && err == nil {
		if free.After(now) || len(notices) > 0 {
			wait = earliest(wait, latest(free, now.Add(pace)))
		} else {
			err = write(now, closed...)
		}
	}
	return notices, wait, err
}

// groupSize is how many urgent incidents one mail tells of: each its own while
// they are few, all in one when a mailbox would be flooded.
func groupSize(count int) int {
	const few = 3
	if count > few {
		return count
	}
	return 1
}

// due sorts what the contact does not know yet: what cannot wait, what is open,
// and what is over.
func (b *mailbox) due(now time.Time, patience time.Duration) (urgent, open, closed []due) {
	for _, id := range slices.Sorted(maps.Keys(b.parts)) {
		p := b.parts[id]
		reason, severity, ok := missing(*p, about(b.history, id), now, patience)
		d := due{*p, reason, severity}
		switch {
		case !ok:
		case severity >= holdfast.SeverityCritical:
			urgent = append(urgent, d)
		case reason == holdfast.ReasonClosed:
			closed = append(closed, d)
		default:
			open = append(open, d)
		}
	}
	worst := func(a, b due) int {
		return cmp.Or(cmp.Compare(b.severity, a.severity), cmp.Compare(a.reason, b.reason))
	}
	slices.SortStableFunc(urgent, worst)
	slices.SortStableFunc(open, worst)
	return urgent, open, closed
}

// about are the notices that tell of an incident.
func about(history []holdfast.Notice, incident string) []holdfast.Notice {
	var out []holdfast.Notice
	for _, n := range history {
		if n.Incident == incident || slices.Contains(n.Also, incident) {
			out = append(out, n)
		}
	}
	return out
}

// lastMail is when the contact last got a mail, or will get one that is on its
// way.
func (b *mailbox) lastMail() time.Time {
	var last time.Time
	for _, n := range b.history {
		switch n.State {
		case holdfast.NoticeSent:
			last = latest(last, n.Sent)
		case holdfast.NoticeSending, holdfast.NoticeQueued:
			last = latest(last, latest(n.Created, n.NotBefore))
		}
	}
	return last
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// waiting are the further incidents of notices that a person has yet to
// release, still open: the next notice takes them along.
func (b *mailbox) waiting(besides []due) []due {
	var out []due
	for _, n := range b.history {
		if n.State != holdfast.NoticeHeld || n.Severity >= holdfast.SeverityCritical {
			continue
		}
		for _, id := range append([]string{n.Incident}, n.Also...) {
			p := b.parts[id]
			taken := func(d due) bool { return d.incident.ID == id }
			if p == nil || slices.ContainsFunc(besides, taken) || slices.ContainsFunc(out, taken) {
				continue
			}
			if severity := severest(p.incident, p.zones); p.incident.State == holdfast.StateOpen && severity > holdfast.SeverityInfo {
				out = append(out, due{*p, n.Reason, severity})
			}
		}
	}
	return out
}

// held says whether a mail about these waits for a person.
func (a *Alert) held(box *mailbox, dues []due) bool {
	if a.blind() {
		return true // what we see may be our own trouble
	}
	for _, d := range dues {
		if d.reason == holdfast.ReasonClosed || a.config.Contacts == ReleaseAutomatic {
			continue
		}
		following := a.config.Contacts == ReleaseThread && slices.ContainsFunc(about(box.history, d.incident.ID), func(n holdfast.Notice) bool {
			return n.State == holdfast.NoticeSent || n.State == holdfast.NoticeQueued || n.State == holdfast.NoticeSending
		})
		if following || !slices.ContainsFunc(d.zones, func(zone holdfast.Name) bool { return !a.automatic[zone] }) {
			continue
		}
		return true
	}
	return false
}

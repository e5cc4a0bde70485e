package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// staffNotices are what staff, over all their channels, are told of an
// incident now, but for one who is known not to be reached.
func (a *Alert) staffNotices(ctx context.Context, i *holdfast.Incident, reason holdfast.NoticeReason, now time.Time, except notify.Target) ([]holdfast.Notice, error) {
	worst := i.Severity
	if reason == holdfast.ReasonClosed {
		worst = i.Peak
	}
	if worst < a.config.StaffFrom {
		return nil, nil
	}
	history, err := a.record.Notices(ctx, record.NoticeFilter{Incident: i.ID})
	if err != nil {
		return nil, fmt.Errorf("read notices of incident %s: %w", i.ID, err)
	}
	contacts, err := a.contactLines(ctx, i)
	if err != nil {
		return nil, err
	}
	l := a.letter(reason, now, part{incident: i, zones: i.Zones})
	l.Contacts = contacts
	text, html, err := l.render()
	if err != nil {
		return nil, err
	}
	var out []holdfast.Notice
	for _, recipient := range a.staffFor(i, worst) {
		n := a.notice(i, reason, now, notify.Target{Channel: notify.ChannelMail, Recipient: recipient})
		n.Subject, n.Text, n.HTML = l.Subject, text, html
		n.ThreadID = threadOf(history, n.Recipient)
		out = append(out, n)
	}
	for _, target := range a.targets {
		// Machines get a payload and no text: the text names contacts.
		n := a.notice(i, reason, now, target)
		n.Subject = l.Subject
		if n.Payload, err = a.payload(i, n, target); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return slices.DeleteFunc(out, func(n holdfast.Notice) bool {
		return n.Channel == except.Channel && n.Recipient == except.Recipient
	}), nil
}

// staffFor are the mail addresses of staff who are told of an incident of that
// severity, each once.
func (a *Alert) staffFor(i *holdfast.Incident, worst holdfast.Severity) []string {
	addresses := slices.Clone(a.config.Staff)
	if max(worst, i.Peak) >= holdfast.SeverityCritical {
		addresses = append(addresses, a.config.Escalation...)
	}
	var out []string
	for _, text := range addresses {
		if address, err := mailAddress(text); err == nil && !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	return out
}

// notice is one for staff, queued, without its words.
func (a *Alert) notice(i *holdfast.Incident, reason holdfast.NoticeReason, now time.Time, to notify.Target) holdfast.Notice {
	severity := i.Severity
	if reason == holdfast.ReasonClosed {
		severity = i.Peak
	}
	id := noticeID(i.ID, now, to.Channel, to.Recipient, string(reason))
	return holdfast.Notice{
		ID: id, Incident: i.ID, Reason: reason, Severity: severity, Zones: i.Zones, Audience: holdfast.ForStaff,
		Channel: to.Channel, Recipient: to.Recipient, MessageID: a.messageID(id),
		State: holdfast.NoticeQueued, Created: now, NotBefore: now,
	}
}

// noticeID is the same for the same thing decided at the same instant, so that
// a decision taken twice cannot become two notices.
func noticeID(incident string, now time.Time, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return incident + "." + strconv.FormatInt(now.UnixMilli(), 36) + "." + hex.EncodeToString(sum[:4])
}

// messageID is what a mail's Message-ID is: an identifier of RFC 5322 section
// 3.6.4, with its angle brackets.
func (a *Alert) messageID(notice string) string {
	return "<" + notice + "@" + a.config.MessageDomain + ">"
}

// threadOf is the Message-ID of the first mail of an incident to a recipient,
// of those that may reach it. history is newest first.
func threadOf(history []holdfast.Notice, recipient string) string {
	for _, n := range slices.Backward(history) {
		switch {
		case n.Recipient != recipient || n.Channel != notify.ChannelMail:
		case n.State == holdfast.NoticeDropped || n.State == holdfast.NoticeFailed:
		default:
			return n.MessageID
		}
	}
	return ""
}

// contactsListed bounds the contacts named in one mail to staff.
const contactsListed = 10

// contactLines tell staff who stands behind the zones of an incident, and who
// of them a mail may not reach.
func (a *Alert) contactLines(ctx context.Context, i *holdfast.Incident) ([]contactLine, error) {
	if i.Trouble == holdfast.TroubleSelf {
		return nil, nil
	}
	var out []contactLine
	for _, zone := range i.Zones[:min(len(i.Zones), contactsListed)] {
		contact, err := a.record.Contact(ctx, zone)
		if errors.Is(err, record.ErrNotFound) {
			out = append(out, contactLine{Zone: zoneList(i, []holdfast.Name{zone}), Who: "no contact is known", Doubt: "nobody can be told"})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read contact of %s: %w", zone, err)
		}
		who := clean(strings.Join(nonEmpty(contact.Person, contact.Organisation, contact.Email, contact.Phone), ", "), maxText)
		doubt := doubts(contact, zone, i.Servers)
		if doubt == "" {
			doubt = clean(a.flag(contact, zone), maxText)
		}
		out = append(out, contactLine{
			Zone: zoneList(i, []holdfast.Name{zone}), Who: who, Doubt: doubt,
			Source: string(contact.Source) + ", " + contact.Fetched.UTC().Format(time.DateOnly),
		})
	}
	return out, nil
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return strings.TrimSpace(s) == "" })
}

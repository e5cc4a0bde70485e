package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// contactNotice is one notice to a contact about incidents, the first of which
// gives the thread.
func (a *Alert) contactNotice(box *mailbox, now, notBefore time.Time, dues ...due) (holdfast.Notice, error) {
	first := dues[0]
	n := a.notice(first.incident, first.reason, now, notify.Target{Channel: notify.ChannelMail, Recipient: box.address})
	n.Audience, n.Severity, n.Zones, n.NotBefore = holdfast.ForContact, first.severity, nil, notBefore
	parts := make([]part, len(dues))
	for k, d := range dues {
		parts[k] = d.part
		n.Severity = max(n.Severity, d.severity)
		n.Zones = append(n.Zones, d.zones...)
		if k > 0 {
			n.Also = append(n.Also, d.incident.ID)
		}
	}
	slices.Sort(n.Zones)
	n.Zones = slices.Compact(n.Zones)
	if first.reason != holdfast.ReasonClosed && a.held(box, dues) {
		n.State = holdfast.NoticeHeld
	}
	n.ID = noticeID(first.incident.ID, now, "contact", n.Recipient, string(first.reason))
	n.MessageID = a.messageID(n.ID)
	n.ThreadID = threadOf(slices.DeleteFunc(about(box.history, first.incident.ID), func(old holdfast.Notice) bool {
		return old.State == holdfast.NoticeHeld && covers(n, old)
	}), n.Recipient)
	l := a.letter(first.reason, now, parts...)
	l.Why = box.why
	var err error
	n.Subject = l.Subject
	n.Text, n.HTML, err = l.render()
	return n, err
}

// covers says whether a notice tells of all that another tells of.
func covers(n, old holdfast.Notice) bool {
	for _, id := range append([]string{old.Incident}, old.Also...) {
		if id != n.Incident && !slices.Contains(n.Also, id) {
			return false
		}
	}
	return true
}

// clear drops the notices that wait for a person in vain: those that a newer
// one has replaced, and those whose incidents are over.
func (a *Alert) clear(ctx context.Context, box *mailbox, written []holdfast.Notice, now time.Time) error {
	all := append(slices.Clone(written), box.history...)
	slices.SortStableFunc(all, func(a, b holdfast.Notice) int { return b.Created.Compare(a.Created) })
	for k, n := range all {
		if n.State != holdfast.NoticeHeld {
			continue
		}
		why := ""
		newer := slices.IndexFunc(all[:k], func(x holdfast.Notice) bool {
			return x.State != holdfast.NoticeDropped && x.State != holdfast.NoticeFailed && covers(x, n)
		})
		switch {
		case newer >= 0:
			why = "replaced by " + all[newer].ID
		case box.moot(n):
			why = "made moot: the incident is closed, or the contact is another"
		default:
			continue
		}
		// A person may have released or dropped it in this very moment.
		if err := a.record.DropNotice(ctx, n.ID, now, why); err != nil && !errors.Is(err, record.ErrState) {
			return fmt.Errorf("drop notice %s: %w", n.ID, err)
		}
	}
	return nil
}

// clearForgotten drops what waits for a person and concerns an address that no
// incident leads to any more: we did not run when it closed, or the zone has
// another contact now.
func (a *Alert) clearForgotten(ctx context.Context, boxes map[string]*mailbox, now time.Time) error {
	held, err := a.record.Notices(ctx, record.NoticeFilter{States: []holdfast.NoticeState{holdfast.NoticeHeld}})
	if err != nil {
		return fmt.Errorf("read held notices: %w", err)
	}
	for _, n := range held {
		if boxes[n.Recipient] != nil || n.Audience != holdfast.ForContact {
			continue
		}
		if err := a.clear(ctx, &mailbox{history: []holdfast.Notice{n}}, nil, now); err != nil {
			return err
		}
	}
	return nil
}

// moot says whether all that a notice tells of is over. What is not in memory
// any more is over for long.
func (b *mailbox) moot(n holdfast.Notice) bool {
	for _, id := range append([]string{n.Incident}, n.Also...) {
		if p := b.parts[id]; p != nil && !over(*p) {
			return false
		}
	}
	return true
}

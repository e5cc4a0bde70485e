package record

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
)

// The states of a notice, and the methods that move it:
//
//	(Decide) -> held      -> queued   ReleaseNotice
//	            held      -> dropped  DropNotice
//	(Decide) -> queued    -> sending  ClaimNotice
//	            queued    -> dropped  DropNotice
//	            sending   -> sent | queued | failed  SettleNotice
//	            sending   -> queued   RecoverSending, at start
//
// ClaimNotice is durable before anything leaves the house, and SettleNotice
// after it has left. If we were to crash between the two, RecoverSending finds
// the notice and it is sent once more, under the same Message-ID.

// selectNotice reads where a notice stands, which its row says, and what it
// was when it was decided on.
const selectNotice = "SELECT state, not_before, attempts, sent, last_error, data FROM notice"

func (b *batch) addNotice(n *holdfast.Notice) error {
	switch n.State {
	case holdfast.NoticeHeld, holdfast.NoticeQueued, holdfast.NoticeDropped:
	default:
		return fmt.Errorf("a new notice cannot be %q: %w", n.State, ErrState)
	}
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	added, err := b.change(`INSERT INTO notice (id, state, recipient, audience, created, not_before, attempts, sent, last_error, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		n.ID, string(n.State), n.Recipient, string(n.Audience), nanos(n.Created), nanos(n.NotBefore), n.Attempts, nanos(n.Sent), n.LastError, string(data))
	if err != nil || added == 0 {
		return err
	}
	for _, incident := range append([]string{n.Incident}, n.Also...) {
		if incident == "" {
			continue // of a test bed: it is about none
		}
		if err := b.exec("INSERT INTO notice_incident (incident, notice) VALUES (?, ?) ON CONFLICT DO NOTHING", incident, n.ID); err != nil {
			return err
		}
	}
	return nil
}

// notices reads what a query that begins with selectNotice answers.
func (r *Record) notices(ctx context.Context, query string, args ...any) ([]holdfast.Notice, error) {
	rows, err := r.reads.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []holdfast.Notice
	for rows.Next() {
		var n holdfast.Notice
		var state, lastError string
		var notBefore, sent int64
		var attempts int
		var data []byte
		if err := rows.Scan(&state, &notBefore, &attempts, &sent, &lastError, &data); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &n); err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		n.State, n.NotBefore, n.Attempts, n.Sent, n.LastError = holdfast.NoticeState(state), instant(notBefore), attempts, instant(sent), lastError
		out = append(out, n)
	}
	return out, rows.Err()
}

// Notices answers the notices that a filter chooses, newest first.
func (r *Record) Notices(ctx context.Context, f NoticeFilter) ([]holdfast.Notice, error) {
	var where conditions
	where.in("state", texts(f.States))
	if f.Incident != "" {
		where.add("id IN (SELECT notice FROM notice_incident WHERE incident = ?)", f.Incident)
	}
	if f.Recipient != "" {
		where.add("recipient = ?", f.Recipient)
	}
	if !f.Since.IsZero() {
		where.add("created >= ?", nanos(f.Since))
	}
	notices, err := r.notices(ctx, selectNotice+where.text()+" ORDER BY created DESC, rowid DESC LIMIT ?", append(where.args, limited(f.Limit))...)
	return notices, r.failed("read notices", err)
}

// Notice answers one notice; ErrNotFound where there is none of that id.
func (r *Record) Notice(ctx context.Context, id string) (holdfast.Notice, error) {
	return r.oneNotice(ctx, "read notice "+id, selectNotice+" WHERE id = ?", id)
}

func (r *Record) oneNotice(ctx context.Context, act, query string, args ...any) (holdfast.Notice, error) {
	notices, err := r.notices(ctx, query, args...)
	if err == nil && len(notices) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return holdfast.Notice{}, r.failed(act, err)
	}
	return notices[0], nil
}

// LastNoticeTo answers the newest notice to a recipient that was not dropped,
// whether it has gone out yet or not; ErrNotFound where there is none.
func (r *Record) LastNoticeTo(ctx context.Context, recipient string, audience holdfast.Audience) (holdfast.Notice, error) {
	return r.oneNotice(ctx, "read last notice", selectNotice+
		" WHERE recipient = ? AND audience = ? AND state <> 'dropped' ORDER BY created DESC, rowid DESC LIMIT 1", recipient, string(audience))
}

// DueNotices answers the queued notices whose time has come, in the order in
// which they were decided on. Those left in sending by a crash are not among
// them until RecoverSending has queued them again.
func (r *Record) DueNotices(ctx context.Context, now time.Time, limit int) ([]holdfast.Notice, error) {
	notices, err := r.notices(ctx, selectNotice+" WHERE state = 'queued' AND not_before <= ? ORDER BY created, rowid LIMIT ?", nanos(now), limited(limit))
	return notices, r.failed("read due notices", err)
}

// RecoverSending queues again, at once, what a process that died left in
// sending, and says how many there were. Whether such a notice had gone out is
// unknown; it keeps its Message-ID. Only for the start of the one process that
// sends.
func (r *Record) RecoverSending(ctx context.Context, now time.Time) (count int, err error) {
	err = r.write(ctx, "recover notices", func(b *batch) error {
		n, err := b.change(`UPDATE notice SET state = 'queued', not_before = ?,
			last_error = 'the program ended while it was being sent: it may have gone out' WHERE state = 'sending'`, nanos(now))
		count = int(n)
		return err
	})
	return count, err
}

// move changes a notice that is in one of the states, and answers ErrState
// where it is in another, ErrNotFound where it is not at all.
func (r *Record) move(ctx context.Context, act, id, states, set string, args ...any) error {
	act += " notice " + id
	return r.write(ctx, act, func(b *batch) error {
		n, err := b.change("UPDATE notice SET "+set+" WHERE id = ? AND state IN ("+states+")", append(args, id)...)
		if err != nil || n == 1 {
			return err
		}
		var state string
		if err := b.get("SELECT state FROM notice WHERE id = ?", []any{id}, &state); err != nil {
			return err
		}
		return fmt.Errorf("it is %s: %w", state, ErrState)
	})
}

// ClaimNotice takes a queued notice to be sent: queued -> sending, one attempt
// more. ErrState where it is not queued: somebody else has it, or it was
// dropped. Its NotBefore says from then on when this attempt began.
func (r *Record) ClaimNotice(ctx context.Context, id string, now time.Time) error {
	return r.move(ctx, "claim", id, "'queued'", "state = 'sending', attempts = attempts + 1, not_before = ?", nanos(now))
}

// SettleNotice says how sending ended: sending -> sent at an instant, -> queued
// until notBefore, or -> failed for good.
func (r *Record) SettleNotice(ctx context.Context, id string, state holdfast.NoticeState, at, notBefore time.Time, lastError string) error {
	switch state {
	case holdfast.NoticeSent:
		return r.move(ctx, "settle", id, "'sending'", "state = 'sent', sent = ?, last_error = ?", nanos(at), lastError)
	case holdfast.NoticeQueued:
		return r.move(ctx, "settle", id, "'sending'", "state = 'queued', not_before = ?, last_error = ?", nanos(notBefore), lastError)
	case holdfast.NoticeFailed:
		return r.move(ctx, "settle", id, "'sending'", "state = 'failed', last_error = ?", lastError)
	}
	return fmt.Errorf("settle notice %s as %q: %w", id, state, ErrState)
}

// ReleaseNotice lets a held notice go: held -> queued.
func (r *Record) ReleaseNotice(ctx context.Context, id string, now time.Time) error {
	return r.move(ctx, "release", id, "'held'", "state = 'queued', not_before = max(not_before, ?)", nanos(now))
}

// DropNotice ends a notice that has not gone out: held or queued -> dropped.
// Its NotBefore says from then on when, and its LastError why.
func (r *Record) DropNotice(ctx context.Context, id string, now time.Time, why string) error {
	return r.move(ctx, "drop", id, "'held', 'queued'", "state = 'dropped', not_before = ?, last_error = ?", nanos(now), why)
}

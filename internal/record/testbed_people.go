package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
)

// SaveSubscription keeps a subscription in place of the one of its id, and the
// notices that go with it, in one transaction. ErrState says that its zone has
// another one for that address.
func (r *Record) SaveSubscription(ctx context.Context, s holdfast.Subscription, notices ...holdfast.Notice) error {
	return r.write(ctx, "record subscription "+s.ID, func(b *batch) error {
		var id string
		err := b.get("SELECT id FROM testbed_subscription WHERE zone = ? AND address = ?", []any{string(s.Zone), s.Address}, &id)
		if err == nil && id != s.ID {
			return fmt.Errorf("it is %s: %w", id, ErrState)
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		err = b.exec(`INSERT INTO testbed_subscription (id, zone, address, label, state, created, expires, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET state = excluded.state, created = excluded.created, expires = excluded.expires, changed = excluded.changed`,
			s.ID, string(s.Zone), s.Address, s.Label, string(s.State), nanos(s.Created), nanos(s.Expires), nanos(s.Changed))
		if err != nil {
			return err
		}
		return b.addNotices(notices)
	})
}

// ConfirmSubscription makes a pending subscription one that is told of each
// step, and records the notices that say so. ErrState where it is not pending.
func (r *Record) ConfirmSubscription(ctx context.Context, id string, at time.Time, notices ...holdfast.Notice) error {
	return r.write(ctx, "confirm subscription "+id, func(b *batch) error {
		if err := b.settleSubscription(id, holdfast.SubscriptionConfirmed, "'pending'", at); err != nil {
			return err
		}
		return b.addNotices(notices)
	})
}

// EndSubscription ends a subscription, and drops the notices of it that have
// not gone out: those whose id begins with prefix. To end one that has ended
// is no error.
func (r *Record) EndSubscription(ctx context.Context, id, prefix string, at time.Time) error {
	return r.write(ctx, "end subscription "+id, func(b *batch) error {
		if err := b.settleSubscription(id, holdfast.SubscriptionEnded, "'pending', 'confirmed', 'ended'", at); err != nil {
			return err
		}
		return b.exec("UPDATE notice SET state = 'dropped', not_before = ?, last_error = 'the subscription has ended' WHERE state IN ('held', 'queued') AND audience = ? AND substr(id, 1, ?) = ?",
			nanos(at), string(holdfast.ForSubscriber), len(prefix), prefix)
	})
}

func (b *batch) settleSubscription(id string, to holdfast.SubscriptionState, from string, at time.Time) error {
	n, err := b.change("UPDATE testbed_subscription SET state = ?, changed = ?, expires = 0 WHERE id = ? AND state IN ("+from+")", string(to), nanos(at), id)
	if err != nil || n == 1 {
		return err
	}
	var state string
	if err := b.get("SELECT state FROM testbed_subscription WHERE id = ?", []any{id}, &state); err != nil {
		return err
	}
	return fmt.Errorf("it is %s: %w", state, ErrState)
}

// ForgetSubscribers forgets the subscriptions that were not confirmed by now,
// and takes the addresses of those who subscribed to zones that ended before an
// instant, whose results stay. Notices to addresses that nothing is known of
// any more go with them, sent or not.
func (r *Record) ForgetSubscribers(ctx context.Context, now, ended time.Time) error {
	return r.write(ctx, "forget subscribers", func(b *batch) error {
		expired, err := b.change("DELETE FROM testbed_subscription WHERE state = 'pending' AND expires <= ?", nanos(now))
		if err != nil {
			return err
		}
		const old = "zone IN (SELECT name FROM testbed_zone WHERE ends < ?)"
		gone, err := b.change("UPDATE testbed_subscription SET address = id WHERE address <> id AND "+old, nanos(ended))
		if err != nil || expired+gone == 0 {
			return err
		}
		// Which resolver was whose is nobody's business any more.
		if err := b.exec("DELETE FROM testbed_sighting WHERE label <> '' AND "+old, nanos(ended)); err != nil {
			return err
		}
		const theirs = "FROM notice WHERE audience = 'subscriber' AND state <> 'sending' AND recipient NOT IN (SELECT address FROM testbed_subscription)"
		if err := b.exec("DELETE FROM notice_incident WHERE notice IN (SELECT id " + theirs + ")"); err != nil {
			return err
		}
		return b.exec("DELETE " + theirs)
	})
}

const selectSubscription = "SELECT id, zone, address, label, state, created, expires, changed FROM testbed_subscription"

func (r *Record) subscriptions(ctx context.Context, query string, args ...any) ([]holdfast.Subscription, error) {
	rows, err := r.reads.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []holdfast.Subscription
	for rows.Next() {
		var s holdfast.Subscription
		var zone, state string
		var created, expires, changed int64
		if err := rows.Scan(&s.ID, &zone, &s.Address, &s.Label, &state, &created, &expires, &changed); err != nil {
			return nil, err
		}
		s.Zone, s.State = holdfast.Name(zone), holdfast.SubscriptionState(state)
		s.Created, s.Expires, s.Changed = instant(created), instant(expires), instant(changed)
		out = append(out, s)
	}
	return out, rows.Err()
}

func (r *Record) oneSubscription(ctx context.Context, act, query string, args ...any) (holdfast.Subscription, error) {
	found, err := r.subscriptions(ctx, query, args...)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return holdfast.Subscription{}, r.failed(act, err)
	}
	return found[0], nil
}

// Subscription answers one; ErrNotFound where there is none of that id.
func (r *Record) Subscription(ctx context.Context, id string) (holdfast.Subscription, error) {
	return r.oneSubscription(ctx, "read subscription "+id, selectSubscription+" WHERE id = ?", id)
}

// SubscriptionOf answers that of an address to a zone, or ErrNotFound.
func (r *Record) SubscriptionOf(ctx context.Context, zone holdfast.Name, address string) (holdfast.Subscription, error) {
	return r.oneSubscription(ctx, "read subscription", selectSubscription+" WHERE zone = ? AND address = ?", string(zone), address)
}

// Subscriptions answers those of a zone in a state, by id.
func (r *Record) Subscriptions(ctx context.Context, zone holdfast.Name, state holdfast.SubscriptionState) ([]holdfast.Subscription, error) {
	subscriptions, err := r.subscriptions(ctx, selectSubscription+" WHERE zone = ? AND state = ? ORDER BY id", string(zone), string(state))
	return subscriptions, r.failed("read subscriptions to "+zone.Short(), err)
}

// PendingSubscriptions counts those that wait to be confirmed, in all and of an
// address.
func (r *Record) PendingSubscriptions(ctx context.Context, address string) (all, theirs int, err error) {
	var count sql.NullInt64
	err = r.reads.QueryRowContext(ctx, "SELECT count(*), sum(address = ?) FROM testbed_subscription WHERE state = 'pending'", address).Scan(&all, &count)
	return all, int(count.Int64), r.failed("count subscriptions", err)
}

// SaveTestResult keeps what a subscriber reported of a step, in place of what
// they had reported of it.
func (r *Record) SaveTestResult(ctx context.Context, result holdfast.TestResult) error {
	act := "record result of " + result.Zone.Short()
	data, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return r.write(ctx, act, func(b *batch) error {
		return b.exec(`INSERT INTO testbed_result (subscription, zone, step, at, data) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (subscription, step) DO UPDATE SET at = excluded.at, data = excluded.data`,
			result.Subscription, string(result.Zone), string(result.Move), nanos(result.At), string(data))
	})
}

// TestResults answers what was reported of a zone, in the order of reports.
func (r *Record) TestResults(ctx context.Context, zone holdfast.Name) ([]holdfast.TestResult, error) {
	results, err := list[holdfast.TestResult](ctx, r, "SELECT data FROM testbed_result WHERE zone = ? ORDER BY at, subscription", string(zone))
	return results, r.failed("read results of "+zone.Short(), err)
}

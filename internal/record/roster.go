package record

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/holdfastdns/holdfast"
)

// SaveRoster keeps the roster that was accepted, in place of the one before.
// Zones that are in it no more keep their history, and leave Statuses. The
// record keeps the subjects: they are not to be written to afterwards.
func (r *Record) SaveRoster(ctx context.Context, roster Roster) error {
	act := fmt.Sprintf("record roster %d of %d zones", roster.Serial, len(roster.Subjects))
	raw, err := json.Marshal(roster)
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	data := squeeze(raw)
	return r.write(ctx, act, func(b *batch) error {
		err := b.exec("INSERT INTO roster (only, data) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET data = excluded.data", data)
		if err == nil {
			b.after = append(b.after, func() { r.known.setRoster(roster.Subjects) })
		}
		return err
	})
}

func (k *known) setRoster(subjects []holdfast.Subject) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.loaded {
		k.roster = byName(subjects)
	}
}

// Roster answers the roster last saved; ErrNotFound where there is none.
func (r *Record) Roster(ctx context.Context) (Roster, error) {
	roster, err := r.readRoster(ctx)
	if err != nil {
		return Roster{}, r.failed("read roster", err)
	}
	return *roster, nil
}

func (r *Record) readRoster(ctx context.Context) (*Roster, error) {
	var data []byte
	if err := r.reads.QueryRowContext(ctx, "SELECT data FROM roster").Scan(&data); err != nil {
		return nil, found(err)
	}
	raw, err := expand(data)
	if err != nil {
		return nil, err
	}
	roster := new(Roster)
	return roster, json.Unmarshal(raw, roster)
}

// SaveContact keeps a contact in place of the one that its zone had.
func (r *Record) SaveContact(ctx context.Context, c holdfast.Contact) error {
	act := "record contact of " + c.Zone.Short()
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return r.write(ctx, act, func(b *batch) error {
		return b.exec("INSERT INTO contact (zone, data) VALUES (?, ?) ON CONFLICT (zone) DO UPDATE SET data = excluded.data", string(c.Zone), string(data))
	})
}

// Contact answers the contact of a zone; ErrNotFound where none is known.
func (r *Record) Contact(ctx context.Context, zone holdfast.Name) (holdfast.Contact, error) {
	c, err := one[holdfast.Contact](ctx, r, "SELECT data FROM contact WHERE zone = ?", string(zone))
	return c, r.failed("read contact of "+zone.Short(), err)
}

// Contacts answers all contacts, by zone.
func (r *Record) Contacts(ctx context.Context) ([]holdfast.Contact, error) {
	contacts, err := list[holdfast.Contact](ctx, r, "SELECT data FROM contact ORDER BY zone")
	return contacts, r.failed("read contacts", err)
}

// SetFact keeps a small value that the program wants to find again after a
// restart, in place of the one that its key had.
func (r *Record) SetFact(ctx context.Context, key string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return r.write(ctx, "record "+key, func(b *batch) error {
		return b.exec("INSERT INTO fact (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
	})
}

// Fact answers the value of a key; ErrNotFound where it was never set.
func (r *Record) Fact(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := r.reads.QueryRowContext(ctx, "SELECT value FROM fact WHERE key = ?", key).Scan(&value)
	return value, r.failed("read "+key, found(err))
}

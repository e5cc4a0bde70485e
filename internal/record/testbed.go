package record

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
)

// SaveTestZone keeps a zone of a test bed and its private keys. A zone that is
// recorded already stays as it is: who makes the same zone again, after a
// crash, must go on with the keys that it was seen with.
func (r *Record) SaveTestZone(ctx context.Context, z holdfast.TestZone, keys []byte) error {
	act := "record test zone " + z.Name.Short()
	data, err := json.Marshal(z)
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	if len(z.Steps) == 0 {
		return fmt.Errorf("%s: it has no steps", act)
	}
	return r.write(ctx, act, func(b *batch) error {
		return b.exec("INSERT INTO testbed_zone (name, begins, ends, data, keys) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
			string(z.Name), nanos(z.Steps[0].At), nanos(z.Steps[len(z.Steps)-1].At), string(data), keys)
	})
}

// TestZones answers the test zones that end after an instant, the latest
// begun first.
func (r *Record) TestZones(ctx context.Context, after time.Time) ([]holdfast.TestZone, error) {
	zones, err := list[holdfast.TestZone](ctx, r, "SELECT data FROM testbed_zone WHERE ends > ? ORDER BY begins DESC, name LIMIT ?", nanos(after), limited(0))
	return zones, r.failed("read test zones", err)
}

// TestZone answers one; ErrNotFound where there is none of that name.
func (r *Record) TestZone(ctx context.Context, name holdfast.Name) (holdfast.TestZone, error) {
	z, err := one[holdfast.TestZone](ctx, r, "SELECT data FROM testbed_zone WHERE name = ?", string(name))
	return z, r.failed("read test zone "+name.Short(), err)
}

// TestZoneKeys answers what SaveTestZone was given as private keys.
func (r *Record) TestZoneKeys(ctx context.Context, name holdfast.Name) ([]byte, error) {
	var keys []byte
	err := r.reads.QueryRowContext(ctx, "SELECT keys FROM testbed_zone WHERE name = ?", string(name)).Scan(&keys)
	return keys, r.failed("read keys of test zone "+name.Short(), found(err))
}

// UntoldTestZones answers the zones that end after an instant and whose last
// step is not announced, the latest begun first.
func (r *Record) UntoldTestZones(ctx context.Context, after time.Time) ([]holdfast.TestZone, error) {
	zones, err := list[holdfast.TestZone](ctx, r, `SELECT data FROM testbed_zone WHERE ends > ?
		AND NOT EXISTS (SELECT 1 FROM testbed_step WHERE zone = name AND step = ?) ORDER BY begins DESC, name LIMIT ?`,
		nanos(after), string(holdfast.TestEnds), limited(0))
	return zones, r.failed("read test zones to announce", err)
}

// TidyTestZones takes the private keys of zones that have ended by now, the
// zones that ended before idle and that nobody followed, and, with all that is
// known of their subscribers and results, those that ended before keep.
func (r *Record) TidyTestZones(ctx context.Context, now, idle, keep time.Time) error {
	return r.write(ctx, "tidy test zones", func(b *batch) error {
		if err := b.exec("UPDATE testbed_zone SET keys = x'' WHERE ends < ? AND keys <> x''", nanos(now)); err != nil {
			return err
		}
		return b.exec(`DELETE FROM testbed_zone WHERE ends < ? OR ends < ? AND NOT EXISTS (SELECT 1 FROM testbed_subscription WHERE zone = name)`,
			nanos(keep), nanos(idle))
	})
}

// AnnounceTestStep records that a step was announced, and the notices that do
// it, in one transaction. A step that was announced before stays so, and sends
// nothing: first says whether this was the first time.
func (r *Record) AnnounceTestStep(ctx context.Context, zone holdfast.Name, move holdfast.TestMove, at time.Time, notices []holdfast.Notice) (first bool, err error) {
	act := fmt.Sprintf("announce that test zone %s %s", zone.Short(), move)
	err = r.write(ctx, act, func(b *batch) error {
		n, err := b.change("INSERT INTO testbed_step (zone, step, at, told) VALUES (?, ?, ?, ?) ON CONFLICT (zone, step) DO NOTHING",
			string(zone), string(move), nanos(at), len(notices))
		if err != nil || n == 0 {
			return err
		}
		first = true
		return b.addNotices(notices)
	})
	return first, err
}

func (b *batch) addNotices(notices []holdfast.Notice) error {
	for i := range notices {
		if err := b.addNotice(&notices[i]); err != nil {
			return fmt.Errorf("notice %s: %w", notices[i].ID, err)
		}
	}
	return nil
}

// AnnouncedTestSteps answers the steps of a zone that were announced, and when.
func (r *Record) AnnouncedTestSteps(ctx context.Context, zone holdfast.Name) (map[holdfast.TestMove]time.Time, error) {
	told, err := r.announcedSteps(ctx, zone)
	return told, r.failed("read announced steps of test zone "+zone.Short(), err)
}

func (r *Record) announcedSteps(ctx context.Context, zone holdfast.Name) (map[holdfast.TestMove]time.Time, error) {
	rows, err := r.reads.QueryContext(ctx, "SELECT step, at FROM testbed_step WHERE zone = ?", string(zone))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	told := map[holdfast.TestMove]time.Time{}
	for rows.Next() {
		var move string
		var at int64
		if err := rows.Scan(&move, &at); err != nil {
			return nil, err
		}
		told[holdfast.TestMove(move)] = instant(at)
	}
	return told, rows.Err()
}

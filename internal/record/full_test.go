package record

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// The disk is filled by forbidding the file to grow: SQLite answers as it does
// on a full disk. (A real one, a tmpfs of 2 MB, behaves the same; making one
// needs root.)
func TestFullDisk(t *testing.T) {
	r, w := create(t), newWorld(41, 4)
	limit := func(pages int) {
		t.Helper()
		var now int
		noError(t, r.writer.conn.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&now))
	}
	limit(250)
	var kept []string
	var failure error
	for i := 0; failure == nil; i++ {
		if i > 10_000 {
			t.Fatal("the disk does not fill")
		}
		at := morning.Add(time.Duration(i) * time.Minute)
		z := w.zones[i%4]
		w.sign(z)
		m := w.core(z, fmt.Sprint(i), "", "", at)
		if failure = r.Measured(t.Context(), m); failure == nil {
			kept = append(kept, m.ID)
		}
	}
	for _, want := range []string{"the disk is full", "free some space", "nothing that was acknowledged is lost", r.path} {
		if !strings.Contains(failure.Error(), want) {
			t.Errorf("%q does not say %q", failure, want)
		}
	}
	check := func() {
		t.Helper()
		for _, id := range kept {
			if _, err := r.Measurement(t.Context(), id); err != nil {
				t.Errorf("%s was acknowledged: %v", id, err)
			}
		}
	}
	check()
	intact(t, r)
	// Many at once: each is told, none hangs.
	large := make([]byte, 1<<20)
	atOnce(t, 50, func(i int) error {
		if err := r.SetFact(t.Context(), fmt.Sprint(i), large); err == nil || !strings.Contains(err.Error(), "the disk is full") {
			return fmt.Errorf("on a full disk: %w", errors.Join(err, errors.New("want an error that says so")))
		}
		return nil
	})
	limit(100_000) // somebody has made room
	z := w.zones[0]
	m := w.full(z, "room", "", morning)
	noError(t, r.Measured(t.Context(), m))
	noError(t, r.Found(t.Context(), z.subject, w.verdict(z, "room", morning), holdfast.Past{}))
	kept = append(kept, "room")
	check()
	intact(t, r)
}

package record

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

var bedBegins = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

// newBed is a record with a test zone of a week.
func newBed(t *testing.T) (*Record, holdfast.TestZone) {
	t.Helper()
	r, err := Create(t.Context(), filepath.Join(t.TempDir(), "holdfast.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	z := holdfast.TestZone{Name: "2026-11-16.bed.example.", Pace: "weekly", Steps: []holdfast.TestStep{
		{Move: holdfast.TestBegins, At: bedBegins}, {Move: holdfast.TestEnds, At: bedBegins.Add(7 * 24 * time.Hour)}}}
	if err := r.SaveTestZone(t.Context(), z, []byte("keys")); err != nil {
		t.Fatal(err)
	}
	return r, z
}

func bedNotice(id string) holdfast.Notice {
	return holdfast.Notice{ID: id, Audience: holdfast.ForSubscriber, Channel: "mail", Recipient: "ann@example.org", State: holdfast.NoticeQueued, Created: bedBegins, NotBefore: bedBegins}
}

// TestAZoneKeepsItsKeys: making it again, as after a crash, changes nothing.
func TestAZoneKeepsItsKeys(t *testing.T) {
	r, z := newBed(t)
	z.Pace = "hourly"
	if err := r.SaveTestZone(t.Context(), z, []byte("others")); err != nil {
		t.Fatal(err)
	}
	keys, err := r.TestZoneKeys(t.Context(), z.Name)
	got, zoneErr := r.TestZone(t.Context(), z.Name)
	if err := errors.Join(err, zoneErr); err != nil || string(keys) != "keys" || got.Pace != "weekly" {
		t.Errorf("keys %q, pace %s, %v", keys, got.Pace, err)
	}
	if _, err := r.TestZone(t.Context(), "none.example."); !errors.Is(err, ErrNotFound) {
		t.Errorf("a zone that is not there: %v", err)
	}
}

// TestAStepIsToldOnce: also where two processes, or one and its successor,
// decide on it.
func TestAStepIsToldOnce(t *testing.T) {
	r, z := newBed(t)
	for n, want := range []bool{true, false} {
		first, err := r.AnnounceTestStep(t.Context(), z.Name, holdfast.TestEnds, bedBegins, []holdfast.Notice{bedNotice([]string{"a", "b"}[n])})
		if err != nil || first != want {
			t.Errorf("time %d: first %v, %v", n+1, first, err)
		}
	}
	notices, err := r.Notices(t.Context(), NoticeFilter{})
	if err != nil || len(notices) != 1 || notices[0].ID != "a" {
		t.Errorf("notices %+v, %v", notices, err)
	}
	if untold, err := r.UntoldTestZones(t.Context(), time.Time{}); err != nil || len(untold) != 0 {
		t.Errorf("still to be announced: %v, %v", untold, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.AnnounceTestStep(ctx, z.Name, holdfast.TestBegins, bedBegins, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
}

// TestOneSubscriptionPerAddress: of a zone; nothing of a second one is written.
func TestOneSubscriptionPerAddress(t *testing.T) {
	r, z := newBed(t)
	s := holdfast.Subscription{ID: "one", Zone: z.Name, Address: "ann@example.org", Label: "t-one", State: holdfast.SubscriptionPending, Created: bedBegins, Changed: bedBegins, Expires: bedBegins.Add(time.Hour)}
	if err := r.SaveSubscription(t.Context(), s, bedNotice("confirm")); err != nil {
		t.Fatal(err)
	}
	other := s
	other.ID, other.Label = "two", "t-two"
	if err := r.SaveSubscription(t.Context(), other, bedNotice("again")); !errors.Is(err, ErrState) {
		t.Errorf("a second one: %v", err)
	}
	if _, err := r.Notice(t.Context(), "again"); !errors.Is(err, ErrNotFound) {
		t.Errorf("its mail was recorded: %v", err)
	}
	if got, err := r.Subscription(t.Context(), "one"); err != nil || got != s {
		t.Errorf("%+v, want %+v, %v", got, s, err)
	}
	if err := r.ConfirmSubscription(t.Context(), "one", bedBegins); err != nil {
		t.Fatal(err)
	}
	if err := r.ConfirmSubscription(t.Context(), "one", bedBegins, bedNotice("welcome")); !errors.Is(err, ErrState) {
		t.Errorf("confirmed twice: %v", err)
	}
	if err := r.ConfirmSubscription(t.Context(), "none", bedBegins); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
}

// TestSightingsAreBounded: beyond the bound what is known goes on being
// counted, and nothing new comes in; of zones that are not there nothing is kept.
func TestSightingsAreBounded(t *testing.T) {
	r, z := newBed(t)
	sighting := func(zone holdfast.Name, n byte, tags ...uint16) holdfast.TestSighting {
		return holdfast.TestSighting{Zone: zone, Source: netip.AddrFrom4([4]byte{192, 0, 2, n}), Tags: tags, First: bedBegins, Last: bedBegins, Count: 2}
	}
	for range 2 {
		if err := r.SawTests(t.Context(), []holdfast.TestSighting{sighting(z.Name, 1, 7, 65535), sighting(z.Name, 2), sighting(z.Name, 3), sighting("none.example.", 4)}, 2); err != nil {
			t.Fatal(err)
		}
	}
	seen, err := r.TestSightings(t.Context(), z.Name)
	if err != nil || len(seen) != 2 || seen[0].Count != 4 || len(seen[0].Tags) != 2 || seen[0].Tags[1] != 65535 {
		t.Errorf("%+v, %v", seen, err)
	}
	if seen, err := r.TestSightings(t.Context(), "none.example."); err != nil || len(seen) != 0 {
		t.Errorf("of no zone: %+v, %v", seen, err)
	}
}

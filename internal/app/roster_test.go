package app

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source/roster"
)

// TestRosterChanges holds that what a new root zone changed is kept, and that
// the same serial again does not wipe it out.
func TestRosterChanges(t *testing.T) {
	ctx := context.Background()
	r, err := record.Create(ctx, filepath.Join(t.TempDir(), "holdfast.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	h := &house{record: r, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	zone := func(name holdfast.Name, ns holdfast.Name, glue string) holdfast.Subject {
		return holdfast.Subject{Zone: name, Delegation: &holdfast.Delegation{
			NS: []holdfast.Name{ns}, Glue: map[holdfast.Name][]netip.Addr{ns: {netip.MustParseAddr(glue)}}}}
	}
	root := holdfast.Subject{Zone: holdfast.Root, Delegation: &holdfast.Delegation{}}
	accept := func(serial uint32, subjects ...holdfast.Subject) record.Roster {
		t.Helper()
		next := &roster.Roster{Zone: holdfast.Root, Serial: serial, From: "a test", Subjects: append([]holdfast.Subject{root}, subjects...)}
		if err := h.acceptRoster(ctx, next); err != nil {
			t.Fatal(err)
		}
		kept, err := r.Roster(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	if first := accept(1, zone("a.", "ns1.a.", "192.0.2.1"), zone("b.", "ns1.b.", "192.0.2.2")); len(first.Changes) != 0 {
		t.Errorf("the first roster changed %v", first.Changes)
	}
	want := []string{"- a. glue ns1.a. 192.0.2.1", "+ a. glue ns1.a. 192.0.2.9", "- b. zone", "+ c. zone"}
	after := []holdfast.Subject{zone("a.", "ns1.a.", "192.0.2.9"), zone("c.", "ns1.c.", "192.0.2.3")}
	if second := accept(2, after...); !slices.Equal(second.Changes, want) || second.Before != 1 {
		t.Errorf("changes %q from %d, want %q from 1", second.Changes, second.Before, want)
	}
	if again := accept(2, after...); !slices.Equal(again.Changes, want) || again.Before != 1 {
		t.Errorf("the same serial again left %q from %d", again.Changes, again.Before)
	}
}

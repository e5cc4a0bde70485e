package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/scan"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/source/roster"
	"github.com/holdfastdns/holdfast/internal/source/zonefile"
)

// firstRoster takes the recorded roster, or fetches one where there is none or
// where a source was named. refused says why one that was fetched was not taken
// in place of the recorded.
func (h *house) firstRoster(ctx context.Context) (fetched bool, refused, err error) {
	known, err := h.record.Roster(ctx)
	if err == nil {
		h.roster.Store(rosterOf(known))
	} else if !errors.Is(err, record.ErrNotFound) {
		return false, nil, err
	}
	if err == nil && len(h.config.Roster.Sources) == 0 && h.config.Roster.List == "" {
		return false, nil, nil // followRoster looks for a new one
	}
	progress := startProgress(h.world, "fetching and verifying the root zone")
	defer progress.stop()
	next, err := h.fetchRoster(ctx)
	if err == nil {
		return true, nil, h.acceptRoster(ctx, next)
	}
	if h.roster.Load() == nil || ctx.Err() != nil {
		return false, nil, advise(err, "Name a root zone file with --root-zone FILE, or sources under [roster].")
	}
	return true, err, nil
}

// tellRoster tells staff of a roster that was refused, or that there is a good
// one again.
func (h *house) tellRoster(ctx context.Context, refused error) error {
	if refused == nil {
		return h.alert.RosterGood(ctx)
	}
	h.log.Error("the old roster stays", "error", refused)
	return h.alert.RosterRefused(ctx, refused)
}

// fetchRoster brings in the list that is configured, or else the root zone
// from the first source whose copy verifies.
func (h *house) fetchRoster(ctx context.Context) (*roster.Roster, error) {
	if list := h.config.Roster.List; list != "" {
		file, err := os.Open(list)
		if err != nil {
			return nil, fmt.Errorf("roster: %w", err)
		}
		defer file.Close()
		return roster.ReadList(file, list, h.world.Clock.Now())
	}
	places := h.config.Roster.Sources
	if len(places) == 0 {
		for _, server := range zonefile.RootTransferServers() {
			places = append(places, "axfr:"+server)
		}
		places = append(places, zonefile.RootURL)
	}
	means := zonefile.Means{Stdin: h.world.Stdin, Dial: h.world.Dialer.DialContext, Clock: h.world.Clock,
		Client: &http.Client{Timeout: 2 * time.Minute}, UserAgent: Program()}
	var sources []source.Fetcher
	for _, place := range places {
		fetcher, err := zonefile.Place(place, holdfast.Root, means)
		if err != nil {
			return nil, fmt.Errorf("roster.sources: %w", err)
		}
		sources = append(sources, fetcher)
	}
	gate := roster.Gate{Verify: verifyRoster(h.world.Anchors), MaxLossPercent: h.config.Roster.MaxLossPercent}
	return gate.Fetch(ctx, sources, h.world.Clock, h.roster.Load())
}

// acceptRoster makes a roster durable, then puts it in force.
func (h *house) acceptRoster(ctx context.Context, next *roster.Roster) error {
	old, keep := h.roster.Load(), kept(next)
	if old != nil {
		known, err := h.record.Roster(ctx)
		if err != nil && !errors.Is(err, record.ErrNotFound) {
			return err
		}
		// The same serial again says nothing new: what the last new one changed
		// stays on the page.
		keep.Changes, keep.Before = known.Changes, known.Before
		if changes := roster.Diff(old, next); len(changes) > 0 {
			keep.Changes, keep.Before = changeLines(changes), old.Serial
			h.log.Info("roster changed", "from", old.Serial, "to", next.Serial, "changes", len(changes))
		}
	}
	if err := h.record.SaveRoster(ctx, keep); err != nil {
		return err
	}
	h.roster.Store(next)
	if old == nil {
		h.log.Info("roster", "zones", len(next.Subjects), "serial", next.Serial, "from", next.From)
	}
	return nil
}

// maxChanges bounds the differences that are kept: a roster of another source
// may differ in every zone.
const maxChanges = 500

func changeLines(changes []roster.Change) []string {
	var out []string
	for i, c := range changes {
		if i == maxChanges {
			return append(out, fmt.Sprintf("and %d more", len(changes)-maxChanges))
		}
		out = append(out, c.String())
	}
	return out
}

// followRoster looks for a new roster, and tells staff where one is refused.
func (h *house) followRoster(ctx context.Context, loops *scan.Loops) error {
	interval := h.config.Roster.Interval.Of()
	if interval == 0 {
		interval = 30 * time.Minute
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.world.Clock.After(interval):
		}
		next, err := h.fetchRoster(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if err := h.tellRoster(ctx, err); err != nil {
				return err
			}
			continue
		}
		if err := errors.Join(h.acceptRoster(ctx, next), h.tellRoster(ctx, nil)); err != nil {
			return err
		}
		loops.SetRoster(next.Subjects)
	}
}

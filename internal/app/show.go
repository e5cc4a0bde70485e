package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// ShowOptions are the flags of `holdfast show`, as given.
type ShowOptions struct {
	Config, Zone string
	JSON         bool
}

// Show prints the latest recorded verdict on a zone: what the watch knows, with
// all that it learnt over time. Nobody is asked.
func Show(ctx context.Context, w World, o ShowOptions) (Exit, error) {
	zone, err := wire.FromUnicode(o.Zone)
	if err != nil {
		return Unworked, advise(fmt.Errorf("show: %w", err), "Write the zone's name, such as se or example.org.")
	}
	var status record.ZoneStatus
	err = withRecord(ctx, StoreOptions{Config: o.Config}, func(_ Config, r *record.Record) error {
		status, err = r.Status(ctx, zone)
		return err
	})
	if errors.Is(err, record.ErrNotFound) || err == nil && status.Verdict.At.IsZero() {
		return Unworked, advise(fmt.Errorf("show: the record has no verdict on %s", zone), "Is it in the roster? `holdfast watch --once` looks at all of it; `holdfast check %s` at this zone alone.", zone)
	}
	if err != nil {
		return Unworked, err
	}
	if o.JSON {
		err = writeJSON(w.Stdout, status.Verdict)
	} else {
		err = writeShown(w, status)
	}
	return ExitFor(status.Verdict), err
}

func writeShown(w World, status record.ZoneStatus) error {
	p := paint(w.Terminal)
	if err := writeVerdict(w.Stdout, status.Verdict, p); err != nil {
		return err
	}
	line := fmt.Sprintf("\n%s since %s, by %s", status.Verdict.Status, instant(status.Since), status.Verdict.Measurement)
	if status.Verdict.Status != holdfast.Secure && !status.LastGood.IsZero() {
		line += "; last well at " + instant(status.LastGood)
	}
	_, err := fmt.Fprintln(w.Stdout, p.dim(line))
	return err
}

package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// ShowOptions are the flags of `holdfast show`, as given.
type ShowOptions struct {
	Config, Zone string
	Save         string // a file for the evidence
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
	err = withRecord(ctx, StoreOptions{Config: o.Config}, func(config Config, r *record.Record) error {
		if status, err = r.Status(ctx, zone); err != nil || o.Save == "" {
			return err
		}
		return w.saveRecorded(ctx, config, r, status.Verdict, o.Save)
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
	line := fmt.Sprintf("\n%s since %s; measurement %s, judged by catalogue %s", status.Verdict.Status, instant(status.Since), status.Verdict.Measurement, status.Verdict.Catalogue)
	if status.Verdict.Status != holdfast.Secure && !status.LastGood.IsZero() {
		line += "; last well at " + instant(status.LastGood)
	}
	_, err := fmt.Fprintln(w.Stdout, p.dim(line))
	return err
}

// saveRecorded writes the evidence of a recorded verdict, with what was known
// before it: judged with `check --from` it gives the verdict again.
func (w *World) saveRecorded(ctx context.Context, config Config, r *record.Record, v holdfast.Verdict, path string) error {
	m, err := r.Measurement(ctx, v.Measurement)
	if err != nil {
		return fmt.Errorf("read the evidence of %s: %w", v.Measurement, err)
	}
	if err := w.trust(config.TrustAnchor, "", m.Finished); err != nil {
		return err
	}
	sweeps, err := r.Sweeps(ctx, mostSweeps)
	if err != nil {
		return err
	}
	before := &pasts{record: r, catalogue: NewCatalogue(w.Anchors, dnssec.NewCache(0)), withheld: withheldAmong(sweeps)}
	past, err := before.before(ctx, m)
	if err != nil {
		return err
	}
	return saveEvidence(path, m, past, w.Anchors)
}

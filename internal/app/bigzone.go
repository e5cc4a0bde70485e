package app

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
)

// bigZone prints a large signed zone, to try what verifies zones on.
func bigZone(ctx context.Context, w World, o LabOptions) (Exit, error) {
	at, err := parseInstant(o.At, w.Clock.Now())
	if err != nil {
		return Unworked, fmt.Errorf("lab: --at: %w", err)
	}
	zone := holdfast.Name("example.")
	progress := startProgress(w, fmt.Sprintf("signing %d delegations", o.Big))
	defer progress.stop()
	anchor, err := lab.Big{Zone: zone, Delegations: o.Big, Denial: o.BigDenial, At: at, Workers: runtime.GOMAXPROCS(0)}.Write(ctx, w.Stdout)
	if err != nil {
		return Unworked, fmt.Errorf("lab: print a big zone: %w", err)
	}
	if o.Anchor != "" {
		if err := os.WriteFile(o.Anchor, []byte(anchor.String()+"\n"), 0o644); err != nil {
			return Unworked, fmt.Errorf("lab: %w", err)
		}
	}
	return Healthy, nil
}

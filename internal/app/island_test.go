package app

import (
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// TestComingAndGoing: a zone that is signed for the first time, and one that
// leaves DNSSEC, have keys without a DS on the way, and nobody is warned of it;
// one that stops there for more than a week is.
func TestComingAndGoing(t *testing.T) {
	for _, way := range []struct {
		kind, zone string
		rest       time.Duration
		warned     bool
	}{
		{"secure", "  unsigned\n  rollover secure at +12h\n", 24 * time.Hour, false},
		{"insecure", "  rollover insecure at +12h\n", 24 * time.Hour, false},
		{"stays", "  unsigned\n  rollover secure at +12h step 9d\n", 0, true},
	} {
		t.Run(way.kind, func(t *testing.T) {
			r, warned := rollingLab(t, way.zone), false
			for _, at := range r.looks(3*time.Hour, way.rest) {
				r.goTo(at)
				for _, f := range r.look(t).Findings {
					if f.Severity >= holdfast.SeverityWarning {
						if warned = true; !way.warned || f.Code != "CHN-07" {
							t.Errorf("%s %s", at.Format(time.RFC3339), tell(f))
						}
					}
				}
			}
			if warned != way.warned {
				t.Errorf("warned: %v", warned)
			}
		})
	}
}

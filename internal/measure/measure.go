// Package measure is the stage that goes out and looks. It keeps the bytes and
// never says what they mean: whatever a server does, or fails to do, is an
// exchange with an outcome, and an error means that we could not work.
//
// ask puts one question to one server, walk collects all that a judge will
// want to know about a zone, scan says who is due next.
package measure

import (
	"context"

	"github.com/holdfastdns/holdfast"
)

// Instrument measures subjects. Measure is bounded in time by the instrument
// itself: what was seen by then is the measurement, marked Cut. The error says
// that we could not work, or that ctx ended first; the measurement then holds
// what there is and should not be judged.
type Instrument interface {
	Measure(ctx context.Context, s holdfast.Subject, d holdfast.Depth) (holdfast.Measurement, error)
}

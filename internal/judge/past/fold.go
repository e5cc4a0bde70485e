// Package past folds looks at a zone into what is known of it: since when each
// key is there, how the zone signs, what each server gave. Like all judging it
// is pure: the same looks in the same order give the same past.
package past

import (
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// Fold is what is known of the zone after a case: the case's past with its
// look taken in. A look that is not newer than the past changes nothing.
func Fold(c *judge.Case) holdfast.Past {
	p := c.Past
	if !c.Instant.After(p.Until) {
		return p
	}
	foldKeys(c, &p)
	p.Signing = foldSigning(c)
	p.Servers = Servers(c)
	p.Delegation = Delegation(c)
	return Again(p, c.Measurement.Depth, c.Instant)
}

// Again is the past after a look of a depth that showed nothing but what the
// last one did.
func Again(p holdfast.Past, depth holdfast.Depth, at time.Time) holdfast.Past {
	if p.Since.IsZero() {
		p.Since = at
	}
	p.Until = at
	if depth == holdfast.Full {
		p.Full = at
	}
	p.Looks++
	return p
}

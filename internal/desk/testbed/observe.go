package testbed

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Question is one that reached the name server of the test zones.
type Question struct {
	At   time.Time
	From netip.Addr
	Name holdfast.Name
	Zone holdfast.Name // that holds the name
}

const (
	sightingQueue = 4096  // questions that wait to be looked at
	sightingLimit = 20000 // sources and what they told, of one zone
)

// sighted are questions that wait to be looked at.
type sighted struct{ asked chan Question }

// Saw is told of a question. It never waits: where too many come, some are
// not looked at. It may be called by many goroutines at once.
func (d *Desk) Saw(q Question) {
	if label, ok := LabelOf(q.Name, q.Zone); !ok || !strings.HasPrefix(label, "_ta-") && !strings.HasPrefix(label, "t-") {
		return
	}
	select {
	case d.asked <- q:
	default:
	}
}

// keepSightings writes what questions told since the last time. Questions for
// zones that are no test zones were passed on too, and tell nothing.
func (d *Desk) keepSightings(ctx context.Context) error {
	type key struct {
		zone   holdfast.Name
		source netip.Addr
		label  string
	}
	seen := map[key]*holdfast.TestSighting{}
	var order []*holdfast.TestSighting
	for range sightingQueue {
		var q Question
		select {
		case q = <-d.asked:
		default:
		}
		if q.Name == "" {
			break
		}
		label, _ := LabelOf(q.Name, q.Zone)
		s, ok := sightingOf(q, label)
		if !ok || !d.knows(q.Zone) {
			continue
		}
		k := key{q.Zone, s.Source, label}
		if seen[k] == nil {
			seen[k] = &s
			order = append(order, &s)
			continue
		}
		seen[k].Last = q.At
		seen[k].Count++
	}
	if len(order) == 0 {
		return nil
	}
	sightings := make([]holdfast.TestSighting, len(order))
	for n, s := range order {
		sightings[n] = *s
	}
	return d.record.SawTests(ctx, sightings, sightingLimit)
}

// sightingOf reads what a label tells: "_ta-4f66-9728" the key tags that a
// resolver trusts for the zone (RFC 8145 section 5.1), "t-..." whose resolver
// asked.
func sightingOf(q Question, label string) (holdfast.TestSighting, bool) {
	s := holdfast.TestSighting{Zone: q.Zone, Source: q.From.Unmap().WithZone(""), First: q.At, Last: q.At, Count: 1}
	if strings.HasPrefix(label, "_ta-") {
		zone, tags, ok := holdfast.ReadKeySignal(q.Name)
		s.Tags = tags
		return s, ok && zone == q.Zone
	}
	s.Label = label
	return s, len(label) == len("t-")+16
}

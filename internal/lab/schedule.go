package lab

import (
	"hash/fnv"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// schedule says when a zone was signed and published: a pure function of the
// instant, so that an answer never depends on what was asked before.
type schedule struct {
	signing Signing // with its defaults
	origin  int64   // Unix seconds of a signing: the lab's start plus the phase
	base    uint32  // the serial at the lab's start, for SerialCount
	first   moment  // at the lab's start, for SerialCount
	events  []int64 // Unix seconds of versions between: steps of rollovers; in order
}

// moment is where a zone stands at an instant.
type moment struct {
	epoch   int64 // the signing, counted from the origin's
	version int64 // the version, counted from the origin's
	step    int   // how many events have been
}

func newSchedule(s Signing, start time.Time, serial uint32, events []int64) schedule {
	out := schedule{signing: s, origin: start.Add(s.Phase).Unix(), base: serial, events: events}
	out.first = out.at(start)
	return out
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// at finds the moment of an instant.
func (s schedule) at(t time.Time) moment {
	passed := t.Unix() - s.origin
	resign, publish := seconds(s.signing.Resign), seconds(s.signing.Publish)
	epoch := floorDiv(passed, resign)
	perEpoch := resign / publish
	within := min((passed-epoch*resign)/publish, perEpoch-1)
	step, _ := slices.BinarySearch(s.events, t.Unix()+1)
	return moment{epoch: epoch, version: epoch*perEpoch + within, step: step}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// signed is when the zone was signed at a moment.
func (s schedule) signed(m moment) time.Time {
	return time.Unix(s.origin+m.epoch*seconds(s.signing.Resign), 0).UTC()
}

// published is when the version of a moment was born.
func (s schedule) published(m moment) time.Time {
	perEpoch := seconds(s.signing.Resign) / seconds(s.signing.Publish)
	within := m.version - m.epoch*perEpoch
	born := s.signed(m).Add(time.Duration(within) * s.signing.Publish)
	if m.step > 0 && s.events[m.step-1] > born.Unix() {
		return time.Unix(s.events[m.step-1], 0).UTC()
	}
	return born
}

// serial is the SOA serial of a moment.
func (s schedule) serial(m moment) uint32 {
	born := s.published(m)
	switch s.signing.Serial {
	case SerialCount:
		return s.base + uint32(m.version-s.first.version) + uint32(m.step-s.first.step)
	case SerialDate:
		midnight := born.Truncate(24 * time.Hour)
		today, _ := slices.BinarySearch(s.events, midnight.Unix())
		nth := min(int64(born.Sub(midnight)/s.signing.Publish)+int64(m.step-today), 99)
		date := uint32(born.Year()*10000 + int(born.Month())*100 + born.Day())
		return date*100 + uint32(nth)
	}
	return uint32(born.Unix())
}

// window is the life of a signature made at a moment. The SOA is signed anew
// with each version, all else with each signing of the zone, and when keys
// changed, at renewed (zero: never).
func (s schedule) window(m moment, name holdfast.Name, t wire.Type, renewed time.Time) (inception, expiration time.Time) {
	signed := s.signed(m)
	if t == wire.TypeSOA {
		signed = s.published(m)
	}
	if renewed.After(signed) {
		signed = renewed
	}
	expiration = signed.Add(s.signing.Validity)
	if jitter := seconds(s.signing.Jitter); jitter > 0 {
		expiration = expiration.Add(-time.Duration(hashOf(string(name), t.String())%uint64(jitter)) * time.Second)
	}
	return signed.Add(-s.signing.Backdate), expiration
}

// hashOf spreads things over a range; it hides nothing.
func hashOf(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	// The low bits of FNV of short names are poorly mixed; fold the high ones in.
	sum := h.Sum64()
	return sum ^ sum>>29
}

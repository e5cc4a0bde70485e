package testbed

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Host is where test zones are served.
type Host struct {
	Base    holdfast.Name   // the zone above them
	Servers []holdfast.Name // their name servers
	Mailbox holdfast.Name   // of who runs them, as an SOA's RNAME
}

// Shown is what a zone shows from one step to the next.
type Shown struct {
	Zone    holdfast.Name
	From    time.Time
	Gone    bool // nothing: it has ended
	Keys    []ShownKey
	Records []wire.Record
	// DS is what the zone above shows. It is wrong on purpose.
	DS   holdfast.DS
	TTL  uint32
	Life time.Duration // of signatures
	text wire.Record   // of the apex, for the names below
}

// ShownKey is a key and what it does. Where it is revoked, Pair is the key
// without REVOKE.
type ShownKey struct {
	Pair                                *wire.Key
	Publish, Revoke, SignKeys, SignData bool
}

// Course is all that a zone shows, step by step.
func (h Host) Course(z holdfast.TestZone, k Keys) ([]Shown, error) {
	var out []Shown
	for n, step := range z.Steps {
		s := Shown{Zone: z.Name, From: step.At, Gone: step.Move == holdfast.TestEnds, DS: WrongDS(z),
			TTL: uint32(z.Timers.TTL / time.Second), Life: z.Timers.Life}
		if s.Gone {
			out = append(out, s)
			continue
		}
		old, successor := shows(step.Move)
		s.Keys = []ShownKey{
			{Pair: k.Old, Publish: old.publish, Revoke: old.revoke, SignKeys: old.sign},
			{Pair: k.New, Publish: successor.publish, SignKeys: successor.sign},
			{Pair: k.Data, Publish: true, SignData: true},
		}
		next := holdfast.TestStep{}
		if n+1 < len(z.Steps) {
			next = z.Steps[n+1]
		}
		if err := s.fill(h, z, step, next); err != nil {
			return nil, fmt.Errorf("make test zone %s: %w", z.Name.Short(), err)
		}
		out = append(out, s)
	}
	return out, nil
}

// fill makes the records of the apex. The serial is the second of the step, so
// that a cache that holds an earlier one gives itself away.
func (s *Shown) fill(h Host, z holdfast.TestZone, step, next holdfast.TestStep) error {
	if len(h.Servers) == 0 {
		return fmt.Errorf("no name server is configured")
	}
	soa, err := wire.NewSOA(z.Name, s.TTL, wire.SOA{MName: h.Servers[0], RName: h.Mailbox, Serial: uint32(step.At.Unix()),
		Refresh: 3600, Retry: 600, Expire: 86400, NegativeMinTTL: s.TTL})
	if err != nil {
		return err
	}
	s.Records = append(s.Records, soa)
	for _, server := range h.Servers {
		ns, err := wire.NewTarget(z.Name, wire.TypeNS, s.TTL, server)
		if err != nil {
			return err
		}
		s.Records = append(s.Records, ns)
	}
	text := fmt.Sprintf("step=%s since=%s", step.Move, step.At.UTC().Format(time.RFC3339))
	if next.Move != "" {
		text += fmt.Sprintf(" next=%s at=%s", next.Move, next.At.UTC().Format(time.RFC3339))
	}
	s.text = wire.NewRecord(z.Name, wire.TypeTXT, s.TTL, append([]byte{byte(len(text))}, text...))
	s.Records = append(s.Records, s.text)
	return nil
}

// Node is what stands at a name below the apex. Each single label that could
// be a subscriber's has the apex's text; key tag signals (RFC 8145) are names
// that do not exist.
func (s Shown) Node(name holdfast.Name) ([]wire.Record, bool) {
	label, ok := LabelOf(name, s.Zone)
	if !ok || strings.HasPrefix(label, "_") {
		return nil, false
	}
	record := s.text
	record.Name = name
	return []wire.Record{record}, true
}

// LabelOf is the label of a name one below a zone.
func LabelOf(name, zone holdfast.Name) (string, bool) {
	if name == zone || name.Parent() != zone {
		return "", false
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(name), string(zone)), "."), true
}

// WrongDS is the DS that the zone above shows: of an algorithm and a digest
// that validators know, and of no key. Who follows it finds the zone bogus
// (RFC 4035 section 5.2); who trusts the zone's key of itself does not look.
func WrongDS(z holdfast.TestZone) holdfast.DS {
	digest := sha256.Sum256([]byte("no key of " + string(z.Name)))
	tag := binary.BigEndian.Uint16(digest[:])
	for !distinct(tag, z.Old.Tag, z.Old.Revoked, z.New.Tag, z.New.Revoked, z.Data.Tag) {
		tag++
	}
	return holdfast.DS{KeyTag: tag, Algorithm: z.Old.Algorithm, DigestType: 2, Digest: digest[:]}
}

package whole

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var (
	noon      = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	inception = noon.Add(-24 * time.Hour)
	expiry    = noon.Add(10 * 24 * time.Hour)
)

// signer signs small zones for tests, by its own and simple means.
type signer struct {
	t        testing.TB
	zone     holdfast.Name
	ksk, zsk *wire.Key
	nsec3    *wire.NSEC3PARAM // nil: NSEC
	optOut   bool
}

func newSigner(t testing.TB, zone holdfast.Name) *signer {
	s := &signer{t: t, zone: zone}
	s.ksk, s.zsk = s.key(257), s.key(256)
	return s
}

func (s *signer) key(flags uint16) *wire.Key {
	s.t.Helper()
	k, err := wire.GenerateKey(wire.ED25519, flags, 0, rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	return k
}

// anchor is a trust anchor for the signer's zone.
func (s *signer) anchor() []wire.Record {
	ds, err := s.ksk.DNSKEY.Digest(s.zone, 2)
	if err != nil {
		s.t.Fatal(err)
	}
	return []wire.Record{wire.NewDS(s.zone, 0, ds)}
}

const testZone = `@ 3600 IN SOA ns1 host 7 1 2 3 600
@ 3600 IN NS ns1
@ 3600 IN NS ns.other.
ns1 3600 IN A 192.0.2.1
*.wild 60 IN TXT "any"
deep.empty 60 IN TXT "below an empty non-terminal"
alias 60 IN CNAME ns1
secured 3600 IN NS ns1.secured
secured 3600 IN DS 1 13 2 0011223344556677889900112233445566778899001122334455667788990011
ns1.secured 3600 IN A 192.0.2.2
open 3600 IN NS ns1.open
ns1.open 3600 IN A 192.0.2.3
child.opendeep 3600 IN NS ns1
renamed 60 IN DNAME other.
`

// sign makes a signed zone of the text.
func (s *signer) sign(text string) []wire.Record {
	s.t.Helper()
	records := parse(s.t, s.zone, text)
	records = append(records, wire.NewDNSKEY(s.zone, 3600, s.ksk.DNSKEY), wire.NewDNSKEY(s.zone, 3600, s.zsk.DNSKEY))
	if s.nsec3 == nil {
		records = append(records, s.nsecs(records)...)
	} else {
		records = append(records, wire.NewNSEC3PARAM(s.zone, 0, *s.nsec3))
		records = append(records, s.nsec3s(records)...)
	}
	return append(records, s.rrsigs(records)...)
}

// owners are the names of the zone with their types, cuts and what is below
// them told apart by hand: by what testZone holds.
func (s *signer) owners(records []wire.Record) (names []holdfast.Name, types map[holdfast.Name][]wire.Type) {
	types = map[holdfast.Name][]wire.Type{}
	for _, r := range records {
		if s.isGlue(r.Name) {
			continue
		}
		if types[r.Name] == nil {
			names = append(names, r.Name)
		}
		types[r.Name] = append(types[r.Name], r.Type)
	}
	slices.SortFunc(names, wire.CompareNames)
	return names, types
}

func (s *signer) isGlue(name holdfast.Name) bool {
	return strings.HasPrefix(string(name), "ns1.secured.") || strings.HasPrefix(string(name), "ns1.open.")
}

func isCut(name holdfast.Name) bool {
	return strings.HasPrefix(string(name), "secured.") || strings.HasPrefix(string(name), "open.") || strings.HasPrefix(string(name), "child.opendeep.")
}

func (s *signer) nsecs(records []wire.Record) []wire.Record {
	names, types := s.owners(records)
	var out []wire.Record
	for i, name := range names {
		r, err := wire.NewNSEC(name, 600, wire.NSEC{Next: names[(i+1)%len(names)], Types: append(types[name], wire.TypeRRSIG, wire.TypeNSEC)})
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func (s *signer) nsec3s(records []wire.Record) []wire.Record {
	names, types := s.owners(records)
	for _, empty := range []holdfast.Name{"empty.", "opendeep.", "wild."} {
		names = append(names, empty+s.zone)
	}
	byHash := map[string][]wire.Type{}
	var hashes []string
	for _, name := range names {
		insecure := isCut(name) && !slices.Contains(types[name], wire.TypeDS) || strings.HasPrefix(string(name), "opendeep.")
		if insecure && s.optOut {
			continue
		}
		hash, err := wire.HashName(name, s.nsec3.Iterations, s.nsec3.Salt)
		if err != nil {
			s.t.Fatal(err)
		}
		bits := types[name]
		if len(bits) > 0 && !insecure {
			bits = append(bits, wire.TypeRRSIG)
		}
		byHash[string(hash)] = bits
		hashes = append(hashes, string(hash))
	}
	slices.Sort(hashes)
	var out []wire.Record
	for i, hash := range hashes {
		out = append(out, wire.NewNSEC3(holdfast.Name(wire.HashLabel([]byte(hash)))+"."+s.zone, 600, wire.NSEC3{
			Hash: 1, OptOut: s.optOut, Iterations: s.nsec3.Iterations, Salt: s.nsec3.Salt,
			Next: []byte(hashes[(i+1)%len(hashes)]), Types: byHash[hash],
		}))
	}
	return out
}

func (s *signer) rrsigs(records []wire.Record) []wire.Record {
	var out []wire.Record
	done := map[string]bool{}
	for _, r := range records {
		if done[string(r.Name)+r.Type.String()] || s.isGlue(r.Name) || isCut(r.Name) && r.Type == wire.TypeNS {
			continue
		}
		done[string(r.Name)+r.Type.String()] = true
		key := s.zsk
		if r.Type == wire.TypeDNSKEY {
			key = s.ksk
		}
		out = append(out, s.rrsig(key, rrsetOf(records, r.Name, r.Type), inception, expiry))
	}
	return out
}

func (s *signer) rrsig(key *wire.Key, rrset []wire.Record, from, to time.Time) wire.Record {
	s.t.Helper()
	r, err := key.Sign(rrset, s.zone, from, to, rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func rrsetOf(records []wire.Record, name holdfast.Name, t wire.Type) []wire.Record {
	var out []wire.Record
	for _, r := range records {
		if r.Name == name && r.Type == t {
			out = append(out, r)
		}
	}
	return out
}

// without drops the records of a type at a name; of signatures, those that
// cover the type.
func without(records []wire.Record, name holdfast.Name, t wire.Type, signatures bool) []wire.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r wire.Record) bool {
		if r.Name != name {
			return false
		}
		if r.Type == wire.TypeRRSIG && signatures {
			sig, err := r.RRSIG()
			return err == nil && sig.Covered == t
		}
		return r.Type == t && !signatures
	})
}

// resigned replaces the signatures over one RRset.
func (s *signer) resigned(records []wire.Record, name holdfast.Name, t wire.Type, from, to time.Time) []wire.Record {
	key := s.zsk
	if t == wire.TypeDNSKEY {
		key = s.ksk
	}
	return append(without(records, name, t, true), s.rrsig(key, rrsetOf(records, name, t), from, to))
}

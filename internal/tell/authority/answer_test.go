package authority

import (
	"slices"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func TestAnswers(t *testing.T) {
	s, _ := bed(t, Config{})
	sentinel, support := SentinelZone(base), holdfast.Name("d2a8n3."+base)
	for _, c := range []struct {
		name      holdfast.Name
		typ       wire.Type
		rcode     int
		aa        bool
		answer    []string
		authority []string
	}{
		{base, wire.TypeSOA, wire.NoError, true, []string{"bed.example. RRSIG", "bed.example. SOA"}, nil},
		{base, wire.TypeDS, wire.NoError, true, nil, []string{"bed.example. NSEC", "bed.example. RRSIG", "bed.example. RRSIG", "bed.example. SOA"}},
		{sentinel, wire.TypeDS, wire.NoError, true, []string{"sentinel.bed.example. DS", "sentinel.bed.example. RRSIG"}, nil},
		{InsecureZone(base), wire.TypeA, wire.NoError, true, []string{"insecure.sentinel.bed.example. A"}, nil},
		{InsecureZone(base), wire.TypeDS, wire.NoError, true, nil,
			[]string{"insecure.sentinel.bed.example. NSEC", "insecure.sentinel.bed.example. RRSIG", "sentinel.bed.example. RRSIG", "sentinel.bed.example. SOA"}},
		{"root-key-sentinel-is-ta-20326." + sentinel, wire.TypeA, wire.NoError, true,
			[]string{"root-key-sentinel-is-ta-20326.sentinel.bed.example. A", "root-key-sentinel-is-ta-20326.sentinel.bed.example. RRSIG"}, nil},
		{"root-key-sentinel-not-ta-00000.tabcdefgh." + sentinel, wire.TypeAAAA, wire.NoError, true,
			[]string{"root-key-sentinel-not-ta-00000.tabcdefgh.sentinel.bed.example. AAAA", "root-key-sentinel-not-ta-00000.tabcdefgh.sentinel.bed.example. RRSIG"}, nil},
		{"tabcdefgh." + sentinel, wire.TypeA, wire.NoError, true, nil,
			[]string{"sentinel.bed.example. RRSIG", "sentinel.bed.example. SOA", "tabcdefgh.sentinel.bed.example. NSEC", "tabcdefgh.sentinel.bed.example. RRSIG"}},
		{"root-key-sentinel-is-ta-65536." + sentinel, wire.TypeA, wire.NXDomain, true, nil,
			[]string{`\)~.sentinel.bed.example. NSEC`, `\)~.sentinel.bed.example. RRSIG`, "root-key-sentinel-is-ta-65535~.sentinel.bed.example. NSEC", "root-key-sentinel-is-ta-65535~.sentinel.bed.example. RRSIG", "sentinel.bed.example. RRSIG", "sentinel.bed.example. SOA"}},
		{"unsigned." + sentinel, wire.TypeA, wire.NoError, true, []string{"unsigned.sentinel.bed.example. A"}, nil},
		{"secure." + support, wire.TypeMX, wire.NoError, true, nil, nil},
		{"nothing." + support, wire.TypeA, wire.NXDomain, true, nil, nil},
		{"www.elsewhere.test.", wire.TypeA, wire.Refused, false, nil, nil},
		{base, wire.TypeAXFR, wire.Refused, false, nil, nil},
		{base, wire.TypeANY, wire.NoError, true, []string{"bed.example. A", "bed.example. RRSIG"}, nil},
	} {
		m := ask(t, s, c.name, c.typ)
		if m.Rcode != c.rcode || m.Authoritative != c.aa {
			t.Errorf("%s %s: %s, AA %v; want %s, %v", c.name, c.typ, wire.RcodeName(m.Rcode), m.Authoritative, wire.RcodeName(c.rcode), c.aa)
		}
		if got := types(m.Answer); !slices.Equal(got, c.answer) {
			t.Errorf("%s %s answers %v, want %v", c.name, c.typ, got, c.answer)
		}
		if got := types(m.Authority); c.authority != nil && !slices.Equal(got, c.authority) {
			t.Errorf("%s %s proves with %v, want %v", c.name, c.typ, got, c.authority)
		}
	}
}

// TestSpelling: a reply has the question letter for letter as it came, by which
// askers know that it is theirs.
func TestSpelling(t *testing.T) {
	s, _ := bed(t, Config{})
	for _, name := range []holdfast.Name{"signed." + SentinelZone(base), "nothing." + base, "elsewhere.test."} {
		packet, err := wire.Shape{MixedCase: true}.Query(holdfast.Question{Name: name, Type: uint16(wire.TypeA)})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // made, and kept
			reply := s.Reply(packet, asker, true)
			if got, want := wire.Spelling(reply), wire.Spelling(packet); string(got) != string(want) {
				t.Errorf("%s: %q comes back as %q", name, want, got)
			}
		}
	}
}

package lab

import (
	"slices"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestCanonicalOrder is the example of RFC 4034 section 6.1.
func TestCanonicalOrder(t *testing.T) {
	want := []holdfast.Name{
		"example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.",
		"z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`,
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b holdfast.Name) int { return strings.Compare(canonicalKey(a), canonicalKey(b)) })
	if !slices.Equal(got, want) {
		t.Errorf("order %v", got)
	}
}

// rfc5155 is the unsigned part of the zone of RFC 5155 appendix A.
const rfc5155 = `
record @ SOA ns1 bugs.x.w 1 3600 300 3600000 3600
record @ NS ns1
record @ NS ns2
record @ MX 1 xx
record 2t7b4g4vsa5smi47k61mv5bv1a22bojr A 192.0.2.127
record a NS ns1.a
record a NS ns2.a
record a DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C
record ns1.a A 192.0.2.5
record ns2.a A 192.0.2.6
record ai A 192.0.2.9
record c NS ns1.c
record c NS ns2.c
record ns1.c A 192.0.2.7
record ns2.c A 192.0.2.8
record ns1 A 192.0.2.1
record ns2 A 192.0.2.2
record *.w MX 1 ai
record x.w MX 1 xx
record x.y.w MX 1 xx
record xx A 192.0.2.10
`

// TestChainOfRFC5155 compares the chain with the NSEC3 records of the RFC's
// appendix A: owner hash to next hash, with the types.
func TestChainOfRFC5155(t *testing.T) {
	plan := mustParse(t, "clock 2026-08-01T12:00:00Z\nzone example.\nno-cds\nnsec3 iterations 12 salt aabbccdd optout\n"+rfc5155)
	in, err := New(plan, &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	records, err := in.SignedZone("example.", start)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom": "2T7B4G4VSA5SMI47K61MV5BV1A22BOJR MX DNSKEY NS SOA NSEC3PARAM RRSIG",
		"2t7b4g4vsa5smi47k61mv5bv1a22bojr": "2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG",
		"2vptu5timamqttgl4luu9kg21e0aor3s": "35MTHGPGCU1QG68FAB165KLNSNK3DPVL MX RRSIG",
		"35mthgpgcu1qg68fab165klnsnk3dpvl": "B4UM86EGHHDS6NEA196SMVMLO4ORS995 NS DS RRSIG",
		"b4um86eghhds6nea196smvmlo4ors995": "GJEQE526PLBF1G8MKLP59ENFD789NJGI MX RRSIG",
		"gjeqe526plbf1g8mklp59enfd789njgi": "JI6NEOAEPV8B5O6K4EV33ABHA8HT9FGC A HINFO AAAA RRSIG",
		"ji6neoaepv8b5o6k4ev33abha8ht9fgc": "K8UDEMVP1J2F7EG6JEBPS17VP3N8I58H",
		"k8udemvp1j2f7eg6jebps17vp3n8i58h": "KOHAR7MBB8DC2CE8A9QVL8HON4K53UHI",
		"kohar7mbb8dc2ce8a9qvl8hon4k53uhi": "Q04JKCEVQVMU85R014C7DKBA38O0JI5R A RRSIG",
		"q04jkcevqvmu85r014c7dkba38o0ji5r": "R53BQ7CC2UVMUBFU5OCMM6PERS9TK9EN A RRSIG",
		"r53bq7cc2uvmubfu5ocmm6pers9tk9en": "T644EBQK9BIBCNA874GIVR6JOJ62MLHV MX RRSIG",
		"t644ebqk9bibcna874givr6joj62mlhv": "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM A HINFO AAAA RRSIG",
	}
	found := 0
	for _, r := range records {
		n, err := r.NSEC3()
		if err != nil {
			continue
		}
		found++
		label, _, _ := strings.Cut(string(r.Name), ".")
		words := strings.Fields(want[label])
		if len(words) == 0 {
			t.Errorf("NSEC3 at %s, which the RFC does not have", label)
			continue
		}
		if next := strings.ToUpper(wire.HashLabel(n.Next)); next != words[0] {
			t.Errorf("%s: next %s, want %s", label, next, words[0])
		}
		var types, wanted []string
		for _, ty := range n.Types {
			types = append(types, ty.String())
		}
		for _, w := range words[1:] {
			if w != "HINFO" && w != "AAAA" { // left out above
				wanted = append(wanted, w)
			}
		}
		slices.Sort(types)
		slices.Sort(wanted)
		if !slices.Equal(types, wanted) || !n.OptOut {
			t.Errorf("%s: types %v, want %v; opt-out %v", label, types, wanted, n.OptOut)
		}
	}
	if found != len(want) {
		t.Errorf("%d NSEC3 records, want %d", found, len(want))
	}
}

func TestCacheForgets(t *testing.T) {
	c := newCache[int, int](10)
	for i := range 100 {
		c.put(i, i)
	}
	if n := len(c.young) + len(c.old); n > 20 {
		t.Errorf("%d kept, want at most 20", n)
	}
	if _, ok := c.get(0); ok {
		t.Error("the oldest is still there")
	}
	if v, ok := c.get(99); !ok || v != 99 {
		t.Error("the youngest is gone")
	}
	old := 0
	for k := range c.old {
		old = k
	}
	if v, ok := c.get(old); !ok || v != old || c.young[old] != old {
		t.Error("what is asked for is not kept young")
	}
}

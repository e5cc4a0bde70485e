package dnssec

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// The NSEC3 chain of RFC 5155 appendix A: hashed owner, then its types. SHA-1,
// 12 iterations, salt aabbccdd, opt-out set throughout.
var appendixA = []struct{ hash, types string }{
	{"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "MX DNSKEY NS SOA NSEC3PARAM RRSIG"}, // example
	{"2t7b4g4vsa5smi47k61mv5bv1a22bojr", "A RRSIG"},                           // ns1.example
	{"2vptu5timamqttgl4luu9kg21e0aor3s", "MX RRSIG"},                          // x.y.w.example
	{"35mthgpgcu1qg68fab165klnsnk3dpvl", "NS DS RRSIG"},                       // a.example
	{"b4um86eghhds6nea196smvmlo4ors995", "MX RRSIG"},                          // x.w.example
	{"gjeqe526plbf1g8mklp59enfd789njgi", "HINFO A AAAA RRSIG"},                // ai.example
	{"ji6neoaepv8b5o6k4ev33abha8ht9fgc", ""},                                  // y.w.example
	{"k8udemvp1j2f7eg6jebps17vp3n8i58h", ""},                                  // w.example
	{"q04jkcevqvmu85r014c7dkba38o0ji5r", "A RRSIG"},                           // ns2.example
	{"r53bq7cc2uvmubfu5ocmm6pers9tk9en", "MX RRSIG"},                          // *.w.example
	{"t644ebqk9bibcna874givr6joj62mlhv", "HINFO A AAAA RRSIG"},                // xx.example
}

func parseTypes(t *testing.T, text string) []wire.Type {
	var out []wire.Type
	for field := range strings.FieldsSeq(text) {
		typ, err := wire.ParseType(field)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, typ)
	}
	return out
}

// rfc5155 are the NSEC3 records of the appendix whose hashes begin so.
func rfc5155(t *testing.T, prefixes ...string) []*judge.Set {
	t.Helper()
	salt, _ := hex.DecodeString("aabbccdd")
	var out []*judge.Set
	for i, entry := range appendixA {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(entry.hash, p) }) {
			continue
		}
		next, err := wire.ParseHashLabel(holdfast.Name(appendixA[(i+1)%len(appendixA)].hash+".example."), "example.")
		if err != nil {
			t.Fatal(err)
		}
		owner := holdfast.Name(entry.hash + ".example.")
		record := wire.NewNSEC3(owner, 3600, wire.NSEC3{Hash: 1, OptOut: true, Iterations: 12, Salt: salt, Next: next, Types: parseTypes(t, entry.types)})
		out = append(out, &judge.Set{RRset: &judge.RRset{Name: owner, Type: wire.TypeNSEC3, Records: []wire.Record{record}}})
	}
	if len(out) != len(prefixes) {
		t.Fatalf("found %d of %v", len(out), prefixes)
	}
	return out
}

// TestRFC5155AppendixB: the responses of the appendix prove what they say, and
// no longer do when any one record is taken away.
func TestRFC5155AppendixB(t *testing.T) {
	tests := []struct {
		section string
		ask     asked
		records []string
		optOut  bool
	}{
		{"B.1 name error", asked{claim: claimNoName, name: "a.c.x.w.example.", t: wire.TypeA}, []string{"0p9m", "b4um", "35mt"}, true},
		{"B.2 no data", asked{claim: claimNoData, name: "ns1.example.", t: wire.TypeMX}, []string{"2t7b"}, false},
		{"B.2.1 no data, empty non-terminal", asked{claim: claimNoData, name: "y.w.example.", t: wire.TypeA}, []string{"ji6n"}, false},
		{"B.3 referral to an opt-out unsigned zone", asked{claim: claimNoData, name: "c.example.", t: wire.TypeDS}, []string{"35mt", "0p9m"}, true},
		{"B.4 wildcard expansion", asked{claim: claimExpansion, name: "a.z.w.example.", t: wire.TypeMX, closest: "w.example."}, []string{"q04j"}, true},
		{"B.5 wildcard no data", asked{claim: claimNoData, name: "a.z.w.example.", t: wire.TypeAAAA}, []string{"k8ud", "q04j", "r53b"}, true},
	}
	for _, test := range tests {
		t.Run(test.section, func(t *testing.T) {
			test.ask.zone = "example."
			p := readNSEC3(rfc5155(t, test.records...), "example.").prove(test.ask)
			if !p.proven() || p.optOut != test.optOut {
				t.Errorf("%s %q, opt-out %v", p.fault, p.reason, p.optOut)
			}
			for i := range test.records {
				fewer := slices.Delete(slices.Clone(test.records), i, i+1)
				if p := readNSEC3(rfc5155(t, fewer...), "example.").prove(test.ask); p.proven() {
					t.Errorf("proven without %s", test.records[i])
				}
			}
		})
	}
	// B.6: a DS asked of the child's server is answered from the child's apex,
	// which does not prove it absent in the parent (RFC 6840 section 4.1).
	p := readNSEC3(rfc5155(t, "0p9m"), "example.").prove(asked{claim: claimNoData, name: "example.", t: wire.TypeDS, zone: "example."})
	if p.fault != judge.DenialWrong {
		t.Errorf("B.6: %q", p.fault)
	}
}

func TestNSEC3Contradictions(t *testing.T) {
	tests := []struct {
		name    string
		ask     asked
		records []string
		fault   judge.DenialFault
	}{
		{"the name exists", asked{claim: claimNoName, name: "ns1.example.", t: wire.TypeA}, []string{"2t7b"}, judge.DenialExists},
		{"the type exists", asked{claim: claimNoData, name: "ns1.example.", t: wire.TypeA}, []string{"2t7b"}, judge.DenialExists},
		{"the wildcard exists", asked{claim: claimNoName, name: "a.z.w.example.", t: wire.TypeMX}, []string{"k8ud", "q04j", "r53b"}, judge.DenialExists},
		{"the closest encloser is a delegation", asked{claim: claimNoName, name: "x.a.example.", t: wire.TypeA}, []string{"35mt", "0p9m", "2t7b"}, judge.DenialWrong},
		{"the parent's side of a cut", asked{claim: claimNoData, name: "a.example.", t: wire.TypeA}, []string{"35mt"}, judge.DenialWrong},
	}
	for _, test := range tests {
		test.ask.zone = "example."
		if p := readNSEC3(rfc5155(t, test.records...), "example.").prove(test.ask); p.fault != test.fault {
			t.Errorf("%s: %q (%s), want %q", test.name, p.fault, p.reason, test.fault)
		}
	}
}

// rfc4035 are the NSEC records of RFC 4035 appendix A at the owners named.
func rfc4035(t *testing.T, owners ...holdfast.Name) []*judge.Set {
	t.Helper()
	all := []struct {
		owner, next holdfast.Name
		types       string
	}{
		{"example.", "a.example.", "NS SOA MX RRSIG NSEC DNSKEY"},
		{"a.example.", "ai.example.", "NS DS RRSIG NSEC"},
		{"ai.example.", "b.example.", "A HINFO AAAA RRSIG NSEC"},
		{"b.example.", "ns1.example.", "NS RRSIG NSEC"},
		{"ns1.example.", "ns2.example.", "A RRSIG NSEC"},
		{"ns2.example.", "*.w.example.", "A RRSIG NSEC"},
		{"*.w.example.", "x.w.example.", "MX RRSIG NSEC"},
		{"x.w.example.", "x.y.w.example.", "MX RRSIG NSEC"},
		{"x.y.w.example.", "xx.example.", "MX RRSIG NSEC"},
		{"xx.example.", "example.", "A HINFO AAAA RRSIG NSEC"},
	}
	var out []*judge.Set
	for _, n := range all {
		if !slices.Contains(owners, n.owner) {
			continue
		}
		record, err := wire.NewNSEC(n.owner, 3600, wire.NSEC{Next: n.next, Types: parseTypes(t, n.types)})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &judge.Set{RRset: &judge.RRset{Name: n.owner, Type: wire.TypeNSEC, Records: []wire.Record{record}}})
	}
	if len(out) != len(owners) {
		t.Fatalf("found %d of %v", len(out), owners)
	}
	return out
}

// TestRFC4035AppendixB: the negative responses of the appendix, and others
// that the same zone would or would not give.
func TestRFC4035AppendixB(t *testing.T) {
	tests := []struct {
		name   string
		ask    asked
		owners []holdfast.Name
		fault  judge.DenialFault
	}{
		{"B.2 name error", asked{claim: claimNoName, name: "ml.example.", t: wire.TypeA}, []holdfast.Name{"b.example.", "example."}, judge.DenialProven},
		{"B.3 no data", asked{claim: claimNoData, name: "ns1.example.", t: wire.TypeMX}, []holdfast.Name{"ns1.example."}, judge.DenialProven},
		{"B.5 referral to an unsigned zone", asked{claim: claimNoData, name: "b.example.", t: wire.TypeDS}, []holdfast.Name{"b.example."}, judge.DenialProven},
		{"B.6 wildcard expansion", asked{claim: claimExpansion, name: "a.z.w.example.", t: wire.TypeMX, closest: "w.example."}, []holdfast.Name{"x.y.w.example."}, judge.DenialProven},
		{"B.7 wildcard no data", asked{claim: claimNoData, name: "a.z.w.example.", t: wire.TypeAAAA}, []holdfast.Name{"x.y.w.example.", "*.w.example."}, judge.DenialProven},
		{"B.8 DS of the child's own apex", asked{claim: claimNoData, name: "example.", t: wire.TypeDS}, []holdfast.Name{"example."}, judge.DenialWrong},
		{"empty non-terminal", asked{claim: claimNoData, name: "y.w.example.", t: wire.TypeA}, []holdfast.Name{"x.w.example."}, judge.DenialProven},
		{"empty non-terminal denied", asked{claim: claimNoName, name: "y.w.example.", t: wire.TypeA}, []holdfast.Name{"x.w.example."}, judge.DenialExists},
		{"past the last name", asked{claim: claimNoName, name: "zz.example.", t: wire.TypeA}, []holdfast.Name{"xx.example.", "example."}, judge.DenialProven},
		{"wildcard not covered", asked{claim: claimNoName, name: "ml.example.", t: wire.TypeA}, []holdfast.Name{"b.example."}, judge.DenialWrong},
		{"wildcard exists", asked{claim: claimNoName, name: "a.z.w.example.", t: wire.TypeMX}, []holdfast.Name{"x.y.w.example.", "*.w.example."}, judge.DenialExists},
		{"not covered", asked{claim: claimNoName, name: "ml.example.", t: wire.TypeA}, []holdfast.Name{"example."}, judge.DenialWrong},
		{"name exists", asked{claim: claimNoName, name: "ai.example.", t: wire.TypeMX}, []holdfast.Name{"ai.example."}, judge.DenialExists},
		{"type exists", asked{claim: claimNoData, name: "ai.example.", t: wire.TypeA}, []holdfast.Name{"ai.example."}, judge.DenialExists},
		{"below a delegation", asked{claim: claimNoName, name: "x.b.example.", t: wire.TypeA}, []holdfast.Name{"b.example.", "example."}, judge.DenialWrong},
		{"the parent's side of a cut", asked{claim: claimNoData, name: "b.example.", t: wire.TypeA}, []holdfast.Name{"b.example."}, judge.DenialWrong},
		{"a nearer wildcard", asked{claim: claimExpansion, name: "a.z.w.example.", t: wire.TypeMX, closest: "example."}, []holdfast.Name{"x.y.w.example."}, judge.DenialWrong},
	}
	for _, test := range tests {
		test.ask.zone = "example."
		if p := readNSEC(rfc4035(t, test.owners...)).prove(test.ask); p.fault != test.fault {
			t.Errorf("%s: %q (%s), want %q", test.name, p.fault, p.reason, test.fault)
		}
	}
}

// TestCompactDenial: a name that exists only to say that it does not (RFC 9824).
func TestCompactDenial(t *testing.T) {
	record, err := wire.NewNSEC("no.example.", 3600, wire.NSEC{Next: `\000.no.example.`, Types: []wire.Type{wire.TypeRRSIG, wire.TypeNSEC, typeNXNAME}})
	if err != nil {
		t.Fatal(err)
	}
	sets := []*judge.Set{{RRset: &judge.RRset{Name: "no.example.", Records: []wire.Record{record}}}}
	for _, what := range []claim{claimNoData, claimNoName} {
		if p := readNSEC(sets).prove(asked{claim: what, name: "no.example.", t: wire.TypeA, zone: "example."}); !p.proven() {
			t.Errorf("claim %d: %q %s", what, p.fault, p.reason)
		}
	}
}

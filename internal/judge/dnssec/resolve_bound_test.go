package dnssec

import (
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestHashesPerProof: a proof costs one hash for each name between the zone and
// the name asked for, the wildcard's and no more, however many records came
// (CVE-2023-50868); and none at all with more iterations than are computed.
func TestHashesPerProof(t *testing.T) {
	name := holdfast.Name(strings.Repeat("a.", 120) + "example.")
	var sets []*judge.Set
	for i := range 100 {
		owner := holdfast.Name(wire.HashLabel(append(make([]byte, 19), byte(i))) + ".example.")
		record := wire.NewNSEC3(owner, 3600, wire.NSEC3{Hash: 1, Iterations: 50, Next: append(make([]byte, 19), byte(i+1)), Types: []wire.Type{wire.TypeA}})
		sets = append(sets, &judge.Set{RRset: &judge.RRset{Name: owner, Type: wire.TypeNSEC3, Records: []wire.Record{record}}})
	}
	for _, what := range []claim{claimNoName, claimNoData, claimExpansion} {
		h := readNSEC3(sets, "example.")
		if h.prove(asked{claim: what, name: name, t: wire.TypeA, zone: "example.", closest: "example."}).proven() {
			t.Errorf("claim %d is proven by records of nothing", what)
		}
		if most := name.Labels() + 3; len(h.sums) > most {
			t.Errorf("claim %d: %d hashes, want at most %d", what, len(h.sums), most)
		}
	}
	x := exams{policy: DefaultPolicy()}
	for _, s := range sets {
		s.RRset.Records[0].Data[3] = 51 // iterations
	}
	d := &judge.Denial{}
	x.hashed(d, sets, asked{claim: claimNoName, name: name, t: wire.TypeA, zone: "example."})
	if d.Fault != judge.DenialIterations {
		t.Errorf("51 iterations: %q", d.Fault)
	}
}

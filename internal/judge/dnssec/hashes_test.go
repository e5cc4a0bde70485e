package dnssec

import (
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestHashesAreBounded: a proof by NSEC3 hashes each name once, no more than
// two for each label, and none where the iterations are more than we compute
// (CVE-2023-50868).
func TestHashesAreBounded(t *testing.T) {
	const deep = holdfast.Name("a.b.c.d.e.f.g.h.i.j.example.")
	hostile := func(iterations uint16) *judge.Sets {
		sets := &judge.Sets{}
		for i := range 200 { // owners and spans that fit nothing that is asked
			hash := make([]byte, 20)
			hash[0], hash[1], hash[19] = byte(i), byte(i*7), 1
			next := append([]byte(nil), hash...)
			next[19] = 2
			r := wire.NewNSEC3(holdfast.Name(wire.HashLabel(hash)+".example."), 900, wire.NSEC3{Hash: 1, Iterations: iterations, Next: next})
			sets.Authority = append(sets.Authority, &judge.RRset{Name: r.Name, Type: wire.TypeNSEC3, Records: []wire.Record{r}})
		}
		return sets
	}
	for _, test := range []struct {
		iterations uint16
		most       int
		fault      judge.DenialFault
	}{
		{0, 2*10 + 2, judge.DenialWrong},
		{50, 2*10 + 2, judge.DenialWrong},
		{51, 0, judge.DenialIterations},
		{65535, 0, judge.DenialIterations},
	} {
		x := &exams{policy: DefaultPolicy(), at: time.Unix(1800000000, 0)}
		ring := &keyring{zone: "example."}
		for _, what := range []claim{claimNoName, claimNoData, claimExpansion} {
			d := x.denial(hostile(test.iterations), ring, holdfast.Question{Name: deep, Type: 1}, what, "example.")
			if d.Fault != test.fault {
				t.Errorf("%d iterations, claim %d: %q (%s)", test.iterations, what, d.Fault, d.Reason)
			}
			if got := len(d.Sets); got > x.policy.MaxDenialRecords {
				t.Errorf("%d NSEC3 RRsets were looked at", got)
			}
			records := readNSEC3(d.Sets, "example.")
			if test.most > 0 {
				records.prove(asked{claim: what, name: deep, t: 1, zone: "example.", closest: "example."})
			}
			if len(records.sums) > test.most {
				t.Errorf("%d iterations, claim %d: %d names hashed, want at most %d", test.iterations, what, len(records.sums), test.most)
			}
		}
	}
}

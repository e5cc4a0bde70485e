package dnssec_test

import (
	"net/netip"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestWildcardAnswer: a zone whose wildcard answers for the name that does not
// exist. The answer is made from the wildcard and must come with the proof
// that no nearer name exists (RFC 4035 section 5.3.4, RFC 5155 section 8.8).
func TestWildcardAnswer(t *testing.T) {
	const wildcard = holdfast.Name("*.example.")
	tests := []struct {
		name  string
		nsec  bool
		proof bool
		code  string
	}{
		{"NSEC3", false, true, ""},
		{"NSEC", true, true, ""},
		{"NSEC3, proof missing", false, false, "NEG-01"},
		{"NSEC, proof missing", true, false, "NEG-01"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.each(func(e *edition) {
				if test.nsec {
					e.params = nil
				}
				address := wire.NewAddress(wildcard, 300, netip.MustParseAddr("192.0.2.80"))
				e.names[wildcard] = []wire.Record{address}
				e.edit = func(p holdfast.Purpose, m *wire.Message) {
					if p != holdfast.PurposeNXDomain {
						return
					}
					m.Rcode, m.Authority = wire.NoError, nil
					m.Answer = e.signed(t, address)
					for i := range m.Answer {
						m.Answer[i].Name = lost
					}
					if test.proof {
						for _, r := range e.proof(t, lost) {
							m.Authority = append(m.Authority, e.signed(t, r)...)
						}
					}
				}
			})
			v := w.judged(t, now)
			if test.code == "" {
				expect(t, v)
				if v.Status != holdfast.Secure {
					t.Errorf("status %s: %s", v.Status, v.Reason)
				}
				return
			}
			if f, ok := finding(v, test.code); !ok || f.Severity != holdfast.SeverityCritical || v.Status != holdfast.Bogus {
				t.Errorf("status %s, %v %+v", v.Status, ok, f)
			}
		})
	}
}

package lab

import (
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestRedirection: what RFC 6672 wants of an authoritative server.
func TestRedirection(t *testing.T) {
	in, _ := small(t)
	long := strings.Repeat("x", 60) + "." + strings.Repeat("y", 60)
	for _, q := range []struct {
		name   string
		qtype  wire.Type
		rcode  int
		answer string // types, in order, without signatures
		last   string // owner of the last record of the answer
	}{
		{"moved.nsec.test.", wire.TypeDNAME, wire.NoError, "DNAME", "moved.nsec.test."},
		{"moved.nsec.test.", wire.TypeA, wire.NoError, "", ""}, // the owner itself is not redirected
		{"deep.in.the.moved.nsec.test.", wire.TypeTXT, wire.NoError, "DNAME CNAME TXT", "deep.in.the.wood.nsec.test."},
		{"the.moved.nsec.test.", wire.TypeA, wire.NoError, "DNAME CNAME", "the.moved.nsec.test."},
		{"deep.in.the.moved.nsec.test.", wire.TypeCNAME, wire.NoError, "DNAME CNAME", "deep.in.the.moved.nsec.test."},
		{"no.moved.nsec.test.", wire.TypeA, wire.NXDomain, "DNAME CNAME", "no.moved.nsec.test."},
		{"hidden.moved.nsec.test.", wire.TypeA, wire.NXDomain, "DNAME CNAME", "hidden.moved.nsec.test."},
		{"a.gone.nsec.test.", wire.TypeA, wire.NoError, "DNAME CNAME", "a.gone.nsec.test."},
		{long + ".long.nsec.test.", wire.TypeA, yxDomain, "DNAME", "long.nsec.test."},
		{"x.long.nsec.test.", wire.TypeA, wire.NoError, "DNAME CNAME", "x.long.nsec.test."},
		{"chain1.nsec.test.", wire.TypeA, wire.NXDomain, "CNAME CNAME DNAME CNAME", "deep.moved.nsec.test."},
		{"chain3.nsec.test.", wire.TypeA, wire.NXDomain, "CNAME", "chain3.nsec.test."},
		{"www.nsec.test.", wire.TypeNSEC, wire.NoError, "NSEC", "www.nsec.test."},
	} {
		got := askTCP(t, in, nsecA, q.name, q.qtype)
		if got.err != nil {
			t.Fatalf("%s %s: %v", q.name, q.qtype, got.err)
		}
		var types []string
		last := ""
		for _, r := range got.message.Answer {
			if r.Type != wire.TypeRRSIG {
				types, last = append(types, r.Type.String()), string(r.Name)
			}
		}
		if got.message.Rcode != q.rcode || strings.Join(types, " ") != q.answer || last != q.last || !got.message.Authoritative {
			t.Errorf("%s %s: %s %v, last %s; want %s %s, last %s", q.name, q.qtype,
				wire.RcodeName(got.message.Rcode), types, last, wire.RcodeName(q.rcode), q.answer, q.last)
		}
		if n := len(signatures(got.message.Answer, wire.TypeCNAME)); q.name == "a.gone.nsec.test." && n != 0 {
			t.Errorf("the CNAME made of a DNAME is signed")
		}
	}
	if got := askTCP(t, in, nsecA, "www.nsec.test.", wire.TypeRRSIG); len(got.message.Answer) == 0 {
		t.Error("a question for RRSIG has no answer, where the bitmap says that there are some")
	}
}

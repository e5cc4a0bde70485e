package lab

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// compactLab is a zone of compact denial with everything that may stand in one.
const compactLab = `clock 2026-08-01T12:00:00Z
zone test.
  ns ns1.nic.test. 192.0.2.1
zone compact.test.
  ns ns1.compact.test. 192.0.2.11
  compact
  record www A 192.0.2.80
  record alias CNAME nowhere
  record deep.in.the.wood TXT "a tree"
  record *.wild TXT "any"
  record *.star CNAME www
  record moved DNAME wood
zone insecure.compact.test.
  ns ns1.nic.test.
  unsigned
zone secure.compact.test.
  ns ns1.nic.test.
`

// compactAnswers are the questions, what is answered, and the NSEC in it, as
// RFC 9824 section 3 has them.
var compactAnswers = []struct{ name, qtype, answer, owner, next, types string }{
	{"no", "A", "", "no", `\000.no`, "RRSIG NSEC NXNAME"},
	{"a.b.no", "TXT", "", "a.b.no", `\000.a.b.no`, "RRSIG NSEC NXNAME"},
	{"www", "TXT", "", "www", `\000.www`, "A RRSIG NSEC"},
	{"www", "A", "A", "", "", ""},
	{"alias", "A", "CNAME", "nowhere", `\000.nowhere`, "RRSIG NSEC NXNAME"},
	{"the.wood", "TXT", "", "the.wood", `\000.the.wood`, "RRSIG NSEC"},
	{"x.wild", "TXT", "TXT", "", "", ""},
	{"x.y.wild", "MX", "", "x.y.wild", `\000.x.y.wild`, "TXT RRSIG NSEC"},
	{"a.star", "TXT", "CNAME", "www", `\000.www`, "A RRSIG NSEC"},
	{"a.star", "A", "CNAME A", "", "", ""},
	{"no.moved", "A", "DNAME CNAME", "no.wood", `\000.no.wood`, "RRSIG NSEC NXNAME"},
	{"insecure", "DS", "", "insecure", `insecure\000`, "NS RRSIG NSEC"},
	{"secure", "DS", "DS", "", "", ""},
	{"www", "NSEC", "NSEC", "www", `\000.www`, "A RRSIG NSEC"},
	{"no", "NSEC", "NSEC", "no", `\000.no`, "RRSIG NSEC NXNAME"},
}

func TestCompactDenial(t *testing.T) {
	in, err := New(mustParse(t, compactLab), &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	keys := dnskeysOf(rawQuery{name: "compact.test.", qtype: wire.TypeDNSKEY}.ask(t, in, nsecA, true).message.Answer)
	for _, q := range compactAnswers {
		qtype, err := wire.ParseType(q.qtype)
		if err != nil {
			t.Fatal(err)
		}
		m := rawQuery{name: q.name + ".compact.test.", qtype: qtype, z: 0x8000}.ask(t, in, nsecA, true).message
		var answer []string
		var nsec []wire.Record
		for _, r := range m.Answer {
			if r.Type != wire.TypeRRSIG {
				answer = append(answer, r.Type.String())
			}
		}
		for _, r := range slices.Concat(m.Answer, m.Authority) {
			if r.Type == wire.TypeNSEC {
				nsec = append(nsec, r)
			}
		}
		if m.Rcode != wire.NoError || strings.Join(answer, " ") != q.answer || len(nsec) > 1 || (len(nsec) == 1) != (q.owner != "") {
			t.Errorf("%s %s: %s %v, NSEC %v", q.name, q.qtype, wire.RcodeName(m.Rcode), answer, nsec)
			continue
		}
		for _, set := range [][]wire.Record{m.Answer, m.Authority} {
			if n := count(set, wire.TypeNSEC); n > 0 && !signedBy(set, wire.TypeNSEC, keys, start) {
				t.Errorf("%s %s: the NSEC is not signed", q.name, q.qtype)
			}
		}
		if q.owner == "" {
			continue
		}
		data, err := nsec[0].NSEC()
		if err != nil {
			t.Fatal(err)
		}
		var types []string
		for _, typ := range data.Types {
			types = append(types, strings.Replace(typ.String(), "TYPE128", "NXNAME", 1))
		}
		got := fmt.Sprintf("%s %s %s", nsec[0].Name, data.Next, strings.Join(types, " "))
		if want := fmt.Sprintf("%s.compact.test. %s.compact.test. %s", q.owner, q.next, q.types); got != want {
			t.Errorf("%s %s: NSEC %s, want %s", q.name, q.qtype, got, want)
		}
	}
}

// TestCompactDenialWithoutDO: who wants no proof hears NXDOMAIN (RFC 9824
// section 5), and nobody may ask for NXNAME (section 3.5).
func TestCompactDenialWithoutDO(t *testing.T) {
	in, err := New(mustParse(t, compactLab), &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	if m := (rawQuery{name: "no.compact.test.", qtype: wire.TypeA}).ask(t, in, nsecA, false).message; m.Rcode != wire.NXDomain || count(m.Authority, wire.TypeNSEC) != 0 {
		t.Errorf("without DO: %+v", m)
	}
	r := rawQuery{name: "no.compact.test.", qtype: typeNXNAME}.ask(t, in, nsecA, false)
	if r.message.Rcode != wire.FormErr || string(r.options[optionExtendedError]) != "\x00\x1e" {
		t.Errorf("NXNAME: %+v %v", r.message, r.options)
	}
	for _, bad := range []string{"zone x.\ncompact please", "zone x.\nnsec 3"} {
		if _, err := Parse(strings.NewReader(bad), "lab", nil); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	plan := mustParse(t, compactLab)
	plan.Zone("compact.test.").Signing.NSEC3 = &NSEC3{}
	if _, err := New(plan, nil); err == nil {
		t.Error("compact denial with NSEC3 was built")
	}
}

// TestStrangersValidateCompactDenial: Unbound and delv find all of it secure.
func TestStrangersValidateCompactDenial(t *testing.T) {
	need(t, "unbound")
	need(t, "dig")
	delv := need(t, "delv")
	if !inNamespace(t) {
		return
	}
	in := serveHere(t, mustParse(t, compactLab))
	at, anchors := startUnbound(t, in), anchorFile(t, in)
	for _, q := range compactAnswers {
		name := q.name + ".compact.test."
		status, flags := digStatus(t, at, name, q.qtype)
		if status != "NOERROR" || !strings.Contains(flags, " ad") {
			t.Errorf("unbound %s %s: %s, flags%s", name, q.qtype, status, flags)
		}
		out, err := exec.Command(delv, "-a", anchors, "+root=.", "+cdflag", "-p", "5300", "@"+at, name, q.qtype).CombinedOutput()
		if text := string(out); err != nil || !strings.Contains(text, "fully validated") || strings.Contains(text, "unsigned answer") {
			t.Errorf("delv %s %s: %v\n%s", name, q.qtype, err, text)
		}
	}
	if status, flags := digStatus(t, at, "insecure.compact.test.", "SOA"); status != "NOERROR" || strings.Contains(flags, " ad") {
		t.Errorf("insecure.compact.test.: %s, flags%s", status, flags)
	}
}

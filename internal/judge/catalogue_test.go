package judge_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var at = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func server(n byte) holdfast.Server {
	return holdfast.Server{Name: holdfast.Name("ns" + string('0'+rune(n)) + ".example."), Address: netip.AddrFrom4([4]byte{192, 0, 2, n})}
}

func says(severity holdfast.Severity, about holdfast.Server) func(*judge.Case) []holdfast.Finding {
	return func(*judge.Case) []holdfast.Finding {
		return []holdfast.Finding{{Severity: severity, Server: about, Text: "it is so"}}
	}
}

func codes(v holdfast.Verdict) []string {
	var out []string
	for _, f := range v.Findings {
		out = append(out, f.Code)
	}
	return out
}

func measurement() holdfast.Measurement {
	return holdfast.Measurement{ID: "m", Subject: holdfast.Subject{Zone: "example."}}
}

func TestSuppression(t *testing.T) {
	whole := holdfast.Server{}
	tests := []struct {
		name  string
		cause func(*judge.Case) []holdfast.Finding
		want  map[string]string
	}{
		{"an error of the zone suppresses, and what hangs on the suppressed too", says(holdfast.SeverityError, whole), map[string]string{"B-01": "A-01", "C-01": "A-01"}},
		{"a warning does not", says(holdfast.SeverityWarning, whole), nil},
		{"one server's trouble does not", says(holdfast.SeverityCritical, server(1)), nil},
		{"nothing found does not", func(*judge.Case) []holdfast.Finding { return nil }, nil},
	}
	for _, test := range tests {
		c := judge.Catalogue{Version: "v", Checks: []judge.Check{
			{Code: "C-01", Unless: []string{"B-01"}, Judge: says(holdfast.SeverityNotice, whole)}, // before its cause
			{Code: "B-01", Unless: []string{"A-01", "Z-99"}, Judge: says(holdfast.SeverityNotice, whole)},
			{Code: "A-01", Judge: test.cause},
		}}
		v := c.Judge(measurement(), at)
		if len(v.Suppressed) != len(test.want) {
			t.Errorf("%s: suppressed %v, want %v", test.name, v.Suppressed, test.want)
		}
		for code, cause := range test.want {
			if v.Suppressed[code] != cause || slices.Contains(codes(v), code) {
				t.Errorf("%s: %s is suppressed by %q, want %q", test.name, code, v.Suppressed[code], cause)
			}
		}
	}
}

func TestCycleOfCausesEnds(t *testing.T) {
	c := judge.Catalogue{Checks: []judge.Check{
		{Code: "A-01", Unless: []string{"B-01"}, Judge: says(holdfast.SeverityError, holdfast.Server{})},
		{Code: "B-01", Unless: []string{"A-01"}, Judge: says(holdfast.SeverityError, holdfast.Server{})},
	}}
	if v := c.Judge(measurement(), at); len(v.Findings) != 1 || v.Suppressed["A-01"] != "B-01" {
		t.Errorf("findings %v, suppressed %v", codes(v), v.Suppressed)
	}
}

// TestPanicIsSeen: a broken check says so and costs no other finding.
func TestPanicIsSeen(t *testing.T) {
	c := judge.Catalogue{
		Checks: []judge.Check{
			{Code: "A-01", Judge: func(*judge.Case) []holdfast.Finding { panic("oh") }},
			{Code: "B-01", Judge: says(holdfast.SeverityNotice, holdfast.Server{})},
		},
		Validate: func(*judge.Case) *judge.Chain { panic("ah") },
	}
	v := c.Judge(measurement(), at)
	if v.Status != holdfast.Indeterminate || v.Reason == "" {
		t.Errorf("status %s %q", v.Status, v.Reason)
	}
	got := codes(v)
	if !slices.Contains(got, "B-01") || !slices.Contains(got, judge.CodeBroken) {
		t.Errorf("findings %v", got)
	}
	for _, f := range v.Findings {
		if f.Code == judge.CodeBroken && !strings.Contains(f.Text, "panicked") {
			t.Errorf("text %q", f.Text)
		}
	}
}

func TestFindingsAreFilledInAndMerged(t *testing.T) {
	later := at.Add(time.Hour)
	check := judge.Check{Code: "A-01", Name: "a-check", Reference: "RFC 1", Judge: func(*judge.Case) []holdfast.Finding {
		return []holdfast.Finding{
			{Severity: holdfast.SeverityNotice, Text: "mild", Evidence: []int{3, 1}, Until: at},
			{Severity: holdfast.SeverityError, Text: "grave", Evidence: []int{2, 1}, Until: later},
			{Severity: holdfast.SeverityInfo, Server: server(1), Reference: "RFC 2"},
		}
	}}
	v := judge.Catalogue{Version: "7", Checks: []judge.Check{check}}.Judge(measurement(), at)
	if len(v.Findings) != 2 || v.Catalogue != "7" {
		t.Fatalf("findings %+v", v.Findings)
	}
	f := v.Findings[0]
	if f.Text != "grave" || !slices.Equal(f.Evidence, []int{1, 2, 3}) || !f.Until.Equal(at) || f.Name != "a-check" || f.Zone != "example." || f.Reference != "RFC 1" {
		t.Errorf("merged %+v", f)
	}
	if v.Findings[1].Reference != "RFC 2" || v.Findings[1].Evidence == nil {
		t.Errorf("second %+v", v.Findings[1])
	}
}

func TestSpread(t *testing.T) {
	each := []holdfast.Finding{
		{Server: server(1), Severity: holdfast.SeverityError, Evidence: []int{4}, Until: at.Add(time.Hour), Text: "one"},
		{Server: server(2), Severity: holdfast.SeverityError, Evidence: []int{2}, Until: at, Text: "two"},
	}
	if out := judge.Spread(each, 3, holdfast.SeverityCritical, "all"); len(out) != 2 || out[0].Severity != holdfast.SeverityError {
		t.Errorf("two of three: %+v", out)
	}
	out := judge.Spread(each, 2, holdfast.SeverityCritical, "all")
	if len(out) != 1 || out[0].Severity != holdfast.SeverityCritical || out[0].Text != "all" || out[0].Count != 2 ||
		!slices.Equal(out[0].Evidence, []int{2, 4}) || !out[0].Until.Equal(at) || out[0].Server != (holdfast.Server{}) {
		t.Errorf("two of two: %+v", out)
	}
	if out := judge.Spread(nil, 0, holdfast.SeverityCritical, "all"); out != nil {
		t.Errorf("none of none: %+v", out)
	}
}

// reply is a message as bytes, with an id.
func reply(t *testing.T, id uint16, m wire.Message) []byte {
	t.Helper()
	m.ID, m.Response = id, true
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestCase(t *testing.T) {
	q := holdfast.Question{Name: "example.", Type: uint16(wire.TypeSOA)}
	soa, err := wire.NewSOA("example.", 60, wire.SOA{MName: "a.", RName: "b.", Serial: 5})
	if err != nil {
		t.Fatal(err)
	}
	rrsig, err := wire.NewRRSIG("example.", 60, wire.RRSIG{Covered: wire.TypeSOA, Signer: "example.", Signature: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	stray, err := wire.NewRRSIG("example.", 60, wire.RRSIG{Covered: wire.TypeMX, Signer: "example.", Signature: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	good := wire.Message{Question: []holdfast.Question{q}, Answer: []wire.Record{soa, rrsig, stray}}
	other := good
	other.Question = []holdfast.Question{{Name: "other.", Type: q.Type}}
	m := measurement()
	x := holdfast.Exchange{Zone: "example.", Purpose: holdfast.PurposeSOA, Question: q, Outcome: holdfast.Answered}
	add := func(s holdfast.Server, edit func(*holdfast.Exchange)) {
		e := x
		e.Server = s
		edit(&e)
		m.Exchanges = append(m.Exchanges, e)
	}
	add(server(2), func(e *holdfast.Exchange) { e.Reply = reply(t, 1, good) })
	add(server(1), func(e *holdfast.Exchange) { e.Reply = reply(t, 2, good) })
	add(server(3), func(e *holdfast.Exchange) { e.Reply = reply(t, 3, other) })
	add(server(4), func(e *holdfast.Exchange) { e.Outcome, e.Reply = holdfast.WrongSource, reply(t, 4, good) })
	add(server(5), func(e *holdfast.Exchange) { e.Reply = []byte("nonsense, more than twelve octets") })
	add(server(6), func(e *holdfast.Exchange) { e.Outcome = holdfast.Timeout })
	add(server(1), func(e *holdfast.Exchange) {
		e.Zone, e.Purpose = "test.", holdfast.PurposeReferral
		e.Question = holdfast.Question{Name: "example.", Type: uint16(wire.TypeNS)}
	})
	c := judge.NewCase(m, at)
	if c.Messages[0] == nil || c.Messages[0] != c.Messages[1] {
		t.Error("replies alike but for the id do not share their message")
	}
	for i := 2; i <= 5; i++ {
		if c.Messages[i] != nil {
			t.Errorf("exchange %d has a message", i)
		}
	}
	if len(c.Servers) != 6 || c.Servers[0] != server(1) || c.Parent != "example." && c.Parent != holdfast.Root {
		t.Errorf("servers %v, parent %q", c.Servers, c.Parent)
	}
	r, ok := c.At(server(2), holdfast.PurposeSOA)
	if !ok || r.Index != 0 || !r.OK() {
		t.Errorf("reply %+v", r)
	}
	set := c.Answer(r, "example.", wire.TypeSOA)
	if set == nil || len(set.Records) != 1 || len(set.RRSIGs) != 1 || set.TTL != 60 {
		t.Errorf("RRset %+v", set)
	}
	if n := len(c.Sets(r).Answer); n != 1 {
		t.Errorf("%d sets: a signature over nothing makes one", n)
	}
	if soa, ok := c.SOA(server(1)); !ok || soa.Serial != 5 {
		t.Errorf("SOA %+v", soa)
	}
	if _, ok := c.At(server(9), holdfast.PurposeSOA); ok {
		t.Error("a server that was not asked")
	}
	if n := len(c.Replies("example.", holdfast.PurposeSOA)); n != 6 {
		t.Errorf("%d replies", n)
	}
}

func TestParent(t *testing.T) {
	m := measurement()
	m.Subject.Zone = "a.b.example."
	ask := func(zone holdfast.Name, p holdfast.Purpose, name holdfast.Name) {
		m.Exchanges = append(m.Exchanges, holdfast.Exchange{Zone: zone, Purpose: p, Server: server(1), Question: holdfast.Question{Name: name}})
	}
	if c := judge.NewCase(m, at); c.Parent != "b.example." {
		t.Errorf("with nothing asked the parent is %q", c.Parent)
	}
	ask(".", holdfast.PurposeDNSKEY, ".")
	ask("example.", holdfast.PurposeDNSKEY, "example.")
	ask(".", holdfast.PurposeDS, "example.")
	if c := judge.NewCase(m, at); c.Parent != "example." || len(c.ParentServers) != 0 {
		t.Errorf("by its keys the parent is %q", c.Parent)
	}
	ask("example.", holdfast.PurposeDS, "a.b.example.")
	if c := judge.NewCase(m, at); c.Parent != "example." || len(c.ParentServers) != 1 || len(c.Servers) != 0 {
		t.Errorf("parent %q, its servers %v, own %v", c.Parent, c.ParentServers, c.Servers)
	}
	m.Subject.Zone = holdfast.Root
	if c := judge.NewCase(m, at); c.Parent != "" {
		t.Errorf("the root's parent is %q", c.Parent)
	}
}

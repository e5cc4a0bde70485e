package holdfast_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

func TestParseName(t *testing.T) {
	for in, want := range map[string]holdfast.Name{
		".": ".", "Example": "example.", "example.": "example.", "NS1.Example.COM": "ns1.example.com.",
		"xn--mgbx4cd0ab": "xn--mgbx4cd0ab.",
	} {
		if got, err := holdfast.ParseName(in); err != nil || got != want {
			t.Errorf("ParseName(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	long := strings.Repeat("a.", 127) // 255 octets on the wire with the root's
	if _, err := holdfast.ParseName(long); err != nil {
		t.Errorf("a name of 255 octets: %v", err)
	}
	for _, in := range []string{"", "a..b", "..", ".a", "рф", "a b", strings.Repeat("a", 64), long + "a"} {
		if got, err := holdfast.ParseName(in); err == nil {
			t.Errorf("ParseName(%q) = %q, want an error", in, got)
		}
	}
}

func TestNameTree(t *testing.T) {
	n := holdfast.Name("a.b.example.")
	if got := n.Ancestors(); !slices.Equal(got, []holdfast.Name{"b.example.", "example.", "."}) {
		t.Errorf("ancestors %v", got)
	}
	if n.Labels() != 3 || holdfast.Root.Labels() != 0 || holdfast.Name(`a\.b.c.`).Labels() != 2 {
		t.Error("labels are counted wrongly")
	}
	if got := holdfast.Name(`a\.b.c.`).Parent(); got != "c." {
		t.Errorf("an escaped dot ended a label: parent %q", got)
	}
	for _, c := range []struct {
		name, zone holdfast.Name
		want       bool
	}{
		{"a.example.", "example.", true}, {"example.", "example.", true}, {"example.", ".", true},
		{"badexample.", "example.", false}, {"example.", "a.example.", false}, {`a\.example.`, "example.", false},
	} {
		if got := c.name.IsSubdomainOf(c.zone); got != c.want {
			t.Errorf("%s below %s: %v", c.name, c.zone, got)
		}
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"5m": 5 * time.Minute, "7d": 7 * 24 * time.Hour, "1h30m": 90 * time.Minute} {
		var d holdfast.Duration
		if err := d.UnmarshalText([]byte(in)); err != nil || d.Of() != want {
			t.Errorf("%q: %v, %v", in, d, err)
		}
	}
	for _, in := range []string{"", "300", "5 minutes", "-d", "99999999d"} {
		var d holdfast.Duration
		if err := d.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q was read as %v", in, d)
		}
	}
}

func TestSeverityText(t *testing.T) {
	for s := holdfast.SeverityInfo; s <= holdfast.SeverityCritical; s++ {
		text, _ := s.MarshalText()
		var back holdfast.Severity
		if err := back.UnmarshalText(text); err != nil || back != s {
			t.Errorf("%v came back as %v, %v", s, back, err)
		}
	}
	if _, err := holdfast.ParseSeverity("fatal"); err == nil {
		t.Error("a severity that does not exist was read")
	}
}

func TestCompose(t *testing.T) {
	soa := holdfast.Exchange{Zone: "example.", Purpose: holdfast.PurposeSOA, Detail: "old"}
	ns := holdfast.Exchange{Zone: "example.", Purpose: holdfast.PurposeNS, Detail: "old"}
	fresh := soa
	fresh.Detail = "new"
	core := holdfast.Measurement{ID: "2", Base: "1", Depth: holdfast.Core, Exchanges: []holdfast.Exchange{fresh}}
	whole := holdfast.Compose(core, holdfast.Measurement{ID: "1", Exchanges: []holdfast.Exchange{soa, ns}})
	if len(whole.Exchanges) != 2 || whole.Exchanges[0].Detail != "new" || whole.Exchanges[1].Purpose != holdfast.PurposeNS {
		t.Errorf("composed %+v", whole.Exchanges)
	}
	if len(core.Exchanges) != 1 {
		t.Error("the core look was changed")
	}
}

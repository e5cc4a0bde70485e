package walk

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// The SOA's names are followed: the mail domain with its hosts, and the
// primary where it is no name server.
func TestNamesOfTheSOA(t *testing.T) {
	b := build(t, world+`
zone mailed.
  soa mname hidden.mailed. rname dns.mail.test.
  ns ns.mailed. 192.0.2.40
  record hidden A 192.0.2.41
zone test.
  record mail MX 20 second
  record mail MX 10 first
  record mail MX 30 third
  record first A 192.0.2.50
  record second AAAA 2001:db8::51
`, ask.Config{}, Config{})
	m := b.measure(t, "mailed.")
	mail := asked(m, holdfast.PurposeMail)
	slices.Sort(mail)
	if got := strings.Join(mail, ", "); got != "first.test. A, first.test. AAAA, mail.test. MX, second.test. A, second.test. AAAA" {
		t.Errorf("asked about mail: %s", got)
	}
	for _, e := range by(m, holdfast.PurposeMail) {
		if e.Zone != "test." {
			t.Errorf("%s was asked in the name of %s", e.Question.Name, e.Zone)
		}
	}
	if got := strings.Join(asked(m, holdfast.PurposeMName), ", "); got != "hidden.mailed. A, hidden.mailed. AAAA" {
		t.Errorf("asked about the primary: %s", got)
	}
	// Its own name server is not looked for again; a domain without MX has its
	// own addresses looked for.
	m = b.measure(t, "example.")
	if n := len(by(m, holdfast.PurposeMName)); n > 0 {
		t.Errorf("the primary is a name server, and was looked for %d times", n)
	}
	mail = asked(m, holdfast.PurposeMail)
	slices.Sort(mail)
	if got := strings.Join(mail, ", "); got != "example. A, example. AAAA, example. MX, example. MX" { // the root refers us down
		t.Errorf("asked about mail: %s", got)
	}
}

// RFC 9615 section 2: signals stand below name servers outside the zone.
func TestSignals(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	m := b.measure(t, "example.co.uk.")
	if got := asked(m, holdfast.PurposeSignal); len(got) != 1 || got[0] != "_dsboot.example.co.uk._signal.ns.hosted.example. CDS" {
		t.Errorf("asked for signals: %v", got)
	}
	for _, e := range by(m, holdfast.PurposeSignal) {
		if e.Zone != "hosted.example." {
			t.Errorf("asked of servers of %s", e.Zone)
		}
	}
	quiet := build(t, strings.Replace(world, "zone example.co.uk.\n", "zone example.co.uk.\n  no-cds\n", 1), ask.Config{}, Config{})
	if got := asked(quiet.measure(t, "example.co.uk."), holdfast.PurposeSignal); len(got) != 0 {
		t.Errorf("without CDS: %v", got)
	}
}

// The zones that hold name servers bring their chain along: keys, and referral
// and DS from the parent.
func TestZonesOfNameServers(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	m := b.measure(t, "example.co.uk.")
	wantCounts(t, m, map[string]int{
		"hosted.example. dnskey answered": 2, "example. dnskey answered": 2,
		"example. parent-ds answered": 1, "example. referral answered": 1,
	})
	seen := map[string]bool{}
	for _, e := range m.Exchanges {
		key := string(e.Zone) + string(e.Purpose) + e.Server.String() + string(e.Question.Name) + wire.Type(e.Question.Type).String()
		if seen[key] {
			t.Errorf("%s %s of %s for %s is listed twice", e.Zone, e.Purpose, e.Server, e.Question.Name)
		}
		seen[key] = true
	}
}

// RFC 9859 section 4.1: the child's own name is asked for unless nothing of
// the kind exists.
func TestNotifications(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{})
	if got := asked(b.measure(t, "example."), holdfast.PurposeDSYNC); len(got) != 1 || got[0] != "_dsync. TYPE66" {
		t.Errorf("a parent without: %v", got)
	}
	b = build(t, world+`
zone uk.
  record *._dsync TYPE66 \# 18 003b010035066e6f74696679047465737400
zone test.
  record notify A 192.0.2.60
`, ask.Config{}, Config{})
	got := asked(b.measure(t, "co.uk."), holdfast.PurposeDSYNC)
	slices.Sort(got)
	if text := strings.Join(got, ", "); text != "_dsync.uk. TYPE66, co._dsync.uk. TYPE66, notify.test. A, notify.test. AAAA" {
		t.Errorf("a parent with a wildcard: %s", text)
	}
}

func TestSamples(t *testing.T) {
	deep := func(m holdfast.Measurement) []string {
		got := asked(m, holdfast.PurposeSample)
		slices.Sort(got)
		return slices.Compact(got)
	}
	b := build(t, world, ask.Config{}, Config{Sample: []holdfast.Name{"CO.uk", "example.co.uk."}, Samples: 3})
	// nic.uk holds the name servers; both that were asked for by hand lie below uk.
	if got := strings.Join(deep(b.measure(t, "uk.")), ", "); got != "co.uk. DS, example.co.uk. DS, nic.uk. DS" {
		t.Errorf("samples of uk: %s", got)
	}
	none := build(t, world, ask.Config{}, Config{Samples: -1})
	if got := deep(none.measure(t, "uk.")); len(got) != 0 {
		t.Errorf("samples where none are wanted: %v", got)
	}
	one := build(t, world, ask.Config{}, Config{Sample: []holdfast.Name{"co.uk."}, Samples: 1})
	if got := deep(one.measure(t, "uk.")); len(got) != 1 || got[0] != "co.uk. DS" {
		t.Errorf("one sample: %v", got)
	}
}

// A validator is asked with RD and with CD clear, at its own port.
func TestValidators(t *testing.T) {
	b := build(t, world, ask.Config{}, Config{Validators: []netip.AddrPort{netip.MustParseAddrPort("203.0.113.9:53")}})
	m := b.measure(t, "example.")
	got := by(m, holdfast.PurposeValidator)
	if len(got) != 1 {
		t.Fatalf("%d validators were asked", len(got))
	}
	e := got[0]
	if e.Zone != "example." || e.Server.Name != "" || e.Query[2]&1 == 0 || e.Query[3]&0x10 != 0 || e.Question.Type != uint16(wire.TypeSOA) {
		t.Errorf("asked %+v: % x", e.Question, e.Query)
	}
}

func TestConfigCheck(t *testing.T) {
	for _, bad := range []Config{
		{Budget: holdfast.Duration(-time.Second)}, {Parallel: -1}, {Sample: []holdfast.Name{"a..b"}},
		{Validators: []netip.AddrPort{{}}}, {Validators: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")}},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if err := (Config{Samples: -1, Sample: []holdfast.Name{"Nic.UK"}, Validators: []netip.AddrPort{netip.MustParseAddrPort("[2001:db8::1]:53")}}).Check(); err != nil {
		t.Error(err)
	}
}

// The probe's label changes with the sweep, over all letters.
func TestDeepProbe(t *testing.T) {
	first := map[byte]bool{}
	for i := range 200 {
		name := deepProbe(strings.Repeat("x", i), "example.")
		first[name[len("a.b.")]] = true
		if _, err := holdfast.ParseName(string(name)); err != nil || !name.IsSubdomainOf("example.") || name.Labels() != 4 {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if len(first) < 20 {
		t.Errorf("the labels begin with %d letters only", len(first))
	}
	if name := deepProbe("s", holdfast.Root); name.Labels() != 3 {
		t.Errorf("below the root: %s", name)
	}
}

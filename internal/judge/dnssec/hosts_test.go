package dnssec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const hostsLab = `clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.net. 198.41.0.4
zone net.
  ns a.gtld-servers.net. 192.0.2.10
zone hosting.net.
  ns a.hosting.net. 192.0.2.20
  validity 28d
  record ns1 A 192.0.2.1
  record ns2 A 192.0.2.2
zone example.
  ns ns1.hosting.net. 192.0.2.1
  ns ns2.hosting.net. 192.0.2.2
`

// lookAtHosts measures what the walk does of the zone that holds example.'s
// name servers, and judges it at an instant.
func lookAtHosts(t *testing.T, faults string, at time.Time) []judge.HostZone {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(hostsLab+faults), "lab", nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := lab.New(plan, &stopped{plan.Start})
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := in.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	m := look(t, in, "example.")
	put := func(zone holdfast.Name, p holdfast.Purpose, name holdfast.Name, typ wire.Type) {
		for _, s := range in.Servers(zone) {
			m.Exchanges = append(m.Exchanges, ask(t, in, holdfast.Exchange{Zone: zone, Purpose: p, Server: s, Question: holdfast.Question{Name: name, Type: uint16(typ)}}))
		}
	}
	put(".", holdfast.PurposeDS, "net.", wire.TypeDS)
	put("net.", holdfast.PurposeDNSKEY, "net.", wire.TypeDNSKEY)
	put("net.", holdfast.PurposeDS, "hosting.net.", wire.TypeDS)
	put("hosting.net.", holdfast.PurposeDNSKEY, "hosting.net.", wire.TypeDNSKEY)
	for _, name := range []holdfast.Name{"ns1.hosting.net.", "ns2.hosting.net."} {
		put("hosting.net.", holdfast.PurposeAddress, name, wire.TypeA)
		put("hosting.net.", holdfast.PurposeAddress, name, wire.TypeAAAA)
	}
	c := judge.NewCase(m, at)
	c.Chain = dnssec.NewValidator(anchors, nil).Validate(c)
	return c.Chain.Hosts
}

func TestHostZones(t *testing.T) {
	start := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		faults string
		at     time.Time
		status holdfast.Status
		says   string
	}{
		{"", start, holdfast.Secure, ""},
		{"fault * break A hosting.net.\n", start, holdfast.Bogus, "the A records of ns1.hosting.net.: "},
		{"fault * break DNSKEY hosting.net.\n", start, holdfast.Bogus, "at hosting.net.: "},
		{"fault * ds-mismatch hosting.net.\n", start, holdfast.Bogus, "at hosting.net.: "},
		{"fault * ds-missing hosting.net.\n", start, holdfast.Insecure, ""},
		{"fault * ds-mismatch net.\n", start, holdfast.Bogus, "at net.: "},
		{"fault * refuse hosting.net.\n", start, "", ""},
		{"", start.Add(29 * 24 * time.Hour), holdfast.Bogus, ""},
	} {
		hosts := lookAtHosts(t, c.faults, c.at)
		if c.status == "" {
			if len(hosts) != 0 {
				t.Errorf("%q: %+v", c.faults, hosts)
			}
			continue
		}
		if len(hosts) != 1 || hosts[0].Zone != "hosting.net." || hosts[0].Status != c.status || !strings.HasPrefix(hosts[0].Reason, c.says) {
			t.Errorf("%q at %s: %+v", c.faults, c.at, hosts)
			continue
		}
		if h := hosts[0]; h.Status == holdfast.Secure && (len(h.Names) != 2 || !h.FailsAt.Equal(start.Add(28*24*time.Hour)) || h.Life < 28*24*time.Hour) {
			t.Errorf("%+v", h)
		}
	}
}

func TestHostZoneFails(t *testing.T) {
	at := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	host := func(status holdfast.Status, left, life time.Duration) judge.HostZone {
		return judge.HostZone{Zone: "hosting.net.", Names: []holdfast.Name{"ns1.hosting.net."}, Status: status, Reason: "because", FailsAt: at.Add(left), Life: life}
	}
	for _, c := range []struct {
		host judge.HostZone
		want holdfast.Severity
		text string
	}{
		{host(holdfast.Secure, 25*time.Hour, 14*day), 0, ""},
		{host(holdfast.Secure, 12*time.Hour, 2*day), 0, ""}, // signed as it answers
		{host(holdfast.Insecure, 0, 0), 0, ""},
		{host(holdfast.Indeterminate, 0, 0), 0, ""},
		{host(holdfast.Secure, 23*time.Hour, 14*day), holdfast.SeverityWarning,
			"name servers have their names in zones that will fail: ns1.hosting.net. in hosting.net., whose signatures die at 2026-08-02 11:00:00 UTC"},
		{host(holdfast.Bogus, 0, 0), holdfast.SeverityError,
			"name servers have their names in zones that fail: ns1.hosting.net. in hosting.net., which does not validate (because)"},
	} {
		catalogue := judge.Catalogue{Checks: dnssec.Checks(), Validate: func(*judge.Case) *judge.Chain { return &judge.Chain{Hosts: []judge.HostZone{c.host}} }}
		var got []holdfast.Finding
		for _, f := range catalogue.Judge(holdfast.Measurement{Subject: holdfast.Subject{Zone: "example."}}, at).Findings {
			if f.Code == "DEL-08" {
				got = append(got, f)
			}
		}
		switch {
		case c.text == "" && len(got) != 0:
			t.Errorf("%+v", got)
		case c.text != "" && (len(got) != 1 || got[0].Severity != c.want || got[0].Text != c.text):
			t.Errorf("%+v\nwant %s", got, c.text)
		}
	}
}

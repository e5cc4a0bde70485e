package dnssec_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// stopped is a clock that stands still.
type stopped struct{ at time.Time }

func (c *stopped) Now() time.Time                       { return c.at }
func (c *stopped) After(time.Duration) <-chan time.Time { return nil }

// ask puts one question to the lab over TCP. What is not answered is a timeout.
func ask(t testing.TB, in *lab.Internet, x holdfast.Exchange) holdfast.Exchange {
	t.Helper()
	x.Outcome = holdfast.Timeout
	conn, err := in.DialContext(context.Background(), "tcp", netip.AddrPortFrom(x.Server.Address, 53).String())
	if err != nil {
		return x
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	packet, err := wire.NewQuery(1, x.Question).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if x.Reply, err = roundTrip(conn, packet); err == nil {
		x.Outcome = holdfast.Answered
	}
	return x
}

func roundTrip(conn net.Conn, packet []byte) ([]byte, error) {
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(conn, reply)
	return reply, err
}

// look measures a top-level domain of the lab.
func look(t testing.TB, in *lab.Internet, name holdfast.Name) holdfast.Measurement {
	m := holdfast.Measurement{ID: "lab", Subject: holdfast.Subject{Zone: name}, Depth: holdfast.Full}
	put := func(zone holdfast.Name, p holdfast.Purpose, s holdfast.Server, q holdfast.Name, typ wire.Type) {
		m.Exchanges = append(m.Exchanges, ask(t, in, holdfast.Exchange{Zone: zone, Purpose: p, Server: s, Question: holdfast.Question{Name: q, Type: uint16(typ)}}))
	}
	for _, s := range in.Servers(holdfast.Root) {
		put(holdfast.Root, holdfast.PurposeDNSKEY, s, holdfast.Root, wire.TypeDNSKEY)
		put(holdfast.Root, holdfast.PurposeDS, s, name, wire.TypeDS)
	}
	for _, s := range in.Servers(name) {
		for _, q := range questions {
			asked := name
			if q.purpose == holdfast.PurposeNXDomain {
				asked = "holdfast-0badcafe." + name
			}
			put(name, q.purpose, s, asked, q.t)
		}
	}
	return m
}

func newLab(t testing.TB, n int) (*lab.Internet, *stopped, []wire.Record) {
	t.Helper()
	clock := &stopped{time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)}
	plan := lab.BuiltinPlan(n)
	plan.Start = clock.at
	in, err := lab.New(plan, clock)
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := in.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	return in, clock, anchors
}

// TestLabIsHealthy: the lab's own top-level domains, signed in every manner,
// are judged as the lab means them.
func TestLabIsHealthy(t *testing.T) {
	in, clock, anchors := newLab(t, 48)
	c := catalogue(anchors, dnssec.NewCache(10000))
	statuses := map[holdfast.Status]int{}
	for _, name := range in.Zones() {
		if name == holdfast.Root {
			continue
		}
		d, err := in.Delegation(name)
		if err != nil {
			t.Fatal(err)
		}
		want := holdfast.Secure
		if len(d.DS) == 0 {
			want = holdfast.Insecure
		}
		v := c.Judge(look(t, in, name), clock.at)
		statuses[v.Status]++
		if v.Status != want {
			t.Errorf("%s is %s (%s), want %s", name, v.Status, v.Reason, want)
		}
		for _, f := range v.Findings {
			if f.Severity >= holdfast.SeverityWarning {
				t.Errorf("%s: %s %s %s %s: %s", name, f.Code, f.Severity, f.Server.Name, f.RRset, f.Text)
			}
		}
	}
	if statuses[holdfast.Secure] == 0 || statuses[holdfast.Insecure] == 0 {
		t.Errorf("the lab shows %v: too little to tell", statuses)
	}
}

// TestLabFaults: faults as the lab makes them fire the check that is for them.
func TestLabFaults(t *testing.T) {
	tests := []struct {
		fault    lab.Fault
		code     string
		severity holdfast.Severity
		status   holdfast.Status
	}{
		{lab.Fault{Kind: lab.Expire, Classes: []holdfast.Class{holdfast.ClassSOA}}, "SIG-01", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.Expire, Classes: []holdfast.Class{holdfast.ClassDNSKEY}}, "SIG-01", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.Expire, Classes: []holdfast.Class{holdfast.ClassDenial}}, "SIG-01", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.NotYet, Classes: []holdfast.Class{holdfast.ClassNS}}, "SIG-05", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.Break, Classes: []holdfast.Class{holdfast.ClassNS}}, "SIG-07", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.Break, Classes: []holdfast.Class{holdfast.ClassDNSKEY}}, "SIG-07", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.Break, Classes: []holdfast.Class{holdfast.ClassDenial}}, "NEG-03", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.Strip, Classes: []holdfast.Class{holdfast.ClassSOA}}, "SIG-09", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.Strip, Classes: []holdfast.Class{holdfast.ClassDenial}}, "NEG-03", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.UnknownKey, Classes: []holdfast.Class{holdfast.ClassSOA}}, "SIG-08", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.UnknownKey, Classes: []holdfast.Class{holdfast.ClassDNSKEY}}, "CHN-03", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.WrongSigner, Classes: []holdfast.Class{holdfast.ClassNS}}, "CHN-10", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.DNSKEYMissing}, "CHN-06", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.UnsignedCopy}, "CHN-06", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.NoProof}, "NEG-01", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.WrongProof}, "NEG-02", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.DSMismatch}, "CHN-02", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.DSMissing}, "CHN-07", holdfast.SeverityWarning, holdfast.Insecure},
		{lab.Fault{Kind: lab.DSExtra}, "CHN-05", holdfast.SeverityNotice, holdfast.Secure},
		{lab.Fault{Kind: lab.Break, Classes: []holdfast.Class{holdfast.ClassDS}}, "SIG-13", holdfast.SeverityCritical, holdfast.Bogus},
		{lab.Fault{Kind: lab.Expire, Classes: []holdfast.Class{holdfast.ClassDS}}, "SIG-13", holdfast.SeverityCritical, holdfast.Bogus},
	}
	in, clock, anchors := newLab(t, 48)
	c := catalogue(anchors, dnssec.NewCache(10000))
	var name holdfast.Name
	for _, zone := range in.Zones() {
		if d, err := in.Delegation(zone); err == nil && zone != holdfast.Root && len(d.DS) > 0 {
			name = zone
			break
		}
	}
	for _, test := range tests {
		test.fault.Zone, test.fault.Server = name, "*"
		id, err := in.Order(test.fault)
		if err != nil {
			t.Errorf("%s: %v", test.fault.Kind, err)
			continue
		}
		v := c.Judge(look(t, in, name), clock.at)
		in.Repair(id)
		f, ok := finding(v, test.code)
		if !ok || f.Severity != test.severity || v.Status != test.status {
			t.Errorf("%s %v: %s is %v (%s), status %s (%s)", test.fault.Kind, test.fault.Classes, test.code, ok, f.Severity, v.Status, v.Reason)
			for _, f := range v.Findings {
				t.Logf("  %s %s %s %s: %s", f.Code, f.Severity, f.Server.Name, f.RRset, f.Text)
			}
		}
		for _, f := range v.Findings {
			if f.Severity >= holdfast.SeverityWarning && f.Code != test.code {
				t.Errorf("%s %v also fires %s %s %s: %s", test.fault.Kind, test.fault.Classes, f.Code, f.Severity, f.RRset, f.Text)
			}
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	in, clock, anchors := newLab(b, 64)
	var all []holdfast.Measurement
	exchanges := 0
	for _, name := range in.Zones() {
		if name != holdfast.Root {
			all = append(all, look(b, in, name))
			exchanges += len(all[len(all)-1].Exchanges)
		}
	}
	c := catalogue(anchors, dnssec.NewCache(100000))
	for _, m := range all {
		c.Judge(m, clock.at)
	}
	b.ReportAllocs()
	b.ReportMetric(float64(exchanges)/float64(len(all)), "exchanges/zone")
	for i := 0; b.Loop(); i++ {
		c.Judge(all[i%len(all)], clock.at)
	}
}

package dnssec_test

import (
	"net/netip"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// deep is a zone two cuts below the root.
type deep struct {
	root, middle, leaf *edition
	trust              []wire.Record
}

const (
	leafZone = holdfast.Name("sub.example.")
)

func newDeep(t *testing.T) *deep {
	d := &deep{
		root:   newEdition(t, holdfast.Root, wire.ED25519, 0),
		middle: newEdition(t, zone, wire.ECDSAP256SHA256, 1),
		leaf:   newEdition(t, leafZone, wire.ED25519, 2),
	}
	d.middle.params = &wire.NSEC3PARAM{Hash: 1}
	d.root.names[zone] = []wire.Record{d.delegation(t, zone), ds(t, zone, d.middle.ksks[0], 2)}
	d.middle.names[leafZone] = []wire.Record{d.delegation(t, leafZone), ds(t, leafZone, d.leaf.ksks[0], 2)}
	d.trust = []wire.Record{ds(t, holdfast.Root, d.root.ksks[0], 2)}
	return d
}

func (d *deep) delegation(t *testing.T, name holdfast.Name) wire.Record {
	return must[wire.Record](t)(wire.NewTarget(name, wire.TypeNS, 3600, "ns1.example."))
}

// judged is the verdict on the leaf, whose servers were asked for SOA and keys.
func (d *deep) judged(t *testing.T) holdfast.Verdict {
	t.Helper()
	m := holdfast.Measurement{Subject: holdfast.Subject{Zone: leafZone}}
	server := holdfast.Server{Name: "ns1.example.", Address: netip.MustParseAddr("192.0.2.1")}
	put := func(e *edition, p holdfast.Purpose, name holdfast.Name, typ wire.Type) {
		q := holdfast.Question{Name: name, Type: uint16(typ)}
		packet, err := e.answer(t, q, p).Pack()
		if err != nil {
			t.Fatal(err)
		}
		m.Exchanges = append(m.Exchanges, holdfast.Exchange{Zone: e.zone, Purpose: p, Server: server, Question: q, Outcome: holdfast.Answered, Reply: packet})
	}
	put(d.root, holdfast.PurposeDNSKEY, holdfast.Root, wire.TypeDNSKEY)
	put(d.root, holdfast.PurposeDS, zone, wire.TypeDS)
	put(d.middle, holdfast.PurposeDNSKEY, zone, wire.TypeDNSKEY)
	put(d.middle, holdfast.PurposeDS, leafZone, wire.TypeDS)
	put(d.leaf, holdfast.PurposeSOA, leafZone, wire.TypeSOA)
	put(d.leaf, holdfast.PurposeDNSKEY, leafZone, wire.TypeDNSKEY)
	return catalogue(d.trust, nil).Judge(m, now)
}

// TestDepth: what happens at any cut above a zone happens to the zone.
func TestDepth(t *testing.T) {
	tests := []struct {
		name   string
		change func(*deep)
		status holdfast.Status
		ede    int
		code   string // of a finding of warning or above; empty: none
	}{
		{"all well", func(*deep) {}, holdfast.Secure, 0, ""},
		{"the middle is not signed", func(d *deep) { d.root.names[zone] = d.root.names[zone][:1] }, holdfast.Insecure, 0, ""},
		{"the leaf is not signed", func(d *deep) { d.middle.names[leafZone] = d.middle.names[leafZone][:1] }, holdfast.Insecure, 0, "CHN-07"},
		{"the leaf lies in an opt-out span", func(d *deep) {
			d.middle.names[leafZone], d.middle.optOut = d.middle.names[leafZone][:1], true
		}, holdfast.Insecure, 0, "CHN-07"},
		{"the middle's keys expired", func(d *deep) {
			d.middle.lives = map[holdfast.Class]life{holdfast.ClassDNSKEY: {9 * day, -day}}
		}, holdfast.Bogus, 7, "CHN-01"},
		{"the middle's DS does not match", func(d *deep) {
			d.root.names[zone] = []wire.Record{d.root.names[zone][0], ds(t, zone, d.leaf.ksks[0], 2)}
		}, holdfast.Bogus, 9, "CHN-01"},
		{"the middle's DS is of an unknown algorithm", func(d *deep) {
			d.root.names[zone] = []wire.Record{d.root.names[zone][0], unknownDS()}
		}, holdfast.Insecure, 1, ""},
		{"the middle denies the leaf's DS without a good signature", func(d *deep) {
			d.middle.names[leafZone] = d.middle.names[leafZone][:1]
			d.middle.broken = map[holdfast.Class]bool{holdfast.ClassDenial: true}
		}, holdfast.Bogus, 6, "SIG-13"},
		{"the leaf's DS is broken", func(d *deep) {
			d.middle.broken = map[holdfast.Class]bool{holdfast.ClassDS: true}
		}, holdfast.Bogus, 6, "SIG-13"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDeep(t)
			test.change(d)
			v := d.judged(t)
			if v.Status != test.status || v.EDE != test.ede {
				t.Errorf("status %s with code %d (%s), want %s with %d", v.Status, v.EDE, v.Reason, test.status, test.ede)
			}
			for _, f := range v.Findings {
				if f.Severity >= holdfast.SeverityWarning && f.Code != test.code {
					t.Errorf("unexpected %s: %s", f.Code, f.Text)
				}
			}
			if _, ok := finding(v, test.code); test.code != "" && !ok {
				t.Errorf("%s does not fire: %+v", test.code, v.Findings)
			}
		})
	}
}

// TestFailsWithItsAncestors: the zone fails when the keys above it do.
func TestFailsWithItsAncestors(t *testing.T) {
	d := newDeep(t)
	d.root.lives = map[holdfast.Class]life{holdfast.ClassDNSKEY: {day, 3 * day}}
	if v := d.judged(t); !v.FailsAt.Equal(now.Add(3*day)) || v.FailsBy != holdfast.ClassDS {
		t.Errorf("fails at %s by %s", v.FailsAt, v.FailsBy)
	}
}

// TestOneBadParent: a parent server that gives a broken DS is named, and the
// zone stands by the other.
func TestOneBadParent(t *testing.T) {
	w := newWorld(t)
	m := w.measured(t)
	w.root.broken = map[holdfast.Class]bool{holdfast.ClassDS: true}
	bad := w.measured(t)
	for i := range m.Exchanges {
		if m.Exchanges[i].Purpose == holdfast.PurposeDS && m.Exchanges[i].Server == parents[1] {
			m.Exchanges[i] = bad.Exchanges[i]
		}
	}
	v := catalogue(w.trust, nil).Judge(m, now)
	f, ok := finding(v, "SIG-13")
	if v.Status != holdfast.Secure || !ok || f.Severity != holdfast.SeverityError || f.Server != parents[1] {
		t.Errorf("status %s, finding %+v", v.Status, f)
	}
}

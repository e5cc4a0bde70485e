package lab

import (
	"bytes"
	"errors"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func packed(t testing.TB, m *wire.Message) []byte {
	t.Helper()
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestQueryIsRead(t *testing.T) {
	m := wire.NewQuery(0xabcd, holdfast.Question{Name: `a\.b.\000x.example.`, Type: uint16(wire.TypeTXT)})
	m.RecursionDesired = true
	packet := packed(t, m)
	packet[13] = 'A' // the case of the question is the asker's
	var q query
	if err := q.read(packet, nil); err != nil {
		t.Fatal(err)
	}
	if q.id != 0xabcd || !q.rd || string(q.name) != `a\.b.\000x.example.` ||
		q.qtype != wire.TypeTXT || q.qclass != wire.ClassIN || !q.edns || !q.do || !q.nsid || q.size != 1232 {
		t.Errorf("id %x, name %s: %+v", q.id, q.name, q)
	}
}

func TestSpellingAndNSIDAreEchoed(t *testing.T) {
	in, _ := small(t)
	packet := packed(t, wire.NewQuery(5, holdfast.Question{Name: "nsec.test.", Type: uint16(wire.TypeSOA)}))
	copy(packet[13:], "nSeC")
	r := in.respond(nil, in.Servers("nsec.test.")[0].Address, packet, false)
	if !bytes.Equal(r.packet[12:23], packet[12:23]) {
		t.Errorf("question %q, want %q", r.packet[12:23], packet[12:23])
	}
	m, err := wire.Parse(r.packet)
	if err != nil || string(m.EDNS.NSID) != "ns1.nsec.test." || !m.EDNS.DO || len(m.Answer) != 2 {
		t.Errorf("%v: %+v", err, m)
	}
	// Without EDNS there are no signatures and no OPT (RFC 3225 section 3).
	r = in.respond(nil, in.Servers("nsec.test.")[0].Address, packed(t, &wire.Message{ID: 5,
		Question: []holdfast.Question{{Name: "nsec.test.", Type: uint16(wire.TypeSOA)}}}), false)
	if m, err = wire.Parse(r.packet); err != nil || m.EDNS != nil || len(m.Answer) != 1 || !m.Authoritative {
		t.Errorf("%v: %+v", err, m)
	}
}

func TestCodesOfWellKeptServers(t *testing.T) {
	in, _ := small(t)
	question := []holdfast.Question{{Name: "nsec.test.", Type: uint16(wire.TypeSOA)}}
	for _, c := range []struct {
		what  string
		m     wire.Message
		rcode int
	}{
		{"a zone that is not here", wire.Message{Question: []holdfast.Question{{Name: "elsewhere.", Type: 1}}}, wire.Refused},
		{"an opcode", wire.Message{Opcode: 4, Question: question}, wire.NotImp},
		{"EDNS of version 1", wire.Message{Question: question, EDNS: &wire.EDNS{Version: 1, UDPSize: 1232}}, wire.BadVers},
		{"AXFR over UDP", wire.Message{Question: []holdfast.Question{{Name: "nsec.test.", Type: uint16(wire.TypeAXFR)}}}, wire.Refused},
	} {
		r := in.respond(nil, in.Servers("nsec.test.")[0].Address, packed(t, &c.m), false)
		m, err := wire.Parse(r.packet)
		if err != nil || m.Rcode != c.rcode {
			t.Errorf("%s: %v %+v, want rcode %d", c.what, err, m, c.rcode)
		}
	}
}

func TestLongAnswersAreTruncated(t *testing.T) {
	in, _ := small(t)
	q := holdfast.Question{Name: "both.test.", Type: uint16(wire.TypeDNSKEY)}
	m := wire.NewQuery(1, q)
	m.EDNS.UDPSize = 512
	server := in.Servers("both.test.")[0].Address
	got, err := wire.Parse(in.respond(nil, server, packed(t, m), false).packet)
	if err != nil || !got.Truncated || len(got.Answer) != 0 || got.EDNS == nil {
		t.Errorf("over UDP: %v %+v", err, got)
	}
	got, err = wire.Parse(in.respond(nil, server, packed(t, m), true).packet)
	if err != nil || got.Truncated || count(got.Answer, wire.TypeDNSKEY) != 4 || count(got.Answer, wire.TypeRRSIG) != 2 {
		t.Errorf("over TCP: %v %+v", err, got)
	}
}

// FuzzQuery: whatever comes in, no panic; what the library reads as a plain
// question, the lab reads alike.
func FuzzQuery(f *testing.F) {
	in, _ := small(f)
	server := in.Servers("nsec.test.")[0].Address
	f.Add(packed(f, wire.NewQuery(1, holdfast.Question{Name: "nsec.test.", Type: 6})))
	f.Add(packed(f, wire.NewQuery(2, holdfast.Question{Name: `x\.\000.wild.nsec.test.`, Type: 16})))
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x06\x00\x01\x00\x00\x29\xff\xff\x00\x00\x80\x00\x00\x05\x00\x03\x00\x09x"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		var q query
		err := q.read(packet, nil)
		r := in.respond(nil, server, packet, false)
		_, _ = in.respondTCP(server, packet)
		if err != nil && !errors.Is(err, errQuestions) {
			if r.fate != lost {
				t.Errorf("answered what cannot be read: %x", packet)
			}
			return
		}
		if m, err := wire.Parse(packet); err == nil && q.end > 0 && len(m.Question) == 1 && m.Question[0].Name != holdfast.Name(q.name) {
			t.Errorf("name %s, the library reads %s", q.name, m.Question[0].Name)
		}
		if len(r.packet) > largest {
			t.Errorf("a reply of %d octets over UDP", len(r.packet))
		}
		if _, err := wire.Parse(r.packet); err != nil {
			t.Errorf("reply %x: %v", r.packet, err)
		}
	})
}

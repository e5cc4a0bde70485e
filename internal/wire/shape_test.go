package wire

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/miekg/dns"

	"github.com/holdfastdns/holdfast"
)

func TestOrdinaryShapeIsNewQuery(t *testing.T) {
	for _, q := range []holdfast.Question{{Name: ".", Type: 2}, {Name: "a\\.b.example.", Type: 6}} {
		got, err := Shape{}.Query(q)
		want, err2 := NewQuery(0, q).Pack()
		if err != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Errorf("%v:\n got %x %v\nwant %x %v", q, got, err, want, err2)
		}
	}
	if _, err := (Shape{}).Query(holdfast.Question{Name: holdfast.Name(bytes.Repeat([]byte("a"), 300))}); err == nil {
		t.Error("a name of 300 octets was packed")
	}
}

// RFC 1035 section 4.1 and RFC 6891 section 6.1, octet by octet.
func TestShapeOnTheWire(t *testing.T) {
	got, err := Shape{
		Class: ClassCH, Recursion: true, MixedCase: true, Version: 1, Flags: 0x4000, Payload: 4096, Second: TypeNS,
		Options: []Option{{Code: OptionCookie, Data: []byte("12345678")}},
	}.Query(holdfast.Question{Name: "ab-c.de.", Type: uint16(TypeSOA)})
	want := "0000" + "0100" + "0002" + "0000" + "0000" + "0001" +
		"0441622d43" + "026445" + "00" + "0006" + "0003" +
		"0441622d43" + "026445" + "00" + "0002" + "0003" +
		"00" + "0029" + "1000" + "00" + "01" + "c000" + "0010" + "0003" + "0000" + "000a" + "0008" + "3132333435363738"
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("got  %x %v\nwant %s", got, err, want)
	}
	if string(Spelling(got)) != "\x04Ab-C\x02dE\x00" {
		t.Errorf("spelling %q", Spelling(got))
	}
}

// The flags of a resolver's asker: RFC 4035 section 3.2 and RFC 3225 section 3.
func TestShapeForAResolver(t *testing.T) {
	const rest = "0001" + "0000" + "0000" + "0001" + "00" + "0001" + "0001" + "00" + "0029" + "04d0" + "00" + "00"
	for _, c := range []struct {
		shape Shape
		want  string
	}{
		{Shape{Recursion: true, Bare: true}, "0000" + "0120" + rest + "0000" + "0004" + "0003" + "0000"},
		{Shape{Recursion: true, Unchecked: true}, "0000" + "0110" + rest + "8000" + "0004" + "0003" + "0000"},
	} {
		got, err := c.shape.Query(holdfast.Question{Name: ".", Type: uint16(TypeA)})
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%+v:\ngot  %x %v\nwant %s", c.shape, got, err, c.want)
		}
	}
}

// What another library wrote is read.
func TestReadOPT(t *testing.T) {
	m := new(dns.Msg)
	m.SetQuestion("example.", dns.TypeSOA)
	m.Response = true
	for _, text := range []string{"example. 60 IN NS ns.example.", "ns.example. 60 IN A 192.0.2.1"} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(1400)
	opt.SetVersion(3)
	opt.SetDo()
	opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")}, &dns.EDNS0_LOCAL{Code: OptionReportChannel, Data: []byte{0}})
	m.Extra = append(m.Extra, opt)
	m.Compress = true
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	got, ok := ReadOPT(packet)
	if !ok || got.UDPSize != 1400 || got.Version != 3 || got.Flags != 0x8000 || len(got.Options) != 2 {
		t.Fatalf("%+v %v", got, ok)
	}
	if data, ok := got.Option(65001); !ok || string(data) != "x" {
		t.Errorf("option 65001: %q %v", data, ok)
	}
	if _, ok := got.Option(OptionNSID); ok {
		t.Error("an NSID where there is none")
	}
	for n := range packet {
		if _, ok := ReadOPT(packet[:n]); ok {
			t.Errorf("an OPT record in the first %d octets of %d", n, len(packet))
		}
	}
}

// FuzzReadOPT: whatever the octets, no panic, and what is read lies within.
func FuzzReadOPT(f *testing.F) {
	for _, shape := range []Shape{{}, {Second: TypeNS}, {Options: []Option{{Code: 10, Data: []byte("12345678")}}}} {
		packet, err := shape.Query(holdfast.Question{Name: "example.", Type: 6})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		opt, ok := ReadOPT(packet)
		size := 0
		for _, o := range opt.Options {
			size += 4 + len(o.Data)
		}
		if size > len(packet) || ok && len(packet) < 23 || len(Spelling(packet)) > len(packet) {
			t.Errorf("%d octets of options in %d, %v", size, len(packet), ok)
		}
	})
}

package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/holdfastdns/holdfast"
)

// parseByLibrary is Parse as the library would have it: another opinion.
func parseByLibrary(packet []byte) (*Message, error) {
	var in dns.Msg
	if err := in.Unpack(packet); err != nil {
		return nil, fmt.Errorf("parse message: %w", err)
	}
	out := &Message{
		ID: in.Id, Response: in.Response, Opcode: in.Opcode,
		Authoritative: in.Authoritative, Truncated: in.Truncated,
		RecursionDesired: in.RecursionDesired, RecursionAvailable: in.RecursionAvailable,
		AuthenticatedData: in.AuthenticatedData, CheckingDisabled: in.CheckingDisabled,
		Rcode: in.Rcode,
	}
	for _, q := range in.Question {
		out.Question = append(out.Question, holdfast.Question{Name: canonical(q.Name), Type: q.Qtype})
	}
	// One scratch buffer serves all sections; Data is copied out of it.
	scratch := make([]byte, 0, 512)
	for _, section := range []struct {
		from []dns.RR
		to   *[]Record
	}{{in.Answer, &out.Answer}, {in.Ns, &out.Authority}, {in.Extra, &out.Additional}} {
		if len(section.from) == 0 {
			continue
		}
		records := make([]Record, 0, len(section.from))
		for _, rr := range section.from {
			if opt, ok := rr.(*dns.OPT); ok {
				out.EDNS = readOPT(opt)
				continue
			}
			record, err := fromLibrary(rr, &scratch)
			if err != nil {
				return nil, fmt.Errorf("parse message: %w", err)
			}
			records = append(records, record)
		}
		*section.to = records
	}
	return out, nil
}

func readOPT(opt *dns.OPT) *EDNS {
	e := &EDNS{Version: opt.Version(), UDPSize: opt.UDPSize(), DO: opt.Do()}
	for _, option := range opt.Option {
		switch o := option.(type) {
		case *dns.EDNS0_NSID:
			e.NSID = fromHex(o.Nsid)
		case *dns.EDNS0_EDE:
			e.EDE = append(e.EDE, ExtendedError{Code: o.InfoCode, Text: o.ExtraText})
		}
	}
	return e
}

func fromHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return []byte(s)
	}
	return b
}

// replies are messages with all that Parse has to know of.
func replies(t testing.TB) [][]byte {
	t.Helper()
	signed := []string{
		"example. 3600 IN SOA ns1.example. host.example. 1 2 3 4 5",
		"example. 3600 IN RRSIG SOA 8 1 3600 20260814060000 20260731060000 4711 example. c2lnbmF0dXJl",
	}
	var out [][]byte
	for _, sections := range [][3][]string{
		{},
		{signed, nil, nil},
		{{"example. 3600 IN DNSKEY 257 3 8 AwEAAag=", "example. 3600 IN DNSKEY 256 3 8 AwEAAag="}, signed, nil},
		{nil, {"sub.example. 86400 IN NS ns1.sub.example.", "sub.example. 86400 IN NS NS2.Other.", "sub.example. 3600 IN DS 1 8 2 abcd"},
			{"ns1.sub.example. 60 IN A 192.0.2.1", "ns1.sub.example. 60 IN AAAA 2001:db8::1"}},
		{nil, {"a.example. 60 IN NSEC b.example. A RRSIG NSEC", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 IN NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA"}, nil},
		{{`w\.x.example. 60 IN TXT "a" "b"`, "x.example. 60 IN MX 10 mail.example.", "x.example. 60 IN SRV 1 2 3 srv.example.", `x.example. 60 IN NAPTR 1 2 "s" "t" "u" naptr.example.`,
			`\200.example. 60 IN CNAME Sub.Example.`, "x.example. 60 IN HTTPS 1 svc.example. alpn=h2", "x.example. 60 IN DNAME y.example.", "x.example. 60 IN PTR p.example.",
			"x.example. 60 IN NSEC3PARAM 1 0 0 -", "x.example. 60 IN ZONEMD 1 1 1 abcdef", "x.example. 60 IN TYPE65399 \\# 2 abcd", "x.example. 60 IN RP a.example. b.example."}, nil, nil},
	} {
		m := &Message{ID: 4711, Response: true, Authoritative: true, Rcode: BadVers, Question: []holdfast.Question{{Name: "www.example.", Type: uint16(TypeSOA)}},
			EDNS: &EDNS{UDPSize: 1232, DO: true, NSID: []byte("ns1"), EDE: []ExtendedError{{Code: 22, Text: "no"}}}}
		for i, texts := range sections {
			for _, text := range texts {
				to := []*[]Record{&m.Answer, &m.Authority, &m.Additional}[i]
				r, err := ParseRecord(text)
				if err != nil {
					t.Fatal(err)
				}
				*to = append(*to, r)
			}
		}
		packet, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, packet)
	}
	return out
}

// TestParseAsTheLibrary reads well-formed messages in both ways.
func TestParseAsTheLibrary(t *testing.T) {
	for _, packet := range replies(t) {
		want, err := parseByLibrary(packet)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(packet)
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Additional) == 0 {
			want.Additional = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read\n%+v\nthe library\n%+v", got, want)
		}
		if rcode, err := Check(packet); err != nil || rcode != want.Rcode {
			t.Errorf("RCODE %d, %v; want %d", rcode, err, want.Rcode)
		}
	}
}

// TestParseOwnsItsData: a message does not change with the buffer it came in.
func TestParseOwnsItsData(t *testing.T) {
	for _, packet := range replies(t) {
		buffer := bytes.Clone(packet)
		got, err := Parse(buffer)
		if err != nil {
			t.Fatal(err)
		}
		clear(buffer)
		if want, _ := Parse(packet); !reflect.DeepEqual(got, want) {
			t.Error("the message changed with its buffer")
		}
	}
}

func TestParseRefuses(t *testing.T) {
	header := func(questions, answers byte, rest ...byte) []byte {
		return append([]byte{0, 1, 0x80, 0, 0, questions, 0, answers, 0, 0, 0, 0}, rest...)
	}
	long := header(1, 0)
	for range 4 {
		long = append(append(long, 63), bytes.Repeat([]byte{'a'}, 63)...)
	}
	for _, c := range []struct {
		name   string
		packet []byte
		want   error
	}{
		{"half a header", header(0, 0)[:11], errShort},
		{"a pointer to itself", header(1, 0, 0xC0, 12, 0, 1, 0, 1), errPointers},
		{"a name of 257 octets", append(long, 0, 0, 1, 0, 1), errLongName},
		{"a label of type 01", header(1, 0, 0x41, 'a', 0, 0, 1, 0, 1), errLabel},
		{"a pointer behind the end", header(1, 0, 0xC0, 99, 0, 1, 0, 1), errShort},
		{"a question cut short", header(1, 0, 1, 'a', 0, 0, 1), errShort},
		{"a record cut short", header(0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192), errShort},
		{"an address of five octets", header(0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5), errLength},
		{"a name that leaves its record", header(0, 1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 2, 2, 'a', 'b', 0), errShort},
		{"something behind a name", header(0, 1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 4, 1, 'a', 0, 0), errTrailing},
		{"an option cut short", header(0, 1, 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 4, 0, 3, 0, 9), errShort},
	} {
		if _, err := Parse(c.packet); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if _, err := Check(c.packet); !errors.Is(err, c.want) {
			t.Errorf("check of %s: %v, want %v", c.name, err, c.want)
		}
	}
}

// FuzzParseAsTheLibrary holds Parse against Check and the library. The library looks into
// more data and fills up what is cut short; what both read of names, types and
// numbers is the same.
func FuzzParseAsTheLibrary(f *testing.F) {
	for _, packet := range replies(f) {
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		got, err := Parse(packet)
		rcode, unreadable := Check(packet)
		if (err == nil) != (unreadable == nil) || err == nil && rcode != got.Rcode {
			t.Fatalf("Parse says %v, Check says %v", err, unreadable)
		}
		want, otherwise := parseByLibrary(packet)
		if err != nil || otherwise != nil {
			return
		}
		if got.Rcode != want.Rcode || !reflect.DeepEqual(got.Question, want.Question) {
			t.Errorf("RCODE %d, questions %v; the library %d, %v", got.Rcode, got.Question, want.Rcode, want.Question)
		}
		for i, section := range [][]Record{got.Answer, got.Authority, got.Additional} {
			other := [][]Record{want.Answer, want.Authority, want.Additional}[i]
			if len(section) != len(other) {
				t.Fatalf("%d records, the library %d", len(section), len(other))
			}
			for k, r := range section {
				o := other[k]
				_, names := layout(r.Type)
				if r.Name != o.Name || r.Type != o.Type || r.Class != o.Class || r.TTL != o.TTL || names > 0 && len(r.Data) == len(o.Data) && !bytes.Equal(r.Data, o.Data) {
					t.Errorf("record %v, the library %v", r, o)
				}
			}
		}
	})
}

// TestPackPlain: what is packed without the library is what it would pack.
func TestPackPlain(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, name := range []holdfast.Name{".", "example.", "a.b.c.example.", "*.x.", "_dsboot.example.", holdfast.Name(label) + ".x.",
		holdfast.Name(strings.Repeat(label+".", 3) + strings.Repeat("b", 61) + "."), "", "example", "a..b.", ".a.",
		holdfast.Name(label) + "a.", holdfast.Name(strings.Repeat(label+".", 4)), `a\.b.`, `\200.x.`} {
		buffer := make([]byte, 255)
		end, err := dns.PackDomainName(string(name), buffer, 0, nil, false)
		got, ours := PackName(name)
		if (err == nil) != (ours == nil) || err == nil && !bytes.Equal(got, buffer[:end]) {
			t.Errorf("%q: %x, %v; the library %x, %v", name, got, ours, buffer[:end], err)
		}
	}
}

package wire

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

func record(t *testing.T, text string) Record {
	t.Helper()
	r, err := ParseRecord(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMessageRoundTrip(t *testing.T) {
	m := &Message{
		ID: 0x1234, Response: true, Authoritative: true, Rcode: BadVers,
		Question:   []holdfast.Question{{Name: "example.", Type: uint16(TypeSOA)}},
		Answer:     []Record{record(t, "example. 3600 IN SOA ns1.example. host.example. 1 2 3 4 5")},
		Authority:  []Record{record(t, "example. 3600 IN NS ns1.example.")},
		Additional: []Record{record(t, "ns1.example. 60 IN A 192.0.2.1"), record(t, "ns1.example. 60 IN TYPE65399 \\# 2 abcd")},
		EDNS:       &EDNS{UDPSize: 1232, DO: true, NSID: []byte("ns1"), EDE: []ExtendedError{{Code: 22, Text: "no"}}},
	}
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(packet)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, m) {
		t.Errorf("came back as\n%+v\nwant\n%+v", back, m)
	}
}

func TestQuery(t *testing.T) {
	q := NewQuery(7, holdfast.Question{Name: "example.", Type: uint16(TypeDNSKEY)})
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(packet)
	if err != nil {
		t.Fatal(err)
	}
	if back.RecursionDesired || back.EDNS == nil || !back.EDNS.DO || back.EDNS.UDPSize != 1232 || back.EDNS.NSID == nil {
		t.Errorf("query %+v %+v", back, back.EDNS)
	}
	reply := *back
	reply.Response = true
	reply.Question = []holdfast.Question{{Name: "example.", Type: uint16(TypeDNSKEY)}}
	if !reply.Matches(q) {
		t.Error("the reply to the question does not match it")
	}
	for name, spoil := range map[string]func(*Message){
		"id":       func(m *Message) { m.ID++ },
		"question": func(m *Message) { m.Question = []holdfast.Question{{Name: "other.", Type: 48}} },
		"query":    func(m *Message) { m.Response = false },
		"none":     func(m *Message) { m.Question = nil },
	} {
		spoilt := reply
		spoil(&spoilt)
		if spoilt.Matches(q) {
			t.Errorf("a reply with another %s matches", name)
		}
	}
}

// TestCanonicalOrder is the example of RFC 4034 section 6.1.
func TestCanonicalOrder(t *testing.T) {
	want := []holdfast.Name{"example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.",
		"z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, CompareNames)
	if !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

// TestDSExample is the example of RFC 4034 section 5.4 and, for SHA-256, of
// RFC 4509 section 2.3: the same key, tag 60485.
func TestDSExample(t *testing.T) {
	key, err := record(t, `dskey.example.com. 86400 IN DNSKEY 256 3 5 ( AQOeiiR0GOMYkDshWoSKz9Xz
		fwJr1AYtsmx3TGkJaNXVbfi/ 2pHm822aJ5iI9BMzNXxeYCmZ DRD99WYwYqUSdjMmmAphXdvx
		egXd/M5+X7OrzKBaMbCVdFLU Uh6DhweJBjEVv5f2wwjM9Xzc nOf+EPbtG9DMBmADjFDc2w/r
		ljwvFw== )`).DNSKEY()
	if err != nil {
		t.Fatal(err)
	}
	for digestType, want := range map[uint8]string{
		1: "dskey.example.com. 86400 IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
		2: "dskey.example.com. 86400 IN DS 60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
	} {
		ds, err := key.Digest("dskey.example.com.", digestType)
		if err != nil {
			t.Fatal(err)
		}
		if got := NewDS("dskey.example.com.", 86400, ds); !reflect.DeepEqual(got, record(t, want)) {
			t.Errorf("digest %d: %v, want %v", digestType, got, want)
		}
	}
	if _, err := key.Digest("dskey.example.com.", 3); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("GOST digest: %v", err)
	}
}

// TestHashName uses the vectors of RFC 5155 appendix A.
func TestHashName(t *testing.T) {
	salt := []byte{0xaa, 0xbb, 0xcc, 0xdd}
	for name, want := range map[holdfast.Name]string{
		"example.":       "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
		"a.example.":     "35mthgpgcu1qg68fab165klnsnk3dpvl",
		"*.w.example.":   "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
		"ns1.example.":   "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
		"x.y.w.example.": "2vptu5timamqttgl4luu9kg21e0aor3s",
	} {
		hash, err := HashName(name, 12, salt)
		if err != nil || HashLabel(hash) != want {
			t.Errorf("H(%s) = %s, %v; want %s", name, HashLabel(hash), err, want)
		}
		back, err := ParseHashLabel(holdfast.Name(want)+".example.", "example.")
		if err != nil || !slices.Equal(back, hash) {
			t.Errorf("owner %s: %x, %v", want, back, err)
		}
	}
}

func TestSignAndVerify(t *testing.T) {
	rrset := []Record{record(t, "www.example. 300 IN A 192.0.2.2"), record(t, "www.example. 300 IN A 192.0.2.1")}
	from := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	for _, algorithm := range []uint8{RSASHA1, RSASHA1NSEC3SHA1, RSASHA256, RSASHA512, ECDSAP256SHA256, ECDSAP384SHA384, ED25519, ED448} {
		key, err := GenerateKey(algorithm, FlagZone, 1024, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := key.Sign(rrset, "example.", from, from.Add(time.Hour), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := signed.RRSIG()
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(rrset) // order must not matter
		if err := Verify(sig, key.DNSKEY, rrset); err != nil {
			t.Errorf("algorithm %d: %v", algorithm, err)
		}
		changed := []Record{rrset[0], NewAddress("www.example.", 300, netip.MustParseAddr("192.0.2.3"))}
		if err := Verify(sig, key.DNSKEY, changed); !errors.Is(err, ErrSignature) {
			t.Errorf("algorithm %d over another RRset: %v", algorithm, err)
		}
		sig.Signature = sig.Signature[:len(sig.Signature)-1]
		if err := Verify(sig, key.DNSKEY, rrset); !errors.Is(err, ErrSignature) {
			t.Errorf("algorithm %d, signature cut short: %v", algorithm, err)
		}
		sig.KeyTag++
		if err := Verify(sig, key.DNSKEY, rrset); !errors.Is(err, ErrMismatch) {
			t.Errorf("algorithm %d, another tag: %v", algorithm, err)
		}
	}
}

func TestWildcardSignature(t *testing.T) {
	key, err := GenerateKey(ED25519, FlagZone, 0, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	signed, err := key.Sign([]Record{record(t, "*.example. 300 IN A 192.0.2.2")}, "example.", from, from.Add(time.Hour), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sig, _ := signed.RRSIG()
	if sig.Labels != 1 {
		t.Errorf("labels %d: the asterisk does not count (RFC 4034 section 3.1.3)", sig.Labels)
	}
	if err := Verify(sig, key.DNSKEY, []Record{record(t, "a.b.example. 17 IN A 192.0.2.2")}); err != nil {
		t.Errorf("expansion: %v", err)
	}
}

// TestSerialTimes is the rule of RFC 4034 section 3.1.5: times are read as
// the nearest to the instant at hand, on both sides of the wrap in 2106.
func TestSerialTimes(t *testing.T) {
	wrap := time.Unix(1<<32, 0).UTC()
	sig := RRSIG{Inception: 0xffffff00, Expiration: 0x00000100}
	for _, at := range []time.Time{wrap.Add(-time.Minute), wrap.Add(time.Minute)} {
		inception, expiration := sig.Times(at)
		if !inception.Equal(wrap.Add(-256*time.Second)) || !expiration.Equal(wrap.Add(256*time.Second)) {
			t.Errorf("at %v: %v to %v", at, inception, expiration)
		}
	}
	if CompareSerial(0xffffffff, 1) >= 0 || CompareSerial(1, 0xffffffff) <= 0 || CompareSerial(5, 5) != 0 {
		t.Error("serial numbers are compared wrongly (RFC 1982 section 3.2)")
	}
}

func TestReadZoneRefusesInclude(t *testing.T) {
	err := ReadZone(strings.NewReader("$INCLUDE /etc/passwd\n"), "example.", "zone.txt", func(Record) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "zone.txt") {
		t.Errorf("error %v", err)
	}
}

func TestUnicode(t *testing.T) {
	if got := Unicode("xn--p1ai."); got != "рф" {
		t.Errorf("%q", got)
	}
	if got, err := FromUnicode("рф"); err != nil || got != "xn--p1ai." {
		t.Errorf("%q %v", got, err)
	}
	if got := Unicode("xn--a."); got != "xn--a" {
		t.Errorf("a label that does not convert became %q", got)
	}
}

func FuzzParse(f *testing.F) {
	seed, _ := NewQuery(1, holdfast.Question{Name: "example.", Type: 6}).Pack()
	f.Add(seed)
	m := &Message{ID: 1, Response: true, Question: []holdfast.Question{{Name: "example.", Type: 6}}}
	for _, text := range []string{
		"example. 3600 IN SOA ns1.example. host.example. 1 2 3 4 5",
		"example. 3600 IN RRSIG SOA 13 1 3600 20260813200000 20260731190000 1 example. AAAA",
		"example. 3600 IN NSEC a.example. SOA NS",
		"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 3600 IN NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA",
		"example. 3600 IN DNSKEY 257 3 8 AwEAAa96",
		"example. 3600 IN DS 1 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	} {
		r, err := ParseRecord(text)
		if err != nil {
			f.Fatal(err)
		}
		m.Answer = append(m.Answer, r)
	}
	seed, _ = m.Pack()
	f.Add(seed)
	f.Fuzz(func(t *testing.T, packet []byte) {
		m, err := Parse(packet)
		if err != nil {
			return
		}
		for _, r := range slices.Concat(m.Answer, m.Authority, m.Additional) {
			_ = r.String()
			_, _ = r.SOA()
			_, _ = r.NSEC()
			_, _ = r.NSEC3()
			_, _ = r.NSEC3PARAM()
			_, _ = r.ZONEMD()
			_, _ = r.DS()
			if sig, err := r.RRSIG(); err == nil {
				_, _ = sig.SignedData(m.Answer)
			}
			if key, err := r.DNSKEY(); err == nil {
				_ = key.Bits()
				_ = key.Prepare().Verify([]byte("data"), []byte("signature"))
			}
		}
		_, _ = m.Pack()
	})
}

func BenchmarkParse(b *testing.B) {
	m := &Message{ID: 1, Response: true, Question: []holdfast.Question{{Name: "example.", Type: 6}}}
	for _, text := range []string{
		"example. 3600 IN SOA ns1.example. host.example. 1 2 3 4 5",
		"example. 3600 IN RRSIG SOA 13 1 3600 20260813200000 20260731190000 1 example. " + strings.Repeat("A", 88),
	} {
		r, err := ParseRecord(text)
		if err != nil {
			b.Fatal(err)
		}
		m.Answer = append(m.Answer, r)
	}
	packet, _ := m.Pack()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(packet); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	packet := replies(b)[1]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Check(packet); err != nil {
			b.Fatal(err)
		}
	}
}

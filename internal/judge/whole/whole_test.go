package whole

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// codes are the findings of at least a severity, each code once, in order.
func codes(r Report, least holdfast.Severity) string {
	var out []string
	for _, f := range r.Findings {
		if f.Severity >= least && !slices.Contains(out, f.Code) {
			out = append(out, f.Code)
		}
	}
	return strings.Join(out, " ")
}

func judge(t *testing.T, records []wire.Record, anchors []wire.Record) Report {
	t.Helper()
	r, err := Verify(records, Options{At: noon, Anchors: anchors, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGoodZones(t *testing.T) {
	for _, zone := range []holdfast.Name{"example.", "."} {
		for name, change := range map[string]func(*signer){
			"NSEC":          func(*signer) {},
			"NSEC3":         func(s *signer) { s.nsec3 = &wire.NSEC3PARAM{Hash: 1} },
			"NSEC3 salted":  func(s *signer) { s.nsec3 = &wire.NSEC3PARAM{Hash: 1, Iterations: 12, Salt: []byte{0xaa, 0xbb}} },
			"NSEC3 opt-out": func(s *signer) { s.nsec3, s.optOut = &wire.NSEC3PARAM{Hash: 1}, true },
		} {
			if zone == holdfast.Root && name != "NSEC" {
				continue // names under the root need other hands in the signer
			}
			t.Run(zone.String()+" "+name, func(t *testing.T) {
				s := newSigner(t, zone)
				change(s)
				text := testZone
				if zone == holdfast.Root {
					text = strings.NewReplacer("ns.other.", "ns1.open.").Replace(text)
				}
				r := judge(t, s.sign(text), s.anchor())
				if r.Status != holdfast.Secure || len(r.Findings) != 0 || !r.Anchored || r.Verified != r.Signatures || r.Verified != r.Signed {
					t.Fatalf("%s: %s, %v, %+v", r.Status, r.Reason, r.Findings, r)
				}
				if r.Delegations != 3 || r.Secured != 1 || !r.FailsAt.Equal(expiry) {
					t.Errorf("%+v", r)
				}
				if kind, _, _ := strings.Cut(name, " "); r.Denial != kind {
					t.Errorf("denial is %q", r.Denial)
				}
			})
		}
	}
}

// TestFaults breaks a good zone in one way at a time.
func TestFaults(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		nsec3  bool
		breaks func(*signer, []wire.Record) []wire.Record
		codes  string // of severity warning and above
		count  func(Report) int
		want   int
	}{
		"expired": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return s.resigned(z, "example.", wire.TypeSOA, noon.Add(-9*day), noon.Add(-day))
		}, codes: "SIG-01", count: func(r Report) int { return r.Expired }, want: 1},
		"not yet valid": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return s.resigned(z, "ns1.example.", wire.TypeA, noon.Add(day), noon.Add(9*day))
		}, codes: "SIG-05", count: func(r Report) int { return r.NotYet }, want: 1},
		"expired, another good": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return append(z, s.rrsig(s.zsk, rrsetOf(z, "example.", wire.TypeSOA), noon.Add(-9*day), noon.Add(-day)))
		}, codes: "", count: func(r Report) int { return r.Expired }, want: 1},
		"data changed": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = without(z, "ns1.example.", wire.TypeA, false)
			return append(z, parse(s.t, s.zone, "ns1 3600 IN A 192.0.2.99\n")...)
		}, codes: "SIG-07", count: func(r Report) int { return r.Invalid }, want: 1},
		"DS changed": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = without(z, "secured.example.", wire.TypeDS, false)
			return append(z, parse(s.t, s.zone, "secured 3600 IN DS 2 13 2 00\n")...)
		}, codes: "SIG-07", count: func(r Report) int { return r.BogusRRsets }, want: 1},
		"signature missing": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return without(z, "example.", wire.TypeNS, true)
		}, codes: "SIG-09", count: func(r Report) int { return r.Missing }, want: 1},
		"denial's signature missing": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return without(z, "open.example.", wire.TypeNSEC, true)
		}, codes: "SIG-09", count: func(r Report) int { return r.Missing }, want: 1},
		"unknown key": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			stranger := &signer{t: s.t, zone: s.zone, zsk: s.key(256)}
			return stranger.resigned(z, "example.", wire.TypeNS, inception, expiry)
		}, codes: "SIG-08", count: func(r Report) int { return r.UnknownKey }, want: 1},
		"signer of another name": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			other := &signer{t: s.t, zone: "ns1.example.", zsk: s.zsk}
			return other.resigned(z, "ns1.example.", wire.TypeA, inception, expiry)
		}, codes: "CHN-10", count: func(r Report) int { return r.Invalid }, want: 1},
		"glue signed": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return append(z, s.rrsig(s.zsk, rrsetOf(z, "ns1.open.example.", wire.TypeA), inception, expiry))
		}, codes: "INT-06", count: func(r Report) int { return r.Unwanted }, want: 1},
		"delegation signed": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return append(z, s.rrsig(s.zsk, rrsetOf(z, "open.example.", wire.TypeNS), inception, expiry))
		}, codes: "INT-06", count: func(r Report) int { return r.Unwanted }, want: 1},
		"TTL raised": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			for i := range z {
				if z[i].Name == "ns1.example." && z[i].Type == wire.TypeA {
					z[i].TTL = 7200
				}
			}
			return z
		}, codes: "SIG-10"},
		"key of an algorithm that signs nothing": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			other, err := wire.GenerateKey(wire.ECDSAP256SHA256, 256, 0, nil)
			if err != nil {
				s.t.Fatal(err)
			}
			return s.resigned(append(z, wire.NewDNSKEY(s.zone, 3600, other.DNSKEY)), s.zone, wire.TypeDNSKEY, inception, expiry)
		}, codes: "CHN-04"},
		"keys not signed by the anchored one": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = without(z, s.zone, wire.TypeDNSKEY, true)
			return append(z, s.rrsig(s.zsk, rrsetOf(z, s.zone, wire.TypeDNSKEY), inception, expiry))
		}, codes: "CHN-03"},
		"two SOA": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return s.resigned(append(z, parse(s.t, s.zone, "@ 3600 IN SOA ns1 host 8 1 2 3 600\n")...), s.zone, wire.TypeSOA, inception, expiry)
		}, codes: "INT-01"},
		"outside": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return append(z, parse(s.t, ".", "test. 60 IN A 192.0.2.1\n")...)
		}, codes: "INT-04"},
		"CNAME and more": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = append(z, parse(s.t, s.zone, "alias 60 IN A 192.0.2.1\n")...)
			return s.resigned(z, "alias.example.", wire.TypeA, inception, expiry)
		}, codes: "INT-07 INT-13"},
		"NSEC gone": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return without(without(z, "open.example.", wire.TypeNSEC, false), "open.example.", wire.TypeNSEC, true)
		}, codes: "INT-11"},
		"NSEC twists": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = without(z, "open.example.", wire.TypeNSEC, false)
			r, _ := wire.NewNSEC("open.example.", 600, wire.NSEC{Next: "zz.example.", Types: []wire.Type{wire.TypeNS, wire.TypeRRSIG, wire.TypeNSEC}})
			return s.resigned(append(z, r), "open.example.", wire.TypeNSEC, inception, expiry)
		}, codes: "INT-12"},
		"NSEC lies about DS": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = without(z, "open.example.", wire.TypeNSEC, false)
			r, _ := wire.NewNSEC("open.example.", 600, wire.NSEC{Next: "child.opendeep.example.", Types: []wire.Type{wire.TypeNS, wire.TypeDS, wire.TypeRRSIG, wire.TypeNSEC}})
			return s.resigned(append(z, r), "open.example.", wire.TypeNSEC, inception, expiry)
		}, codes: "INT-13"},
		"name outside the chain": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = append(z, parse(s.t, s.zone, "new 60 IN A 192.0.2.1\n")...)
			return s.resigned(z, "new.example.", wire.TypeA, inception, expiry)
		}, codes: "INT-11 INT-12"},
		"NSEC for glue": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			r, _ := wire.NewNSEC("ns1.open.example.", 600, wire.NSEC{Next: "secured.example.", Types: []wire.Type{wire.TypeA, wire.TypeNSEC}})
			return append(z, r)
		}, codes: "INT-14"},
		"NSEC3 gone": {nsec3: true, breaks: func(s *signer, z []wire.Record) []wire.Record {
			owner := s.hashedOwner("empty.example.")
			return without(without(z, owner, wire.TypeNSEC3, false), owner, wire.TypeNSEC3, true)
		}, codes: "INT-11 INT-12"},
		"NSEC3 of a name that is gone": {nsec3: true, breaks: func(s *signer, z []wire.Record) []wire.Record {
			return without(without(z, "alias.example.", wire.TypeCNAME, false), "alias.example.", wire.TypeCNAME, true)
		}, codes: "INT-14"},
		"NSEC3 tells false types": {nsec3: true, breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = append(z, parse(s.t, s.zone, "ns1 3600 IN AAAA 2001:db8::1\n")...)
			return s.resigned(z, "ns1.example.", wire.TypeAAAA, inception, expiry)
		}, codes: "INT-13"},
		"NSEC3PARAM gone": {nsec3: true, breaks: func(s *signer, z []wire.Record) []wire.Record {
			return without(without(z, s.zone, wire.TypeNSEC3PARAM, false), s.zone, wire.TypeNSEC3PARAM, true)
		}, codes: "INT-11 INT-15"},
		"a second chain is declared": {nsec3: true, breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = append(z, wire.NewNSEC3PARAM(s.zone, 0, wire.NSEC3PARAM{Hash: 1, Salt: []byte{1}}))
			return s.resigned(z, s.zone, wire.TypeNSEC3PARAM, inception, expiry)
		}, codes: "INT-11"},
		"too many iterations": {nsec3: true, breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = append(z, wire.NewNSEC3PARAM(s.zone, 0, wire.NSEC3PARAM{Hash: 1, Iterations: 65535}))
			return s.resigned(z, s.zone, wire.TypeNSEC3PARAM, inception, expiry)
		}, codes: "INT-15"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSigner(t, "example.")
			if c.nsec3 {
				s.nsec3 = &wire.NSEC3PARAM{Hash: 1}
			}
			r := judge(t, c.breaks(s, s.sign(testZone)), s.anchor())
			if got := codes(r, holdfast.SeverityWarning); got != c.codes {
				t.Errorf("got %q, want %q: %v", got, c.codes, r.Findings)
			}
			if c.count != nil && c.count(r) != c.want {
				t.Errorf("counted %d, want %d", c.count(r), c.want)
			}
			if bad := codes(r, holdfast.SeverityError) != ""; bad != (r.Status == holdfast.Bogus) {
				t.Errorf("%s, with findings %v", r.Status, r.Findings)
			}
		})
	}
}

func (s *signer) hashedOwner(name holdfast.Name) holdfast.Name {
	hash, err := wire.HashName(name, s.nsec3.Iterations, s.nsec3.Salt)
	if err != nil {
		s.t.Fatal(err)
	}
	return holdfast.Name(wire.HashLabel(hash)) + "." + s.zone
}

// TestOptOutHidesOnlyDelegations: a name with data must be in the chain even
// where every span is opt-out.
func TestOptOutHidesOnlyDelegations(t *testing.T) {
	s := newSigner(t, "example.")
	s.nsec3, s.optOut = &wire.NSEC3PARAM{Hash: 1}, true
	z := append(s.sign(testZone), parse(t, s.zone, "late 3600 IN NS ns1\n")...)
	if r := judge(t, z, s.anchor()); len(r.Findings) != 0 {
		t.Errorf("a delegation in an opt-out span: %v", r.Findings)
	}
	z = append(z, parse(t, s.zone, "new 60 IN A 192.0.2.1\n")...)
	z = s.resigned(z, "new.example.", wire.TypeA, inception, expiry)
	if r := judge(t, z, s.anchor()); codes(r, 0) != "INT-11" {
		t.Errorf("a name in an opt-out span: %v", r.Findings)
	}
}

func TestStatusWithoutAnchors(t *testing.T) {
	s := newSigner(t, "example.")
	z := s.sign(testZone)
	if r := judge(t, z, nil); r.Status != holdfast.Indeterminate || r.Anchored || !r.Good() {
		t.Errorf("no anchor: %s, %v", r.Status, r.Findings)
	}
	foreign := s.anchor()
	foreign[0].Name = "test."
	if r := judge(t, z, foreign); r.Status != holdfast.Indeterminate {
		t.Errorf("an anchor of another zone: %s", r.Status)
	}
	other := newSigner(t, "example.")
	if r := judge(t, z, other.anchor()); r.Status != holdfast.Bogus || codes(r, 0) != "CHN-03" {
		t.Errorf("another's anchor: %s, %v", r.Status, r.Findings)
	}
	dnskey := []wire.Record{wire.NewDNSKEY("example.", 0, s.ksk.DNSKEY)}
	if r := judge(t, z, dnskey); r.Status != holdfast.Secure {
		t.Errorf("a DNSKEY as anchor: %s, %v", r.Status, r.Findings)
	}
}

func TestUnsignedZone(t *testing.T) {
	s := newSigner(t, "example.")
	z := parse(t, "example.", testZone)
	if r := judge(t, z, nil); r.Status != holdfast.Insecure || !r.Good() || codes(r, 0) != "CHN-06" {
		t.Errorf("%s, %v", r.Status, r.Findings)
	}
	if r := judge(t, z, s.anchor()); r.Good() || codes(r, 0) != "CHN-06" {
		t.Errorf("with an anchor: %s, %v", r.Status, r.Findings)
	}
}

func TestUnsupportedAlgorithmIsInsecure(t *testing.T) {
	text := testZone + "@ 3600 IN DNSKEY 257 3 253 AQID\n@ 3600 IN RRSIG SOA 253 1 3600 20260811120000 20260731120000 1 example. AQID\n"
	if r := judge(t, parse(t, "example.", text), nil); r.Status != holdfast.Insecure || r.Signed == 0 {
		t.Errorf("%s, %v", r.Status, r.Findings)
	}
	// A forger's way out: unknown algorithms do not undo an anchor that binds.
	s := newSigner(t, "example.")
	if r := judge(t, parse(t, "example.", text), s.anchor()); r.Status != holdfast.Bogus || !strings.HasPrefix(codes(r, 0), "CHN-03") {
		t.Errorf("with an anchor: %s, %v", r.Status, r.Findings)
	}
	unknown := s.anchor()
	unknown[0].Data[2] = 253
	if r := judge(t, parse(t, "example.", text), unknown); r.Status != holdfast.Insecure {
		t.Errorf("with an anchor of an unknown algorithm: %s, %v", r.Status, r.Findings)
	}
}

func TestNoZone(t *testing.T) {
	if _, err := Verify(parse(t, ".", "a. 60 IN A 192.0.2.1\n"), Options{At: noon}); !errors.Is(err, ErrNoSOA) {
		t.Errorf("no SOA: %v", err)
	}
	if _, err := Verify(parse(t, "example.", testZone), Options{At: noon, Zone: "test."}); !errors.Is(err, ErrNoSOA) {
		t.Errorf("another zone's SOA: %v", err)
	}
}

// TestSameReportAlways: neither the order of records nor the number of workers
// shows in the report.
func TestSameReportAlways(t *testing.T) {
	s := newSigner(t, "example.")
	z := s.sign(testZone)
	z = without(z, "ns1.example.", wire.TypeA, true)
	z = s.resigned(z, "example.", wire.TypeNS, inception, noon.Add(-time.Hour))
	z = append(z, parse(t, s.zone, "new 60 IN A 192.0.2.1\nnewer 60 IN A 192.0.2.1\n")...)
	want, err := Verify(z, Options{At: noon, Anchors: s.anchor()})
	if err != nil || len(want.Findings) < 5 {
		t.Fatalf("%v, %v", want.Findings, err)
	}
	for workers := range 4 {
		slices.Reverse(z)
		got, err := Verify(z, Options{At: noon, Anchors: s.anchor(), Workers: workers})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d workers: got %+v\nwant %+v", workers, got, want)
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	s := newSigner(t, "example.")
	z := slices.DeleteFunc(s.sign(testZone), func(r wire.Record) bool { return r.Type == wire.TypeRRSIG })
	r, err := Verify(z, Options{At: noon, MaxFindings: 3})
	if err != nil || len(r.Findings) != 4 {
		t.Fatalf("%v, %v", r.Findings, err)
	}
	last := r.Findings[3]
	if last.Code != "SIG-09" || last.Count != r.Missing-3 || !strings.HasPrefix(last.Text, "and ") {
		t.Errorf("got %+v of %d", last, r.Missing)
	}
}

func TestKeysSortInCanonicalOrder(t *testing.T) {
	// RFC 4034 section 6.1, with the names that its example escapes.
	names := []holdfast.Name{"example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.", "z.example.",
		`\000.z.example.`, `\001.z.example.`, "*.z.example.", `\200.z.example.`, "zz.example."}
	var before []byte
	for i, name := range names {
		key, ok := appendNameKey(nil, name)
		if !ok {
			t.Fatalf("%s has no key", name)
		}
		if i > 0 && bytes.Compare(key, before) <= 0 {
			t.Errorf("%s does not come after %s", name, names[i-1])
		}
		if got := nameOf(key); got != name {
			t.Errorf("%s became %s", name, got)
		}
		packed, err := wire.PackName(name)
		if err != nil || !bytes.Equal(appendKey(nil, packed), key) || !bytes.Equal(appendPacked(nil, key), packed) {
			t.Errorf("%s: its packed form has another key, or the key another packed form", name)
		}
		entry := appendTail(append(append(bytes.Clone(key), 0, 0, 1), 192, 0, 2, 0), 60, wire.ClassIN)
		if back, r, err := splitEntry(entry); err != nil || !bytes.Equal(back, key) || r.typ != wire.TypeA || r.ttl != 60 || len(r.data) != 4 {
			t.Errorf("%s: the entry reads %q, %+v, %v", name, back, r, err)
		}
		before = key
	}
	for _, name := range []holdfast.Name{"", "a", "..", ".a.", "a..b.", holdfast.Name(strings.Repeat("a", 64) + "."), holdfast.Name(strings.Repeat("a.", 128))} {
		if key, ok := appendNameKey(nil, name); ok {
			t.Errorf("%q has the key %q", name, key)
		}
	}
}

func FuzzVerify(f *testing.F) {
	s := newSigner(f, "example.")
	s.nsec3, s.optOut = &wire.NSEC3PARAM{Hash: 1}, true
	var text strings.Builder
	for _, r := range s.sign(testZone) {
		text.WriteString(r.String() + "\n")
	}
	f.Add(text.String())
	f.Add(rfc8976Complex)
	f.Add("example. 60 IN SOA a. b. 1 2 3 4 5\nexample. 60 IN DNSKEY 256 3 15 AA==\nexample. 60 IN NSEC . NS\n")
	f.Fuzz(func(t *testing.T, text string) {
		var records []wire.Record
		_ = wire.ReadZone(strings.NewReader(text), "example.", "fuzz", func(r wire.Record) error {
			records = append(records, r)
			if len(records) > 500 {
				return errors.New("enough")
			}
			return nil
		})
		r, err := Verify(records, Options{At: noon})
		if err == nil && r.Verified > r.Signatures {
			t.Errorf("%+v", r)
		}
	})
}

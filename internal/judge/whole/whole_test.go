package whole

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
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
		}, codes: "INT-10"},
		"outside": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			return append(z, parse(s.t, ".", "test. 60 IN A 192.0.2.1\n")...)
		}, codes: "INT-04"},
		"CNAME and more": {breaks: func(s *signer, z []wire.Record) []wire.Record {
			z = append(z, parse(s.t, s.zone, "alias 60 IN A 192.0.2.1\n")...)
			return s.resigned(z, "alias.example.", wire.TypeA, inception, expiry)
		}, codes: "INT-03 INT-13"},
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
			bad := slices.ContainsFunc(r.Findings, func(f holdfast.Finding) bool { return f.Severity >= holdfast.SeverityError && !content(f.Code) })
			if bad != (r.Status == holdfast.Bogus) {
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

// scratch is a scratch file for tests.
func scratch(t testing.TB) func() (Scratch, error) {
	return func() (Scratch, error) { return os.CreateTemp(t.TempDir(), "scratch") }
}

// TestScratchChangesNothing: a zone that is laid aside in many small pieces is
// judged as one that stays in memory.
func TestScratchChangesNothing(t *testing.T) {
	for _, nsec3 := range []*wire.NSEC3PARAM{nil, {Hash: 1}} {
		s := newSigner(t, "example.")
		s.nsec3 = nsec3
		var text strings.Builder
		text.WriteString(testZone)
		for i := range 300 {
			fmt.Fprintf(&text, "h%d.p%d 60 IN A 192.0.2.7\n", i, i%7)
		}
		z := s.sign(text.String())
		z = without(z, "h5.p5.example.", wire.TypeA, true)
		z = append(z, parse(t, s.zone, "late 60 IN A 192.0.2.1\nbare 60 IN NS ns.bare\nns1.open 60 IN TXT x\nold.open 60 IN A 192.0.2.1\n")...)
		want, err := Verify(z, Options{At: noon, Anchors: s.anchor(), Horizon: 11 * 24 * time.Hour})
		if err != nil || len(want.Findings) < 6 || want.Horizon.RRsets == 0 {
			t.Fatalf("%v, %v", want.Findings, err)
		}
		for _, batch := range []int{1, 300, 5000} {
			got, err := Verify(z, Options{At: noon, Anchors: s.anchor(), Horizon: 11 * 24 * time.Hour, Workers: 3, Scratch: scratch(t), Batch: batch})
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("batches of %d: %v, got %+v\nwant %+v", batch, err, got, want)
			}
		}
	}
}

// TestScratchTrouble: our own trouble is an error, not a finding.
func TestScratchTrouble(t *testing.T) {
	s := newSigner(t, "example.")
	full := errors.New("no space left on device")
	for name, open := range map[string]func() (Scratch, error){
		"cannot be opened":  func() (Scratch, error) { return nil, full },
		"cannot be written": func() (Scratch, error) { return broken{full}, nil },
	} {
		if _, err := Verify(s.sign(testZone), Options{At: noon, Scratch: open, Batch: 500}); !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v := New(Options{At: noon})
	for i := range 3000 {
		if err := v.Add(wire.NewAddress("example.", 60, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Add(s.sign(testZone)[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Report(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// broken is a scratch file on a full disk.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error)         { return 0, b.err }
func (b broken) ReadAt([]byte, int64) (int, error) { return 0, b.err }
func (b broken) Close() error                      { return nil }

// TestBrokenOff: of a zone that was not read to its end nothing is said that
// the rest might mend.
func TestBrokenOff(t *testing.T) {
	for _, nsec3 := range []*wire.NSEC3PARAM{nil, {Hash: 1}} {
		s := newSigner(t, "example.")
		s.nsec3 = nsec3
		z := s.sign(testZone + "@ 60 IN ZONEMD 7 1 1 " + strings.Repeat("00", 48) + "\n")
		for count := 1; count < len(z); count++ {
			v := New(Options{At: noon})
			for _, r := range z[:count] {
				if err := v.Add(r); err != nil {
					t.Fatal(err)
				}
			}
			v.BrokeOff("cut")
			r, err := v.Report(context.Background())
			if err != nil || r.Incomplete != "cut" || r.Status == holdfast.Secure {
				t.Fatalf("after %d records: %+v, %v", count, r, err)
			}
			for _, f := range r.Findings {
				if f.Severity >= holdfast.SeverityError && f.Code != "INT-10" && f.Code != "SIG-08" && f.Code != "SIG-07" {
					t.Errorf("after %d records: %s %s", count, f.Code, f.Text)
				}
			}
		}
	}
}

func TestHorizon(t *testing.T) {
	s := newSigner(t, "example.")
	z := s.resigned(s.sign(testZone), "ns1.example.", wire.TypeA, inception, noon.Add(5*time.Hour))
	z = s.resigned(z, "example.", wire.TypeSOA, inception, noon.Add(6*time.Hour))
	r, err := Verify(z, Options{At: noon, Horizon: 72 * time.Hour})
	if err != nil || r.Horizon.RRsets != 2 || len(r.Horizon.Classes) != 2 || codes(r, 0) != "SIG-02" || !r.Horizon.Until.Equal(noon.Add(72*time.Hour)) {
		t.Fatalf("%+v, %v, %v", r.Horizon, r.Findings, err)
	}
	if first := r.Horizon.Earliest[0]; first.Name != "ns1.example." || first.Type != "A" || !first.At.Equal(noon.Add(5*time.Hour)) || r.Horizon.Classes[0].First != first {
		t.Errorf("%+v", r.Horizon)
	}
	// An RRset lives as long as its last good signature.
	z = append(z, s.rrsig(s.zsk, rrsetOf(z, "ns1.example.", wire.TypeA), inception, expiry))
	if r, err = Verify(z, Options{At: noon, Horizon: 72 * time.Hour}); err != nil || r.Horizon.RRsets != 1 {
		t.Errorf("%+v, %v", r.Horizon, err)
	}
	if r, err = Verify(z, Options{At: noon, Horizon: time.Hour}); err != nil || r.Horizon.RRsets != 0 || len(r.Findings) != 0 {
		t.Errorf("%+v, %v, %v", r.Horizon, r.Findings, err)
	}
}

// TestSample: what is passed over is counted as such, and chosen by the seed.
func TestSample(t *testing.T) {
	s := newSigner(t, "example.")
	var text strings.Builder
	text.WriteString(testZone)
	for i := range 1000 {
		fmt.Fprintf(&text, "h%d 60 IN A 192.0.2.7\n", i)
	}
	z := s.sign(text.String())
	for _, sample := range []Sample{{Share: 0.1, Seed: 1}, {Share: 0.1, Seed: 2}, {Number: 200, Seed: 3}} {
		r, err := Verify(z, Options{At: noon, Anchors: s.anchor(), Sample: sample})
		if err != nil || r.Verified+r.Unsampled != r.Signatures || r.Verified < 140 || r.Verified > 290 || len(r.Findings) != 0 || r.Status != holdfast.Secure {
			t.Errorf("%+v: %d and %d of %d, %v, %v", sample, r.Verified, r.Unsampled, r.Signatures, r.Findings, err)
		}
	}
	// Dates and keys are judged of all, cryptography of the sample alone.
	z = s.resigned(z, "h7.example.", wire.TypeA, inception, noon.Add(-time.Hour))
	if r, err := Verify(z, Options{At: noon, Sample: Sample{Number: 1, Seed: 4}}); err != nil || r.Expired != 1 {
		t.Errorf("%+v, %v", r.Expired, err)
	}
}

// TestDelegations: glue, name servers and what nobody answers with.
func TestDelegations(t *testing.T) {
	for text, want := range map[string]string{
		"bare 60 IN NS ns.bare\n":                                   "INT-16 ns.bare.example.: the delegation of bare.example. names it",
		"self 60 IN NS self\n":                                      "INT-16 self.example.: the delegation of self.example. names it",
		"sibling 60 IN NS ns9.open\n":                               "",
		"old.open 60 IN AAAA 2001:db8::1\n":                         "INT-17 old.open.example. AAAA",
		"old.open 60 IN A 192.0.2.1\nother 60 IN NS old.open\n":     "",
		"www.open 60 IN TXT x\n":                                    "INT-18 www.open.example. TXT: it lies below the delegation of open.example.",
		"open 60 IN TXT x\n":                                        "INT-18 open.example. TXT: it stands at a delegation",
		"d1 60 IN NS nothere\n":                                     "", // *.wild does not answer for it, but who is to say
		"d2 60 IN NS alias\n":                                       "INT-19 alias.example. CNAME: d2.example. names it as its server, but it is an alias",
		"d3 60 IN NS deep.empty\n":                                  "INT-19 deep.empty.example.: d3.example. names it as its server, but it has no address",
		"x.renamed 60 IN A 192.0.2.1\n":                             "INT-20 x.renamed.example. A: it lies below a DNAME",
		"renamed 60 IN DNAME elsewhere.\n":                          "INT-20 renamed.example. DNAME: there is more than one",
		"open 60 IN DNAME elsewhere.\n":                             "INT-20 open.example. DNAME: it stands beside a delegation",
		"alias 60 IN CNAME ns9\n":                                   "INT-03 alias.example. CNAME: there is more than one",
		"ns1 60 IN DS 1 13 2 00\n":                                  "INT-21 ns1.example. DS: a DS stands where there is no delegation",
		"@ 60 IN DS 1 13 2 00\n":                                    "INT-21 example. DS: a DS stands at the apex",
		"z 60 IN NS ns.z\na.z 60 IN NS b\nns.z 60 IN A 192.0.2.1\n": "INT-18 a.z.example. NS: it lies below the delegation of z.example.",
	} {
		s := newSigner(t, "example.")
		text = testZone + "*.wild 60 IN A 192.0.2.1\n" + text
		r := judge(t, parse(t, s.zone, text), nil)
		var got []string
		for _, f := range r.Findings {
			if f.Code != "CHN-06" && f.Code != "INT-05" {
				got = append(got, f.Code+" "+f.Text)
			}
		}
		if want == "" && len(got) > 0 || want != "" && !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, want) }) {
			t.Errorf("%q: got %q, want %q", text[len(testZone):], got, want)
		}
	}
	// Where no wildcard has addresses, a server that is not there is missed.
	r := judge(t, parse(t, "example.", testZone+"d1 60 IN NS nothere\n"), nil)
	if codes(r, holdfast.SeverityError) != "INT-19" {
		t.Errorf("%v", r.Findings)
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

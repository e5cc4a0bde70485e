package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// The zones of these tests are signed and served by other people's programs;
// only the verdict is ours. Their addresses are documentation's, mapped to
// loopback.

const exampleZone = `$TTL 3600
example. IN SOA ns1.example. hostmaster.example. 1 14400 3600 604800 3600
example. IN NS ns1.example.
example. IN NS ns2.example.
ns1.example. IN A 192.0.2.53
ns2.example. IN A 198.51.100.53
www.example. IN A 192.0.2.80
a.b.c.example. IN TXT "below empty non-terminals"
*.wild.example. IN TXT "wildcard"
`

const rootZone = `$TTL 86400
. IN SOA a.root.test. hostmaster.root.test. 1 14400 3600 1209600 86400
. IN NS a.root.test.
. IN NS b.root.test.
a.root.test. IN A 203.0.113.1
b.root.test. IN A 203.0.113.2
example. IN NS ns1.example.
example. IN NS ns2.example.
ns1.example. IN A 192.0.2.53
ns2.example. IN A 198.51.100.53
`

// staging is a small real Internet: a root on NSD and on Knot, and example. on
// NSD (ns1) and Knot (ns2).
type staging struct {
	dsOfExample    string // in the root
	first, second  string // zone files that ns1 and ns2 serve
	by             signer
	how            signing
	dir            string
	t              *testing.T
	signed, dsText string
}

func newStaging(t *testing.T, by signer, how signing) *staging {
	t.Helper()
	s := &staging{t: t, dir: t.TempDir(), by: by, how: how}
	file := write(t, filepath.Join(s.dir, "example.zone"), exampleZone)
	s.signed, s.dsText = by.sign(t, s.dir, "example.", file, how)
	s.first, s.second, s.dsOfExample = s.signed, s.signed, s.dsText
	return s
}

// verdict signs the root, starts the servers and checks example.
func (s *staging) verdict() holdfast.Verdict {
	t := s.t
	t.Helper()
	file := write(t, filepath.Join(s.dir, "root.zone"), rootZone+s.dsOfExample+"\n")
	root, ds := bind.sign(t, s.dir, ".", file, signing{algorithm: "ECDSAP256SHA256", begin: -time.Hour, until: 30 * 24 * time.Hour})
	addresses := map[netip.Addr]netip.AddrPort{
		netip.MustParseAddr("203.0.113.1"):   serveNSD(t, "127.0.0.1", map[string]string{".": root}),
		netip.MustParseAddr("203.0.113.2"):   serveKnot(t, "127.0.0.1", map[string]string{".": root}),
		netip.MustParseAddr("192.0.2.53"):    serveNSD(t, "127.0.0.1", map[string]string{"example": s.first}),
		netip.MustParseAddr("198.51.100.53"): serveKnot(t, "127.0.0.1", map[string]string{"example": s.second}),
	}
	anchors, err := anchor.Read(strings.NewReader(ds), "root ds", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	dialer := ask.Mapped{Table: addresses, Base: ask.LoopbackOnly{Base: ask.System{}}}
	var out, complaint bytes.Buffer
	world := World{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &complaint, Clock: systemClock{}, Vantage: "test",
		Dialer: dialer, Anchors: anchors,
		Hints: []holdfast.Server{
			{Name: "a.root.test.", Address: netip.MustParseAddr("203.0.113.1")},
			{Name: "b.root.test.", Address: netip.MustParseAddr("203.0.113.2")},
		},
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := Check(ctx, world, CheckOptions{Zone: "example", JSON: true, Only4: true}); err != nil {
		t.Fatalf("%v\n%s", err, complaint.String())
	}
	var v holdfast.Verdict
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func codesOf(v holdfast.Verdict, atLeast holdfast.Severity) []string {
	var out []string
	for _, f := range v.Findings {
		if f.Severity >= atLeast && !slices.Contains(out, f.Code) {
			out = append(out, f.Code)
		}
	}
	slices.Sort(out)
	return out
}

var month = signing{begin: -time.Hour, until: 30 * 24 * time.Hour}

func with(algorithm string, nsec3 bool) signing {
	how := month
	how.algorithm, how.nsec3 = algorithm, nsec3
	return how
}

// TestStrangersHealthy holds that healthy zones signed by others are secure
// and silent.
func TestStrangersHealthy(t *testing.T) {
	for _, c := range []struct {
		by  signer
		how signing
	}{
		{bind, with("ECDSAP256SHA256", false)},
		{bind, with("ECDSAP384SHA384", true)},
		{bind, with("RSASHA256", true)},
		{bind, with("RSASHA512", false)},
		{bind, with("ED25519", true)},
		{bind, with("ED448", false)},
		{ldns, with("ECDSAP256SHA256", true)},
		{ldns, with("RSASHA256", false)},
		{ldns, with("ED25519", false)},
	} {
		t.Run(fmt.Sprintf("%s %s nsec3=%v", c.by.name, c.how.algorithm, c.how.nsec3), func(t *testing.T) {
			v := newStaging(t, c.by, c.how).verdict()
			if v.Status != holdfast.Secure || len(v.Servers) != 2 {
				t.Errorf("status %s (%s), servers %+v", v.Status, v.Reason, v.Servers)
			}
			want := []string(nil)
			if c.how.algorithm == "RSASHA512" {
				want = []string{"ALG-01"} // NOT RECOMMENDED for signing (RFC 9904, IANA's registry)
			}
			if got := codesOf(v, holdfast.SeverityWarning); !slices.Equal(got, want) {
				t.Errorf("findings %v: %+v", got, v.Findings)
			}
			// The DNSKEY, SOA, NS and denial signatures all end together.
			until := time.Now().Add(c.how.until)
			if d := v.FailsAt.Sub(until); d > 0 || d < -time.Minute {
				t.Errorf("fails at %v, want about %v", v.FailsAt, until)
			}
		})
	}
}

// TestStrangersBroken breaks zones in ways whose outcome RFC 4035 settles.
func TestStrangersBroken(t *testing.T) {
	for name, c := range map[string]struct {
		how    signing
		spoil  func(*testing.T, *staging)
		status holdfast.Status
		want   []string // codes that must be among those of error or above
	}{
		"expired": {
			how:    signing{algorithm: "ECDSAP256SHA256", begin: -10 * 24 * time.Hour, until: -time.Hour},
			status: holdfast.Bogus, want: []string{"SIG-01"},
		},
		"not yet valid": {
			how:    signing{algorithm: "ECDSAP256SHA256", begin: 24 * time.Hour, until: 10 * 24 * time.Hour},
			status: holdfast.Bogus, want: []string{"SIG-05"},
		},
		"ds of another key": {
			how: with("ECDSAP256SHA256", false),
			spoil: func(t *testing.T, s *staging) {
				other := newStaging(t, bind, s.how)
				s.dsOfExample = other.dsText
			},
			status: holdfast.Bogus, want: []string{"CHN-02"},
		},
		"unsigned copy on one server": {
			how: with("ECDSAP256SHA256", true),
			spoil: func(_ *testing.T, s *staging) {
				s.second = filepath.Join(s.dir, "example.zone")
			},
			status: holdfast.Secure, want: []string{"CST-04"},
		},
		"soa signature broken on one server": {
			how: with("ECDSAP256SHA256", false),
			spoil: func(t *testing.T, s *staging) {
				text, err := os.ReadFile(s.signed)
				if err != nil {
					t.Fatal(err)
				}
				// The signatures cover serial 1; this copy says 2.
				broken := bytes.Replace(text, []byte("\t1          ; serial"), []byte("\t2          ; serial"), 1)
				if bytes.Equal(broken, text) {
					broken = bytes.Replace(text, []byte("1          ; serial"), []byte("2          ; serial"), 1)
				}
				if bytes.Equal(broken, text) {
					t.Fatalf("no serial found in\n%s", text[:400])
				}
				s.second = write(t, s.signed+".broken", string(broken))
			},
			status: holdfast.Secure, want: []string{"SIG-07"},
		},
		"insecure delegation": {
			how:    with("ECDSAP256SHA256", false),
			spoil:  func(_ *testing.T, s *staging) { s.dsOfExample = "" },
			status: holdfast.Insecure,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStaging(t, bind, c.how)
			if c.spoil != nil {
				c.spoil(t, s)
			}
			v := s.verdict()
			if v.Status != c.status {
				t.Errorf("status %s (%s), want %s", v.Status, v.Reason, c.status)
			}
			got := codesOf(v, holdfast.SeverityError)
			for _, code := range c.want {
				if !slices.Contains(got, code) {
					t.Errorf("codes %v, want %s among them; findings %+v", got, code, v.Findings)
				}
			}
		})
	}
}

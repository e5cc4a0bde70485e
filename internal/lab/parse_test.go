package lab

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func TestParse(t *testing.T) {
	files := fstest.MapFS{"zones/example": {Data: []byte("@ 60 TXT \"from the file\"\n")}}
	plan, err := Parse(strings.NewReader(`
# comment; with a semicolon
clock 2026-08-01T12:00:00Z rate 1440 # a day a minute
seed 7
zone example. ns ns1.example. 192.0.2.1 2001:db8::1 ; ns ns2.example. ; alg rsasha256 2048 ; alg 15
  nsec3 iterations 5 salt aB12 optout; csk; zonemd; island; no-cds; digest 2 4
  validity 14d resign 7d jitter 1h; publish 1d12h phase -2d
  serial count
  record www TXT "a; b # c" ; record www A 192.0.2.80
  file zones/example
zone plain.example
unsigned
fault ns2.example. refuse example. from +6h to 2026-08-02T00:00:00Z
fault * slow 300ms * ; fault 192.0.2.1 lossy 20% example
fault * expire soa,DENIAL example at +1d
`), "x.lab", files)
	if err != nil {
		t.Fatal(err)
	}
	if !plan.Start.Equal(start) || plan.Rate != 1440 || plan.Seed != 7 || len(plan.Zones) != 2 {
		t.Errorf("plan %+v", plan)
	}
	z := plan.Zone("example.")
	if len(z.Servers) != 2 || len(z.Servers[0].Addresses) != 2 || len(z.Servers[1].Addresses) != 0 {
		t.Errorf("servers %+v", z.Servers)
	}
	s := z.Signing
	if len(s.Algorithms) != 2 || s.Algorithms[0] != (Algorithm{wire.RSASHA256, 2048}) || s.Algorithms[1].Number != wire.ED25519 {
		t.Errorf("algorithms %+v", s.Algorithms)
	}
	if n := s.NSEC3; n == nil || n.Iterations != 5 || string(n.Salt) != "\xab\x12" || !n.OptOut {
		t.Errorf("nsec3 %+v", n)
	}
	if !s.CSK || !s.ZONEMD || !s.Island || !s.NoCDS || len(s.Digests) != 2 || s.Serial != SerialCount {
		t.Errorf("signing %+v", s)
	}
	if s.Validity != 14*day || s.Resign != 7*day || s.Jitter != time.Hour || s.Publish != 36*time.Hour || s.Phase != -2*day {
		t.Errorf("times %+v", s)
	}
	if len(z.Records) != 3 || !strings.Contains(z.Records[0].String(), `"a; b # c"`) || z.Records[2].Name != "example." {
		t.Errorf("records %v", z.Records)
	}
	if !plan.Zone("plain.example.").Signing.Unsigned {
		t.Error("plain.example. is to be unsigned")
	}
	want := []string{
		"ns2.example. refuse example. from 2026-08-01T18:00:00Z to 2026-08-02T00:00:00Z",
		"* slow 300ms *", "192.0.2.1 lossy 20% example.", "* expire SOA,DENIAL example. at 2026-08-02T12:00:00Z",
	}
	for i, f := range plan.Faults {
		if f.String() != want[i] {
			t.Errorf("fault %d: %s, want %s", i, f, want[i])
		}
	}
}

func TestParseSaysWhere(t *testing.T) {
	for _, bad := range []struct{ text, want string }{
		{"weather fine", `lab:1: "weather": want clock`},
		{"\n\nclock yesterday", "lab:3: clock:"},
		{"clock 2026-08-01T12:00:00Z rate 0", "lab:1: clock: rate"},
		{"clock 2026-08-01T12:00:00Z faster", "lab:1: clock: want an instant"},
		{"seed x", "lab:1: seed:"},
		{"validator", "lab:1: validator: want an address"},
		{"validator ns1.x.", `lab:1: validator: "ns1.x." is no address`},
		{"zone", "lab:1: zone: want a name"},
		{"zone a..b", "lab:1: zone"},
		{"zone x.\nns", "lab:2: ns: want a name"},
		{"zone x.\nns n.x. 192.0.2.256", "is no address"},
		{"zone x.\nns n.x. fe80::1%eth0", "is no address"},
		{"zone x.\nalg ROT13", `no such algorithm`},
		{"zone x.\nalg RSASHA256 99", "bits: want 1024 to 4096"},
		{"zone x.\nalg 3", "not supported"},
		{"zone x.\nnsec3 iterations 9999", "at most 2500"},
		{"zone x.\nnsec3 salt xyz", "nsec3 salt"},
		{"zone x.\nnsec3 pepper 1", "want iterations"},
		{"zone x.\nvalidity", "want a duration"},
		{"zone x.\nvalidity 14 days", "is no duration"},
		{"zone x.\nvalidity 10ms", "too short"},
		{"zone x.\njitter 29d", "less than the validity"},
		{"zone x.\nserial roman", "want unix, date or count"},
		{"zone x.\nserial date\npublish 1m", "room for 99 versions"},
		{"zone x.\ndigest 3", "digest type 3"},
		{"zone x.\nunsigned please", "wants nothing after it"},
		{"zone x.\nrecord www A", "lab:2:"},
		{"zone x.\nrecord", "want one record"},
		{"zone x.\nrecord $INCLUDE /etc/passwd", "lab:2:"},
		{"zone x.\nfile zones/x", "no files can be read here"},
		{"zone x.\npaint it black", "no such statement about a zone"},
		{"root\nroot-zone f", "before the first zone"},
		{"tlds 0", "a number of 1 or more"},
		{"fault x", "want SERVER KIND"},
		{"fault * bewitch x.", "no such kind"},
		{"fault ns refuse x.", "want a name, an address or *"},
		{"fault * slow x.", "is no duration"},
		{"fault * slow 1s", "want a zone, or * for all"},
		{"fault * lossy many x.", "is no percentage"},
		{"fault * refuse x. from +1h", "put a clock statement first"},
		{"fault * refuse x. since 2026-08-01T12:00:00Z", "want at, from or to"},
		{"fault * refuse x. at 2026-08-01T12:00:00Z", "takes no instant"},
		{"clock 2026-08-01T12:00:00Z; fault * refuse x. from +2h to +1h", "ends before it begins"},
		{"fault * refuse x.; clock 2026-08-01T12:00:00Z", "must come before the faults"},
	} {
		if _, err := Parse(strings.NewReader(bad.text), "lab", nil); err == nil {
			t.Errorf("%q was read", bad.text)
		} else if !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%q: %v, want %q in it", bad.text, err, bad.want)
		}
	}
}

func TestParseFaults(t *testing.T) {
	plan := Plan{Start: start}
	text := "ns2.example.test refuse example.test\nfault * timeout * from +1h\n"
	if err := ParseFaults(strings.NewReader(text), "faults", &plan); err != nil {
		t.Fatal(err)
	}
	if len(plan.Faults) != 2 || plan.Faults[0].Zone != "example.test." || !plan.Faults[1].From.Equal(start.Add(time.Hour)) {
		t.Errorf("faults %v", plan.Faults)
	}
	err := ParseFaults(strings.NewReader("\nfault\n"), "faults", &plan)
	if err == nil || !strings.HasPrefix(err.Error(), "faults:2: ") {
		t.Errorf("a fault without words: %v", err)
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"14d": 14 * day, "2w": 14 * day, "1w2d3h": 9*day + 3*time.Hour, "90m": 90 * time.Minute,
		"300ms": 300 * time.Millisecond, "-3d": -3 * day, "1d12h": 36 * time.Hour,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", "d", "1", "1y", "1h2d", "--1h", "99999d", "1.5d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, bad := range []struct{ text, want string }{
		{"zone x.\nns ns.x.", "none of its name servers has an address"},
		{"zone x.", "none of its name servers has an address"},
		{"zone x.\nns ns.x. 192.0.2.1\nrecord www.y. A 192.0.2.2", "not within zone x."},
		{"zone x.\nns ns.x. 192.0.2.1\nrecord @ SOA a b 1 2 3 4 5\nrecord @ SOA a b 2 2 3 4 5", "2 SOA records"},
		{"zone x.\nns ns.x. 192.0.2.1\nfault * refuse y.", "no zone y."},
	} {
		if _, err := New(mustParse(t, bad.text), nil); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%q: %v, want %q in it", bad.text, err, bad.want)
		}
	}
	plan := mustParse(t, "zone x.\nns ns.x. 192.0.2.1")
	plan.Zones = append(plan.Zones, plan.Zones[0])
	if _, err := New(plan, nil); err == nil || !strings.Contains(err.Error(), "there twice") {
		t.Errorf("a zone twice: %v", err)
	}
	plan.Zones[1].Signing.Algorithms = []Algorithm{{Number: 3}}
	plan.Zones = plan.Zones[1:]
	if _, err := New(plan, nil); !errors.Is(err, wire.ErrAlgorithm) {
		t.Errorf("DSA: %v", err)
	}
}

// FuzzParse: whatever the text, a plan or an error that says where; and what
// New makes of a plan answers or is refused.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/small.lab"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("clock 2026-08-01T12:00:00Z rate 1440\nzone example. ns ns1.example. 192.0.2.1 ; nsec3 iterations 1 salt ab\nfault * refuse example. from +6h")
	f.Add("zone a.\nns n.a. ::1\nrecord * TXT \"; # \\\"\"; record *.b CNAME *")
	f.Add("validator 192.0.2.53; zone x.; ns n.x. 192.0.2.1; compact; fault * bitmap-lacks DENIAL,TYPE65400 x.; fault 192.0.2.53 disagree *")
	f.Add("tlds 3; zone com; island; validity 1d resign 90m jitter 1h publish 7m phase -3w")
	f.Add("clock 2026-08-01T12:00:00Z\nroot\nns a.root. 192.0.2.1\nvalidity 3s backdate 2s\nkey a ksk ED25519; key z zsk 15\nkeys publish a sign a data z\nkeys revoke a publish z sign z data a ds a called \"a b\" at +3s")
	f.Fuzz(func(t *testing.T, text string) {
		plan, err := Parse(strings.NewReader(text), "lab", nil)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "lab:") {
				t.Errorf("%v does not say where", err)
			}
			return
		}
		for i := range plan.Zones { // RSA keys cost too much to be made by the thousand
			plan.Zones[i].Signing.Algorithms = nil
			for j := range plan.Zones[i].Ring {
				plan.Zones[i].Ring[j].Algorithm, plan.Zones[i].Ring[j].SameTag = Algorithm{Number: wire.ED25519}, ""
			}
		}
		in, err := New(plan, &stopped{start})
		if err != nil {
			return
		}
		for _, zone := range in.Zones()[:min(3, len(in.zones))] {
			for _, server := range in.Servers(zone)[:1] {
				for _, name := range []holdfast.Name{zone, childOf("no", zone)} {
					packet, err := wire.NewQuery(1, holdfast.Question{Name: name, Type: uint16(wire.TypeSOA)}).Pack()
					if err != nil {
						continue
					}
					if r := in.respond(nil, server.Address, packet, true); r.fate == delivered && r.packet != nil {
						if _, err := wire.Parse(r.packet); err != nil && len(plan.Faults) == 0 {
							t.Errorf("%s at %s: %v", name, server, err)
						}
					}
				}
			}
		}
	})
}

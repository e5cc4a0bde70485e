package authority

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestBesideNames: what a narrow record covers begins before the name and ends
// behind all that lies beneath it, for any name; and no name of letters,
// digits, hyphens and underscores lies between but what is meant.
func TestBesideNames(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	for range 20000 {
		label := make([]byte, 1+random.IntN(63))
		for i := range label {
			label[i] = byte(random.IntN(256))
			if random.IntN(3) > 0 {
				label[i] = letters[random.IntN(len(letters))]
			}
		}
		parent := SentinelZone(base)
		if random.IntN(4) == 0 { // as long as a name may be
			parent = holdfast.Name(strings.Repeat("a", 60) + "." + strings.Repeat("b", 60) + "." + strings.Repeat("c", 40) + "." + string(base))
		}
		name := joinLabel(string(label), parent)
		if !roomFor(name, 0) {
			continue
		}
		first, after := before(name), behind(name)
		if got, above := firstLabel(name); above != parent || joinLabel(got, above) != name {
			t.Fatalf("%q comes back as %q below %s", name, got, above)
		}
		if !roomFor(first, 0) || !roomFor(after, 0) {
			t.Fatalf("%s: %s or %s is longer than a name may be", name, first, after)
		}
		if wire.CompareNames(first, name) >= 0 || wire.CompareNames(name, after) >= 0 {
			t.Fatalf("%s does not lie between %s and %s", name, first, after)
		}
		if beneath := joinLabel("\xff\xff", name); roomFor(beneath, 0) && wire.CompareNames(beneath, after) >= 0 {
			t.Fatalf("%s, beneath %s, does not come before %s", beneath, name, after)
		}
		other := make([]byte, 1+random.IntN(8))
		copy(other, label)
		for i := range other {
			if strings.IndexByte(letters, other[i]) < 0 || random.IntN(6) == 0 {
				other[i] = letters[random.IntN(len(letters))]
			}
		}
		real := joinLabel(string(other), parent)
		if real != name && wire.CompareNames(first, real) < 0 && wire.CompareNames(real, after) < 0 {
			t.Fatalf("%s is denied together with %s: %s to %s", real, name, first, after)
		}
	}
}

func TestSentinelLabels(t *testing.T) {
	for label, want := range map[string]bool{
		"root-key-sentinel-is-ta-00000": true, "root-key-sentinel-not-ta-65535": true, "root-key-sentinel-is-ta-20326": true,
		"root-key-sentinel-is-ta-65536": false, "root-key-sentinel-is-ta-2032": false, "root-key-sentinel-is-ta-020326": false,
		"root-key-sentinel-is-ta-2032a": false, "root-key-sentinel-is-20326": false, "is-ta-20326": false, "": false,
	} {
		if isSentinel(label) != want {
			t.Errorf("%q: %v, want %v", label, !want, want)
		}
	}
	// RFC 8509 section 2: five digits, zero-padded.
	if got := SentinelName(true, 66, "example."); got != "root-key-sentinel-is-ta-00066.example." {
		t.Errorf("%s", got)
	}
	if got := SentinelName(false, 65535, "example."); got != "root-key-sentinel-not-ta-65535.example." {
		t.Errorf("%s", got)
	}
	for label, want := range map[string]bool{"tabcdefgh": true, "t0123456789abcdef": true, "tabc": false, "xabcdefgh": false, "tabcdefg-": false, "t" + strings.Repeat("a", 33): false} {
		if isRun(label) != want {
			t.Errorf("run %q: %v, want %v", label, !want, want)
		}
	}
}

// expiry is until when the signatures of an answer hold.
func expiry(t *testing.T, m *wire.Message, at time.Time) (from, until time.Time) {
	t.Helper()
	for _, r := range m.Answer {
		if r.Type == wire.TypeRRSIG {
			sig, err := r.RRSIG()
			if err != nil {
				t.Fatal(err)
			}
			return sig.Times(at)
		}
	}
	t.Fatalf("no signature in %v", m.Answer)
	return
}

// TestSignaturesAreRenewed: an answer's signatures are the same until half of
// their life is over, and never expire in anybody's hands.
func TestSignaturesAreRenewed(t *testing.T) {
	s, clock := bed(t, Config{})
	start := clock.Now()
	_, first := expiry(t, ask(t, s, base, wire.TypeSOA), start)
	if life := first.Sub(start); life < 7*24*time.Hour-time.Minute || life > 7*24*time.Hour {
		t.Errorf("a new signature lives for %v, want 7 days", life)
	}
	for range 60 {
		clock.pass(12 * time.Hour)
		from, until := expiry(t, ask(t, s, base, wire.TypeSOA), clock.Now())
		if left := until.Sub(clock.Now()); left < 84*time.Hour-time.Minute || from.After(clock.Now()) {
			t.Fatalf("at %v a signature of %v to %v is given out", clock.Now(), from, until)
		}
	}
	made := s.Counts().Made.Load()
	ask(t, s, base, wire.TypeSOA)
	if again := s.Counts().Made.Load(); again != made {
		t.Error("an answer is made although it was kept")
	}
}

// TestZonesComeAndGo: the delegation of a zone stands in the one above as long
// as the zone is there, with the DS that it wants there.
func TestZonesComeAndGo(t *testing.T) {
	key, err := pair("comes", base, wire.ED25519)
	if err != nil {
		t.Fatal(err)
	}
	name := holdfast.Name("comes." + base)
	records, err := testbed("127.0.0.1").apex(name)
	if err != nil {
		t.Fatal(err)
	}
	wrong := holdfast.DS{KeyTag: 1, Algorithm: 15, DigestType: 2, Digest: make([]byte, 32)}
	plan := Plan{Zone: name, Records: records, Keys: []Key{{Pair: key, Publish: true, SignKeys: true, SignData: true}}, DS: []holdfast.DS{wrong}}
	first, err := NewEdition(plan)
	if err != nil {
		t.Fatal(err)
	}
	plan.DS = nil
	second, err := NewEdition(plan)
	if err != nil {
		t.Fatal(err)
	}
	s, clock := bed(t, Config{})
	now := clock.Now()
	s.SetFactory([]Zone{Timeline(name, Dated{now.Add(time.Hour), first}, Dated{now.Add(2 * time.Hour), second}, Dated{now.Add(3 * time.Hour), nil})})
	look := func() (rcode int, ds []holdfast.DS) {
		s.Refresh()
		m := ask(t, s, name, wire.TypeDS)
		for _, r := range m.Answer {
			if r.Type == wire.TypeDS {
				d, err := r.DS()
				if err != nil {
					t.Fatal(err)
				}
				ds = append(ds, d)
			}
		}
		return m.Rcode, ds
	}
	if rcode, _ := look(); rcode != wire.NXDomain {
		t.Errorf("before it comes: %s", wire.RcodeName(rcode))
	}
	clock.pass(time.Hour)
	if _, ds := look(); len(ds) != 1 || ds[0].KeyTag != 1 {
		t.Errorf("the DS is %v, want the wrong one that was ordered", ds)
	}
	if m := ask(t, s, name, wire.TypeSOA); !m.Authoritative || len(m.Answer) != 2 {
		t.Errorf("it is there, and answers %+v", m)
	}
	clock.pass(time.Hour)
	if rcode, ds := look(); rcode != wire.NoError || ds != nil {
		t.Errorf("without DS: %s %v", wire.RcodeName(rcode), ds)
	}
	clock.pass(time.Hour)
	if rcode, _ := look(); rcode != wire.NXDomain {
		t.Errorf("after it has gone: %s", wire.RcodeName(rcode))
	}
}

// TestReferral: a delegation to servers elsewhere is answered as such, with the
// glue that was given.
func TestReferral(t *testing.T) {
	key, err := pair("referral", base, wire.ED25519)
	if err != nil {
		t.Fatal(err)
	}
	var records []wire.Record
	for _, line := range []string{"up.test. 60 IN SOA ns.up.test. h.up.test. 1 2 3 4 60", "up.test. 60 IN NS ns.up.test.", "ns.up.test. 60 IN A 192.0.2.1",
		"down.up.test. 60 IN NS ns.down.up.test.", "ns.down.up.test. 60 IN AAAA 2001:db8::2"} {
		r, err := wire.ParseRecord(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	e, err := NewEdition(Plan{Zone: "up.test.", Records: records, Keys: []Key{{Pair: key, Publish: true, SignKeys: true, SignData: true}}, Denial: NSEC3})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{}, &still{now: time.Now()})
	s.SetZones([]Zone{Fixed(e)})
	for _, name := range []holdfast.Name{"down.up.test.", "a.b.down.up.test.", "ns.down.up.test."} {
		m := ask(t, s, name, wire.TypeAAAA)
		if m.Authoritative || len(m.Answer) != 0 || m.Rcode != wire.NoError {
			t.Errorf("%s is answered as our own: %+v", name, m)
		}
		if got := types(m.Additional); !slices.Equal(got, []string{"ns.down.up.test. AAAA"}) {
			t.Errorf("%s: glue is %v", name, got)
		}
		if !slices.ContainsFunc(m.Authority, func(r wire.Record) bool { return r.Type == wire.TypeNS && r.Name == "down.up.test." }) ||
			!slices.ContainsFunc(m.Authority, func(r wire.Record) bool { return r.Type == wire.TypeNSEC3 }) {
			t.Errorf("%s is referred with %v, want NS and the proof that there is no DS", name, m.Authority)
		}
	}
}

// TestPlansRefused: what cannot be served is said when it is ordered.
func TestPlansRefused(t *testing.T) {
	rsa1, err := pair(supportRole(wire.RSASHA1), base, wire.RSASHA1)
	if err != nil {
		t.Fatal(err)
	}
	apex := []string{"z.test. 60 IN SOA ns.z.test. h.z.test. 1 2 3 4 60", "z.test. 60 IN NS ns.z.test.", "ns.z.test. 60 IN A 192.0.2.1"}
	for want, c := range map[string]struct {
		lines []string
		plan  Plan
	}{
		"want one SOA":        {apex[1:], Plan{}},
		"outside the zone":    {append(apex, "other.test. 60 IN A 192.0.2.1"), Plan{}},
		"wildcards":           {append(apex, "*.z.test. 60 IN A 192.0.2.1"), Plan{}},
		"aliases":             {append(apex, "a.z.test. 60 IN CNAME b.z.test."), Plan{}},
		"makes such records":  {append(apex, "z.test. 60 IN NSEC a.z.test. A"), Plan{}},
		"there twice":         {append(apex, apex[2]), Plan{}},
		"TTLs":                {append(apex, "ns.z.test. 61 IN A 192.0.2.2"), Plan{}},
		"have no chain":       {apex, Plan{Names: runNames{"z.test.", nil}}},
		"cannot go with":      {apex, Plan{Denial: NSEC3, Keys: []Key{{Pair: rsa1}}}},
		"key is missing":      {apex, Plan{Keys: []Key{{}}}},
		"no time":             {apex, Plan{Life: -1}},
		"letters, digits, hy": {append(apex, "a~b.z.test. 60 IN A 192.0.2.1"), Plan{Denial: NarrowNSEC}},
	} {
		c.plan.Zone = "z.test."
		for _, line := range c.lines {
			r, err := wire.ParseRecord(line)
			if err != nil {
				t.Fatal(err)
			}
			c.plan.Records = append(c.plan.Records, r)
		}
		if _, err := NewEdition(c.plan); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	long := testbed("127.0.0.1")
	long.Base = holdfast.Name(strings.Repeat("a123456789.", 12))
	for _, b := range []Testbed{{}, {Base: "."}, {Base: base}, {Base: base, Servers: []Host{{Name: "ns." + base}}}, long,
		{Base: base, Servers: []Host{{Name: "ns." + base}}, Web: []netip.Addr{netip.IPv6Loopback()}}} {
		if _, err := b.Zones(); err == nil {
			t.Errorf("%+v is taken for a test bed", b)
		}
	}
}

// TestKeyFiles: keys are made once, read as they are, and never replaced.
func TestKeyFiles(t *testing.T) {
	dir := t.TempDir() + "/keys"
	roles := map[string]uint8{"a": wire.ED25519, "b": wire.ECDSAP256SHA256}
	if _, err := (&KeyFiles{Dir: dir}).Key("a", base, wire.ED25519); err == nil {
		t.Error("a key that was never made is there")
	}
	made, err := (&KeyFiles{Dir: dir}).Create(base, roles)
	if err != nil || len(made) != 2 {
		t.Fatalf("%v %v", made, err)
	}
	one, err := (&KeyFiles{Dir: dir}).Key("a", base, wire.ED25519)
	if err != nil {
		t.Fatal(err)
	}
	roles["c"] = wire.ED25519
	if made, err := (&KeyFiles{Dir: dir}).Create(base, roles); err != nil || !slices.Equal(made, []string{"c"}) {
		t.Errorf("the second time %v were made (%v), want c alone", made, err)
	}
	two, err := (&KeyFiles{Dir: dir}).Key("a", base, wire.ED25519)
	if err != nil || one.Tag != two.Tag || string(one.DNSKEY.PublicKey) != string(two.DNSKEY.PublicKey) {
		t.Errorf("the key changed (%v)", err)
	}
	if _, err := (&KeyFiles{Dir: dir}).Key("a", base, wire.ECDSAP256SHA256); err == nil {
		t.Error("a key of another algorithm is taken")
	}
}

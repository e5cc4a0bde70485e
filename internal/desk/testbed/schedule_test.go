package testbed

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// monday is a Monday, 2026-11-16.
var monday = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

const base = holdfast.Name("ksk-test.example.")

var host = Host{Base: base, Servers: []holdfast.Name{"ns1.ksk-test.example.", "ns2.ksk-test.example."}, Mailbox: "hostmaster.ksk-test.example."}

func zoneOf(t testing.TB, p Pace, at time.Time) holdfast.TestZone {
	t.Helper()
	z, err := p.Zone(base, p.Slot(at))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func rolling(t testing.TB, p Pace, at time.Time) (holdfast.TestZone, Keys, []Shown) {
	t.Helper()
	z := zoneOf(t, p, at)
	keys, err := MakeKeys(&z, wire.ED25519, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	course, err := host.Course(z, keys)
	if err != nil {
		t.Fatal(err)
	}
	return z, keys, course
}

// TestWeeklyDates holds the weekly pace to a calendar that was worked out by
// hand.
func TestWeeklyDates(t *testing.T) {
	z := zoneOf(t, Weekly(), monday.Add(3*day+5*time.Hour))
	if z.Name != "2026-11-16.ksk-test.example." {
		t.Errorf("the zone of the week is %s", z.Name)
	}
	want := []holdfast.TestStep{
		{Move: holdfast.TestBegins, At: time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)},
		{Move: holdfast.TestPublishes, At: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)},
		{Move: holdfast.TestAccepts, At: time.Date(2026, 12, 25, 0, 0, 0, 0, time.UTC)},
		{Move: holdfast.TestSigns, At: time.Date(2026, 12, 28, 0, 0, 0, 0, time.UTC)},
		{Move: holdfast.TestRevokes, At: time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC)},
		{Move: holdfast.TestRemoves, At: time.Date(2027, 2, 8, 0, 0, 0, 0, time.UTC)},
		{Move: holdfast.TestEnds, At: time.Date(2027, 2, 15, 0, 0, 0, 0, time.UTC)},
	}
	if !slices.Equal(z.Steps, want) {
		t.Errorf("steps %v, want %v", z.Steps, want)
	}
	if got := z.Closes(); !got.Equal(time.Date(2026, 11, 24, 22, 0, 0, 0, time.UTC)) {
		t.Errorf("a tester can begin until %s", got)
	}
}

func TestNamesOfPaces(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 44, 31, 0, time.UTC)
	for want, p := range map[holdfast.Name]Pace{
		"2026-11-16.ksk-test.example.":        Weekly(),
		"2026-11-21-1030.ksk-test.example.":   Hourly(time.Hour),
		"2026-11-21-104430.ksk-test.example.": Hourly(time.Minute),
	} {
		if z := zoneOf(t, p, at); z.Name != want {
			t.Errorf("%s: %s, want %s", p.Name, z.Name, want)
		}
	}
}

// TestScheduleLeavesTime holds each pace to RFC 5011: the new key signs alone
// only when who began in time has waited out a hold-down and asked once more,
// and the revoked key stays for the remove hold-down at least (section 6.2).
func TestScheduleLeavesTime(t *testing.T) {
	for _, p := range []Pace{Weekly(), Hourly(time.Hour), Hourly(20 * time.Minute), Hourly(time.Minute)} {
		z := zoneOf(t, p, monday)
		if !slices.IsSortedFunc(z.Steps, func(a, b holdfast.TestStep) int { return a.At.Compare(b.At) }) {
			t.Errorf("%s: steps are not in order", p.Name)
		}
		if z.Closes().Before(z.When(holdfast.TestPublishes)) {
			t.Errorf("%s: who begins when the new key is published is too late", p.Name)
		}
		if got := z.When(holdfast.TestRemoves).Sub(z.When(holdfast.TestRevokes)); got < p.Timers.Remove {
			t.Errorf("%s: the revoked key stays for %s", p.Name, got)
		}
		if p.Timers.TTL < time.Second || p.Timers.TTL%time.Second != 0 {
			t.Errorf("%s: TTL %s", p.Name, p.Timers.TTL)
		}
	}
}

// signed is the DNSKEY RRset of what is shown, as a name server would sign it.
func signed(t testing.TB, s Shown, at time.Time) []wire.Record {
	t.Helper()
	var set []wire.Record
	var signers []*wire.Key
	for _, k := range s.Keys {
		pair := *k.Pair
		if k.Revoke {
			pair.DNSKEY.Flags |= wire.FlagRevoke
			pair.Tag = pair.DNSKEY.KeyTag()
		}
		if k.Publish {
			set = append(set, wire.NewDNSKEY(s.Zone, s.TTL, pair.DNSKEY))
		}
		if k.SignKeys {
			signers = append(signers, &pair)
		}
	}
	out := set
	for _, k := range signers {
		sig, err := k.Sign(set, s.Zone, at.Add(-time.Hour), at.Add(s.Life), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sig)
	}
	return out
}

func shownAt(course []Shown, at time.Time) Shown {
	var out Shown
	for _, s := range course {
		if !s.From.After(at) {
			out = s
		}
	}
	return out
}

// TestOracleFollows has the RFC 5011 oracle follow a weekly zone that it was
// given at the last instant at which the page says it can be, and be secure
// until the end. One that was given it a day and a half later fails when the
// new key signs alone: the page does not promise too much, nor too little.
func TestOracleFollows(t *testing.T) {
	z, _, course := rolling(t, Weekly(), monday)
	for _, test := range []struct {
		begins time.Time
		want   holdfast.Status // once the new key signs alone
	}{
		{z.Steps[0].At.Add(time.Hour), holdfast.Secure},
		{z.Closes(), holdfast.Secure},
		{z.When(holdfast.TestSigns).Add(-z.Timers.Add + time.Hour), holdfast.Bogus},
	} {
		state := anchor.Start(holdfast.TrustPoint{Zone: z.Name, Keys: []holdfast.TrustedKey{{
			Tag: z.Old.Tag, Algorithm: z.Old.Algorithm, Flags: z.Old.Flags, Public: z.Old.Public, State: holdfast.KeyValid}}}, z.Timers)
		for at := test.begins; at.Before(z.Steps[len(z.Steps)-1].At); at = at.Add(time.Hour) {
			seen, err := anchor.See(z.Name, signed(t, shownAt(course, at), at), at)
			if err != nil {
				t.Fatal(err)
			}
			state, _ = anchor.Observe(state, seen, at, z.Timers)
			want := holdfast.Secure
			if !at.Before(z.When(holdfast.TestSigns)) {
				want = test.want
			}
			if want == holdfast.Bogus && !at.Before(z.When(holdfast.TestRevokes)) {
				want = holdfast.Insecure // its only anchor is revoked: the trust point is deleted (section 5)
			}
			if got := state.Standing(seen); got != want {
				t.Fatalf("begun at %s: at %s it is %s, want %s", test.begins, at, got, want)
			}
			if step, _ := z.At(at); step.Move == holdfast.TestAccepts && test.want == holdfast.Secure && !state.Of(keyOf(t, seen, z.New.Tag)).Trusted() {
				t.Fatalf("begun at %s: at %s the new key is %s", test.begins, at, state.Of(keyOf(t, seen, z.New.Tag)))
			}
		}
	}
}

func keyOf(t testing.TB, seen anchor.Seen, tag uint16) anchor.SeenKey {
	t.Helper()
	for _, k := range seen.Keys {
		if k.Tag == tag {
			return k
		}
	}
	t.Fatalf("key %d is not there", tag)
	return anchor.SeenKey{}
}

// TestCourse holds what is shown to the table of RFC 5011 section 6: which
// keys are there, which sign, which are revoked.
func TestCourse(t *testing.T) {
	z, _, course := rolling(t, Weekly(), monday)
	want := []string{"old+", "old+ new", "old+ new", "old new+", "old*+ new+", "new+", "gone"}
	for n, s := range course {
		text := ""
		for _, k := range s.Keys {
			name := map[uint16]string{z.Old.Tag: "old", z.New.Tag: "new"}[k.Pair.Tag]
			if name == "" || !k.Publish {
				continue
			}
			if text != "" {
				text += " "
			}
			text += name
			if k.Revoke {
				text += "*"
			}
			if k.SignKeys {
				text += "+"
			}
		}
		if s.Gone {
			text = "gone"
		}
		if text != want[n] {
			t.Errorf("%s: %q, want %q", z.Steps[n].Move, text, want[n])
		}
		if !s.Gone && (len(s.Keys) != 3 || !s.Keys[2].SignData) {
			t.Errorf("%s: the data is not signed", z.Steps[n].Move)
		}
	}
	serials := map[uint32]bool{}
	for _, s := range course[:6] {
		soa, err := s.Records[0].SOA()
		if err != nil || serials[soa.Serial] {
			t.Errorf("serial %d is there twice, or %v", soa.Serial, err)
		}
		serials[soa.Serial] = true
	}
}

// TestDSIsWrong: the parent's DS must be of an algorithm and a digest that
// validators know, or the zone would be insecure (RFC 4035 section 5.2), and
// must fit none of the keys in any of their forms.
func TestDSIsWrong(t *testing.T) {
	for range 50 {
		z, keys, course := rolling(t, Hourly(time.Hour), monday)
		ds := course[0].DS
		if !wire.Supported(ds.Algorithm) || !wire.DigestSupported(ds.DigestType) || len(ds.Digest) != 32 {
			t.Fatalf("DS %+v would be passed over", ds)
		}
		for _, k := range []*wire.Key{keys.Old, keys.New, keys.Data} {
			for _, flags := range []uint16{0, wire.FlagRevoke} {
				key := k.DNSKEY
				key.Flags |= flags
				right, err := key.Digest(z.Name, 2)
				if err != nil {
					t.Fatal(err)
				}
				if string(right.Digest) == string(ds.Digest) || flags == 0 && right.KeyTag == ds.KeyTag {
					t.Fatalf("DS %+v is of key %d", ds, right.KeyTag)
				}
			}
		}
	}
}

func TestKeysAreKept(t *testing.T) {
	for _, algorithm := range []uint8{wire.RSASHA256, wire.ECDSAP256SHA256, wire.ED25519} {
		z := zoneOf(t, Weekly(), monday)
		keys, err := MakeKeys(&z, algorithm, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := keys.pack()
		if err != nil {
			t.Fatal(err)
		}
		again, err := readKeys(packed)
		if err != nil {
			t.Fatal(err)
		}
		course, err := host.Course(z, again)
		if err != nil {
			t.Fatal(err)
		}
		at := z.When(holdfast.TestSigns)
		seen, err := anchor.See(z.Name, signed(t, shownAt(course, at), at), at)
		if err != nil {
			t.Fatal(err)
		}
		if k := keyOf(t, seen, z.New.Tag); !k.Signs || string(k.PublicKey) != string(z.New.Public) {
			t.Errorf("algorithm %d: the key that came back does not sign for the zone", algorithm)
		}
		if _, err := readKeys(packed[:len(packed)/2]); err == nil {
			t.Error("half of the keys were read")
		}
	}
}

func TestNode(t *testing.T) {
	z, _, course := rolling(t, Hourly(time.Hour), monday)
	for name, want := range map[holdfast.Name]bool{
		"t-abc." + z.Name: true, "www." + z.Name: true, "_ta-4f66." + z.Name: false, "a.b." + z.Name: false, z.Name: false, "example.": false,
	} {
		if records, ok := course[0].Node(name); ok != want || ok && records[0].Name != name {
			t.Errorf("%s: %v %v", name, records, ok)
		}
	}
}

package rootkey_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// rsa2048 is a DNSKEY of the root's shape; what it holds is of no account.
func rsa2048(flags uint16, fill byte) wire.DNSKEY {
	public := append([]byte{3, 1, 0, 1}, make([]byte, 256)...)
	for i := range public[4:] {
		public[4+i] = fill | 1
	}
	return wire.DNSKEY{Flags: flags, Protocol: 3, Algorithm: 8, PublicKey: public}
}

// TestSize: answers of the root of which others have said how large they were.
// 1414 octets with two keys of each kind and one signature, 1425 with two
// key-signing keys, one zone-signing key and two signatures: M. Larson to
// dns-operations, 11 January 2019, about the root before and after the
// revocation of KSK-2010.
func TestSize(t *testing.T) {
	for _, c := range []struct{ ksks, zsks, signatures, want int }{{2, 2, 1, 1414}, {2, 1, 2, 1425}} {
		var answer []wire.Record
		for i := range c.ksks {
			answer = append(answer, wire.NewDNSKEY(holdfast.Root, 172800, rsa2048(257, byte(2*i+1))))
		}
		for i := range c.zsks {
			answer = append(answer, wire.NewDNSKEY(holdfast.Root, 172800, rsa2048(256, byte(2*i+1))))
		}
		for range c.signatures {
			sig, err := wire.NewRRSIG(holdfast.Root, 172800, wire.RRSIG{Covered: wire.TypeDNSKEY, Algorithm: 8, OriginalTTL: 172800, Signer: holdfast.Root, Signature: make([]byte, 256)})
			if err != nil {
				t.Fatal(err)
			}
			answer = append(answer, sig)
		}
		set, ok := rootkey.SetOf(answer, start, rootkey.Calendar())
		if !ok || set.Size != c.want {
			t.Errorf("%d KSK, %d ZSK, %d signatures: %d octets, want %d", c.ksks, c.zsks, c.signatures, set.Size, c.want)
		}
	}
}

// TestSetOfHostile: what is not the root's keys is none, and any number of
// records costs a bounded number of verifications.
func TestSetOfHostile(t *testing.T) {
	if _, ok := rootkey.SetOf(nil, start, rootkey.Calendar()); ok {
		t.Error("keys where there is nothing")
	}
	foreign := wire.NewDNSKEY("example.", 60, rsa2048(257, 1))
	if _, ok := rootkey.SetOf([]wire.Record{foreign}, start, rootkey.Calendar()); ok {
		t.Error("another zone's key is taken for the root's")
	}
	var answer []wire.Record
	for range 300 {
		answer = append(answer, wire.NewDNSKEY(holdfast.Root, 60, rsa2048(257, 1)))
	}
	sig, err := wire.NewRRSIG(holdfast.Root, 60, wire.RRSIG{Covered: wire.TypeDNSKEY, Algorithm: 8, KeyTag: rsa2048(257, 1).KeyTag(), Signer: holdfast.Root, Signature: make([]byte, 256)})
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		answer = append(answer, sig)
	}
	begin := time.Now()
	set, _ := rootkey.SetOf(answer, start, rootkey.Calendar())
	if set.Phase != holdfast.RootIrregular || len(set.Signers()) > 0 || len(set.Keys) > 64 {
		t.Errorf("%s with %d keys", set.Phase, len(set.Keys))
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestDepartures holds sets of keys against the calendar on days of which it is
// known, or announced, what the root should show.
func TestDepartures(t *testing.T) {
	calendar := rootkey.Calendar()
	ksk := func(name string, tag uint16, does string) holdfast.RootSetKey {
		k := holdfast.RootSetKey{Name: name, Tag: tag, Shown: tag, Algorithm: 8, KSK: true}
		k.Signs, k.Revoked = strings.Contains(does, "signs"), strings.Contains(does, "revoked")
		return k
	}
	for _, c := range []struct {
		name, day string
		keys      []holdfast.RootSetKey
		want      string // parts of the sentences, joined
	}{
		{"2011", "2011-01-01", []holdfast.RootSetKey{ksk("KSK-2010", 19036, "signs")}, ""},
		{"2017, published", "2017-08-01", []holdfast.RootSetKey{ksk("KSK-2010", 19036, "signs"), ksk("KSK-2017", 20326, "")}, ""},
		{"2018, a day after the switch, not yet everywhere", "2018-10-12", []holdfast.RootSetKey{ksk("KSK-2010", 19036, "signs"), ksk("KSK-2017", 20326, "")}, ""},
		{"2018, switched in January", "2018-01-12", []holdfast.RootSetKey{ksk("KSK-2010", 19036, ""), ksk("KSK-2017", 20326, "signs")}, "before its day: KSK-2017 (20326) signs, on 2018-10-11 16:00 UTC"},
		{"2018, not switched in October", "2018-10-20", []holdfast.RootSetKey{ksk("KSK-2010", 19036, "signs"), ksk("KSK-2017", 20326, "")}, "overdue: KSK-2017 (20326) signs"},
		{"2019, revoked", "2019-02-01", []holdfast.RootSetKey{ksk("KSK-2010", 19036, "signs revoked"), ksk("KSK-2017", 20326, "signs")}, ""},
		{"2019, not revoked", "2019-02-01", []holdfast.RootSetKey{ksk("KSK-2010", 19036, ""), ksk("KSK-2017", 20326, "signs")}, "overdue: KSK-2010 (19036) is revoked"},
		{"2020", "2020-01-01", []holdfast.RootSetKey{ksk("KSK-2017", 20326, "signs")}, ""},
		{"2020, 19036 still there", "2020-01-01", []holdfast.RootSetKey{ksk("KSK-2010", 19036, "signs revoked"), ksk("KSK-2017", 20326, "signs")}, "overdue: KSK-2010 (19036) is gone"},
		{"2025, nothing published", "2025-02-01", []holdfast.RootSetKey{ksk("KSK-2017", 20326, "signs")}, "overdue: KSK-2024 (38696) is published"},
		{"2026, as planned", "2026-10-20", []holdfast.RootSetKey{ksk("KSK-2017", 20326, ""), ksk("KSK-2024", 38696, "signs")}, ""},
		{"2026, put off", "2026-11-21", []holdfast.RootSetKey{ksk("KSK-2017", 20326, "signs"), ksk("KSK-2024", 38696, "")}, "overdue: KSK-2024 (38696) signs, planned for 2026-10-11"},
		{"2027, revoked", "2027-01-20", []holdfast.RootSetKey{ksk("KSK-2017", 20326, "signs revoked"), ksk("KSK-2024", 38696, "signs")}, ""},
		{"2026, revoked early", "2026-12-01", []holdfast.RootSetKey{ksk("KSK-2017", 20326, "signs revoked"), ksk("KSK-2024", 38696, "signs")}, "before its day: KSK-2017 (20326) is revoked, planned for 2027-01-11"},
		{"2026, gone without revocation", "2026-12-01", []holdfast.RootSetKey{ksk("KSK-2024", 38696, "signs")}, "before its day: KSK-2017 (20326) is gone, and was to be revoked first (2027-01-11)"},
		{"another root", "2026-12-01", []holdfast.RootSetKey{ksk("", 5, "signs")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, err := time.Parse(time.DateOnly, c.day)
			if err != nil {
				t.Fatal(err)
			}
			got := rootkey.Departures(holdfast.RootSet{Keys: c.keys}, calendar, func(at time.Time) bool { return !at.After(now) })
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("departs: %v", got)
			case c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)):
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestReadCalendarRefuses(t *testing.T) {
	good := string(rootkey.CalendarText())
	if _, err := rootkey.ReadCalendar([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no JSON":       "hello",
		"nothing":       "{}",
		"unknown field": strings.Replace(good, `"taken"`, `"when"`, 1),
		"unknown step":  strings.Replace(good, `"generated"`, `"invented"`, 1),
		"a digest":      strings.Replace(good, `"ds": "49AA`, `"ds": "xxAA`, 1),
		"no source":     strings.Replace(good, `"source": "ICANN, KSK ceremony 1`, `"source": "", "x": "`, 1),
		"an instant":    strings.Replace(good, "2010-06-16T00:00:00Z", "June 2010", 1),
	} {
		if text == good {
			t.Errorf("%s: the test changes nothing", name)
		}
		if _, err := rootkey.ReadCalendar([]byte(text)); err == nil || !strings.Contains(err.Error(), "calendar of root keys") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package anchor_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// letter is a key that is named by a letter: lower case for one without the SEP
// flag.
func letter(name byte) wire.DNSKEY {
	k := wire.DNSKEY{Flags: wire.FlagZone | wire.FlagSEP, Protocol: 3, Algorithm: 8, PublicKey: []byte{1, 3, name, name, name}}
	if name >= 'a' {
		k.Flags &^= wire.FlagSEP
	}
	return k
}

func tagOf(k wire.DNSKEY) uint16 { return k.KeyTag() }

// glance reads an RRset as these tests write it: "A* B C!* z" has A, which
// signs, B, C with REVOKE, which signs for it, and z, which is no secure entry
// point.
func glance(t testing.TB, text string) anchor.Seen {
	seen := anchor.Seen{TTL: 48 * time.Hour}
	for _, word := range strings.Fields(text) {
		k := anchor.SeenKey{DNSKEY: letter(word[0])}
		k.Tag = tagOf(k.DNSKEY)
		for _, mark := range word[1:] {
			switch mark {
			case '*':
				k.Signs = true
			case '!':
				k.Flags |= wire.FlagRevoke
			default:
				t.Fatalf("%q: what is %q?", text, mark)
			}
		}
		seen.Keys = append(seen.Keys, k)
	}
	return seen
}

// trusting is a state in which some keys are trusted.
func trusting(letters string) anchor.State {
	p := holdfast.TrustPoint{Zone: holdfast.Root}
	for _, l := range []byte(letters) {
		k := letter(l)
		p.Keys = append(p.Keys, holdfast.TrustedKey{Tag: tagOf(k), Algorithm: k.Algorithm, Flags: k.Flags, Public: k.PublicKey, State: holdfast.KeyValid})
	}
	return anchor.Start(p, holdfast.DefaultTimers())
}

// describe writes a state as the tests want it: "A=valid B=add-pend".
func describe(s anchor.State) string {
	var words []string
	for _, k := range s.Keys {
		words = append(words, fmt.Sprintf("%c=%s", k.Public[2], k.State))
	}
	slices.Sort(words)
	if s.Deleted {
		words = append(words, "deleted")
	}
	return strings.Join(words, " ")
}

// play runs looks: "0d A* B | 31d A* B". Each begins with its instant.
func play(t testing.TB, s anchor.State, looks string) (anchor.State, []anchor.Event) {
	var events []anchor.Event
	for look := range strings.SplitSeq(looks, "|") {
		when, set, _ := strings.Cut(strings.TrimSpace(look), " ")
		var d holdfast.Duration
		if err := d.UnmarshalText([]byte(when)); err != nil {
			t.Fatal(err)
		}
		var more []anchor.Event
		s, more = anchor.Observe(s, glance(t, set), curtain.Add(d.Of()), holdfast.DefaultTimers())
		events = append(events, more...)
	}
	return s, events
}

// TestOracle goes through the events of RFC 5011, alone and together. The ideas
// of many cases are those of the titles of Unbound's own tests of the matter.
func TestOracle(t *testing.T) {
	for _, test := range []struct{ name, begin, looks, want string }{
		{"nothing changes", "A", "0d A* z", "A=valid"},
		{"a new key waits", "A", "0d A* B", "A=valid B=add-pend"},
		{"a key without SEP is not followed", "A", "0d A* b | 31d A* b", "A=valid"},
		{"time alone is not enough", "A", "0d A* B | 29d A* B", "A=valid B=add-pend"},
		{"a look after the hold-down is", "A", "0d A* B | 30d A* B", "A=valid B=valid"},
		{"two looks suffice, however far apart", "A", "0d A* B | 90d A* B", "A=valid B=valid"},
		{"after the hold-down, and not validated", "A", "0d A* B | 29d A* B | 31d A B*", "A=valid B=add-pend"},
		{"validated again by the old key", "A", "0d A* B | 31d A B* | 40d A* B", "A=valid B=valid"},
		{"signed by itself too, which makes no difference", "A", "0d A* B* | 29d A* B*", "A=valid B=add-pend"},
		{"withdrawn while it waits", "A", "0d A* B | 10d A*", "A=valid"},
		{"withdrawn, and back: the time begins anew", "A", "0d A* B | 10d A* | 11d A* B | 40d A* B", "A=valid B=add-pend"},
		{"withdrawn, back, and long enough", "A", "0d A* B | 10d A* | 11d A* B | 41d A* B", "A=valid B=valid"},
		{"withdrawn in an RRset that does not validate", "A", "0d A* B | 10d A | 30d A* B", "A=valid B=valid"},
		{"nobody signs", "A", "0d A B", "A=valid"},
		{"only a stranger signs", "A", "0d A B* | 31d A B*", "A=valid"},
		{"the anchor is gone, a stranger signs", "A", "0d B* | 31d B*", "A=valid"},
		{"an anchor goes missing", "AB", "0d A*", "A=valid B=missing"},
		{"and comes back", "AB", "0d A* | 5d A* B", "A=valid B=valid"},
		{"a missing key validates when it is back and signs", "AB", "0d A* | 5d A B*", "A=valid B=valid"},
		{"missing for years, and still trusted", "AB", "0d A* | 2000d A*", "A=valid B=missing"},
		{"a missing key that signs without being there does not", "AB", "0d A* | 5d C*", "A=valid B=missing"},
		{"revoked", "AB", "0d A* B!*", "A=valid B=revoked"},
		{"revoked, signed by nobody else", "AB", "0d A B!*", "A=valid B=revoked"},
		{"REVOKE that the key does not sign", "AB", "0d A* B!", "A=valid B=missing"},
		{"REVOKE that the key does not sign, and back", "AB", "0d A* B! | 1d A* B", "A=valid B=valid"},
		{"REVOKE of a missing key", "AB", "0d A* | 1d A* B!*", "A=valid B=revoked"},
		{"REVOKE of a stranger", "A", "0d A* B!*", "A=valid"},
		{"revoked for ever", "AB", "0d A* B!* | 1d A* B | 29d A* B", "A=valid B=revoked"},
		{"a revoked key validates nothing", "AB", "0d A* B!* | 1d A B* C", "A=valid B=revoked"},
		{"a revoked key does not validate in the look that revokes it", "AB", "0d A B!* C", "A=valid B=revoked"},
		{"removed after its time", "AB", "0d A* B!* | 1d A* | 29d A*", "A=valid B=revoked"},
		{"removed thirty days after it was there", "AB", "0d A* B!* | 1d A* | 30d A*", "A=valid B=removed"},
		{"not removed while it is there", "AB", "0d A* B!* | 20d A* B!* | 45d A*", "A=valid B=revoked"},
		{"removed in the end", "AB", "0d A* B!* | 20d A* B!* | 50d A*", "A=valid B=removed"},
		{"a removed key that comes back is not trusted", "AB", "0d A* B!* | 40d A* | 41d A* B | 80d A* B", "A=valid B=removed"},
		{"the only anchor revoked", "A", "0d A!*", "A=revoked deleted"},
		{"the only anchor revoked, its successor waiting", "A", "0d A* B | 10d A!* B*", "A=revoked deleted"},
		{"all anchors revoked at once", "AB", "0d A!* B!*", "A=revoked B=revoked deleted"},
		{"one after the other", "AB", "0d A!* B* | 1d A!* B!*", "A=revoked B=revoked deleted"},
		{"what comes after a deletion changes nothing", "A", "0d A!* | 1d A* B* | 40d A* B*", "A=revoked deleted"},
		{"REVOKE of a pending key, signed", "A", "0d A* B | 1d A* B!*", "A=valid B=revoked"},
		{"and it is invalid for ever", "A", "0d A* B | 1d A* B!* | 2d A* B | 40d A* B", "A=valid B=removed"},
		{"REVOKE of a pending key, not signed", "A", "0d A* B | 1d A* B!", "A=valid"},
		{"every voucher of a pending key revoked", "AB", "0d A* B C | 5d A!* B* C | 31d B* C", "A=revoked B=valid C=add-pend"},
		{"it begins anew with the keys that are left", "AB", "0d A* B C | 5d A!* B* C | 35d B* C", "A=removed B=valid C=valid"},
		{"one voucher is left", "AB", "0d A* B* C | 5d A!* B* C | 30d B* C", "A=revoked B=valid C=valid"},
		{"a roll", "A", "0d A* B | 30d A* B | 60d A B* | 90d A!* B* | 120d B*", "A=removed B=valid"},
		{"a roll without revocation", "A", "0d A* B | 30d A* B | 60d A B* | 90d B*", "A=missing B=valid"},
		{"an early switch", "A", "0d A* B | 10d A B* | 40d A B*", "A=valid B=add-pend"},
		{"an early switch, backed out", "A", "0d A* B | 10d A B* | 40d A* B", "A=valid B=valid"},
		{"five new keys at once (section 2.4.3)", "A", "0d A* B C D E F | 30d A* B C D E F", "A=valid B=valid C=valid D=valid E=valid F=valid"},
		{"an empty RRset", "A", "0d", "A=valid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, events := play(t, trusting(test.begin), test.looks)
			if text := describe(got); text != test.want {
				t.Errorf("got  %s\nwant %s\n%v", text, test.want, events)
			}
			for _, e := range events {
				if !strings.HasPrefix(e.Clause, "RFC ") {
					t.Errorf("event without clause: %+v", e)
				}
			}
		})
	}
}

// TestEvents holds the clause of each step.
func TestEvents(t *testing.T) {
	_, events := play(t, trusting("AB"), "0d A* C | 1d A* B C | 30d A* B C | 31d A* B!* C | 62d A* C | 63d A!* C* | 64d A C*")
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprintf("%s %s>%s %s", e.Kind, e.From, e.To, strings.TrimPrefix(e.Clause, "RFC 5011 ")))
	}
	want := []string{
		"KeyRem valid>missing section 4.1", "NewKey start>add-pend sections 2.2, 2.4.1 and 4.1",
		"KeyPres missing>valid section 4.1", "AddTime add-pend>valid sections 2.2 and 4.1",
		"RevBit valid>revoked sections 2.1 and 4.1", "RemTime revoked>removed sections 2.4.2 and 4.1",
		"RevBit valid>revoked sections 2.1 and 4.1", // then C validates
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestHoldDownIsTheLonger: 30 days or the original TTL of the first RRset with
// the key, whichever is greater (section 2.4.1).
func TestHoldDownIsTheLonger(t *testing.T) {
	seen := glance(t, "A* B")
	seen.TTL = 45 * 24 * time.Hour
	s, _ := anchor.Observe(trusting("A"), seen, curtain, holdfast.DefaultTimers())
	for day, want := range map[int]holdfast.KeyState{44: holdfast.KeyAddPend, 45: holdfast.KeyValid} {
		after, _ := anchor.Observe(s, glance(t, "A* B"), curtain.Add(time.Duration(day)*24*time.Hour), holdfast.DefaultTimers())
		if got := after.Of(glance(t, "B").Keys[0]); got != want {
			t.Errorf("after %d days: %s, want %s", day, got, want)
		}
	}
}

// TestIntervals are those of section 2.3 for the root of 2026: a TTL of two days,
// signatures of 21; and where the bounds hold.
func TestIntervals(t *testing.T) {
	const day = 24 * time.Hour
	timers := holdfast.DefaultTimers()
	for _, test := range []struct{ ttl, life, refresh, retry time.Duration }{
		{2 * day, 21 * day, day, 2 * day / 10},
		{60 * day, 60 * day, 15 * day, day},
		{60 * time.Second, 21 * day, time.Hour, time.Hour},
		{2 * day, 10 * time.Hour, 5 * time.Hour, time.Hour},
	} {
		if got := anchor.Refresh(timers, test.ttl, test.life); got != test.refresh {
			t.Errorf("refresh of TTL %v and life %v: %v, want %v", test.ttl, test.life, got, test.refresh)
		}
		if got := anchor.Retry(timers, test.ttl, test.life); got != test.retry {
			t.Errorf("retry of TTL %v and life %v: %v, want %v", test.ttl, test.life, got, test.retry)
		}
	}
}

// TestSeeSignatures goes through real signatures: times, strangers, damage, and
// an anchor that is held by its digest.
func TestSeeSignatures(t *testing.T) {
	keys := map[string]*wire.Key{"old": newKey(t, true), "new": newKey(t, true), "zsk": newKey(t, false)}
	records := signedSet(t, keys, step(0, "S", names("old", "new", "zsk"), names("old", "zsk"), nil), curtain)
	signs := func(records []wire.Record, at time.Time) string {
		seen, err := anchor.See(holdfast.Root, records, at)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for name, k := range keys {
			for _, s := range seen.Keys {
				if slices.Equal(s.PublicKey, k.DNSKEY.PublicKey) && s.Signs {
					out = append(out, name)
				}
			}
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	if got := signs(records, curtain); got != "old zsk" {
		t.Errorf("signers: %s", got)
	}
	if got := signs(records, curtain.Add(2*time.Hour)); got != "" {
		t.Errorf("signers after the signatures ended: %s", got)
	}
	if got := signs(records, curtain.Add(-2*time.Hour)); got != "" {
		t.Errorf("signers before they began: %s", got)
	}
	for i := range records {
		if records[i].Type == wire.TypeRRSIG {
			records[i].Data = slices.Clone(records[i].Data)
			records[i].Data[len(records[i].Data)-1] ^= 1
		}
	}
	if got := signs(records, curtain); got != "" {
		t.Errorf("signers by damaged signatures: %s", got)
	}
}

// TestHeldByDigest: a DS anchor validates, is learned, and its revocation is
// marked as what the RFC leaves open.
func TestHeldByDigest(t *testing.T) {
	keys := map[string]*wire.Key{"old": newKey(t, true), "new": newKey(t, true)}
	ds, err := keys["old"].DNSKEY.Digest(holdfast.Root, 2)
	if err != nil {
		t.Fatal(err)
	}
	point := holdfast.TrustPoint{Zone: holdfast.Root, Keys: []holdfast.TrustedKey{{Tag: ds.KeyTag, Algorithm: ds.Algorithm, DS: &ds, State: holdfast.KeyValid}}}
	look := func(s anchor.State, at time.Time, publish, sign, revoke []string) (anchor.State, []anchor.Event) {
		seen, err := anchor.See(holdfast.Root, signedSet(t, keys, step(0, "S", publish, sign, revoke), at), at)
		if err != nil {
			t.Fatal(err)
		}
		return anchor.Observe(s, seen, at, holdfast.DefaultTimers())
	}
	begin := anchor.Start(point, holdfast.DefaultTimers())
	learned, events := look(begin, curtain, names("old", "new"), names("old"), nil)
	if len(learned.Keys) != 2 || len(learned.Keys[0].Public) == 0 || events[0].Kind != anchor.Learned {
		t.Errorf("learned: %+v, %+v", learned.Keys, events)
	}
	gone, events := look(begin, curtain, names("old"), names("old"), names("old"))
	if !gone.Deleted || events[0].Kind != anchor.RevBit || events[0].Open == "" {
		t.Errorf("revoked at the first sight: %+v", events)
	}
	gone, events = look(learned, curtain.Add(time.Hour), names("old", "new"), names("old"), names("old"))
	if !gone.Deleted || events[0].Open != "" {
		t.Errorf("revoked after it was learned: %+v", events)
	}
}

// TestRefusesFloods: whoever holds a trusted key cannot make the state grow
// without bound.
func TestRefusesFloods(t *testing.T) {
	seen := glance(t, "A*")
	for i := range 60 {
		k := letter('B')
		k.PublicKey = []byte{1, 3, byte(i), 77}
		seen.Keys = append(seen.Keys, anchor.SeenKey{DNSKEY: k, Tag: tagOf(k)})
	}
	s, events := anchor.Observe(trusting("A"), seen, curtain, holdfast.DefaultTimers())
	if len(s.Keys) < 6 || len(s.Keys) > 32 || events[len(events)-1].Kind != anchor.Refused {
		t.Errorf("%d keys are held; the last event is %+v", len(s.Keys), events[len(events)-1])
	}
	var many []wire.Record
	key := newKey(t, true)
	for range 500 {
		k := *key
		k.DNSKEY.PublicKey = slices.Clone(key.DNSKEY.PublicKey)
		if _, err := rand.Read(k.DNSKEY.PublicKey); err != nil {
			t.Fatal(err)
		}
		many = append(many, wire.NewDNSKEY(holdfast.Root, 4, k.DNSKEY))
	}
	if seen, err := anchor.See(holdfast.Root, many, curtain); err != nil || len(seen.Keys) > 64 {
		t.Errorf("%d keys are looked at, %v", len(seen.Keys), err)
	}
}

// TestProfiles: each departure, beside what the oracle says.
func TestProfiles(t *testing.T) {
	for _, test := range []struct{ profile, begin, looks, want string }{
		{"Unbound", "A", "0d A* B | 1d A* B | 30d A B*", "A=valid B=valid"},
		{"Unbound", "A", "0d A* B | 30d A B*", "A=valid B=add-pend"}, // it must have been seen twice
		{"BIND", "A", "0d A* | 1d A* B | 10d A B* | 35d A* B", "A=valid B=add-pend"},
		{"BIND", "A", "0d A* | 1d A* B | 10d A B* | 41d A* B", "A=valid B=valid"},
		{"BIND", "A", "0d A* B", "A=valid B=valid"}, // the first look of all
		{"BIND", "A", "0d A B*", "A=valid"},
		{"BIND", "A", "0d A!*", "A=revoked"},
		{"Knot Resolver", "AB", "0d A* B!", "A=valid B=revoked"},
		{"Knot Resolver", "A", "0d A!*", "A=revoked"},
		{"nobody's", "A", "0d A!*", "A=revoked deleted"},
	} {
		p, s := anchor.ProfileOf(test.profile), trusting(test.begin)
		for look := range strings.SplitSeq(test.looks, "|") {
			when, set, _ := strings.Cut(strings.TrimSpace(look), " ")
			var d holdfast.Duration
			if err := d.UnmarshalText([]byte(when)); err != nil {
				t.Fatal(err)
			}
			s, _ = p.Observe(s, glance(t, set), curtain.Add(d.Of()), holdfast.DefaultTimers())
		}
		if got := describe(s); got != test.want {
			t.Errorf("%s, %s: got %s, want %s", test.profile, test.looks, got, test.want)
		}
	}
}

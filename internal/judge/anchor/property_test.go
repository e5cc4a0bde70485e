package anchor_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// looked is one look of a random history.
type looked struct {
	at   time.Time
	seen anchor.Seen
}

// history is a random one: keys come, go, sign and are revoked, sense or none.
func history(r *rand.Rand, looks int) []looked {
	out := make([]looked, 0, looks)
	at := curtain
	there, signs := map[byte]bool{'A': true}, map[byte]bool{'A': true}
	revoked := map[byte]bool{}
	for range looks {
		for _, name := range []byte("ABCd") {
			if r.IntN(6) == 0 {
				there[name] = !there[name]
			}
			if r.IntN(5) == 0 {
				signs[name] = !signs[name]
			}
			if r.IntN(25) == 0 {
				revoked[name] = !revoked[name]
			}
		}
		seen := anchor.Seen{TTL: 48 * time.Hour}
		for _, name := range []byte("ABCd") {
			if !there[name] {
				continue
			}
			k := letter(name)
			s := anchor.SeenKey{DNSKEY: k, Tag: tagOf(k), Signs: signs[name]}
			if revoked[name] {
				s.Flags |= wire.FlagRevoke
			}
			seen.Keys = append(seen.Keys, s)
		}
		out = append(out, looked{at, seen})
		at = at.Add(time.Duration(r.IntN(20*24)+1) * time.Hour)
	}
	return out
}

// trustedBy works out from a whole history which keys are trusted at its end,
// and whether the trust point is gone. It is RFC 5011 said over: no states, no
// timers, only what was seen when.
func trustedBy(anchors string, looks []looked, timers holdfast.Timers) (trusted map[byte]bool, deleted bool) {
	trusted = map[byte]bool{}
	for _, a := range []byte(anchors) {
		trusted[a] = true
	}
	banned := map[byte]bool{}
	type wait struct {
		since    time.Time
		vouchers []byte
	}
	waiting := map[byte]wait{}
	for _, look := range looks {
		present, signing, selfRevoked := map[byte]bool{}, map[byte]bool{}, []byte{}
		for _, k := range look.seen.Keys {
			name := k.PublicKey[2]
			if !k.Revoked() {
				present[name], signing[name] = true, k.Signs
			} else if k.Signs {
				selfRevoked = append(selfRevoked, name)
			}
		}
		lost := false
		for _, name := range selfRevoked { // section 2.1
			if _, waits := waiting[name]; trusted[name] || waits {
				lost = lost || trusted[name]
				banned[name] = true
				delete(trusted, name)
				delete(waiting, name)
			}
		}
		if lost && len(trusted) == 0 { // section 5
			return trusted, true
		}
		for name, w := range waiting { // section 2.2, all vouchers revoked
			if !slices.ContainsFunc(w.vouchers, func(v byte) bool { return !banned[v] }) {
				delete(waiting, name)
			}
		}
		var vouchers []byte
		for name := range trusted {
			if present[name] && signing[name] {
				vouchers = append(vouchers, name)
			}
		}
		if len(vouchers) == 0 {
			continue // not a validated RRset
		}
		for name, w := range waiting { // section 2.2
			switch {
			case !present[name]:
				delete(waiting, name)
			case look.at.Sub(w.since) >= timers.Add:
				trusted[name] = true
				delete(waiting, name)
			}
		}
		for name := range present {
			if _, waits := waiting[name]; !waits && !trusted[name] && !banned[name] && name < 'a' {
				waiting[name] = wait{look.at, vouchers}
			}
		}
	}
	return trusted, false
}

// TestOracleAgainstHistory compares the state machine with the same rules said
// over from the whole history.
func TestOracleAgainstHistory(t *testing.T) {
	timers := holdfast.DefaultTimers()
	promoted, revoked, deleted := 0, 0, 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 5011))
		looks := history(r, 30)
		s := trusting("A")
		for i, look := range looks {
			var events []anchor.Event
			s, events = anchor.Observe(s, look.seen, look.at, timers)
			for _, e := range events {
				switch e.Kind {
				case anchor.AddTime:
					promoted++
				case anchor.RevBit:
					revoked++
				case anchor.Deletion:
					deleted++
				}
			}
			want, gone := trustedBy("A", looks[:i+1], timers)
			got := map[byte]bool{}
			for _, k := range s.Trusted() {
				got[k.Public[2]] = true
			}
			if !reflect.DeepEqual(got, want) || s.Deleted != gone {
				t.Fatalf("seed %d, look %d: trusted %v, deleted %v; by history %v, %v", seed, i, got, s.Deleted, want, gone)
			}
		}
	}
	if promoted < 500 || revoked < 500 || deleted < 100 {
		t.Errorf("the histories show too little: %d promoted, %d revoked, %d deleted", promoted, revoked, deleted)
	}
}

// TestOracleInvariants holds what must be so in any history.
func TestOracleInvariants(t *testing.T) {
	timers := holdfast.DefaultTimers()
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 8509))
		s := trusting("A")
		ended := map[byte]bool{} // revoked or removed once
		for _, look := range history(r, 40) {
			before, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			after, events := anchor.Observe(s, look.seen, look.at, timers)
			if now, err := json.Marshal(s); err != nil || !bytes.Equal(before, now) {
				t.Fatalf("seed %d: the state that was handed in has changed", seed)
			}
			for _, k := range after.Keys {
				if ended[k.Public[2]] && k.State.Trusted() {
					t.Fatalf("seed %d: %c is trusted again", seed, k.Public[2])
				}
				ended[k.Public[2]] = ended[k.Public[2]] || k.State == holdfast.KeyRevoked || k.State == holdfast.KeyRemoved
				if k.State.Trusted() && k.Flags&wire.FlagSEP == 0 {
					t.Fatalf("seed %d: %c is trusted and is no secure entry point", seed, k.Public[2])
				}
			}
			shuffled := look.seen
			shuffled.Keys = slices.Clone(look.seen.Keys)
			r.Shuffle(len(shuffled.Keys), func(i, j int) {
				shuffled.Keys[i], shuffled.Keys[j] = shuffled.Keys[j], shuffled.Keys[i]
			})
			if other, _ := anchor.Observe(s, shuffled, look.at, timers); describe(other) != describe(after) {
				t.Fatalf("seed %d: the order of the keys matters: %s, %s", seed, describe(other), describe(after))
			}
			if again, more := anchor.Observe(after, look.seen, look.at, timers); describe(again) != describe(after) {
				t.Fatalf("seed %d: the same look twice: %v", seed, more)
			}
			if standing := after.Standing(look.seen); standing == holdfast.Secure && len(after.Trusted()) == 0 {
				t.Fatalf("seed %d: secure without a trusted key", seed)
			}
			checkUnvalidated(t, s, after, events)
			s = after
		}
	}
}

// checkUnvalidated: an RRset that no trusted key signs revokes and forgets, and
// does nothing else.
func checkUnvalidated(t *testing.T, before, after anchor.State, events []anchor.Event) {
	t.Helper()
	if !slices.ContainsFunc(events, func(e anchor.Event) bool { return e.Kind == anchor.NotValidated }) {
		return
	}
	for _, e := range events {
		switch e.Kind {
		case anchor.RevBit, anchor.RemTime, anchor.NotValidated, anchor.Unproved, anchor.Reset:
		default:
			t.Fatalf("an RRset that does not validate brought %+v", e)
		}
	}
	if !after.Succeeded.Equal(before.Succeeded) {
		t.Fatal("an RRset that does not validate counts as a success")
	}
}

// TestOracleKnowsNoDate: the same history a year later ends the same.
func TestOracleKnowsNoDate(t *testing.T) {
	for seed := range uint64(300) {
		looks := history(rand.New(rand.NewPCG(seed, 1)), 30)
		a, b := trusting("A"), trusting("A")
		for _, look := range looks {
			a, _ = anchor.Observe(a, look.seen, look.at, holdfast.DefaultTimers())
			b, _ = anchor.Observe(b, look.seen, look.at.AddDate(1, 0, 0), holdfast.DefaultTimers())
		}
		if describe(a) != describe(b) {
			t.Fatalf("seed %d: %s, a year later %s", seed, describe(a), describe(b))
		}
	}
}

// thirtyDays is a hold-down, looked at every hour.
func thirtyDays(t testing.TB) anchor.State {
	s := trusting("A")
	seen := glance(t, "A* B z*")
	for hour := range 30*24 + 1 {
		s, _ = anchor.Observe(s, seen, curtain.Add(time.Duration(hour)*time.Hour), holdfast.DefaultTimers())
	}
	return s
}

func TestThirtyDays(t *testing.T) {
	if got := describe(thirtyDays(t)); got != "A=valid B=valid" {
		t.Errorf("after thirty days: %s", got)
	}
}

// BenchmarkThirtyDays is a hold-down of 721 looks.
func BenchmarkThirtyDays(b *testing.B) {
	for b.Loop() {
		thirtyDays(b)
	}
}

// BenchmarkObserve is one look at four keys that are known.
func BenchmarkObserve(b *testing.B) {
	s, seen := trusting("AB"), glance(b, "A* B C! z*")
	b.ReportAllocs()
	for b.Loop() {
		anchor.Observe(s, seen, curtain, holdfast.DefaultTimers())
	}
}

// BenchmarkSee is what the cryptography of one look costs: two P-256 signatures.
func BenchmarkSee(b *testing.B) {
	t := &testing.T{}
	keys := map[string]*wire.Key{"old": newKey(t, true), "new": newKey(t, true)}
	records := signedSet(t, keys, step(0, "S", names("old", "new"), names("old", "new"), nil), curtain)
	for b.Loop() {
		if _, err := anchor.See(holdfast.Root, records, curtain); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzSee reads any RRset: it must not panic, and never find a signature where
// none was made.
func FuzzSee(f *testing.F) {
	k := letter('A')
	f.Add([]byte(".\x00"), wire.NewDNSKEY(holdfast.Root, 4, k).Data, []byte("signature"))
	f.Add([]byte{}, []byte{1, 1}, []byte{0, 48, 8, 0, 0, 0, 0, 4, 255, 255, 255, 255, 0, 0, 0, 0, 1, 2, 0})
	f.Fuzz(func(t *testing.T, key, other, sig []byte) {
		records := []wire.Record{
			wire.NewRecord(holdfast.Root, wire.TypeDNSKEY, 4, key), wire.NewRecord(holdfast.Root, wire.TypeDNSKEY, 4, other),
			wire.NewRecord(holdfast.Root, wire.TypeRRSIG, 4, sig),
		}
		seen, err := anchor.See(holdfast.Root, records, curtain)
		if err != nil {
			return
		}
		for _, k := range seen.Keys {
			if k.Signs {
				t.Errorf("%x signs %x", k.PublicKey, sig)
			}
		}
		s, _ := anchor.Observe(trusting("A"), seen, curtain, holdfast.DefaultTimers())
		if len(s.Trusted()) != 1 {
			t.Errorf("trusted keys: %d", len(s.Trusted()))
		}
	})
}

package past

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var dawn = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

func hours(n int) time.Time { return dawn.Add(time.Duration(n) * time.Hour) }

// TestKeyID: a key is its content. REVOKE leaves it the key it was; another
// flag, algorithm or public key makes another, whatever the tag.
func TestKeyID(t *testing.T) {
	key := wire.DNSKEY{Flags: 257, Protocol: 3, Algorithm: 13, PublicKey: []byte{1, 2, 3, 4}}
	revoked, zsk, other := key, key, key
	revoked.Flags |= wire.FlagRevoke
	zsk.Flags = 256
	other.PublicKey = []byte{3, 4, 1, 2} // the tag adds up 16-bit words: it is the same
	if key.KeyTag() != other.KeyTag() {
		t.Fatal("the tags differ")
	}
	if KeyID(key) != KeyID(revoked) || KeyID(key) == KeyID(zsk) || KeyID(key) == KeyID(other) {
		t.Error(KeyID(key), KeyID(revoked), KeyID(zsk), KeyID(other))
	}
}

// foldEditions takes in what a look found of the DNSKEY editions; nil: nothing was
// learnt.
func foldEditions(p holdfast.Past, at time.Time, seen ...holdfast.EditionPast) holdfast.Past {
	p.Editions = slices.Clone(p.Editions)
	f := &keyFold{kase: &judge.Case{Past: p, Instant: at}, past: &p, at: at}
	f.editions(holdfast.ClassDNSKEY, seen, p.Until)
	return Again(p, holdfast.Core, at)
}

func edition(key string, ttl uint32) holdfast.EditionPast {
	return holdfast.EditionPast{Of: holdfast.ClassDNSKEY, Members: []string{key}, Signers: []string{key}, TTL: ttl}
}

// TestEditions: an edition's life is told by the looks that found it, and not
// by those that learnt nothing.
func TestEditions(t *testing.T) {
	a, b := edition("a", 3600), edition("b", 3600)
	p := foldEditions(holdfast.Past{}, hours(0), a)
	p = foldEditions(p, hours(1), a, a)
	if len(p.Editions) != 1 || !p.Editions[0].Published.Equal(hours(0)) || !p.Editions[0].Here() {
		t.Fatalf("%+v", p.Editions)
	}
	unchanged := foldEditions(p, hours(2), a)
	if again := Again(p, holdfast.Core, hours(2)); fmt.Sprint(unchanged) != fmt.Sprint(again) {
		t.Errorf("a look without change changed the past:\n%+v\n%+v", unchanged, again)
	}
	p = foldEditions(p, hours(2))
	p = foldEditions(p, hours(3))
	if !p.Editions[0].Quiet.Equal(hours(1)) || !p.Editions[0].Here() {
		t.Fatalf("after looks that learnt nothing: %+v", p.Editions)
	}
	p = foldEditions(p, hours(4), b)
	if old := p.Editions[0]; !old.Last.Equal(hours(1)) || !old.Gone.Equal(hours(4)) || !old.Quiet.IsZero() {
		t.Errorf("replaced: %+v", old)
	}
	p = foldEditions(p, hours(5), a, b)
	if back := p.Editions[0]; !back.Here() || !back.Published.Equal(hours(5)) || !back.Last.IsZero() {
		t.Errorf("published again: %+v", back)
	}
	p = foldEditions(p, hours(6), edition("a", 60), b)
	if len(p.Editions) != 3 || p.Editions[0].Here() {
		t.Errorf("with another TTL it is another edition: %+v", p.Editions)
	}
}

// TestEditionsAreBounded: what is longest gone is dropped first.
func TestEditionsAreBounded(t *testing.T) {
	var p holdfast.Past
	for i := range 40 {
		p = foldEditions(p, hours(i), edition(fmt.Sprintf("k%02d", i), 3600))
	}
	if len(p.Editions) != maxEditions {
		t.Fatalf("%d editions", len(p.Editions))
	}
	for _, e := range p.Editions {
		if e.Published.Before(hours(40 - maxEditions)) {
			t.Errorf("kept %+v", e)
		}
	}
	if !slices.ContainsFunc(p.Editions, func(e holdfast.EditionPast) bool { return e.Here() && e.Members[0] == "k39" }) {
		t.Error("the one that is here was dropped")
	}
}

// TestCached: by TTL, at most a week, and no longer than the signatures last
// (RFC 4035 section 5.3.3, RFC 8767 section 4).
func TestCached(t *testing.T) {
	for _, c := range []struct {
		ttl     uint32
		expires time.Time
		want    time.Time
	}{
		{3600, time.Time{}, hours(1)},
		{3600, hours(5), hours(1)},
		{36000, hours(5), hours(5)},
		{30 * 86400, time.Time{}, hours(7 * 24)},
	} {
		if got := (holdfast.EditionPast{TTL: c.ttl, Expires: c.expires}).Cached(dawn); !got.Equal(c.want) {
			t.Errorf("TTL %d, expires %s: %s, want %s", c.ttl, c.expires, got, c.want)
		}
	}
}

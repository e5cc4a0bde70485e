package rehearsal

import (
	"slices"
	"testing"
)

func prepared(t testing.TB, name string) Set {
	t.Helper()
	s, err := Prepare(mustPlay(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKeySizes: the root's DNSKEY response had 864 octets with one KSK, 1139
// with two and 1425 while KSK-2010 was revoked and its ZSK had 2048 bits, as
// reported of the rollover of 2017 to 2019; the rest is reckoned from RFC 3110,
// 4034 and 6605: a DNSKEY of RSA has 15 octets before its key and 4 of exponent,
// one of P-256 has 79, signatures 31 and the key's length.
func TestKeySizes(t *testing.T) {
	for name, want := range map[string][]int{
		"plain":    {864, 1139, 1139, 1425, 864},
		"zsk-1536": {1075, 1075, 800},
		// within 1232 while all is signed twice
		"algorithm-roll": {1075, 1075, 800, 1052, 766, 1052, 280, 280},
	} {
		got, err := prepared(t, name).KeySizes(t.Context())
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v (%v), want %v", name, got, err, want)
		}
	}
}

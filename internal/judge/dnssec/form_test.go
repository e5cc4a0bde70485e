package dnssec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// quiet are findings below warning that a test is about.
func says(t *testing.T, v holdfast.Verdict, code, text string) {
	t.Helper()
	f, found := finding(v, code)
	switch {
	case text == "" && found:
		t.Errorf("%s says: %s", code, f.Text)
	case text != "" && !strings.Contains(f.Text, text):
		t.Errorf("%s says %q, want %q", code, f.Text, text)
	}
}

func TestSignatureTooLong(t *testing.T) {
	for days, text := range map[time.Duration]string{179: "", 400: "valid for 401 days"} {
		w := newWorld(t)
		w.each(func(e *edition) { e.lives = map[holdfast.Class]life{holdfast.ClassSOA: {day, days * day}} })
		says(t, w.judged(t, now), "SIG-06", text)
	}
}

func TestSignatureTTL(t *testing.T) {
	edit := func(do func(*wire.Record)) func(holdfast.Purpose, *wire.Message) {
		return func(p holdfast.Purpose, m *wire.Message) {
			for i := range m.Answer {
				if p == holdfast.PurposeNS {
					do(&m.Answer[i])
				}
			}
		}
	}
	tests := []struct {
		name string
		edit func(holdfast.Purpose, *wire.Message)
		life life
		text string
	}{
		{"as it should be", nil, life{day, 20 * day}, ""},
		{"the RRSIG's own TTL", edit(func(r *wire.Record) {
			if r.Type == wire.TypeRRSIG {
				r.TTL = 60
			}
		}), life{day, 20 * day}, "an RRSIG over the NS RRset has TTL 60, the RRset has 3600"},
		{"as from a cache", edit(func(r *wire.Record) { r.TTL = 1800 }), life{day, 20 * day}, "below the original one that was signed (3600)"},
		{"above the original: ZON-11 speaks", edit(func(r *wire.Record) { r.TTL = 7200 }), life{day, 20 * day}, ""},
		{"beyond the end", nil, life{time.Hour, 50 * time.Minute}, "reaches beyond the end of its signature"},
		{"near the end: SIG-02 speaks", nil, life{5 * day, 50 * time.Minute}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.each(func(e *edition) {
				e.edit, e.lives = test.edit, map[holdfast.Class]life{holdfast.ClassNS: test.life}
			})
			says(t, w.judged(t, now), "SIG-10", test.text)
		})
	}
}

// TestSameTag: a key whose tag is another's, made by moving octets of the key
// that stand in the same column of the tag's sum (RFC 4034 appendix B).
func TestSameTag(t *testing.T) {
	twin := func(k *wire.Key) *wire.Key {
		other := *k
		other.DNSKEY.PublicKey = append([]byte(nil), k.DNSKEY.PublicKey...)
		for i := 0; i+2 < len(other.DNSKEY.PublicKey); i++ {
			if other.DNSKEY.PublicKey[i] != other.DNSKEY.PublicKey[i+2] {
				other.DNSKEY.PublicKey[i], other.DNSKEY.PublicKey[i+2] = other.DNSKEY.PublicKey[i+2], other.DNSKEY.PublicKey[i]
				break
			}
		}
		if other.DNSKEY.KeyTag() != k.DNSKEY.KeyTag() {
			t.Fatalf("tags %d and %d", other.DNSKEY.KeyTag(), k.DNSKEY.KeyTag())
		}
		return &other
	}
	w := newWorld(t)
	expect(t, w.judged(t, now))
	w.child[1].keys = append(w.child[1].keys, twin(w.child[1].zsks[0]))
	v := w.judged(t, now)
	says(t, v, "CHN-09", "different keys share a key tag")
	if v.Status != holdfast.Secure {
		t.Errorf("%s: %s", v.Status, v.Reason)
	}
	w = newWorld(t)
	k := w.child[0].zsks[0]
	known := holdfast.Past{Since: now.Add(-day), Until: now.Add(-time.Hour), Keys: []holdfast.KeyPast{
		{ID: "a", Algorithm: k.DNSKEY.Algorithm, Tag: k.DNSKEY.KeyTag(), Published: now.Add(-day), Gone: now.Add(-time.Hour)},
		{ID: "b", Algorithm: k.DNSKEY.Algorithm, Tag: k.DNSKEY.KeyTag(), Published: now.Add(-time.Hour)},
	}}
	v, _ = catalogue(w.trust, nil).Follow(w.measured(t), known, now)
	says(t, v, "CHN-09", "published before it")
	known.Keys = known.Keys[1:]
	v, _ = catalogue(w.trust, nil).Follow(w.measured(t), known, now)
	says(t, v, "CHN-09", "")
}

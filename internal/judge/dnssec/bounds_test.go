package dnssec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// twinned is a key with another's tag: octets that stand in the same column of
// the tag's sum have changed places.
func twinned(k wire.DNSKEY, n int) wire.DNSKEY {
	k.PublicKey = append([]byte(nil), k.PublicKey...)
	i, j := n%(len(k.PublicKey)-2), n%(len(k.PublicKey)-2)+2
	k.PublicKey[i], k.PublicKey[j] = k.PublicKey[j], k.PublicKey[i]
	return k
}

// TestKeyTrapInTheKeys: whatever keys of one tag and signatures a hostile zone sends
// (KeyTrap, CVE-2023-50387), the work for each reply is bounded.
func TestKeyTrapInTheKeys(t *testing.T) {
	const keys, sigs = 40, 40
	w := newWorld(t)
	policy := dnssec.DefaultPolicy()
	w.each(func(e *edition) {
		e.edit = func(_ holdfast.Purpose, m *wire.Message) {
			for _, section := range []*[]wire.Record{&m.Answer, &m.Authority} {
				var out []wire.Record
				for _, r := range *section {
					out = append(out, r)
					switch r.Type {
					case wire.TypeDNSKEY:
						key := must[wire.DNSKEY](t)(r.DNSKEY())
						for n := range keys {
							out = append(out, wire.NewDNSKEY(r.Name, r.TTL, twinned(key, n)))
						}
					case wire.TypeRRSIG: // none of them verifies
						r.Data[len(r.Data)-1] ^= 1
						for n := range sigs {
							more := r
							more.Data = append([]byte(nil), r.Data...)
							more.Data[len(more.Data)-2-n%40] ^= byte(n + 1)
							out = append(out, more)
						}
					}
				}
				*section = out
			}
		}
	})
	// The DS names the first key, and any that share its tag: each is tried.
	cache := dnssec.NewCache(1 << 20)
	m := w.measured(t)
	v := catalogue(w.trust, cache).Judge(m, now)
	if v.Status != holdfast.Bogus {
		t.Errorf("status %s", v.Status)
	}
	_, runs := cache.Counts()
	if limit := uint64(len(m.Exchanges) * policy.MaxPerReply); runs > limit || runs == 0 {
		t.Errorf("%d verifications for %d replies, want at most %d", runs, len(m.Exchanges), limit)
	}
	t.Logf("%d verifications for %d replies", runs, len(m.Exchanges))
}

// TestKeyTrapBeyondTheKeys: the keys are good, so that everything is examined,
// and the rest of the zone is the trap.
func TestKeyTrapBeyondTheKeys(t *testing.T) {
	w := newWorld(t)
	policy := dnssec.DefaultPolicy()
	twins := 0
	w.each(func(e *edition) {
		zsk := e.zsks[0]
		for n := range 40 {
			twin := *zsk
			if twin.DNSKEY = twinned(zsk.DNSKEY, n); string(twin.DNSKEY.PublicKey) != string(zsk.DNSKEY.PublicKey) && twin.DNSKEY.KeyTag() == zsk.DNSKEY.KeyTag() {
				e.keys = append(e.keys, &twin)
				twins++
			}
		}
		e.edit = func(p holdfast.Purpose, m *wire.Message) {
			if p == holdfast.PurposeDNSKEY {
				return
			}
			for _, section := range []*[]wire.Record{&m.Answer, &m.Authority} {
				out := append([]wire.Record(nil), *section...)
				for _, r := range *section {
					hashed := strings.Count(string(r.Name), ".") == 2 // an NSEC3 record or its signature
					for n := range 16 {
						more := r
						more.Data = append([]byte(nil), r.Data...)
						if r.Type == wire.TypeRRSIG {
							more.Data[len(more.Data)-1-n] ^= 0x55
							out = append(out, more)
						}
						if hashed { // another owner, with a few signatures of its own
							for range 1 + 3*(n%2) {
								more.Name = holdfast.Name(fmt.Sprintf("%s%02d.%s", strings.Repeat("0", 30), n, zone))
								more.Data = append([]byte(nil), more.Data...)
								if r.Type == wire.TypeRRSIG {
									more.Data[len(more.Data)-20] ^= byte(len(out))
								}
								out = append(out, more)
							}
						}
					}
				}
				*section = out
			}
		}
	})
	if twins < 20 {
		t.Fatalf("only %d keys of one tag", twins)
	}
	m := w.measured(t)
	spent := func(perReply int) uint64 {
		cache := dnssec.NewCache(1 << 20)
		validator := dnssec.NewValidator(w.trust, cache)
		validator.Policy.MaxPerReply = perReply
		validator.Validate(judge.NewCase(m, now))
		_, runs := cache.Counts()
		return runs
	}
	bound, unbound := spent(policy.MaxPerReply), spent(1<<30)
	if limit := uint64(len(m.Exchanges) * policy.MaxPerReply); bound > limit || bound >= unbound {
		t.Errorf("%d verifications for %d replies (%d without the bound), want at most %d", bound, len(m.Exchanges), unbound, limit)
	}
	if few := spent(2); few > uint64(2*len(m.Exchanges)) {
		t.Errorf("%d verifications for %d replies that may cost two", few, len(m.Exchanges))
	}
}

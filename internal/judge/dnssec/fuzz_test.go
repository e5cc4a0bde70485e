package dnssec_test

import (
	"bytes"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
)

// FuzzJudge puts arbitrary bytes in the place of replies of an honest
// measurement: whatever they are, there is a verdict, no check breaks, and the
// findings' identities are unique.
func FuzzJudge(f *testing.F) {
	w := newWorld(f)
	w.child[1].params = nil
	m := w.measured(f)
	for i, e := range m.Exchanges {
		f.Add(uint8(i), uint8(255), e.Reply)
	}
	f.Add(uint8(3), uint8(9), []byte{})
	c := catalogue(w.trust, dnssec.NewCache(10000))
	f.Fuzz(func(t *testing.T, first, second uint8, reply []byte) {
		m := m
		m.Exchanges = append([]holdfast.Exchange(nil), m.Exchanges...)
		for _, at := range []uint8{first, second} {
			if int(at) < len(m.Exchanges) {
				m.Exchanges[at].Reply = bytes.Clone(reply)
			}
		}
		v := c.Judge(m, now)
		seen := map[string]bool{}
		for _, f := range v.Findings {
			if f.Code == judge.CodeBroken {
				t.Fatal(f.Text)
			}
			if seen[f.Key()] {
				t.Errorf("two findings %s", f.Key())
			}
			seen[f.Key()] = true
			for _, i := range f.Evidence {
				if i < 0 || i >= len(m.Exchanges) {
					t.Errorf("%s rests on exchange %d", f.Code, i)
				}
			}
		}
		if v.Status == "" || len(v.Servers) != 2 {
			t.Errorf("verdict %q with %d servers", v.Status, len(v.Servers))
		}
	})
}

// FuzzDamage changes single octets of what a zone of the lab answered: whatever
// they mean then, there is a verdict, no check breaks, and the work is bounded.
func FuzzDamage(f *testing.F) {
	in, clock, anchors := newLab(f, 3)
	var all []holdfast.Measurement
	for _, name := range in.Zones() {
		if name != holdfast.Root {
			all = append(all, look(f, in, name))
		}
	}
	for i := range all {
		for _, at := range []uint16{2, 7, 40, 60, 90, 200} {
			f.Add(uint8(i), uint8(at), at, byte(1), at+1, byte(0x80))
		}
	}
	limit := uint64(dnssec.DefaultPolicy().MaxPerReply)
	f.Fuzz(func(t *testing.T, which, exchange uint8, first uint16, a byte, second uint16, b byte) {
		m := all[int(which)%len(all)]
		m.Exchanges = append([]holdfast.Exchange(nil), m.Exchanges...)
		x := &m.Exchanges[int(exchange)%len(m.Exchanges)]
		if len(x.Reply) == 0 {
			return
		}
		x.Reply = bytes.Clone(x.Reply)
		x.Reply[int(first)%len(x.Reply)] ^= a
		x.Reply[int(second)%len(x.Reply)] ^= b
		cache := dnssec.NewCache(10000)
		v := catalogue(anchors, cache).Judge(m, clock.at)
		for _, f := range v.Findings {
			if f.Code == judge.CodeBroken {
				t.Fatal(f.Text)
			}
		}
		if _, runs := cache.Counts(); runs > limit*uint64(len(m.Exchanges)) {
			t.Errorf("%d verifications for %d replies", runs, len(m.Exchanges))
		}
	})
}

package dnssec_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/lab"
	asking "github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/resolve"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// trap is a root that is made to be costly: one honest key signs its keys, many
// keys share the tag of the one that signs its data, and each server gives
// other signatures, none of them good.
func trap(t testing.TB, servers, twins, signatures int) (holdfast.Measurement, []wire.Record) {
	t.Helper()
	ksk := must[*wire.Key](t)(wire.GenerateKey(wire.ED25519, wire.FlagZone|wire.FlagSEP, 0, rand.Reader))
	zsk := must[*wire.Key](t)(wire.GenerateKey(wire.ED25519, wire.FlagZone, 0, rand.Reader))
	keys := []wire.Record{wire.NewDNSKEY(".", 3600, ksk.DNSKEY)}
	for i := range twins { // the tag is a sum of 16-bit words: their order does not count
		twin := zsk.DNSKEY
		twin.PublicKey = slices.Clone(twin.PublicKey)
		p, j := twin.PublicKey, 2*(i%15)+2
		p[0], p[1], p[j], p[j+1] = p[j], p[j+1], p[0], p[1]
		keys = append(keys, wire.NewDNSKEY(".", 3600, twin))
	}
	signed := append(slices.Clone(keys), must[wire.Record](t)(ksk.Sign(keys, ".", now.Add(-day), now.Add(day), rand.Reader)))
	data := []wire.Record{wire.NewAddress("www.", 3600, netip.MustParseAddr("192.0.2.80"))}
	good := must[wire.Record](t)(zsk.Sign(data, ".", now.Add(-day), now.Add(day), rand.Reader))
	m := holdfast.Measurement{Subject: holdfast.Subject{Zone: "www."}, Finished: now}
	add := func(purpose holdfast.Purpose, s holdfast.Server, q holdfast.Question, answer []wire.Record) {
		reply := wire.Message{Response: true, Authoritative: true, Question: []holdfast.Question{q}, Answer: answer}
		m.Exchanges = append(m.Exchanges, holdfast.Exchange{
			Zone: ".", Purpose: purpose, Server: s, Question: q, Outcome: holdfast.Answered, Reply: must[[]byte](t)(reply.Pack()),
		})
	}
	for i := range servers {
		s := holdfast.Server{Name: holdfast.Name(fmt.Sprintf("ns%d.", i)), Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}
		answer := slices.Clone(data)
		for j := range signatures {
			bad := good
			bad.Data = slices.Clone(good.Data)
			bad.Data[len(bad.Data)-1-j%32] ^= byte(1 + j/32)
			bad.Data[len(bad.Data)-40] ^= byte(1 + i)
			answer = append(answer, bad)
		}
		add(holdfast.PurposeDNSKEY, s, holdfast.Question{Name: ".", Type: uint16(wire.TypeDNSKEY)}, signed)
		add(holdfast.PurposeName, s, holdfast.Question{Name: "www.", Type: uint16(wire.TypeA)}, answer)
	}
	return m, keys[:1]
}

// TestResolveKeyTrap counts what a hostile walk costs (CVE-2023-50387).
func TestResolveKeyTrap(t *testing.T) {
	q := holdfast.Question{Name: "www.", Type: uint16(wire.TypeA)}
	for _, c := range []struct{ servers, twins, signatures, bound int }{
		{1, 15, 300, dnssec.DefaultPolicy().MaxVerifications + 1}, // an RRset's own bound, and the keys
		{200, 15, 200, 2000}, // all of it
		{200, 0, 200, 1},     // no key fits: nothing is tried but the keys
	} {
		m, anchors := trap(t, c.servers, c.twins, c.signatures)
		cache := dnssec.NewCache(1 << 16)
		found := dnssec.NewValidator(anchors, cache).Resolve(m, q, now)
		if _, runs := cache.Counts(); runs > uint64(c.bound) || c.twins > 0 && runs < uint64(min(c.bound, 16)) {
			t.Errorf("%+v: %d verifications", c, runs)
		}
		if found.Status != holdfast.Bogus {
			t.Errorf("%+v: %s (%s)", c, found.Status, found.Reason)
		}
	}
}

// labWalk are walks over a lab of many forms.
func labWalk(t testing.TB) (walks []holdfast.Measurement, questions []holdfast.Question, anchors []wire.Record) {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(`
clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.test. 198.41.0.4
zone test.
  ns ns1.nic.test. 192.0.2.1
  nsec3 optout
zone example.test.
  ns ns1.example.test. 192.0.2.2
  record www A 192.0.2.80
  record *.wild TXT "wild"
  record alias CNAME www.other.test.
  record moved DNAME other.test.
zone other.test.
  ns ns1.nic.test.
  nsec3
  record www A 192.0.2.80
zone plain.test.
  ns ns1.plain.test. 192.0.2.3
  unsigned
  record www A 192.0.2.80
`), "walk", nil)
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.New(plan, lab.NewClock(plan.Start, 1e-9))
	if err != nil {
		t.Fatal(err)
	}
	asker, err := asking.New(asking.Config{Rate: -1}, internet, internet.Clock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asker.Close() })
	if anchors, err = internet.TrustAnchors(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"www.example.test. A", "no.example.test. A", "x.wild.example.test. TXT", "alias.example.test. A", "www.moved.example.test. A",
		"www.plain.test. A", "no.other.test. A", "www.other.test. MX", "example.test. DS", "plain.test. DS"} {
		name, kind, _ := strings.Cut(text, " ")
		q := holdfast.Question{Name: holdfast.Name(name), Type: uint16(must[wire.Type](t)(wire.ParseType(kind)))}
		m, err := resolve.Measure(t.Context(), resolve.Config{Roots: internet.RootHints()}, asker, internet.Clock(), q)
		if err != nil {
			t.Fatal(err)
		}
		walks, questions = append(walks, m), append(questions, q)
	}
	return walks, questions, anchors
}

// FuzzResolve puts arbitrary bytes in the place of replies of honest walks, and
// reorders and doubles them: whatever comes, there is a verdict, of bounded
// size, that names exchanges that are there.
func FuzzResolve(f *testing.F) {
	walks, questions, anchors := labWalk(f)
	for i, m := range walks {
		for j, e := range m.Exchanges {
			f.Add(uint8(i), uint8(j), uint8(255), e.Reply)
			f.Add(uint8(i+1), uint8(j), uint8(j+1), e.Reply)
		}
	}
	validator := dnssec.NewValidator(anchors, dnssec.NewCache(10000))
	f.Fuzz(func(t *testing.T, which, first, second uint8, reply []byte) {
		m, q := walks[int(which)%len(walks)], questions[int(which)%len(walks)]
		m.Exchanges = slices.Clone(m.Exchanges)
		for _, at := range []uint8{first, second} {
			if int(at) < len(m.Exchanges) {
				m.Exchanges[at].Reply = bytes.Clone(reply)
			} else {
				m.Exchanges = append(m.Exchanges, m.Exchanges[int(at)%len(m.Exchanges)])
			}
		}
		began := time.Now()
		found := validator.Resolve(m, q, m.Finished)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
		switch found.Status {
		case holdfast.Secure, holdfast.Insecure, holdfast.Bogus, holdfast.Indeterminate:
		default:
			t.Errorf("status %q", found.Status)
		}
		if found.Status != holdfast.Secure && (found.Reason == "" || found.Reference == "") {
			t.Errorf("%s without a reason or clause: %+v", found.Status, found)
		}
		if len(found.Steps) > 64 {
			t.Errorf("%d steps", len(found.Steps))
		}
		for _, s := range found.Steps {
			for _, i := range s.Evidence {
				if i < 0 || i >= len(m.Exchanges) {
					t.Errorf("step at %s rests on exchange %d", s.Zone, i)
				}
			}
		}
	})
}

// TestResolveHonest holds the walks of the fuzz test to their verdicts.
func TestResolveHonest(t *testing.T) {
	walks, questions, anchors := labWalk(t)
	for i, m := range walks {
		want := holdfast.Secure
		if questions[i].Name == "www.plain.test." || questions[i].Name == "plain.test." {
			want = holdfast.Insecure // the second lies in an opt-out span (RFC 5155 section 9.2)
		}
		found := dnssec.NewValidator(anchors, nil).Resolve(m, questions[i], m.Finished)
		if found.Status != want || found.Differ != 0 || found.FailsAt.IsZero() != (want == holdfast.Insecure) {
			t.Errorf("%v: %s (%s), %d differ, fails %s", questions[i], found.Status, found.Reason, found.Differ, found.FailsAt)
		}
	}
}

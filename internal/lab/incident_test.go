package lab

import (
	"fmt"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// incidents show the faults that replay what has happened to top-level domains.
var incidents = map[Kind]behaviour{
	SplitSigner: {"* split-signer 50 nsec.test.", func(t *testing.T, in *Internet) error {
		valid, invalid := validity(t, in)
		return want(valid > 8 && invalid > 8, fmt.Sprint(valid, invalid))
	}},
	TagCollision: {"* tag-collision nsec.test.", func(t *testing.T, in *Internet) error {
		keys := rawQuery{name: "nsec.test.", qtype: wire.TypeDNSKEY}.ask(t, in, nsecA, true).message.Answer
		tags := map[uint16]int{}
		for _, r := range keys {
			key, err := r.DNSKEY()
			if err != nil {
				t.Fatal(err)
			}
			tags[key.KeyTag()]++
		}
		valid, invalid := validity(t, in)
		return want(len(keys) == 3 && len(tags) == 2 && valid > 0 && invalid == 0, tags)
	}},
	MissingDots: {"* missing-dots nsec.test.", func(t *testing.T, in *Internet) error {
		own := rawQuery{name: "nsec.test.", qtype: wire.TypeNS}.ask(t, in, nsecA, true).message.Answer
		kid := rawQuery{name: "kid.nsec.test.", qtype: wire.TypeA}.ask(t, in, nsecA, true).message.Authority
		first, err := own[0].Target()
		if err != nil {
			t.Fatal(err)
		}
		second, err := kid[0].Target()
		return want(err == nil && first == "ns1.nsec.test.nsec.test." && second == "ns1.nic.test.nsec.test.", second)
	}},
	ChildrenBad: {"* children-bad-sigs 50 test.", func(t *testing.T, in *Internet) error {
		good, bad := 0, 0
		keys := dnskeysOf(rawQuery{name: "test.", qtype: wire.TypeDNSKEY}.ask(t, in, testA, true).message.Answer)
		for _, name := range []string{"nsec.test.", "nsec3.test.", "optout.test.", "both.test.", "ed448.test."} {
			if signedBy(rawQuery{name: name, qtype: wire.TypeDS, z: 0x8000}.ask(t, in, testA, true).message.Answer, wire.TypeDS, keys, start) {
				good++
			} else {
				bad++
			}
		}
		apex := rawQuery{name: "test.", qtype: wire.TypeSOA, z: 0x8000}.ask(t, in, testA, true).message.Answer
		return want(good > 0 && bad > 0 && signedBy(apex, wire.TypeSOA, keys, start), fmt.Sprint(good, bad))
	}},
	SOADiffers: {"ns2.nsec.test. soa-differs nsec.test.", func(t *testing.T, in *Internet) error {
		a, b := soaOf(t, in, nsecA), soaOf(t, in, nsecB)
		return want(a.Serial == b.Serial && a.Refresh+1 == b.Refresh, b)
	}},
	SerialJump: {"ns2.nsec.test. serial-jump nsec.test.", func(t *testing.T, in *Internet) error {
		a, b := soaOf(t, in, nsecA), soaOf(t, in, nsecB)
		return want(b.Serial-a.Serial == 1<<31-1 && wire.CompareSerial(b.Serial, a.Serial) > 0, b)
	}},
	CutOff: {"ns1.nsec.test. cut-off nsec.test. from -15d", func(t *testing.T, in *Internet) error {
		r := rawQuery{name: "nsec.test.", qtype: wire.TypeSOA}.ask(t, in, nsecA, true)
		return want(r.message.Rcode == wire.ServFail, r.message)
	}},
	TTLAbove: {"* ttl-above NS nsec.test.", func(t *testing.T, in *Internet) error {
		answer := rawQuery{name: "nsec.test.", qtype: wire.TypeNS, z: 0x8000}.ask(t, in, nsecA, true).message.Answer
		sig := signatures(answer, wire.TypeNS)[0]
		return want(sig.OriginalTTL == 3600 && answer[0].TTL == 7200 && answer[len(answer)-1].TTL == 7200, answer)
	}},
	TwoSOAs: {"* two-soas nsec.test.", func(t *testing.T, in *Internet) error {
		answer := rawQuery{name: "nsec.test.", qtype: wire.TypeSOA, z: 0x8000}.ask(t, in, nsecA, true).message.Answer
		keys := dnskeysOf(rawQuery{name: "nsec.test.", qtype: wire.TypeDNSKEY}.ask(t, in, nsecA, true).message.Answer)
		return want(count(answer, wire.TypeSOA) == 2 && signedBy(answer, wire.TypeSOA, keys, start), answer)
	}},
	ZONEMDSerial: {"* zonemd-serial nsec3.test.", func(t *testing.T, in *Internet) error {
		digest, serial := zonemdOf(t, in)
		return want(digest.Serial+1 == serial && digest.Scheme == 1, digest)
	}},
	ZONEMDUnknown: {"* zonemd-unknown nsec3.test.", func(t *testing.T, in *Internet) error {
		digest, serial := zonemdOf(t, in)
		return want(digest.Serial == serial && digest.Scheme == 241 && digest.Hash == 241, digest)
	}},
	DSReferral: {"* ds-referral nsec.test.", func(t *testing.T, in *Internet) error {
		m := rawQuery{name: "nsec.test.", qtype: wire.TypeDS, z: 0x8000}.ask(t, in, testA, true).message
		return want(!m.Authoritative && len(m.Answer) == 0 && count(m.Authority, wire.TypeNS) == 2, m)
	}},
	AddressFlap: {"ns1.nsec.test. address-flap 1h nsec.test.", func(t *testing.T, in *Internet) error {
		return want(soaQuestion.ask(t, in, nsecA, false).fate == lost && soaQuestion.ask(t, in, nsecB, false).fate == delivered, "a reply")
	}},
}

func zonemdOf(t *testing.T, in *Internet) (wire.ZONEMD, uint32) {
	t.Helper()
	digest, err := rawQuery{name: "nsec3.test.", qtype: wire.TypeZONEMD}.ask(t, in, "192.0.2.21", true).message.Answer[0].ZONEMD()
	if err != nil {
		t.Fatal(err)
	}
	return digest, serialOf(t, in, "192.0.2.21", "nsec3.test.")
}

func soaOf(t *testing.T, in *Internet, server string) wire.SOA {
	t.Helper()
	soa, err := rawQuery{name: "nsec.test.", qtype: wire.TypeSOA}.ask(t, in, server, true).message.Answer[0].SOA()
	if err != nil {
		t.Fatal(err)
	}
	return soa
}

// validity counts the signatures over SOA and A, of two servers and many
// versions, that a published key has made and not, of those that name one.
func validity(t *testing.T, in *Internet) (valid, invalid int) {
	t.Helper()
	clock := in.clock.(*stopped)
	began := clock.at
	defer func() { clock.at = began }()
	for range 20 {
		clock.at = clock.at.Add(7 * day)
		for _, server := range []string{nsecA, nsecB} {
			keys := dnskeysOf(rawQuery{name: "nsec.test.", qtype: wire.TypeDNSKEY}.ask(t, in, server, true).message.Answer)
			for _, q := range []rawQuery{{name: "nsec.test.", qtype: wire.TypeSOA, z: 0x8000}, {name: "www.nsec.test.", qtype: wire.TypeA, z: 0x8000}} {
				answer := q.ask(t, in, server, true).message.Answer
				if named := signatures(answer, q.qtype)[0].KeyTag; named != keys[0].KeyTag() && named != keys[1].KeyTag() {
					t.Fatalf("the signature names key %d", named)
				}
				if signedBy(answer, q.qtype, keys, clock.at) {
					valid++
				} else {
					invalid++
				}
			}
		}
	}
	return valid, invalid
}

// TestCutOffDiesInItsTime: a secondary without its primary serves an aging copy
// until the SOA lets it no more, and the rest of its zones go on.
func TestCutOffDiesInItsTime(t *testing.T) {
	in, clock := small(t)
	f, err := ParseFault("ns2.nsec.test. cut-off nsec.test. from +1d", start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Order(f); err != nil {
		t.Fatal(err)
	}
	serial := serialOf(t, in, nsecB, "nsec.test.")
	for _, at := range []struct {
		after time.Duration
		rcode int
	}{{day, wire.NoError}, {15*day - time.Second, wire.NoError}, {15 * day, wire.ServFail}} { // its SOA has 1209600
		clock.at = start.Add(at.after)
		r := soaQuestion.ask(t, in, nsecB, false)
		if r.message.Rcode != at.rcode {
			t.Errorf("after %s: %s", at.after, wire.RcodeName(r.message.Rcode))
		}
		if at.rcode == wire.NoError && serialOf(t, in, nsecB, "nsec.test.") != serial {
			t.Errorf("after %s: its serial has moved", at.after)
		}
	}
	clock.at = start
	id, err := in.Order(Fault{Server: nsecA, Kind: AddressFlap, Zone: holdfast.Name(Everywhere), Amount: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []fate{lost, delivered, lost} {
		if got := soaQuestion.ask(t, in, nsecA, false).fate; got != want {
			t.Errorf("at %s: fate %d, want %d", clock.at, got, want)
		}
		clock.at = clock.at.Add(time.Hour)
	}
	in.Repair(id)
}

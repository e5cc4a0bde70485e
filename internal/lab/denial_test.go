package lab

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// apexProof is the NSEC of the apex as a denial shows it, where its signature
// is the zone's; the zone's denies TYPE65400 at the apex.
func apexProof(t *testing.T, in *Internet) wire.NSEC {
	t.Helper()
	m := rawQuery{name: "nsec.test.", qtype: 65400, z: 0x8000}.ask(t, in, nsecA, true).message
	keys := dnskeysOf(rawQuery{name: "nsec.test.", qtype: wire.TypeDNSKEY}.ask(t, in, nsecA, true).message.Answer)
	for _, r := range m.Authority {
		if nsec, err := r.NSEC(); err == nil && r.Name == "nsec.test." && signedBy(m.Authority, wire.TypeNSEC, keys, start) {
			return nsec
		}
	}
	return wire.NSEC{}
}

// hashedProof is the same of the zone with NSEC3.
func hashedProof(t *testing.T, in *Internet) wire.NSEC3 {
	t.Helper()
	const at = "192.0.2.21"
	m := rawQuery{name: "nsec3.test.", qtype: 65400, z: 0x8000}.ask(t, in, at, true).message
	keys := dnskeysOf(rawQuery{name: "nsec3.test.", qtype: wire.TypeDNSKEY}.ask(t, in, at, true).message.Answer)
	for _, r := range m.Authority {
		if nsec3, err := r.NSEC3(); err == nil && signedBy(m.Authority, wire.TypeNSEC3, keys, start) {
			return nsec3
		}
	}
	return wire.NSEC3{}
}

// spans says whether a hash lies between two others on the ring of hashes.
func spans(from, hash, to []byte) bool {
	after, before := bytes.Compare(from, hash) < 0, bytes.Compare(hash, to) < 0
	if bytes.Compare(from, to) < 0 {
		return after && before
	}
	return after || before
}

// untrue show the faults of what proofs say. The first names of the zone after
// its apex are written as testdata/zones/content has them, in canonical order.
var untrue = map[Kind]behaviour{
	Disagree: {"192.0.2.53 disagree nsec.test.", func(t *testing.T, in *Internet) error {
		r := rawQuery{name: "kid.nsec.test.", qtype: wire.TypeSOA, rd: true, z: 0x8000}.ask(t, in, validatorAt, false)
		other := rawQuery{name: "nsec3.test.", qtype: wire.TypeSOA, rd: true, z: 0x8000}.ask(t, in, validatorAt, false)
		return want(r.message.Rcode == wire.ServFail && string(r.options[optionExtendedError]) == "\x00\x06" && other.message.AuthenticatedData, r.message)
	}},
	Overlap: {"* overlap *", func(t *testing.T, in *Internet) error {
		nsec, nsec3 := apexProof(t, in), hashedProof(t, in)
		records, err := in.SignedZone("nsec3.test.", start)
		if err != nil {
			t.Fatal(err)
		}
		owner, err := wire.HashName("nsec3.test.", nsec3.Iterations, nsec3.Salt)
		if err != nil {
			t.Fatal(err)
		}
		between := 0
		for _, r := range records {
			hash, err := wire.ParseHashLabel(r.Name, "nsec3.test.")
			if err == nil && r.Type == wire.TypeNSEC3 && spans(owner, hash, nsec3.Next) {
				between++
			}
		}
		return want(nsec.Next == `a\.b.nsec.test.` && between == 1, fmt.Sprint(nsec.Next, between))
	}},
	BitmapLacks: {"* bitmap-lacks DNSKEY,NSEC *", func(t *testing.T, in *Internet) error {
		nsec, nsec3 := apexProof(t, in), hashedProof(t, in)
		return want(nsec.Next != "" && len(nsec3.Next) == 20 && !slices.Contains(nsec.Types, wire.TypeDNSKEY) && !slices.Contains(nsec.Types, wire.TypeNSEC) &&
			!slices.Contains(nsec3.Types, wire.TypeDNSKEY) && slices.Contains(nsec3.Types, wire.TypeSOA), nsec)
	}},
	BitmapAdds: {"* bitmap-adds TXT,TYPE65401 *", func(t *testing.T, in *Internet) error {
		nsec, nsec3 := apexProof(t, in), hashedProof(t, in)
		return want(slices.Contains(nsec.Types, wire.TypeTXT) && slices.Contains(nsec.Types, 65401) && slices.Contains(nsec3.Types, 65401), nsec)
	}},
	DeepProof: {"* deep-proof nsec.test.", func(t *testing.T, in *Internet) error {
		owners := func(name string) string {
			m := rawQuery{name: name, qtype: wire.TypeTXT, z: 0x8000}.ask(t, in, nsecA, true).message
			var out string
			for _, r := range m.Authority {
				if r.Type == wire.TypeNSEC {
					out += string(r.Name) + " "
				}
			}
			return out
		}
		near, deep := owners("www.nsec.test."), owners("in.the.wood.nsec.test.")
		return want(near == "www.nsec.test. " && deep != "" && deep != "under.wild.nsec.test. ", near+deep)
	}},
	SigTTL: {"* sig-ttl nsec.test.", func(t *testing.T, in *Internet) error {
		m := rawQuery{name: "nsec.test.", qtype: wire.TypeNS, z: 0x8000}.ask(t, in, nsecA, true).message
		sig := m.Answer[len(m.Answer)-1]
		return want(sig.Type == wire.TypeRRSIG && sig.TTL == 1800 && m.Answer[0].TTL == 3600, m.Answer)
	}},
}

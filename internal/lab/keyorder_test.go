package lab

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const orderedRoot = `clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.test. 198.41.0.4
  no-cds
  ttl default 4s ns 4s dnskey 4s; soa minimum 2s
  validity 60s backdate 10s
  key old ksk RSASHA256 1024
  key new ksk ECDSAP256SHA256
  key stranger ksk ECDSAP256SHA256 same-tag new
  key zsk zsk RSASHA256 1536
  keys publish old,zsk sign old data zsk called "S0: the old key; alone"
  keys publish old,new,zsk sign old data zsk at +10s called S1
  keys publish old,new,zsk sign new data zsk at +20s called S2
  keys publish new,zsk revoke old sign old,new data zsk at +30s called S3
  keys publish new,zsk revoke old sign new data zsk at +40s called "no signature of its own"
  keys publish old,zsk sign stranger data zsk at +50s called "nobody knows who signs"
  keys publish new,zsk sign new data zsk,new at +60s called both
`

func ordered(t testing.TB, clock holdfast.Clock) *Internet {
	t.Helper()
	in, err := New(mustParse(t, orderedRoot), clock)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// tagOf is the tag of a key, with REVOKE where that is wanted: reckoned by RFC
// 4034 appendix B over the RDATA.
func tagOf(t *testing.T, in *Internet, name string, revoked bool) uint16 {
	t.Helper()
	key, err := in.Key(holdfast.Root, name)
	if err != nil {
		t.Fatal(err)
	}
	if revoked {
		key.Flags |= 0x80
	}
	data := append([]byte{byte(key.Flags >> 8), byte(key.Flags), 3, key.Algorithm}, key.PublicKey...)
	sum := uint32(0)
	for i, b := range data {
		if i%2 == 0 {
			sum += uint32(b) << 8
		} else {
			sum += uint32(b)
		}
	}
	return uint16(sum + sum>>16)
}

// TestKeysAreShownAsOrdered: at each instant the root has the keys, flags and
// signatures of its order, of the tags that the keys have then.
func TestKeysAreShownAsOrdered(t *testing.T) {
	in := ordered(t, &stopped{start})
	for _, want := range []struct {
		after               time.Duration
		keys, signers, data string // tags are written as names; "!": with REVOKE
	}{
		{0, "old zsk", "old", "zsk"},
		{9 * time.Second, "old zsk", "old", "zsk"},
		{10 * time.Second, "new old zsk", "old", "zsk"},
		{20 * time.Second, "new old zsk", "new", "zsk"},
		{30 * time.Second, "new old! zsk", "new old!", "zsk"},
		{40 * time.Second, "new old! zsk", "new", "zsk"},
		{50 * time.Second, "old zsk", "stranger", "zsk"},
		{60 * time.Second, "new zsk", "new", "new zsk"},
		{time.Hour, "new zsk", "new", "new zsk"},
	} {
		at := start.Add(want.after)
		records, err := in.SignedZone(holdfast.Root, at)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, r := range records {
			if key, err := r.DNSKEY(); err == nil && r.Type == wire.TypeDNSKEY {
				if r.TTL != 4 {
					t.Errorf("DNSKEY with TTL %d, want 4", r.TTL)
				}
				keys = append(keys, fmt.Sprintf("%d/%d", key.KeyTag(), key.Flags))
			}
		}
		slices.Sort(keys)
		if got, due := strings.Join(keys, " "), named(t, in, want.keys, true); got != due {
			t.Errorf("after %s: keys %s, want %s", want.after, got, due)
		}
		for covered, by := range map[wire.Type]string{wire.TypeDNSKEY: want.signers, wire.TypeSOA: want.data, wire.TypeNS: want.data} {
			var tags []string
			for _, sig := range signatures(records, covered) {
				begins, ends := sig.Times(at)
				if begins.After(at) || ends.Before(at) || ends.Sub(begins) != 70*time.Second {
					t.Errorf("at %s %s is signed from %s to %s", at, covered, begins, ends)
				}
				tags = append(tags, fmt.Sprint(sig.KeyTag))
			}
			slices.Sort(tags)
			if got, want := strings.Join(tags, " "), named(t, in, by, false); got != want {
				t.Errorf("at %s: %s is signed by %s, want %s", at, covered, got, want)
			}
		}
	}
	steps := in.Steps(holdfast.Root)
	if len(steps) != 6 || steps[0].Text != "S1" || !steps[0].At.Equal(start.Add(10*time.Second)) || !steps[5].Own {
		t.Errorf("steps %v", steps)
	}
	if tagOf(t, in, "stranger", false) != tagOf(t, in, "new", false) {
		t.Error("the stranger has another tag than the key that it is to be mistaken for")
	}
}

// named writes the tags of keys, sorted, with their flags where they are
// wanted.
func named(t *testing.T, in *Internet, names string, flags bool) string {
	var out []string
	for name := range strings.FieldsSeq(names) {
		name, revoked := strings.CutSuffix(name, "!")
		text := fmt.Sprint(tagOf(t, in, name, revoked))
		if flags {
			flag := map[bool]int{true: 385, false: 257}[revoked]
			if name == "zsk" {
				flag = 256
			}
			text += fmt.Sprintf("/%d", flag)
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestStrangersVerifyOrders: where an order makes sense, ldns and BIND verify
// the whole root; where it does not, they refuse it.
func TestStrangersVerifyOrders(t *testing.T) {
	ldns, bind := need(t, "ldns-verify-zone"), need(t, "dnssec-verify")
	now := time.Now().UTC().Truncate(time.Second)
	plan := mustParse(t, strings.Replace(orderedRoot, "validity 60s backdate 10s", "validity 1h backdate 2h", 1))
	for i := range plan.Zones[0].Orders[1:] {
		o := &plan.Zones[0].Orders[i+1]
		o.At = now.Add(o.At.Sub(plan.Start))
	}
	plan.Start = now
	in, err := New(plan, &stopped{now})
	if err != nil {
		t.Fatal(err)
	}
	for i, sound := range []bool{true, true, true, true, true, false, true} {
		records, err := in.SignedZone(holdfast.Root, now.Add(time.Duration(i)*10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		path := writeZone(t, records)
		if out, err := exec.Command(ldns, "-V", "2", path).CombinedOutput(); (err == nil) != sound {
			t.Errorf("order %d, ldns-verify-zone: %v\n%s", i, err, out)
		}
		// BIND wants each algorithm to sign all, which mixed keys do not
		if out, err := exec.Command(bind, "-x", "-o", ".", path).CombinedOutput(); i == 0 && err != nil {
			t.Errorf("order %d, dnssec-verify: %v\n%s", i, err, out)
		}
	}
}

func TestKeyOrdersAreRefused(t *testing.T) {
	for _, statements := range []string{
		"key a ksk ED25519", "keys publish a", "key a ksk ED25519; keys sign a", "key a ksk ED25519; keys publish b", "key a csk ED25519; keys publish a",
		"key a ksk ED25519; keys publish a,a", "key a ksk ED25519; key a zsk ED25519; keys publish a", "key a ksk ED25519 same-tag b; key b ksk ED25519; keys publish a",
		"key a ksk ED25519 same-tag a; keys publish a", "key a ksk NOSUCH; keys publish a", "key a ksk RSASHA256 512; keys publish a", "key a ksk; keys publish a",
		"key a ksk ED25519; keys publish a; keys publish a", "key a ksk ED25519; keys publish a; keys publish a at +2s; keys publish a at +1s", "key a ksk ED25519; keys publish a wave b",
		"key a ksk ED25519; keys publish a; csk", "key a ksk ED25519; keys publish a; unsigned", "key a ksk ED25519; keys publish a; alg ED25519", "key a ksk ED25519 same-tag; keys publish a",
		"key a ksk ED25519; keys publish a; rollover revoke at +3d", "key a ksk ED25519; keys publish a; partner ns1.other. 192.0.2.2", "key a,b ksk ED25519; keys publish a", "key a ksk ED25519; keys publish",
		"validity 1s backdate -1s", "validity 1s resign 0h publish 0.5s", "backdate 1ms",
	} {
		plan, err := Parse(strings.NewReader("clock 2026-08-01T12:00:00Z\nzone example.\nns ns1.example. 192.0.2.1\n"+statements), "lab", nil)
		if err == nil {
			_, err = New(plan, &stopped{start})
		}
		if err == nil {
			t.Errorf("%q was taken", statements)
		}
	}
}

// TestParentSpeaksOfOrderedKeys: the DS are those that sign, or those named.
func TestParentSpeaksOfOrderedKeys(t *testing.T) {
	in, err := New(mustParse(t, `clock 2026-08-01T12:00:00Z
zone example.
ns ns1.example. 192.0.2.1
key a ksk ED25519; key b ksk ED25519; key z zsk ED25519
keys publish a,z sign a data z
keys publish a,b,z sign a,b data z ds b at +1h
keys publish b,z revoke a sign a,b data z at +2h`), &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a", "b", "b"} {
		records, err := in.RootZone(start.Add(time.Duration(i) * time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		key, err := in.Key("example.", want)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, r := range records {
			if ds, err := r.DS(); err == nil && r.Name == "example." && r.Type == wire.TypeDS {
				if found++; ds.KeyTag != key.KeyTag() {
					t.Errorf("after %d h the DS are of key %d, want %s", i, ds.KeyTag, want)
				}
			}
		}
		if found != 1 {
			t.Errorf("after %d h: %d DS, want one", i, found)
		}
	}
}

// TestKeysMayBeBrought: a key of the plan's is the one that signs.
func TestKeysMayBeBrought(t *testing.T) {
	plan := mustParse(t, "clock 2026-08-01T12:00:00Z\nzone example.\nns ns1.example. 192.0.2.1\nkey a ksk ED25519; keys publish a sign a data a")
	key, err := wire.GenerateKey(wire.ED25519, 257, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.Zone("example.").Ring[0].Key = key
	in, err := New(plan, &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	records, err := in.SignedZone("example.", start)
	if err != nil {
		t.Fatal(err)
	}
	if !signedBy(records, wire.TypeDNSKEY, []wire.DNSKEY{key.DNSKEY}, start) || !signedBy(records, wire.TypeSOA, []wire.DNSKEY{key.DNSKEY}, start) {
		t.Error("the zone is signed by another key than the one that was brought")
	}
	if _, err := in.Key("example.", "b"); err == nil {
		t.Error("a key that was never named was found")
	}
	if _, err := in.Key("nowhere.", "a"); err == nil {
		t.Error("a zone that is not there has a key")
	}
}

// TestAnyRootTakesOrders: a root that a builder made, with the digests, proofs
// and delegations of its zones, is rolled by orders, and its children stay
// secure below the new key.
func TestAnyRootTakesOrders(t *testing.T) {
	clock := &stopped{start}
	in, err := New(mustParse(t, `clock 2026-08-01T12:00:00Z
tlds 5
root; zonemd; validity 1h backdate 1m; ttl dnskey 2s
key old ksk ED25519; key new ksk ED448; key zsk zsk ED25519
keys publish old,zsk sign old data zsk
keys publish new,zsk revoke old sign old,new data zsk at +1m
validator 192.0.2.53`), clock)
	if err != nil {
		t.Fatal(err)
	}
	ldns := need(t, "ldns-verify-zone")
	for _, after := range []time.Duration{0, time.Minute} {
		clock.at = start.Add(after)
		records, err := in.RootZone(clock.at)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(ldns, "-ZZ", "-t", clock.at.Format("20060102150405"), writeZone(t, records)).CombinedOutput(); err != nil {
			t.Errorf("after %s: %v\n%s", after, err, out)
		}
		anchors, err := in.TrustAnchors()
		if err != nil || count(anchors, wire.TypeDS) != 1 {
			t.Errorf("after %s: %d anchors, %v", after, count(anchors, wire.TypeDS), err)
		}
		zone := in.Zones()[1]
		packet, err := wire.NewQuery(1, holdfast.Question{Name: zone, Type: uint16(wire.TypeSOA)}).Pack()
		if err != nil {
			t.Fatal(err)
		}
		packet[2] |= 1 // RD
		r := in.respond(nil, netip.MustParseAddr("192.0.2.53"), packet, true)
		if r.packet[3]&0x2f != 0x20 { // AD, NOERROR
			t.Errorf("after %s: %s is not secure: flags %x", after, zone, r.packet[2:4])
		}
	}
}

// TestDocumentedKeysAreTaken: the example of docs/formats/lab.md is built.
func TestDocumentedKeysAreTaken(t *testing.T) {
	text, err := os.ReadFile("../../docs/formats/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Keys by name\n\n")
	example, _, _ := strings.Cut(section, "\n\n")
	in, err := New(mustParse(t, example), &stopped{start})
	if err != nil {
		t.Fatal(err)
	}
	if steps := in.Steps(holdfast.Root); len(steps) != 2 {
		t.Errorf("%d steps, want 2", len(steps))
	}
}

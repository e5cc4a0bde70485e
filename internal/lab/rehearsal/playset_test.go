package rehearsal

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/wire"
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
	doc, err := os.ReadFile("../../../docs/formats/play.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]int{
		"plain":               {864, 1139, 1139, 1425, 864},
		"zsk-1536":            {1075, 1075, 800},
		"n5-mixed-algorithms": {864, 943, 751, 1037, 476},
		// within 1232 while all is signed twice
		"algorithm-roll": {1075, 1075, 800, 1052, 766, 1052, 280, 280},
	} {
		got, err := prepared(t, name).KeySizes(t.Context())
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v (%v), want %v", name, got, err, want)
		}
		row := fmt.Sprintf("| `%s` | %s |", name, strings.ReplaceAll(strings.Trim(fmt.Sprint(want), "[]"), " ", ", "))
		if !strings.Contains(string(doc), row) {
			t.Errorf("docs/formats/play.md lacks %s", row)
		}
	}
}

// TestWorldOfAPlay: what resolvers are asked for is there, by the names of RFC
// 8509 section 2, and the same world is made each time.
func TestWorldOfAPlay(t *testing.T) {
	s := prepared(t, "tcp-blocked")
	begin := time.Date(2026, 8, 1, 12, 0, 0, 5e8, time.UTC)
	plan := s.Lab(begin)
	if !reflect.DeepEqual(plan, s.Lab(begin.Add(time.Millisecond))) {
		t.Error("the same play has another world the second time")
	}
	whole := begin.Truncate(time.Second)
	var faults []string
	for _, f := range plan.Faults {
		faults = append(faults, fmt.Sprint(f.Server, " ", f.Kind, " ", f.Zone, " ", since(f.From, whole), " ", since(f.To, whole)))
	}
	if want := []string{"* no-tcp . 38s 54s", "* break bogus.lab. - -"}; !slices.Equal(faults, want) {
		t.Errorf("faults %q, want %q", faults, want)
	}
	in, err := lab.New(plan, &playClock{begin})
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range in.Steps(holdfast.Root) {
		if got, want := step.At.Sub(whole), s.Play.Steps[i+1].At; got != want || !strings.HasPrefix(step.Text, s.Play.Steps[i+1].Name+": ") {
			t.Errorf("step %q comes after %s, want %s", step.Text, got, want)
		}
	}
	there := map[string]bool{}
	for _, zone := range in.Zones() {
		if zone == "insecure.lab." {
			continue
		}
		records, err := in.SignedZone(zone, begin)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			there[string(r.Name)+" "+r.Type.String()] = true
		}
	}
	for _, key := range []string{"old", "new"} {
		for _, kind := range []string{"is", "not"} {
			for _, qtype := range []string{"A", "AAAA"} {
				name := fmt.Sprintf("root-key-sentinel-%s-ta-%05d.lab. %s", kind, s.Tags[key], qtype)
				if !there[name] {
					t.Errorf("%s is not there", name)
				}
			}
		}
		if !strings.HasPrefix(s.Public[key], ".\t4\tIN\tDNSKEY\t257 3 8 ") {
			t.Errorf("key %s is written as %s", key, s.Public[key])
		}
	}
	if len(s.Names.Keys) != 2 || s.Names.Keys[0].Tag != s.Tags["old"] || !there["www.lab. A"] || !there["bogus.lab. A"] {
		t.Errorf("names %+v", s.Names)
	}
}

func since(at, begin time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.Sub(begin).String()
}

// TestTagsAreToldApart: without a word in the play no key's tag, with REVOKE or
// without, is another's; with one it is.
func TestTagsAreToldApart(t *testing.T) {
	s := prepared(t, "tag-collision")
	if s.Tags["old"] != s.Tags["new"] || s.Public["old"] == s.Public["new"] {
		t.Errorf("tags %v of %v", s.Tags, s.Public)
	}
	key, err := wire.GenerateKey(wire.ED25519, 257, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	tags := tagsOf(key.DNSKEY)
	if tags[1]-tags[0] != 128 && tags[1]-tags[0] != 129 { // RFC 4034 appendix B: 128, and the carry
		t.Errorf("REVOKE makes tag %d of %d", tags[1], tags[0])
	}
	s = Set{Play: holdfast.Play{Keys: []holdfast.PlayKey{{Name: "a", Tag: tags[1]}}}}
	if !s.taken(key) {
		t.Error("a key was taken whose tag with REVOKE another is to have")
	}
	s = Set{root: []lab.NamedKey{{Name: "a", Key: key}}}
	if !s.taken(key) {
		t.Error("a tag was given twice")
	}
}

// TestSignaturesOutliveTTLs: at every instant of a play, by its own timers and by
// those of RFC 5011, the signatures over the root's keys last longer than what
// caches hold of them.
func TestSignaturesOutliveTTLs(t *testing.T) {
	short := mustPlay(t, "plain")
	long, err := Stretch(short, holdfast.DefaultTimers())
	if err != nil {
		t.Fatal(err)
	}
	for _, play := range []holdfast.Play{short, long} {
		s, err := Prepare(play)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
		in, err := lab.New(s.Lab(begin), &playClock{begin})
		if err != nil {
			t.Fatal(err)
		}
		for at := begin.Add(-play.Length / 4); at.Before(begin.Add(play.Length)); at = at.Add(play.Length / 97) {
			records, err := in.SignedZone(holdfast.Root, at)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, r := range records {
				sig, err := r.RRSIG()
				if err != nil || sig.Covered != wire.TypeDNSKEY {
					continue
				}
				found = true
				if from, to := sig.Times(at); from.After(at) || to.Sub(at) < play.Timers.TTL {
					t.Fatalf("%s after %s: signed from %s to %s", play.Timers.Add, at.Sub(begin), from, to)
				}
			}
			if !found {
				t.Fatalf("no signature after %s", at.Sub(begin))
			}
		}
	}
}

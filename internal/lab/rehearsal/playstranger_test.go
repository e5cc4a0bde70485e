package rehearsal

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestStrangersVerifyEveryStep: whatever the keys of a step are, the root is
// whole and signed by keys that it publishes, as ldns sees it; and where all
// algorithms sign all, as BIND sees it.
func TestStrangersVerifyEveryStep(t *testing.T) {
	ldns, bind := strangers.Need(t, "ldns-verify-zone"), strangers.Need(t, "dnssec-verify")
	for name, whole := range map[string]bool{
		"plain": true, "back-out": true, "zsk-1536": true, "algorithm-roll": false, "n2-revoke-unsigned": false, "n4-no-trusted-signature": true,
		"n5-mixed-algorithms": false, "n6-only-anchor-revoked": true, "tag-collision": true, "tag-stranger": true,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := prepared(t, name)
			for _, step := range s.Play.Steps {
				now := time.Now().UTC()
				in, err := lab.New(s.Lab(now.Add(-step.At)), &playClock{now})
				if err != nil {
					t.Fatal(err)
				}
				records, err := in.SignedZone(holdfast.Root, now)
				if err != nil {
					t.Fatal(err)
				}
				path := writeRecords(t, records)
				if out, err := exec.Command(ldns, "-V", "2", path).CombinedOutput(); err != nil {
					t.Errorf("%s, ldns-verify-zone: %v\n%s", step.Name, err, out)
				}
				if !whole {
					continue
				}
				if out, err := exec.Command(bind, "-x", "-o", ".", path).CombinedOutput(); err != nil {
					t.Errorf("%s, dnssec-verify: %v\n%s", step.Name, err, out)
				}
			}
		})
	}
}

func writeRecords(t *testing.T, records []wire.Record) string {
	t.Helper()
	var b strings.Builder
	for _, r := range records {
		b.WriteString(r.String() + "\n")
	}
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDelvTrustsWhatSigns has delv look at each step of plays, once with each
// key-signing key as its only anchor: names are secure exactly where that key is
// published without REVOKE and signs (RFC 4035 section 5.3.1, RFC 5011 section
// 2.1), whatever the tags are.
func TestDelvTrustsWhatSigns(t *testing.T) {
	delv := strangers.Need(t, "delv")
	strangers.Need(t, "unbound")
	if !strangers.InNamespace(t, 4*time.Minute) {
		return
	}
	for _, name := range []string{"plain", "algorithm-roll", "tag-stranger"} {
		s := prepared(t, name)
		for _, step := range s.Play.Steps {
			t.Run(name+"/"+step.Name, func(t *testing.T) {
				carrier := carry(t, s, step)
				for _, key := range s.Play.Keys {
					if !key.KSK {
						continue
					}
					trusted := slices.Contains(step.Publish, key.Name) && slices.Contains(step.Sign, key.Name) && !slices.Contains(step.Revoke, key.Name)
					w := view{delv, anchorFile(t, s, key.Name), carrier}
					for _, probe := range []struct {
						name holdfast.Name
						want string
					}{
						{signedName, validated(trusted)}, {bogusName, "bogus"}, {unsignedName, unsigned(trusted)},
						{holdfast.Name(fmt.Sprintf("root-key-sentinel-is-ta-%05d.lab.", s.Tags[key.Name])), validated(trusted)},
						{holdfast.Name(fmt.Sprintf("root-key-sentinel-not-ta-%05d.lab.", s.Tags[key.Name])), validated(trusted)},
					} {
						if got := w.of(t, probe.name); got != probe.want {
							t.Errorf("with %s as anchor %s is %s, want %s", key.Name, probe.name, got, probe.want)
						}
					}
				}
			})
		}
	}
}

func validated(trusted bool) string {
	if trusted {
		return "secure"
	}
	return "bogus"
}

func unsigned(trusted bool) string {
	if trusted {
		return "insecure"
	}
	return "bogus"
}

// carry serves a step of a play, and runs a resolver over it that delv may ask
// with CD: it only carries.
func carry(t *testing.T, s Set, step holdfast.PlayStep) string {
	t.Helper()
	in, err := lab.New(s.Lab(time.Now().Add(-step.At)), nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Clock().(*lab.Clock).Advance(step.At)
	strangers.Serve(t, func(ctx context.Context, ready func()) error {
		return in.Serve(ctx, lab.ServeConfig{Everywhere: true, Ready: func(map[netip.Addr]netip.AddrPort) { ready() }})
	})
	// Its own anchor is a key that signs in that step, so that it comes up.
	i := slices.IndexFunc(step.Sign, func(name string) bool { return !slices.Contains(step.Revoke, name) })
	key, err := in.Key(holdfast.Root, step.Sign[i])
	if err != nil {
		t.Fatal(err)
	}
	ds, err := key.Digest(holdfast.Root, 2)
	if err != nil {
		t.Fatal(err)
	}
	anchors := []wire.Record{wire.NewDNSKEY(holdfast.Root, 60, key), wire.NewDS(holdfast.Root, 60, ds)}
	return strangers.Unbound(t, strangers.World{Hints: in.RootHintsFile(), Anchors: anchors}).At.Addr().String()
}

// anchorFile writes one key as BIND reads it.
func anchorFile(t *testing.T, s Set, name string) string {
	t.Helper()
	fields := strings.Fields(s.Public[name])
	text := fmt.Sprintf("trust-anchors { . static-key %s %s %s \"%s\"; };\n", fields[4], fields[5], fields[6], strings.Join(fields[7:], ""))
	path := filepath.Join(t.TempDir(), "anchors")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// view is delv with an anchor.
type view struct{ delv, anchors, carrier string }

// of says what delv makes of the address of a name.
func (v view) of(t *testing.T, name holdfast.Name) string {
	t.Helper()
	out, err := exec.Command(v.delv, "-a", v.anchors, "+root=.", "+cdflag", "-p", "5300", "@"+v.carrier, string(name), "A").CombinedOutput()
	text := string(out)
	switch {
	case strings.Contains(text, "resolution failed"):
		return "bogus"
	case err != nil || !strings.Contains(text, "10.53.0.80"):
		t.Errorf("delv %s: %v\n%s", name, err, text)
		return "unknown"
	case strings.Contains(text, "unsigned answer"):
		return "insecure"
	case strings.Contains(text, "fully validated"):
		return "secure"
	}
	return text
}

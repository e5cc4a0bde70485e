package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// roads is a lab of ways that are easily missed: zones that the servers of
// their parents hold too, circles, and trust that begins below the root.
const roads = `
clock 2026-08-01T12:00:00Z
root
  ns a.root-servers.arena. 198.41.0.4
zone arena.
  ns ns1.nic.arena. 192.0.2.1
  ns ns2.nic.arena. 192.0.2.2
  record left NS ns.right
  record right NS ns.left
zone sub.arena.
  ns ns1.nic.arena.
  ns ns2.nic.arena.
  record www A 192.0.2.80
zone plain.sub.arena.
  ns ns1.nic.arena.
  ns ns2.nic.arena.
  unsigned
  record www A 192.0.2.80
zone plain.arena.
  ns ns1.nic.arena.
  ns ns2.nic.arena.
  unsigned
  record www A 192.0.2.80
zone opt.arena.
  ns ns1.opt.arena. 192.0.2.3
  nsec3 optout
  record www A 192.0.2.80
zone hidden.opt.arena.
  ns ns1.opt.arena.
  unsigned
  record www A 192.0.2.80
zone turns.arena.
  ns ns1.turns.arena. 192.0.2.4
  record a CNAME b
  record b CNAME a
  record self CNAME self
  record fat DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.turns.arena.
zone isle.arena.
  ns ns1.isle.arena. 192.0.2.5
  island
  record www A 192.0.2.80
zone stripped.arena.
  ns ns1.stripped.arena. 192.0.2.6
  record www A 192.0.2.80
fault * strip A stripped.arena.
`

// road is a world over a lab.
func road(t *testing.T, text string) (World, *bytes.Buffer, *lab.Internet) {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(text), "roads", nil)
	if err != nil {
		t.Fatal(err)
	}
	internet, err := lab.New(plan, lab.NewClock(plan.Start, 1e-9))
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := internet.TrustAnchors()
	if err != nil {
		t.Fatal(err)
	}
	out := &bytes.Buffer{}
	return World{
		Stdin: strings.NewReader(""), Stdout: out, Stderr: out, Clock: internet.Clock(), Dialer: internet,
		Hints: internet.RootHints(), Anchors: anchors, Vantage: "test",
	}, out, internet
}

func resolved(t *testing.T, w World, out *bytes.Buffer, o ResolveOptions) (dnssec.Resolution, Exit) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out.Reset()
	o.JSON = true
	exit, err := Resolve(ctx, w, o)
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	var found dnssec.Resolution
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	return found, exit
}

func TestResolveRoads(t *testing.T) {
	w, out, _ := road(t, roads)
	for _, c := range []struct {
		name, kind string
		status     holdfast.Status
		clause     string
		kinds      string
		exit       Exit
	}{
		{"www.sub.arena", "A", holdfast.Secure, "", "referral cut answer", Healthy},
		{"sub.arena", "DS", holdfast.Secure, "", "referral answer", Healthy},
		{"no.sub.arena", "A", holdfast.Secure, "", "referral cut nxdomain", Healthy},
		{"www.plain.arena", "A", holdfast.Insecure, "RFC 4035 section 5.2", "referral answer", Healthy},
		{"www.plain.sub.arena", "A", holdfast.Insecure, "RFC 4035 section 5.2", "referral answer", Healthy},
		{"www.hidden.opt.arena", "A", holdfast.Insecure, "RFC 5155 section 8.9", "referral referral answer", Healthy},
		{"a.turns.arena", "A", holdfast.Indeterminate, "RFC 1034 section 5.3.3", "referral referral alias alias", Unworked},
		{"self.turns.arena", "A", holdfast.Indeterminate, "RFC 1034 section 5.3.3", "referral referral alias", Unworked},
		{"a.turns.arena", "CNAME", holdfast.Secure, "", "referral referral answer", Healthy},
		{strings.Repeat("d", 60) + ".fat.turns.arena", "A", holdfast.Secure, "", "referral referral nodata", Healthy},
		{"www.left.arena", "A", holdfast.Indeterminate, "RFC 1034 section 5.3.3", "referral referral nothing", Unworked},
		{"www.isle.arena", "A", holdfast.Insecure, "RFC 4035 section 5.2", "referral referral answer", Healthy},
		{"www.stripped.arena", "A", holdfast.Bogus, "RFC 4035 section 3.1.1", "referral referral answer", Broken},
		{".", "NS", holdfast.Secure, "", "answer", Healthy},
		{"no", "A", holdfast.Secure, "", "nxdomain", Healthy},
	} {
		found, exit := resolved(t, w, out, ResolveOptions{Name: c.name, Type: c.kind})
		var kinds []string
		for _, s := range found.Steps {
			kinds = append(kinds, string(s.Kind))
			if len(s.Voices) == 0 && s.Kind != dnssec.KindCut && s.Kind != dnssec.KindNothing {
				t.Errorf("%s: nobody is named at %s", c.name, s.Zone)
			}
		}
		if found.Status != c.status || found.Reference != c.clause || strings.Join(kinds, " ") != c.kinds || exit != c.exit {
			t.Errorf("%s %s: %s (%s; %s) by %v, exit %d; want %s (%s) by %s, exit %d", c.name, c.kind, found.Status, found.Reason, found.Reference, kinds, exit, c.status, c.clause, c.kinds, c.exit)
		}
	}
}

// TestResolveTrustBelow: a trust anchor of a zone counts there, whatever its
// parent says, and one at nothing above a name leaves it indeterminate.
func TestResolveTrustBelow(t *testing.T) {
	w, out, internet := road(t, roads)
	records, err := internet.SignedZone("isle.arena.", internet.Clock().Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if key, err := r.DNSKEY(); err == nil && r.Type == wire.TypeDNSKEY && key.Flags&wire.FlagSEP != 0 {
			w.Anchors = []wire.Record{r}
		}
	}
	if found, _ := resolved(t, w, out, ResolveOptions{Name: "www.isle.arena"}); found.Status != holdfast.Secure || found.Steps[0].Status != holdfast.Indeterminate {
		t.Errorf("below its anchor: %s (%s), the root %s", found.Status, found.Reason, found.Steps[0].Status)
	}
	if found, exit := resolved(t, w, out, ResolveOptions{Name: "www.sub.arena"}); found.Status != holdfast.Indeterminate || found.EDE != 5 || exit != Unworked {
		t.Errorf("beside it: %s %d, exit %d", found.Status, found.EDE, exit)
	}
}

// TestResolveStrippedInSignedZone: whoever strips the signatures of one name
// cannot pass it off as an unsigned child by the proof that it has no DS (RFC
// 6840 section 4.4): its types have no NS.
func TestResolveStrippedInSignedZone(t *testing.T) {
	for _, denial := range []string{"nsec", "nsec3"} {
		w, out, _ := road(t, strings.Replace(roads, "zone stripped.arena.", "zone stripped.arena.\n  "+denial, 1)+"fault * strip TXT stripped.arena.\n")
		found, _ := resolved(t, w, out, ResolveOptions{Name: "www.stripped.arena"})
		if found.Status != holdfast.Bogus || found.EDE != 10 {
			t.Errorf("%s: %s %d (%s)", denial, found.Status, found.EDE, found.Reason)
		}
	}
}

// TestResolveAsksTheSameAgain: the same question finds the same servers, and
// the evidence is in an order that does not depend on who was faster.
func TestResolveAsksTheSameAgain(t *testing.T) {
	w, out, _ := road(t, roads)
	first, _ := resolved(t, w, out, ResolveOptions{Name: "www.sub.arena", EveryServer: true})
	one := slices.Clone(out.Bytes())
	second, _ := resolved(t, w, out, ResolveOptions{Name: "www.sub.arena", EveryServer: true})
	if !bytes.Equal(one, out.Bytes()) {
		t.Errorf("asked twice:\n%+v\n%+v", first, second)
	}
}

// TestResolveEvidence: saved evidence is judged to the same bytes elsewhere,
// and what is no evidence is refused.
func TestResolveEvidence(t *testing.T) {
	w, out, _ := road(t, roads)
	file := filepath.Join(t.TempDir(), "walk")
	resolved(t, w, out, ResolveOptions{Name: "www.sub.arena", Save: file})
	one := slices.Clone(out.Bytes())
	away := World{Stdout: out, Stderr: out, Clock: w.Clock, Dialer: nil}
	resolved(t, away, out, ResolveOptions{Name: "www.sub.arena", From: file})
	if !bytes.Equal(one, out.Bytes()) {
		t.Errorf("judged again:\n%s\n%s", one, out.Bytes())
	}
	bad := filepath.Join(t.TempDir(), "bad")
	for _, text := range []string{"", "{}", `{"format":"holdfast-resolution/1","question":{"name":""}}`, `{"format":"holdfast-resolution/1","question":{"name":"a."},"anchors":["x"]}`} {
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Resolve(t.Context(), away, ResolveOptions{Name: "a", From: bad}); err == nil || !strings.Contains(err.Error(), "resolve --save") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestResolveManyAliases: a chain longer than is followed ends, and says so.
func TestResolveManyAliases(t *testing.T) {
	text := roads + "zone chain.arena.\n  ns ns1.chain.arena. 192.0.2.7\n  record end A 192.0.2.80\n"
	for i := range 30 {
		text += fmt.Sprintf("  record c%d CNAME c%d\n", i, i+1)
	}
	w, out, _ := road(t, text+"  record c30 CNAME end\n")
	if found, _ := resolved(t, w, out, ResolveOptions{Name: "c25.chain.arena"}); found.Status != holdfast.Secure || len(found.Answer) != 7 {
		t.Errorf("six aliases: %s (%s), %v", found.Status, found.Reason, found.Answer)
	}
	found, _ := resolved(t, w, out, ResolveOptions{Name: "c0.chain.arena"})
	if found.Status != holdfast.Indeterminate || !found.Cut || len(found.Steps) > 20 {
		t.Errorf("31 aliases: %s (%s) after %d steps, cut %v", found.Status, found.Reason, len(found.Steps), found.Cut)
	}
}

// TestResolveOnATerminal: colour is for people, and nowhere else.
func TestResolveOnATerminal(t *testing.T) {
	w, out, _ := road(t, roads)
	for _, terminal := range []bool{false, true} {
		out.Reset()
		w.Terminal = terminal
		if _, err := Resolve(t.Context(), w, ResolveOptions{Name: "www.sub.arena"}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "\x1b[") != terminal || !strings.Contains(out.String(), "the same servers hold sub.arena. too") {
			t.Errorf("terminal %v:\n%s", terminal, out.String())
		}
	}
}

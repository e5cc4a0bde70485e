package app

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/source/ceremony"
	"github.com/holdfastdns/holdfast/internal/source/zonefile"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const realData = "../../../shared/data/"

func needRealData(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(realData); err != nil {
		t.Skipf("no real zones and key signing files here: %v", err)
	}
}

// realKeys are the root's DNSKEY RRset and its signatures of a real root zone.
func realKeys(t *testing.T, file string) []wire.Record {
	t.Helper()
	in, err := os.Open(realData + "root-zone/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	text, err := zonefile.Unpack(bufio.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	var out []wire.Record
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 5 || f[0] != "." || f[3] != "DNSKEY" && (f[3] != "RRSIG" || f[4] != "DNSKEY") {
			continue
		}
		r, err := wire.ParseRecord(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// rootAnchors are a trust point of IANA's keys, by their digests as its file
// has them.
func rootAnchors(tags ...uint16) holdfast.TrustPoint {
	point := holdfast.TrustPoint{Zone: holdfast.Root}
	for _, tag := range tags {
		k, _ := rootkey.Calendar().Key(tag)
		point.Keys = append(point.Keys, holdfast.TrustedKey{Tag: tag, Algorithm: k.Algorithm, DS: k.DS, State: holdfast.KeyValid})
	}
	return point
}

func instantOf(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestRealRoots: the root's keys in the real zones of three years, before the
// first rollover, after it, and in the second: who signs, which phase that is,
// which anchor trusts which zone, and what the calendar made of it. That 19036
// signed in 2018 and 20326 afterwards is IANA's history, not our output.
func TestRealRoots(t *testing.T) {
	needRealData(t)
	for _, c := range []struct {
		file, at string
		phase    holdfast.RootPhase
		signs    uint16
		trusts   map[uint16]holdfast.Status
	}{
		{"root.zone.2018080200.signed.xz", "2018-08-02T12:00:00Z", holdfast.RootPrePublished, 19036, map[uint16]holdfast.Status{19036: holdfast.Secure, 20326: holdfast.Bogus, 38696: holdfast.Bogus}},
		{"root.zone.2019010300.signed.xz", "2019-01-03T12:00:00Z", holdfast.RootSwitched, 20326, map[uint16]holdfast.Status{19036: holdfast.Bogus, 20326: holdfast.Secure, 38696: holdfast.Bogus}},
		{"root.zone.2026073102.signed.xz", "2026-08-01T12:00:00Z", holdfast.RootPrePublished, 20326, map[uint16]holdfast.Status{19036: holdfast.Bogus, 20326: holdfast.Secure, 38696: holdfast.Bogus}},
	} {
		at, keys := instantOf(t, c.at), realKeys(t, c.file)
		set, ok := rootkey.SetOf(keys, at, rootkey.Calendar())
		if !ok || set.Phase != c.phase {
			t.Errorf("%s: phase %q, want %q", c.file, set.Phase, c.phase)
		}
		if s := set.Signers(); len(s) != 1 || s[0].Tag != c.signs || !set.Expires.After(at) || !set.Inception.Before(at) {
			t.Errorf("%s: signed by %+v from %s to %s", c.file, s, set.Inception, set.Expires)
		}
		if got := rootkey.Departures(set, rootkey.Calendar(), func(t time.Time) bool { return !t.After(at) }); len(got) > 0 {
			t.Errorf("%s departs from the calendar: %v", c.file, got)
		}
		seen, err := anchor.See(holdfast.Root, keys, at)
		if err != nil {
			t.Fatal(err)
		}
		for tag, want := range c.trusts {
			if got := anchor.Start(rootAnchors(tag), holdfast.DefaultTimers()).Standing(seen); got != want {
				t.Errorf("%s with %d alone: %s, want %s", c.file, tag, got, want)
			}
		}
	}
	// The root of July 2026 does not show what was planned for October.
	set, _ := rootkey.SetOf(realKeys(t, "root.zone.2026073102.signed.xz"), instantOf(t, "2026-08-01T12:00:00Z"), rootkey.Calendar())
	late := instantOf(t, "2026-11-21T12:00:00Z")
	got := rootkey.Departures(set, rootkey.Calendar(), func(t time.Time) bool { return !t.After(late) })
	if len(got) != 1 || !strings.HasPrefix(got[0], "overdue: KSK-2024 (38696) signs, planned for 2026-10-11") {
		t.Errorf("in November 2026: %v", got)
	}
}

// TestRolloverOf2018 replays the quarter for which the change of keys was signed
// and put off: each day of it, what the root would have shown by the real signed
// key response, and who would have validated it. The switch would have come on
// 11 January 2018 (slot 2 of the response).
func TestRolloverOf2018(t *testing.T) {
	needRealData(t)
	in, err := os.Open(realData + "skr/skr-root-2018-q1-0-d_to_e.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	doc, err := ceremony.Read(in, "skr")
	if err != nil {
		t.Fatal(err)
	}
	timers := holdfast.DefaultTimers()
	// Of the one key's hold-down, all but a day had passed at the quarter's begin
	// for who first saw it a month before.
	pending := rootAnchors(19036, 20326)
	pending.Keys[1].State, pending.Keys[1].Since = holdfast.KeyAddPend, instantOf(t, "2017-12-03T00:00:00Z")
	k, _ := rootkey.Calendar().Key(20326)
	pending.Keys[1].Public, pending.Keys[1].Flags = k.Public, 257
	type machine struct {
		name    string
		state   anchor.State
		follows bool
		until   string // the last day on which it validates; empty: all
		from    string // the first
	}
	machines := []*machine{
		{name: "static, 19036", state: anchor.Start(rootAnchors(19036), timers), until: "2018-01-10"},
		{name: "static, 20326", state: anchor.Start(rootAnchors(20326), timers), from: "2018-01-11"},
		{name: "static, both", state: anchor.Start(rootAnchors(19036, 20326), timers)},
		{name: "follows, both", state: anchor.Start(rootAnchors(19036, 20326), timers), follows: true},
		{name: "follows, 19036 since New Year", state: anchor.Start(rootAnchors(19036), timers), follows: true, until: "2018-01-10"},
		{name: "follows, 20326 pending since 3 Dec", state: anchor.Start(pending, timers), follows: true},
		{name: "static, 38696", state: anchor.Start(rootAnchors(38696), timers), until: "2017-12-31"},
	}
	days := 0
	for i, b := range doc.Bundles {
		records, err := rootkey.Records(b)
		if err != nil {
			t.Fatal(err)
		}
		until := b.Expiration
		if i+1 < len(doc.Bundles) {
			until = doc.Bundles[i+1].Inception
		}
		for at := b.Inception.Add(12 * time.Hour); at.Before(until); at = at.Add(24 * time.Hour) {
			days++
			seen, err := anchor.See(holdfast.Root, records, at)
			if err != nil {
				t.Fatal(err)
			}
			day := at.Format("2006-01-02")
			for _, m := range machines {
				if m.follows {
					m.state, _ = anchor.Observe(m.state, seen, at, timers)
				}
				want := holdfast.Secure
				if m.until != "" && day > m.until || day < m.from {
					want = holdfast.Bogus
				}
				if got := m.state.Standing(seen); got != want {
					t.Errorf("%s, %s: %s, want %s", day, m.name, got, want)
				}
			}
		}
	}
	if days != 101 {
		t.Errorf("%d days were looked at", days)
	}
}

// TestRealResponseAgrees has others verify what we verify: a bundle of the real
// response as a zone of its own, by ldns.
func TestRealResponseAgrees(t *testing.T) {
	needRealData(t)
	ldns, err := exec.LookPath("ldns-verify-zone")
	if err != nil {
		t.Skip("ldns-verify-zone is not installed (ldnsutils)")
	}
	in, err := os.Open(realData + "skr/skr-root-2018-q1-0-d_to_e.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	doc, err := ceremony.Read(in, "skr")
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range doc.Bundles {
		for _, spoil := range []bool{false, true} {
			if spoil {
				b.Signatures[0].Data[100] ^= 1
			}
			records, err := rootkey.Records(b)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := ldnsVerifies(t, ldns, records, b.Inception.Add(time.Hour)), !spoil; got != want {
				t.Errorf("slot %d, spoilt %v: ldns says %v", i+1, spoil, got)
			}
			set, _ := rootkey.SetOf(records, b.Inception, rootkey.Calendar())
			if got, want := len(set.Signers()) == 1, !spoil; got != want {
				t.Errorf("slot %d, spoilt %v: we say %v", i+1, spoil, got)
			}
		}
	}
}

// ldnsVerifies has ldns verify the signature over a DNSKEY RRset. The zone has
// nothing else: what else ldns misses in it is not asked.
func ldnsVerifies(t *testing.T, program string, records []wire.Record, at time.Time) bool {
	t.Helper()
	var zone strings.Builder
	zone.WriteString(". 86400 IN SOA a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 86400\n")
	for _, r := range records {
		zone.WriteString(r.String() + "\n")
	}
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(zone.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	// It also finds the SOA unsigned, and says so by its exit; with the wrong
	// signature it speaks of one that is bogus.
	out, err := exec.Command(program, "-V", "3", "-t", at.Format("20060102150405"), file).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no signatures for .\tSOA") {
		t.Fatalf("ldns-verify-zone: %v: %s", err, out)
	}
	return !strings.Contains(string(out), "ogus")
}

// TestRealRootsJudged serves the apex of the real root zones as it was, asks for
// the root's keys over the lab as over the Internet, and holds what the judges say
// of them against what is known of those days.
func TestRealRootsJudged(t *testing.T) {
	needRealData(t)
	for _, c := range []struct {
		file, at, codes string
		departs         int
	}{
		{"root.zone.2018080200.signed.xz", "2018-08-02T12:00:00Z", "RKR-01", 0},
		{"root.zone.2019010300.signed.xz", "2019-01-03T12:00:00Z", "RKR-06,RKR-01,RKR-07", 0}, // eight days before the revocation of KSK-2010, and 1414 octets
		{"root.zone.2026073102.signed.xz", "2026-08-01T12:00:00Z", "RKR-01", 0},
	} {
		at := instantOf(t, c.at)
		dir := t.TempDir()
		apexTo(t, realData+"root-zone/"+c.file, filepath.Join(dir, "zone"))
		plan, err := lab.Parse(strings.NewReader("clock "+c.at+"\nroot\n  presigned zone\n  ns a.root-servers.net. 198.41.0.4\n"), "lab", os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		clock := lab.NewClock(at, 1e-9)
		internet, err := lab.New(plan, clock)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		w := World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Clock: clock, Dialer: internet, Hints: internet.RootHints(), Vantage: "test"}
		exit, err := AnchorsRoot(t.Context(), w, RootOptions{TrustAnchor: realData + "trust-anchors/root-anchors.xml", JSON: true})
		if err != nil || exit != Healthy {
			t.Fatalf("%s: exit %d, %v\n%s", c.file, exit, err, out.String())
		}
		var got struct{ State holdfast.RootState }
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, f := range got.State.Findings {
			codes = append(codes, f.Code)
		}
		if strings.Join(codes, ",") != c.codes || len(got.State.Departs) != c.departs || got.State.Foreign {
			t.Errorf("%s: %v, departs %v", c.file, codes, got.State.Departs)
		}
	}
}

// apexTo writes the records at the apex of a packed zone to a file: all that the
// root's keys are judged by.
func apexTo(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	text, err := zonefile.Unpack(bufio.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	var apex bytes.Buffer
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) > 3 && f[0] == "." {
			apex.WriteString(lines.Text() + "\n")
		}
	}
	if err := os.WriteFile(to, apex.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

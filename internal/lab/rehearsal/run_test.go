package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// performer names, in the environment, a process of these tests that performs.
const performer = "HOLDFAST_TEST_PERFORMER"

func TestMain(m *testing.M) {
	if os.Getenv(performer) != "" {
		if err := Attend(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// shortRoll is the plain roll with a hold-down of five seconds.
const shortRoll = `play short
title The old key gives way to a new one, in half a minute
about For tests.
clause RFC 5011 section 4.1
timers add 5s remove 5s ttl 2s life 60s query 1s retry 1s

key old ksk ECDSAP256SHA256 anchor
key new ksk ECDSAP256SHA256
key zsk zsk ECDSAP256SHA256

step S0 at 0s publish old,zsk sign old data zsk
  text The old key.
step S1 at 2s publish old,new,zsk sign old data zsk
  text The new key is published.
step S2 at 20s publish old,new,zsk sign new data zsk
  text The new key signs alone.
step S3 at 25s publish old,new,zsk sign old,new revoke old data zsk
  text The old key is revoked.
step S4 at 36s publish new,zsk sign new data zsk
  text The old key is gone.
end 42s
`

func shortPlay(t *testing.T) holdfast.Play {
	t.Helper()
	play, err := Parse(strings.NewReader(shortRoll), "short")
	if err != nil {
		t.Fatal(err)
	}
	return play
}

func hostOf(t *testing.T) Host {
	t.Helper()
	t.Setenv(performer, "1")
	return Host{Program: os.Args[0], Folder: t.TempDir()}
}

// rehearse performs a play, or skips where namespaces cannot be had or none of the
// resolvers is installed.
func rehearse(t *testing.T, host Host, job Job) holdfast.Rehearsal {
	t.Helper()
	for _, name := range job.Resolvers {
		strangers.Need(t, map[string]string{"unbound": "unbound", "bind": "named", "knot": "kresd", "pdns": "pdns_recursor", "unbound-static": "unbound", "dnsmasq": "dnsmasq"}[name])
	}
	r, _, err := host.Perform(t.Context(), job)
	if errors.Is(err, ErrNamespace) {
		strangers.Lack(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// states are the states that a resolver's file or command gave of a key, each once,
// in order.
func states(r holdfast.Rehearsal, actor, source string, tag uint16) []holdfast.KeyState {
	var out []holdfast.KeyState
	for _, s := range r.States {
		if s.Actor != actor || s.Name != source || s.Point == nil {
			continue
		}
		for _, k := range s.Point.Keys {
			if k.Tag == tag && (len(out) == 0 || out[len(out)-1] != k.State) {
				out = append(out, k.State)
			}
		}
	}
	return out
}

// TestPlainRoll: the resolvers that follow RFC 5011 come through a roll, by their
// answers, their state and their signals; one with a static anchor does not. What is
// held is that states are reached, not when: machines are loaded.
func TestPlainRoll(t *testing.T) {
	followers := map[string]string{"unbound": "root.key", "bind": "rndc secroots", "knot": "root.keys"}
	r := rehearse(t, hostOf(t), Job{Play: shortPlay(t), Resolvers: []string{"unbound", "bind", "knot", "unbound-static"}, Clock: Accelerated, Program: "test"})
	if len(r.Actors) != 4 || r.Finished.IsZero() || len(r.Served) < 5 {
		t.Fatalf("%d actors, finished at %s, %d served", len(r.Actors), r.Finished, len(r.Served))
	}
	for actor, source := range followers {
		if got := last(t, r, actor, holdfast.ProbeSigned, ""); !got.AuthenticatedData || got.Rcode != wire.NoError {
			t.Errorf("%s ends with %s, AD %v", actor, wire.RcodeName(got.Rcode), got.AuthenticatedData)
		}
		if got := last(t, r, actor, holdfast.ProbeIs, "new"); got.Rcode != wire.NoError {
			t.Errorf("%s says at the end that the new key is no anchor: %s", actor, wire.RcodeName(got.Rcode))
		}
		if got := last(t, r, actor, holdfast.ProbeIs, "old"); got.Rcode != wire.ServFail {
			t.Errorf("%s says at the end that the old key is an anchor: %s", actor, wire.RcodeName(got.Rcode))
		}
		if got := states(r, actor, source, r.Tags["new"]); !slices.Contains(got, holdfast.KeyValid) {
			t.Errorf("%s: states of the new key %v", actor, got)
		}
		if !slices.ContainsFunc(r.Signals, func(s holdfast.SignalSample) bool { return s.Actor == actor && slices.Contains(s.Tags, r.Tags["new"]) }) {
			t.Errorf("%s: no signal names the new key: %+v", actor, r.Signals)
		}
	}
	if got := states(r, "unbound", "root.key", r.Tags["old"]); !slices.Contains(got, holdfast.KeyRevoked) {
		t.Errorf("unbound: states of the old key %v", got)
	}
	if got := last(t, r, "unbound-static", holdfast.ProbeSigned, ""); got.Rcode != wire.ServFail {
		t.Errorf("unbound-static ends with %s", wire.RcodeName(got.Rcode))
	}
	for _, s := range r.Samples {
		if s.Actor != "unbound-static" && s.Probe == holdfast.ProbeBogus {
			if m, err := wire.Parse(s.Exchange.Reply); err == nil && m.Rcode != wire.ServFail {
				t.Errorf("%s gave a bogus name at %s: %s", s.Actor, s.After, wire.RcodeName(m.Rcode))
			}
		}
	}
	counted(t, r)
}

// counted holds that questions for the root's keys were counted in each step.
func counted(t *testing.T, r holdfast.Rehearsal) {
	t.Helper()
	if len(r.Queries) != len(r.Actors)*len(r.Play.Steps) {
		t.Fatalf("%d counts of questions", len(r.Queries))
	}
	for _, q := range r.Queries {
		if q.Keys == 0 && q.Step == "S1" || q.Keys > q.All {
			t.Errorf("%+v", q)
		}
	}
}

// last is the last message that a resolver gave to a probe.
func last(t *testing.T, r holdfast.Rehearsal, actor string, probe holdfast.Probe, key string) *wire.Message {
	t.Helper()
	var out *wire.Message
	for _, s := range r.Samples {
		if s.Actor == actor && s.Probe == probe && s.Key == key {
			if m, err := wire.Parse(s.Exchange.Reply); err == nil {
				out = m
			}
		}
	}
	if out == nil {
		t.Fatalf("%s never answered %s %s", actor, probe, key)
	}
	return out
}

// TestInterrupted: a play that is broken off leaves what was seen, and nothing else:
// no daemon, no folder.
func TestInterrupted(t *testing.T) {
	strangers.Need(t, "unbound")
	strangers.Need(t, "named")
	t.Setenv("TMPDIR", t.TempDir())
	host := hostOf(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	host.Tell = func(p Progress) {
		if p.After > 3*time.Second {
			cancel()
		}
	}
	_, file, err := host.Perform(ctx, Job{Play: shortPlay(t), Resolvers: []string{"unbound", "bind"}, Clock: Accelerated, Program: "test"})
	if errors.Is(err, ErrNamespace) {
		strangers.Lack(t, "%v", err)
	}
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended with %v", err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, err := Read(in, file)
	if err != nil || len(r.Samples) == 0 || !r.Finished.IsZero() || len(r.Actors) != 2 {
		t.Errorf("of what was seen: %d samples of %d actors, finished at %s: %v", len(r.Samples), len(r.Actors), r.Finished, err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if left := processesOf(t, os.TempDir()); len(left) != 0 {
		t.Errorf("still running: %q", left)
	}
}

// processesOf are the command lines that speak of a folder.
func processesOf(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(folder+"/")) {
			out = append(out, string(text))
		}
	}
	return out
}

// TestNobodyPlays: where no resolver is installed, that is said.
func TestNobodyPlays(t *testing.T) {
	if _, err := resolvers.Select([]string{"unbound", "windows"}); err == nil {
		t.Error("a resolver that is not known was selected")
	}
	if _, err := resolvers.Find("no-such-resolver"); !errors.Is(err, resolvers.ErrMissing) {
		t.Errorf("a program that is not there: %v", err)
	}
}

// TestAttendRefuses: it performs in a namespace only.
func TestAttendRefuses(t *testing.T) {
	for _, text := range []string{"", "{", `{"play":{}}` + "\n"} {
		if err := Attend(t.Context(), strings.NewReader(text), &bytes.Buffer{}); err == nil {
			t.Errorf("%q was attended", text)
		}
	}
}

package resolvers_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
	"github.com/holdfastdns/holdfast/internal/measure/anchor"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const world = `
root
  ns a.root-servers.lab. 10.53.0.10
  ttl default 4s dnskey 4s ns 4s ds 4s; validity 600s resign 60s
  key old ksk RSASHA256; key zsk zsk RSASHA256
  keys publish old,zsk sign old data zsk
zone lab.
  ns ns1.lab. 10.53.0.11
  ttl default 4s dnskey 4s
  record www A 192.0.2.80
zone insecure.lab.
  ns ns1.insecure.lab. 10.53.0.11
  unsigned
  record www A 192.0.2.83
zone bogus.lab.
  ns ns1.bogus.lab. 10.53.0.11
  record www A 192.0.2.84
fault * break A bogus.lab.
`

func served(t *testing.T) *lab.Internet {
	t.Helper()
	plan, err := lab.Parse(strings.NewReader(world), "world", nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.Start = time.Now().UTC().Truncate(time.Second)
	in, err := lab.New(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	strangers.Serve(t, func(ctx context.Context, ready func()) error {
		return in.Serve(ctx, lab.ServeConfig{Everywhere: true, Ready: func(map[netip.Addr]netip.AddrPort) { ready() }})
	})
	return in
}

func address(last byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 53, 0, last}), 5300)
}

// TestAll holds that every resolver that is installed, set up with the timers of a
// play, validates over a lab, and tells its anchors where it can.
func TestAll(t *testing.T) {
	addresses := []netip.Addr{address(19).Addr()}
	for i := range resolvers.All() {
		addresses = append(addresses, address(byte(20+i)).Addr())
	}
	if !strangers.InNamespace(t, 2*time.Minute, addresses...) {
		return
	}
	in := served(t)
	dir := t.TempDir()
	hints := filepath.Join(dir, "hints")
	if err := os.WriteFile(hints, []byte(in.RootHintsFile()), 0o644); err != nil {
		t.Fatal(err)
	}
	key, err := in.Key(holdfast.Root, "old")
	if err != nil {
		t.Fatal(err)
	}
	asker, err := ask.New(ask.Config{Rate: -1, UDPTries: 1, UDPWait: holdfast.Duration(500 * time.Millisecond)}, ask.System{}, in.Clock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asker.Close() })
	names := anchor.Names{
		Signed: "www.lab.", Unsigned: "www.insecure.lab.", Bogus: "www.bogus.lab.", Sentinel: "lab.", Root: true,
		Keys: []anchor.Key{{Name: "old", Tag: key.KeyTag()}},
	}
	start := func(t *testing.T, s resolvers.Software, last byte) *resolvers.Daemon {
		if why := s.Actor(t.Context()).Skipped; why != "" {
			strangers.Need(t, strings.TrimSuffix(strings.Fields(why)[0], ":"))
		}
		d, err := resolvers.New(s, resolvers.Setting{
			Folder: t.TempDir(), At: address(last), Hints: hints, Upstream: address(19),
			Anchors: []wire.Record{wire.NewDNSKEY(holdfast.Root, 4, key)},
			Timers:  holdfast.Timers{Add: 5 * time.Second, Remove: 5 * time.Second, TTL: 4 * time.Second, Query: time.Second, Retry: time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Stop(); err != nil {
				t.Error(err)
			}
			if t.Failed() {
				t.Logf("%s\nlog:\n%s", d.Config(), d.Log(5000))
			}
		})
		if err := d.Start(); err != nil {
			t.Fatal(err)
		}
		return d
	}
	start(t, resolvers.Carrier(), 19)
	for i, s := range resolvers.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			last := byte(20 + i)
			d := start(t, s, last)
			looks(t, asker, anchor.Resolver{Server: holdfast.Server{Name: holdfast.Name(s.Name), Address: address(last).Addr()}, Port: 5300}, names)
			if actor := s.Actor(t.Context()); actor.Version == "" || actor.Software != s.Title {
				t.Errorf("it says of itself %+v", actor)
			}
			states := d.States(t.Context())
			for _, state := range states {
				t.Logf("%s:\n%s", state.Name, state.Text)
			}
			if len(states) == 0 || !strings.Contains(states[len(states)-1].Text, strconv.Itoa(int(key.KeyTag()))) {
				t.Errorf("its states do not name the key %d", key.KeyTag())
			}
		})
	}
}

// looks asks until the signed name is authentic, and holds what the rest shows.
func looks(t *testing.T, asker *ask.Asker, r anchor.Resolver, names anchor.Names) {
	t.Helper()
	var seen map[holdfast.Probe]string
	for range 100 {
		seen = map[holdfast.Probe]string{}
		for _, s := range anchor.Look(t.Context(), asker, r, names) {
			m, err := wire.Parse(s.Exchange.Reply)
			if err != nil {
				seen[s.Probe] = string(s.Exchange.Outcome)
				continue
			}
			seen[s.Probe] = wire.RcodeName(m.Rcode)
			if m.AuthenticatedData {
				seen[s.Probe] += " AD"
			}
		}
		if seen[holdfast.ProbeSigned] == "NOERROR AD" && seen[holdfast.ProbeBogus] == "SERVFAIL" {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("it does not validate: %v", seen)
}

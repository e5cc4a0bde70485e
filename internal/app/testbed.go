package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/desk/testbed"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/authority"
	"github.com/holdfastdns/holdfast/internal/tell/web"
)

// TestbedConfig is the section [testbed]: a public test bed for trust anchors,
// which `holdfast testbed serve` runs.
type TestbedConfig struct {
	// Zone is the name of the test bed's own zone, which the zone above it
	// delegates to the servers. Without it there is no test bed.
	Zone string `toml:"zone"`
	// Servers are its name servers, each with its addresses where its name
	// lies within the zone: "ns1.bed.example 192.0.2.53 2001:db8::53".
	Servers []string `toml:"servers"`
	// Web are the addresses of the page: those of all names of the tests.
	Web []string `toml:"web"`
	// Names is how a browser reaches those names: "http://*" or "https://*",
	// with a port where it is not the usual one. "http://*" where empty. With
	// https one certificate has to be good for *.sentinel.ZONE.
	Names string `toml:"names"`
	// Contact is the mail address in the zones' SOA. hostmaster@ZONE where
	// empty.
	Contact string `toml:"contact"`
	// Keys is the directory of the keys that `holdfast testbed init` makes.
	// "testbed-keys" where empty.
	Keys string `toml:"keys"`
	// TTL of the zones' records. "60s" where zero.
	TTL holdfast.Duration `toml:"ttl"`
	// Proxied says that the page stands behind a proxy that tells in
	// X-Forwarded-For who the visitor is.
	Proxied bool `toml:"proxied"`

	DNS   authority.Config `toml:"dns"`
	Zones testbed.Config   `toml:"zones"`
}

// check says what is wrong with the section, where there is one.
func (c TestbedConfig) check() error {
	if c.Zone == "" {
		return nil
	}
	_, err := c.plan(nil)
	_, _, nameErr := c.names()
	errs := []error{err, nameErr, c.DNS.Check(), c.Zones.Check()}
	if c.TTL < 0 || c.TTL.Of() > 24*time.Hour {
		errs = append(errs, errors.New("testbed.ttl: want a day at most"))
	}
	return errors.Join(errs...)
}

// plan is what the name server's own zones are made of.
func (c TestbedConfig) plan(keys *authority.KeyFiles) (authority.Testbed, error) {
	zone, err := holdfast.ParseName(c.Zone)
	if err != nil {
		return authority.Testbed{}, fmt.Errorf("testbed.zone: %w", err)
	}
	t := authority.Testbed{Base: zone, TTL: uint32(c.TTL.Of() / time.Second), Serial: 1}
	if keys != nil {
		t.Key = keys.Key
	}
	for _, text := range c.Servers {
		host, err := readHost(text)
		if err != nil {
			return t, fmt.Errorf("testbed.servers: %q: %w", text, err)
		}
		t.Servers = append(t.Servers, host)
	}
	for _, text := range c.Web {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return t, fmt.Errorf("testbed.web: %w", err)
		}
		t.Web = append(t.Web, addr)
	}
	t.Contact = holdfast.Name("hostmaster." + string(zone))
	if c.Contact != "" {
		if t.Contact, err = rnameOf(c.Contact); err != nil {
			return t, fmt.Errorf("testbed.contact: %w", err)
		}
	}
	if err := t.Check(); err != nil {
		return t, fmt.Errorf("testbed: %w", err)
	}
	return t, nil
}

func readHost(text string) (authority.Host, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return authority.Host{}, errors.New("want a name and addresses")
	}
	name, err := holdfast.ParseName(words[0])
	if err != nil {
		return authority.Host{}, err
	}
	host := authority.Host{Name: name}
	for _, word := range words[1:] {
		addr, err := netip.ParseAddr(word)
		if err != nil {
			return host, err
		}
		host.Addresses = append(host.Addresses, addr)
	}
	return host, nil
}

// rnameOf writes a mail address as an RNAME has it (RFC 1035 section 8).
func rnameOf(address string) (holdfast.Name, error) {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || strings.ContainsAny(local, `.\ `) {
		return "", fmt.Errorf("%q: want an address such as hostmaster@example.org, with no dot before the @", address)
	}
	return holdfast.ParseName(local + "." + domain)
}

// names is how browsers reach the names of the tests.
func (c TestbedConfig) names() (scheme, port string, err error) {
	if c.Names == "" {
		return "http", "", nil
	}
	u, err := url.Parse(strings.Replace(c.Names, "*", "any", 1))
	if err != nil || u.Hostname() != "any" || u.Path != "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", "", fmt.Errorf("testbed.names is %q: want \"http://*\" or \"https://*\", with a port where it needs one", c.Names)
	}
	return u.Scheme, u.Port(), nil
}

func (c TestbedConfig) keys() *authority.KeyFiles {
	return &authority.KeyFiles{Dir: orDefault(c.Keys, "testbed-keys")}
}

// TestbedOptions are those of the commands about the test bed.
type TestbedOptions struct {
	Config string
	JSON   bool
}

// config reads the configuration and wants a test bed in it.
func (o TestbedOptions) config() (Config, error) {
	config, err := LoadConfig(o.Config)
	if err == nil && config.Testbed.Zone == "" {
		err = advise(errors.New("there is no test bed"), "Set testbed.zone, testbed.servers and testbed.web in the configuration: `holdfast config example` shows them.")
	}
	return config, err
}

// TestbedInit makes the keys that are missing and says what the zone above the
// test bed has to publish.
func TestbedInit(w World, o TestbedOptions) error {
	config, err := o.config()
	if err != nil {
		return err
	}
	keys := config.Testbed.keys()
	plan, err := config.Testbed.plan(keys)
	if err != nil {
		return err
	}
	made, err := keys.Create(plan.Base, authority.Roles())
	if err != nil {
		return err
	}
	slices.Sort(made)
	delegation, err := plan.Delegation()
	if err != nil {
		return err
	}
	if o.JSON {
		return writeJSON(w.Stdout, map[string]any{"zone": plan.Base, "keys": keys.Dir, "made": made, "delegation": strings.Split(strings.TrimSpace(delegation), "\n")})
	}
	if len(made) > 0 {
		fmt.Fprintf(w.Stderr, "made %d keys in %s\n", len(made), keys.Dir)
	} else {
		fmt.Fprintf(w.Stderr, "all keys are in %s already\n", keys.Dir)
	}
	fmt.Fprintf(w.Stdout, "; what %s has to publish\n%s", plan.Base.Parent(), delegation)
	return nil
}

// TestbedServe answers for the test bed's names and serves its pages until
// the context ends.
func TestbedServe(ctx context.Context, w World, o TestbedOptions) (Exit, error) {
	config, err := o.config()
	if err != nil {
		return Unworked, err
	}
	plan, err := config.Testbed.plan(config.Testbed.keys())
	if err != nil {
		return Unworked, err
	}
	own, err := plan.Zones()
	if errors.Is(err, authority.ErrNoKey) {
		return Unworked, advise(err, "`holdfast testbed init --config %s` makes the keys. If they were there before, look at testbed.keys first: new keys want a new DS in the zone above.", o.Config)
	}
	if err != nil {
		return Unworked, err
	}
	r, err := openRecord(ctx, config.Database)
	if err != nil {
		return Unworked, err
	}
	defer r.Close()
	unlock, err := lockRecord(config.Database)
	if err != nil {
		return Unworked, err
	}
	defer unlock()
	bed := &bed{world: w, config: config, plan: plan, record: r}
	if err := bed.run(ctx, own); err != nil {
		return Unworked, err
	}
	return Healthy, nil
}

// bed is a test bed while it is served.
type bed struct {
	world  World
	config Config
	plan   authority.Testbed
	record *record.Record
}

func (b *bed) run(ctx context.Context, own []authority.Zone) error {
	log := logger(b.world.Stderr)
	host := testbed.Host{Base: b.plan.Base, Mailbox: b.plan.Contact}
	for _, s := range b.plan.Servers {
		host.Servers = append(host.Servers, s.Name)
	}
	f, err := newFactory(ctx, b.world, b.config.Testbed.Zones, host, b.config.Notify, b.record, log)
	if err != nil {
		return err
	}
	dns := b.config.Testbed.DNS
	runs := authority.NewRuns(b.plan.Base)
	dns.Log = log
	dns.Observe = func(q authority.Asked) {
		runs.Saw(q)
		f.saw(q)
	}
	server := authority.New(dns, b.world.Clock)
	server.SetZones(own)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.run(ctx, server.SetFactory) })
	group.Go(func() error {
		return server.Run(ctx, func(at []netip.AddrPort) {
			fmt.Fprintf(b.world.Stderr, "%s is answered for on %s\n", b.plan.Base, joined(at))
		})
	})
	group.Go(func() error { return b.sumUp(ctx, server.Counts(), log) })
	if b.config.Web.listen() != "off" {
		if err := b.serve(ctx, group, f, runs); err != nil {
			return err
		}
	}
	return group.Wait()
}

// sumUp says each hour what the name server has done since it began.
func (b *bed) sumUp(ctx context.Context, c *authority.Counts, log *slog.Logger) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.world.Clock.After(time.Hour):
			log.Info("name server", "udp", c.UDP.Load(), "tcp", c.TCP.Load(), "answers", c.Fine.Load(), "absent", c.Absent.Load(), "refused", c.Refused.Load(), "others", c.Others.Load(),
				"made", c.Made.Load(), "truncated", c.Truncated.Load(), "held", c.Held.Load(), "slipped", c.Slipped.Load(), "unsigned", c.Busy.Load(), "failed", c.Failed.Load(), "ignored", c.Ignored.Load(), "turned_away", c.Turned.Load())
		}
	}
}

// serve opens the page's port and serves it within the group.
func (b *bed) serve(ctx context.Context, group *errgroup.Group, f *factory, runs *authority.Runs) error {
	sentinel, err := b.sentinel(runs)
	if err != nil {
		return err
	}
	listener, err := listenWeb(b.config.Web.listen())
	if err != nil {
		return err
	}
	token, err := b.config.Web.token()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	pages := site{record: b.record, clock: b.world.Clock, log: logger(b.world.Stderr), token: token, stale: 365 * 24 * time.Hour, adjust: func(c *web.Config) {
		f.adjust(c)
		c.Proxied, c.TestbedOnly, c.Sentinel = b.config.Testbed.Proxied, true, sentinel
	}}
	fmt.Fprintf(b.world.Stderr, "the page is on http://%s/\n", listener.Addr())
	group.Go(func() error { return serveHTTP(ctx, listener, pages.handler()) })
	return nil
}

func joined(at []netip.AddrPort) string {
	var out []string
	for _, a := range at {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}

// TestbedZone prints a zone of the test bed's own as it is served now, for
// other programs to verify. Of one whose denial is made for each question there
// is no such form.
func TestbedZone(w World, o TestbedOptions, name string) error {
	config, err := o.config()
	if err != nil {
		return err
	}
	zone, err := holdfast.ParseName(name)
	if err != nil {
		return err
	}
	plan, err := config.Testbed.plan(config.Testbed.keys())
	if err != nil {
		return err
	}
	zones, err := plan.Zones()
	if err != nil {
		return err
	}
	server := authority.New(config.Testbed.DNS, w.Clock)
	server.SetZones(zones)
	records, err := server.Export(zone)
	if err != nil {
		return err
	}
	for _, r := range records {
		if _, err := fmt.Fprintln(w.Stdout, r); err != nil {
			return err
		}
	}
	return nil
}

// testName is a name of the test bed, and what is due from a resolver that
// validates as the RFCs have it.
type testName struct {
	Name   holdfast.Name `json:"name"`
	Expect string        `json:"expect"`
	Tests  string        `json:"tests"`
}

// TestbedNames lists the names that people ask their resolvers for.
func TestbedNames(w World, o TestbedOptions) error {
	config, err := o.config()
	if err != nil {
		return err
	}
	plan, err := config.Testbed.plan(nil)
	if err != nil {
		return err
	}
	sentinel := authority.SentinelZone(plan.Base)
	names := []testName{
		{authority.InsecureZone(plan.Base), "answer without AD", "control: not signed"},
		{"signed." + sentinel, "answer with AD", "control: signed"},
		{"bogus." + sentinel, "SERVFAIL", "control: a signature that is wrong"},
		{"expired." + sentinel, "SERVFAIL", "control: a signature that has expired"},
		{"unsigned." + sentinel, "SERVFAIL", "control: a signature that is missing"},
	}
	calendar, err := config.calendar()
	if err != nil {
		return err
	}
	keys, _, _ := sentinelKeys(calendar)
	for _, k := range keys {
		names = append(names,
			testName{authority.SentinelName(true, k.Tag, sentinel), "SERVFAIL unless " + k.Name + " is trusted", "root key (RFC 8509); any tag of five digits will do"},
			testName{authority.SentinelName(false, k.Tag, sentinel), "SERVFAIL if " + k.Name + " is trusted", "root key (RFC 8509); any tag of five digits will do"})
	}
	for _, s := range authority.Supports() {
		zone := holdfast.Name(s.Label() + "." + string(plan.Base))
		about := fmt.Sprintf("algorithm %d, DS digest %d, %s", s.Algorithm, s.Digest, map[authority.Denial]string{authority.NSEC: "NSEC", authority.NSEC3: "NSEC3"}[s.Denial])
		names = append(names, testName{"secure." + zone, "answer with AD", about}, testName{"bogus." + zone, "SERVFAIL", about})
	}
	if o.JSON {
		return writeJSON(w.Stdout, names)
	}
	table := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tA VALIDATOR GIVES\tWHAT IS TESTED")
	for _, n := range names {
		fmt.Fprintf(table, "%s\t%s\t%s\n", n.Name.Short(), n.Expect, n.Tests)
	}
	return table.Flush()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/strangers"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// tester is a resolver that was set up by the lines of a zone's page.
type tester struct{ strangers.Resolver }

// status asks for a zone's SOA: AD is secure, SERVFAIL bogus, unless it fails
// with CD too. That, and a resolver that does not answer in time, as while it
// starts, is indeterminate: it says nothing of validation.
func (r tester) status(ctx context.Context, zone string) holdfast.Status {
	m, err := r.ask(ctx, zone, false)
	switch {
	case err != nil:
		return holdfast.Indeterminate
	case m.Rcode == wire.ServFail:
		if again, err := r.ask(ctx, zone, true); err != nil || again.Rcode == wire.ServFail {
			return holdfast.Indeterminate
		}
		return holdfast.Bogus
	case m.Rcode == wire.NoError && m.AuthenticatedData:
		return holdfast.Secure
	}
	return holdfast.Insecure
}

func (r tester) ask(ctx context.Context, zone string, cd bool) (*wire.Message, error) {
	query := wire.NewQuery(uint16(time.Now().UnixNano()), holdfast.Question{Name: holdfast.Name(zone + "."), Type: uint16(wire.TypeSOA)})
	query.RecursionDesired, query.AuthenticatedData, query.CheckingDisabled = true, true, cd
	packet, err := query.Pack()
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "udp", r.At.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	reply := make([]byte, 4096)
	n, err := conn.Read(reply)
	if err != nil {
		return nil, err
	}
	m, err := wire.Parse(reply[:n])
	if err == nil && !m.Matches(query) {
		err = errors.New("the reply is to another question")
	}
	return m, err
}

// paste writes the files of a recipe into a folder, in place of those that they
// name, and answers what is to be added to the configuration.
func (b *testBed) paste(dir string, files map[string]string, folder, config string) string {
	b.t.Helper()
	added := ""
	for path, text := range files {
		text = strings.ReplaceAll(text, folder, dir)
		switch {
		case strings.HasSuffix(path, config):
			added = text
		case strings.HasPrefix(path, folder):
			if err := os.WriteFile(strings.Replace(path, folder, dir, 1), []byte(text), 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	if added == "" {
		b.t.Fatalf("the recipe has nothing for %s: %v", config, files)
	}
	return added
}

func (b *testBed) write(path, text string) string {
	b.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// startUnbound runs an Unbound that trusts the test bed's own zone, as the DS in
// the zone above makes others trust it, and what is added.
func (b *testBed) startUnbound(at netip.Addr, dir, added string) tester {
	return b.startUnboundOf("validator iterator", at, dir, added)
}

func (b *testBed) startUnboundOf(modules string, at netip.Addr, dir, added string) tester {
	b.t.Helper()
	strangers.Daemon(b.t, "unbound", "-d", "-c", b.write(filepath.Join(dir, "unbound.conf"), fmt.Sprintf(`server:
    interface: %s
    outgoing-interface: %s
    access-control: 10.53.0.0/16 allow
    do-daemonize: no
    num-threads: 1
    username: ""
    chroot: ""
    directory: %q
    pidfile: ""
    use-syslog: no
    logfile: ""
    do-ip6: no
    module-config: %q
    trust-anchor: %q
    val-bogus-ttl: 1
    val-log-level: 2
stub-zone:
    name: "bed.example"
    stub-addr: %s
remote-control:
    control-enable: no
%s`, at, at, dir, modules, b.parent, bedServer, added)))
	return tester{strangers.Resolver{Name: "unbound " + at.String(), At: netip.AddrPortFrom(at, 53)}}
}

// validator is one that was not given the zone's key, or holds it fast.
func (b *testBed) validator(at netip.Addr, added string) tester {
	if added != "" {
		added = "server:\n    " + added
	}
	return b.startUnbound(at, b.t.TempDir(), added)
}

func (b *testBed) unbound(at netip.Addr, page, zone string) tester {
	dir := b.t.TempDir()
	files := b.recipe(page, "Unbound")
	return b.startUnbound(at, dir, b.paste(dir, files, "/var/lib/unbound", zone+".conf"))
}

func (b *testBed) bind(at netip.Addr, page, zone string) tester {
	dir := b.t.TempDir()
	files := b.recipe(page, "BIND")
	config := b.write(filepath.Join(dir, "named.conf"), fmt.Sprintf(`options {
    directory %q;
    listen-on { %s; };
    listen-on-v6 { none; };
    query-source address %s;
    pid-file none;
    session-keyfile none;
    dnssec-validation yes;
    recursion yes;
    allow-query { any; };
    servfail-ttl 0;
    max-cache-ttl 2;
};
controls { };
zone "bed.example" { type static-stub; server-addresses { %s; }; };
%s
%s`, dir, at, at, bedServer, b.bindAnchor(), b.paste(dir, files, dir, "named.conf")))
	flags := strings.Fields(files["named's command line, added to the flags it has"])
	strangers.Daemon(b.t, "named", append([]string{"-f", "-c", config}, flags...)...)
	return tester{strangers.Resolver{Name: "bind", At: netip.AddrPortFrom(at, 53)}}
}

// bindAnchor is the DS of the test bed's own zone for BIND.
func (b *testBed) bindAnchor() string {
	_, data, _ := strings.Cut(b.parent, "DS")
	fields := strings.Fields(data)
	return fmt.Sprintf("trust-anchors { bed.example. static-ds %s %s %s \"%s\"; };", fields[0], fields[1], fields[2], strings.Join(fields[3:], ""))
}

// kresd validates what another one carries to it: it knows no stub zones that
// it validates.
func (b *testBed) kresd(at, carrier netip.Addr, page, zone string) tester {
	b.startUnboundOf("iterator", carrier, b.t.TempDir(), "")
	dir := b.t.TempDir()
	files := b.recipe(page, "Knot Resolver 5")
	config := b.write(filepath.Join(dir, "kresd.conf"), fmt.Sprintf(`net.listen('%s', 53)
net.outgoing_v4('%s')
net.ipv6 = false
trust_anchors.remove('.')
modules = { 'policy' }
modules.unload('priming')
modules.unload('detect_time_skew')
cache.size = 10*MB
cache.min_ttl(0)
cache.max_ttl(2)
trust_anchors.add(%q)
policy.add(policy.all(policy.FORWARD('%s')))
%s`, at, at, b.parent, carrier, b.paste(dir, files, "/var/lib/knot-resolver", "kresd.conf")))
	strangers.Daemon(b.t, "kresd", "-n", "-c", config, dir)
	return tester{strangers.Resolver{Name: "kresd", At: netip.AddrPortFrom(at, 53)}}
}

package resolvers

import (
	"fmt"
	"strings"
)

func knot() Software {
	return Software{
		Name: "knot", Title: "Knot Resolver", Package: "knot-resolver", Follows: true,
		programs: []string{"kresd"}, version: []string{"--version"}, setup: setKnot,
		states: func(s Setting) []source { return []source{{name: "root.keys", file: s.path("run/root.keys")}} },
	}
}

const knotConfig = `net.listen(%q, %d)
net.outgoing_v4(%q)
net.ipv6 = false
log_level('info')
cache.size = 10*MB
modules = { 'hints > iterate' }
hints.root_file(%q)
-- What it was built with is not to be trusted here.
trust_anchors.remove('.')
modules.load('ta_update')
`

func setKnot(s Setting, programs map[string]string) setup {
	text := fmt.Sprintf(knotConfig, s.At.Addr(), s.At.Port(), s.At.Addr(), s.Hints)
	if !s.Usual {
		text += fmt.Sprintf("cache.min_ttl(0)\ncache.max_ttl(%d)\nta_update.hold_down_time = %d*sec\nta_update.refresh_time = %d*sec\nta_update.keep_removed = 1\n",
			s.cacheSeconds(), ceil(s.Timers.Add), ceil(max(s.Timers.Query, s.Timers.TTL/2)))
	}
	text += fmt.Sprintf("trust_anchors.add_file(%q)\n", s.path("run/root.keys"))
	return setup{
		config: "kresd.conf", state: []string{"run/root.keys"}, cache: []string{"data.mdb", "lock.mdb"},
		files: map[string]string{"kresd.conf": text, "run/root.keys": s.keys()},
		args:  []string{programs["kresd"], "-n", "-c", s.path("kresd.conf"), s.Folder},
	}
}

func pdns() Software {
	return Software{
		Name: "pdns", Title: "PowerDNS Recursor", Package: "pdns-recursor",
		programs: []string{"pdns_recursor", "rec_control"}, version: []string{"--version"}, setup: setPDNS,
		states: func(s Setting) []source {
			return []source{{name: "rec_control get-tas", command: []string{"rec_control", "--socket-dir=" + s.path("run"), "--config-dir=" + s.Folder, "get-tas"}}}
		},
	}
}

const pdnsConfig = `daemon=no
local-address=%s
query-local-address=%s
dnssec=validate
dont-query=
allow-from=0.0.0.0/0
hint-file=%s
lua-config-file=%s
allow-trust-anchor-query=yes
socket-dir=%s
config-dir=%s
threads=1
write-pid=no
disable-syslog=yes
loglevel=5
security-poll-suffix=
`

func setPDNS(s Setting, programs map[string]string) setup {
	text := fmt.Sprintf(pdnsConfig, s.At, s.At.Addr(), s.Hints, s.path("anchors.lua"), s.path("run"), s.Folder)
	if !s.Usual {
		text += fmt.Sprintf("max-cache-ttl=%d\nmax-cache-bogus-ttl=1\nmax-negative-ttl=1\npacketcache-ttl=1\npacketcache-servfail-ttl=1\n", s.cacheSeconds())
	}
	anchors := "clearTA(\".\")\n"
	for _, ds := range s.digests() {
		anchors += fmt.Sprintf("addTA(\".\", %q)\n", ds)
	}
	return setup{
		config: "recursor.conf",
		files:  map[string]string{"recursor.conf": text, "anchors.lua": anchors},
		args:   []string{programs["pdns_recursor"], "--config-dir=" + s.Folder},
	}
}

func dnsmasq() Software {
	return Software{
		Name: "dnsmasq", Title: "dnsmasq", Package: "dnsmasq-base", Forwards: true,
		programs: []string{"dnsmasq"}, version: []string{"-v"}, setup: setDnsmasq,
		states: func(s Setting) []source { return []source{{name: "dnsmasq.conf", file: s.path("dnsmasq.conf")}} },
	}
}

const dnsmasqConfig = `no-resolv
no-hosts
no-poll
user=root
pid-file=
log-facility=-
bind-interfaces
listen-address=%s
port=%d
server=%s#%d@%s
cache-size=150
dnssec
`

func setDnsmasq(s Setting, programs map[string]string) setup {
	text := fmt.Sprintf(dnsmasqConfig, s.At.Addr(), s.At.Port(), s.Upstream.Addr(), s.Upstream.Port(), s.At.Addr())
	if !s.Usual {
		text += fmt.Sprintf("max-cache-ttl=%d\nneg-ttl=1\n", s.cacheSeconds())
	}
	for _, ds := range s.digests() {
		text += "trust-anchor=.," + strings.ReplaceAll(ds, " ", ",") + "\n"
	}
	return setup{
		config: "dnsmasq.conf", files: map[string]string{"dnsmasq.conf": text},
		args: []string{programs["dnsmasq"], "--keep-in-foreground", "--conf-file=" + s.path("dnsmasq.conf")},
	}
}

package resolvers

import (
	"fmt"
	"strings"
)

func dnsmasq() Software {
	return Software{
		Name: "dnsmasq", Title: "dnsmasq", Package: "dnsmasq-base", Forwards: true,
		programs: []string{"dnsmasq"}, version: []string{"-v"}, setup: setDnsmasq,
		states: func(s Setting) []source { return []source{{name: "dnsmasq.conf", file: s.path("dnsmasq.conf")}} },
	}
}

// dnsmasqConfig says nothing of a user: dnsmasq gives up its groups, which nobody
// may in a user namespace, unless it is told not to be a daemon at all.
const dnsmasqConfig = `no-resolv
no-hosts
no-poll
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
		args: []string{programs["dnsmasq"], "--no-daemon", "--conf-file=" + s.path("dnsmasq.conf")},
	}
}

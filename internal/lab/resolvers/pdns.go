package resolvers

import "fmt"

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

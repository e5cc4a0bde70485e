package resolvers

import "fmt"

func knot() Software {
	return Software{
		Name: "knot", Title: "Knot Resolver", Package: "knot-resolver", Follows: true,
		programs: []string{"kresd"}, version: []string{"--version"}, setup: setKnot, bootstrap: bootstrapKnot,
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
	if s.Bootstrap.CA != "" {
		text += fmt.Sprintf("trust_anchors.bootstrap_url = %q\ntrust_anchors.bootstrap_ca = %q\n", s.Bootstrap.url(), s.Bootstrap.CA)
	}
	text += fmt.Sprintf("trust_anchors.add_file(%q)\n", s.path("run/root.keys"))
	return setup{
		config: "kresd.conf", state: []string{"run/root.keys"}, cache: []string{"data.mdb", "lock.mdb"},
		files: map[string]string{"kresd.conf": text, "run/root.keys": s.keys()},
		args:  []string{programs["kresd"], "-n", "-c", s.path("kresd.conf"), s.Folder},
	}
}

package resolvers

import (
	"fmt"
	"strings"
)

func unbound() Software {
	return Software{
		Name: "unbound", Title: "Unbound", Package: "unbound", Follows: true,
		programs: []string{"unbound"}, version: []string{"-V"}, setup: setUnbound, bootstrap: bootstrapUnbound,
		states: func(s Setting) []source {
			return []source{{name: "root.key", file: s.path("run/root.key"), fleeting: []string{";;last_", ";;next_probe", ";;query_", ";;retry_"}}}
		},
	}
}

func unboundStatic() Software {
	return Software{
		Name: "unbound-static", Title: "Unbound", Package: "unbound",
		programs: []string{"unbound"}, version: []string{"-V"}, setup: setUnboundStatic,
		states: func(s Setting) []source { return []source{{name: "root.ds", file: s.path("root.ds")}} },
	}
}

// Carrier is a resolver that validates nothing and is no actor: those that forward
// ask it, so that what they make of the answers is their own doing.
func Carrier() Software {
	carrier := unboundStatic()
	carrier.Name = "carrier"
	carrier.setup = func(s Setting, programs map[string]string) setup {
		out := setUnboundStatic(s, programs)
		out.files["unbound.conf"] = strings.Replace(s.unboundConfig(), `"validator iterator"`, `"iterator"`, 1) + unboundRest
		return out
	}
	return carrier
}

const unboundConfig = `server:
  interface: %s@%d
  outgoing-interface: %s
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  do-daemonize: no
  num-threads: 1
  username: ""
  chroot: ""
  directory: %q
  pidfile: ""
  use-syslog: no
  logfile: ""
  log-time-ascii: yes
  verbosity: 1
  val-log-level: 2
  root-hints: %q
  module-config: "validator iterator"
  trust-anchor-signaling: yes
  root-key-sentinel: yes
`

const unboundRest = `remote-control:
  control-enable: no
`

func (s Setting) unboundConfig() string {
	text := fmt.Sprintf(unboundConfig, s.At.Addr(), s.At.Port(), s.At.Addr(), s.Folder, s.Hints)
	if !s.Usual {
		text += fmt.Sprintf("  cache-max-ttl: %d\n  cache-max-negative-ttl: 1\n  val-bogus-ttl: 1\n  infra-host-ttl: 5\n", s.cacheSeconds())
	}
	return text
}

// setUnbound: below a day Unbound refuses hold-downs unless permit-small-holddown
// is set, which also makes it ask as often as the TTL wants.
func setUnbound(s Setting, programs map[string]string) setup {
	text := s.unboundConfig() + fmt.Sprintf("  auto-trust-anchor-file: %q\n", s.path("run/root.key"))
	if !s.Usual {
		text += fmt.Sprintf("  permit-small-holddown: yes\n  add-holddown: %d\n  del-holddown: %d\n", ceil(s.Timers.Add), ceil(s.Timers.Remove))
	}
	return setup{
		config: "unbound.conf", state: []string{"run/root.key"},
		files: map[string]string{"unbound.conf": text + unboundRest, "run/root.key": s.keys()},
		args:  []string{programs["unbound"], "-d", "-c", s.path("unbound.conf")},
	}
}

func setUnboundStatic(s Setting, programs map[string]string) setup {
	var anchors strings.Builder
	for _, ds := range s.digests() {
		fmt.Fprintln(&anchors, ". 172800 IN DS", ds)
	}
	text := s.unboundConfig() + fmt.Sprintf("  trust-anchor-file: %q\n", s.path("root.ds"))
	return setup{
		config: "unbound.conf",
		files:  map[string]string{"unbound.conf": text + unboundRest, "root.ds": anchors.String()},
		args:   []string{programs["unbound"], "-d", "-c", s.path("unbound.conf")},
	}
}

package resolvers

import (
	"fmt"
	"strings"
)

// PlainUnbound is Unbound with a static anchor that validates and does nothing
// else, for those who compare verdicts: it signals nothing, knows no sentinels, and
// makes up no answers from the proofs of others. The world of a test may have a zone
// test., which Unbound answers for itself otherwise.
func PlainUnbound() Software {
	plain := unboundStatic()
	plain.setup = func(s Setting, programs map[string]string) setup {
		out := setUnboundStatic(s, programs)
		text := strings.NewReplacer("trust-anchor-signaling: yes", "trust-anchor-signaling: no", "root-key-sentinel: yes", "root-key-sentinel: no",
			unboundRest, "  do-not-query-localhost: no\n  aggressive-nsec: no\n  local-zone: \"test.\" nodefault\n"+unboundRest).Replace(out.files["unbound.conf"])
		out.files["unbound.conf"] = text
		return out
	}
	return plain
}

const plainKnotConfig = `net.listen(%q, %d)
net.outgoing_v4(%q)
net.ipv6 = false
trust_anchors.remove('.')
%smodules = { 'hints > iterate', 'policy' }
hints.root_file(%q)
modules.unload('ta_signal_query')
modules.unload('ta_sentinel')
modules.unload('priming')
modules.unload('detect_time_skew')
cache.size = 10*MB
policy.add(policy.all(policy.FLAGS({'NO_CACHE'})))
`

// PlainKnot is Knot Resolver likewise. It keeps no answers: with its cache it makes
// up negative ones from the proofs of others (RFC 8198), and a fault of theirs would
// never be met.
func PlainKnot() Software {
	plain := knot()
	plain.Follows = false
	plain.setup = func(s Setting, programs map[string]string) setup {
		var anchors strings.Builder
		for _, ds := range s.digests() {
			fmt.Fprintf(&anchors, "trust_anchors.add(%q)\n", ". 3600 IN DS "+ds)
		}
		return setup{
			config: "kresd.conf", cache: []string{"data.mdb", "lock.mdb"},
			files: map[string]string{"kresd.conf": fmt.Sprintf(plainKnotConfig, s.At.Addr(), s.At.Port(), s.At.Addr(), anchors.String(), s.Hints)},
			args:  []string{programs["kresd"], "-n", "-c", s.path("kresd.conf"), s.Folder},
		}
	}
	return plain
}

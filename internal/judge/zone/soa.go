package zone

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// versions are the zone as each of its servers had it in the last look, those
// left out that gave no SOA with authority. They are shared by checks.
func versions(c *judge.Case) []version {
	type key struct{}
	return judge.Shared(c, key{}, func() []version {
		var out []version
		for _, server := range c.Servers {
			if v, ok := versionOf(c, server); ok {
				out = append(out, v)
			}
		}
		return out
	})
}

// newestSOA is the SOA of the newest version of the zone, false where no server
// gave one. What a server that is behind says of the zone's parameters is its
// old word: CST-01 speaks of that.
func newestSOA(c *judge.Case) (version, bool) {
	all := versions(c)
	if len(all) == 0 {
		return version{}, false
	}
	best := all[0]
	for _, v := range all[1:] {
		if older(best.soa.Serial, v.soa.Serial) {
			best = v
		}
	}
	return best, true
}

// aboutSOA is a finding about the zone that rests on its SOA.
func aboutSOA(v version, severity holdfast.Severity, text string) holdfast.Finding {
	return holdfast.Finding{Severity: severity, RRset: holdfast.ClassSOA, Text: text, Evidence: []int{v.reply.Index}}
}

// isTop says whether the zone is the root or a top-level domain, for which
// other customs hold than for zones below.
func isTop(zone holdfast.Name) bool { return zone.Labels() <= 1 }

// apexReplies are what the zone's servers said, with authority and without an
// error, about a type at the apex that not every zone has.
func apexReplies(c *judge.Case, t wire.Type) []judge.Reply {
	var out []judge.Reply
	for _, r := range c.Replies(c.Zone, holdfast.PurposeApex) {
		if wire.Type(r.Exchange.Question.Type) == t && r.OK() && r.Message.Authoritative {
			out = append(out, r)
		}
	}
	return out
}

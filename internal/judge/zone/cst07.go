package zone

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
)

func copyExpiring() judge.Check {
	return judge.Check{
		Code: "CST-07", Name: "copy-expiring", Severity: holdfast.SeverityError,
		Reference: "RFC 1035 section 3.3.13, RFC 1034 section 4.3.5",
		Summary:   "No server has gone without a newer version for so long that its copy of the zone is about to expire.",
		Judge:     judgeExpiry,
	}
}

// judgeExpiry goes by the first look at which another server had a newer
// version: a secondary that had reached its primary after that would have it
// too, so its copy expires no later than the SOA's expire time after that look.
func judgeExpiry(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	for _, v := range versions(c) {
		p, known := past.ServerOf(c, v.server)
		if !known || p.Behind.IsZero() || p.Serial != v.soa.Serial {
			continue
		}
		expire := time.Duration(v.soa.Expire) * time.Second
		f := holdfast.Finding{
			Server: v.server, RRset: holdfast.ClassSOA, Evidence: []int{v.reply.Index}, Until: p.Behind.Add(expire),
			Text: fmt.Sprintf("has taken no newer version of the zone since %s: its copy is to expire by %s, and it stops answering then",
				p.Behind.Format(time.DateTime+" UTC"), p.Behind.Add(expire).Format(time.DateTime+" UTC")),
		}
		switch {
		case c.Older(p.Behind, expire/4*3):
			f.Severity = holdfast.SeverityError
		case c.Older(p.Behind, expire/2):
			f.Severity = holdfast.SeverityWarning
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

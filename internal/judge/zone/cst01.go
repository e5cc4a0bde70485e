package zone

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// By the age of the version that a server is left with.
const (
	lagWarns = 24 * time.Hour
	lagErrs  = 72 * time.Hour
)

func serialsDiffer() judge.Check {
	return judge.Check{
		Code: "CST-01", Name: "serials-differ", Severity: holdfast.SeverityWarning,
		Reference: "RFC 1034 section 4.3.5, RFC 1982 section 3.2",
		Summary:   "All servers have the newest version of the zone, or follow within a day.",
		Judge:     judgeSerials,
	}
}

// version is the zone as a server has it.
type version struct {
	server holdfast.Server
	reply  judge.Reply
	soa    wire.SOA
	made   time.Time // zero where it cannot be known
}

func judgeSerials(c *judge.Case) []holdfast.Finding {
	all := versions(c)
	var out []holdfast.Finding
	for _, v := range all {
		last := v
		for _, other := range all {
			// A newer serial that was seen much later says nothing of this server.
			if older(last.soa.Serial, other.soa.Serial) && other.reply.Exchange.Sent.Sub(v.reply.Exchange.Sent) <= look {
				last = other
			}
		}
		if last.server == v.server {
			continue
		}
		f := holdfast.Finding{
			Severity: v.lag(c, last), Server: v.server, RRset: holdfast.ClassSOA,
			Text:     fmt.Sprintf("has serial %d, others have %d", v.soa.Serial, last.soa.Serial),
			Evidence: []int{v.reply.Index, last.reply.Index},
		}
		v.slope(c, &f)
		out = append(out, f)
	}
	return out
}

// slope says whether the server follows, if late, or stands still, as far as
// earlier looks tell. One that follows is a step less grave: what it lacks, it
// gets.
func (v version) slope(c *judge.Case, f *holdfast.Finding) {
	p, known := past.ServerOf(c, v.server)
	if !known || !c.Past.Known() || p.Serial != v.soa.Serial || p.Behind.IsZero() {
		return
	}
	switch {
	case p.Given.After(c.Past.Since) && !p.Given.Before(p.Behind) && !c.Older(p.Given, lagWarns):
		// It took a version while others were ahead already.
		f.Text += "; it follows, but late"
		f.Severity = max(holdfast.SeverityNotice, f.Severity-1)
	case p.Behind.Before(c.Instant):
		f.Text += fmt.Sprintf("; it has taken none since %s or before", p.Given.Format(time.DateTime+" UTC"))
	}
}

func versionOf(c *judge.Case, server holdfast.Server) (version, bool) {
	for _, r := range latest(c, server) {
		if r.Exchange.Purpose != holdfast.PurposeSOA && r.Exchange.Purpose != holdfast.PurposeSOATCP {
			continue
		}
		set := c.Answer(r, c.Zone, wire.TypeSOA)
		if set == nil || !r.Message.Authoritative {
			continue
		}
		if soa, err := set.Records[0].SOA(); err == nil {
			made := signedAt(set, c.Instant)
			if made.IsZero() {
				made = serialDate(c, soa.Serial)
			}
			return version{server, r, soa, made}, true
		}
	}
	return version{}, false
}

// lag says how bad it is to be left with v while others have last. A server
// that misses one version, which was made within the time in which secondaries
// look for a new one, is not late yet however old its own is.
func (v version) lag(c *judge.Case, last version) holdfast.Severity {
	refresh := time.Duration(v.soa.Refresh) * time.Second
	if v.made.IsZero() || last.soa.Serial-v.soa.Serial == 1 && !c.Older(last.made, refresh) {
		return holdfast.SeverityNotice
	}
	halfway := max(lagWarns, time.Duration(v.soa.Expire)*time.Second/2)
	switch {
	case c.Older(v.made, lagErrs), v.soa.Expire > 0 && c.Older(v.made, halfway):
		return holdfast.SeverityError
	case c.Older(v.made, lagWarns):
		return holdfast.SeverityWarning
	}
	return holdfast.SeverityNotice
}

// serialDate reads the day from a serial that is written as YYYYMMDDnn (RFC
// 1912 section 2.2) or in seconds since 1970; zero where it is neither. Both
// are customs, so a day outside the ten years before the instant is not believed.
func serialDate(c *judge.Case, serial uint32) time.Time {
	for _, made := range []time.Time{
		time.Date(int(serial/1e6), time.Month(serial/1e4%100), int(serial/100%100), 0, 0, 0, 0, time.UTC),
		time.Unix(int64(serial), 0).UTC(),
	} {
		if made.After(c.Instant.AddDate(-10, 0, 0)) && c.Passed(made) {
			return made
		}
	}
	return time.Time{}
}

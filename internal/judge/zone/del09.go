package zone

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func dsMishandled() judge.Check {
	return judge.Check{
		Code: "DEL-09", Name: "ds-mishandled", Severity: holdfast.SeverityError,
		Reference: "RFC 4035 section 3.1.4.1",
		Summary:   "Every server of the parent answers for the zone's DS with authority, with the same records, and with signatures where others have them.",
		Unless:    []string{"DEL-01"},
		Judge:     judgeDS,
	}
}

// dsWord is what one server of the parent says of the DS.
type dsWord struct {
	reply  judge.Reply
	set    *judge.RRset // nil where it says that there is none
	serial serial
}

func judgeDS(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	var words []dsWord
	of, signed := 0, false
	for _, server := range c.ParentServers {
		r, ok := c.AtParent(server, holdfast.PurposeDS)
		if !ok || !r.OK() {
			continue
		}
		of++
		set := c.Answer(r, c.Zone, wire.TypeDS)
		if set == nil && refersDown(c, r) {
			out = append(out, holdfast.Finding{
				Severity: holdfast.SeverityError, Server: server, RRset: holdfast.ClassDS, Evidence: []int{r.Index},
				Text: "answers the question for the zone's DS with a referral, as a server does that knows no DNSSEC",
			})
			continue
		}
		signed = signed || set != nil && len(set.RRSIGs) > 0
		words = append(words, dsWord{reply: r, set: set, serial: parentSerial(c, server)})
	}
	out = judge.Spread(out, of, holdfast.SeverityError, "every server of the parent that answers gives a referral to the question for the zone's DS")
	if !signed {
		return out // an unsigned parent, or no DS at all
	}
	for _, w := range words {
		if fault := w.fault(words); fault != "" {
			out = append(out, holdfast.Finding{
				Severity: holdfast.SeverityError, Server: w.reply.Exchange.Server, RRset: holdfast.ClassDS, Text: fault, Evidence: []int{w.reply.Index},
			})
		}
	}
	return out
}

// refersDown says whether the reply is the referral to the zone, where the
// parent's own word was asked for.
func refersDown(c *judge.Case, r judge.Reply) bool {
	return !r.Message.Authoritative && r.Message.Rcode == wire.NoError && c.Authority(r, c.Zone, wire.TypeNS) != nil
}

// fault is what is wrong with a server's DS, held against those of the others:
// without signatures where theirs have some, or absent under the very serial
// under which they have them. Records that merely differ are part of DEL-01.
func (w dsWord) fault(others []dsWord) string {
	if w.set != nil {
		if len(w.set.RRSIGs) == 0 {
			return "gives the zone's DS without signatures, where other servers of the parent sign them"
		}
		return ""
	}
	for _, o := range others {
		if o.set != nil && o.serial.known && w.serial.known && o.serial.number == w.serial.number {
			return "says that the zone has no DS, where other servers of the parent have them under the same serial"
		}
	}
	return ""
}

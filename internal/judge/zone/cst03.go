package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// instant is how far apart two answers of a server may be for the serial in
// one to be that of the other.
const instant = 2 * time.Minute

func serversDisagree() judge.Check {
	return judge.Check{
		Code: "CST-03", Name: "servers-disagree", Severity: holdfast.SeverityError,
		Reference: "RFC 1034 section 4.3.5",
		Summary:   "All servers with the same serial give the same NS, DNSKEY, NSEC3PARAM, CDS and CDNSKEY records.",
		Judge:     judgeAgreement,
	}
}

// compared are the apex's RRsets that all servers must give alike. empty says
// that a zone may do without: then the absence is compared as well.
var compared = []struct {
	purpose holdfast.Purpose
	t       wire.Type
	class   holdfast.Class
	empty   bool
	usual   holdfast.Severity
}{
	{holdfast.PurposeNS, wire.TypeNS, holdfast.ClassNS, false, holdfast.SeverityError},
	{holdfast.PurposeDNSKEY, wire.TypeDNSKEY, holdfast.ClassDNSKEY, false, holdfast.SeverityError},
	{holdfast.PurposeNSEC3PARAM, wire.TypeNSEC3PARAM, holdfast.ClassNSEC3PARAM, true, holdfast.SeverityError},
	{holdfast.PurposeCDS, wire.TypeCDS, holdfast.ClassCDS, true, holdfast.SeverityWarning},
	{holdfast.PurposeCDNSKEY, wire.TypeCDNSKEY, holdfast.ClassCDNSKEY, true, holdfast.SeverityWarning},
}

// copyOf is what one server gives for a type, and with which serial.
type copyOf struct {
	server holdfast.Server
	reply  judge.Reply
	key    string // the canonical records
	serial uint32
	known  bool
}

func judgeAgreement(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	for _, what := range compared {
		var copies []copyOf
		for _, server := range c.Servers {
			r, ok := c.At(server, what.purpose)
			if !ok || !r.OK() || !r.Message.Authoritative {
				continue
			}
			set := c.Answer(r, c.Zone, what.t)
			if set == nil && (!what.empty || r.Message.Rcode != wire.NoError || isUnsigned(c, server)) {
				continue
			}
			serial, known := serialAt(c, server, r.Exchange.Sent)
			copies = append(copies, copyOf{server, r, strings.Join(content(set), "\x00"), serial, known})
		}
		for _, f := range compare(copies, string(what.class), what.usual) {
			f.RRset = what.class
			out = append(out, f)
		}
	}
	return out
}

// compare sets each server's copy against the one that most servers give. Only
// answers of the same look are compared.
func compare(copies []copyOf, what string, usual holdfast.Severity) []holdfast.Finding {
	var newest time.Time
	for _, copied := range copies {
		if copied.reply.Exchange.Sent.After(newest) {
			newest = copied.reply.Exchange.Sent
		}
	}
	copies = slices.DeleteFunc(copies, func(x copyOf) bool { return !together(x.reply.Exchange.Sent, newest) })
	reference, tied := common(copies)
	var out []holdfast.Finding
	for _, x := range copies {
		if x.key == reference.key {
			continue
		}
		f := holdfast.Finding{
			Severity: usual, Server: x.server, Evidence: []int{x.reply.Index, reference.reply.Index},
			Text: fmt.Sprintf("gives other %s records than most servers", what),
		}
		if tied {
			f.Text = fmt.Sprintf("gives other %s records than %s", what, reference.server)
		}
		switch {
		case !x.known || !reference.known:
			f.Severity = holdfast.SeverityNotice
		case x.serial != reference.serial:
			f.Severity = holdfast.SeverityNotice
			f.Text += fmt.Sprintf(" (its serial is %d, theirs %d)", x.serial, reference.serial)
		default:
			f.Text += fmt.Sprintf(" under the same serial %d", x.serial)
		}
		out = append(out, f)
	}
	return out
}

// common is the copy that most servers give; of equals, the one with the newer
// serial. tied says that no copy has a majority over the next.
func common(copies []copyOf) (best copyOf, tied bool) {
	votes := make(map[string]int)
	for _, x := range copies {
		votes[x.key]++
	}
	for i, x := range copies {
		newer := cmp.Compare(votes[x.key], votes[best.key])
		if newer == 0 && x.key != best.key && x.known && best.known && older(best.serial, x.serial) {
			newer = 1
		}
		if i == 0 || newer > 0 {
			best = x
		}
	}
	for key, n := range votes {
		tied = tied || key != best.key && n == votes[best.key]
	}
	return best, tied
}

// serialAt is the serial that a server had when it was asked something else:
// from its SOA, or from the SOA in a negative answer, whichever was asked for
// next to it.
func serialAt(c *judge.Case, server holdfast.Server, sent time.Time) (serial uint32, known bool) {
	best := instant + 1
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		apart := e.Sent.Sub(sent).Abs()
		if e.Zone != c.Zone || e.Server != server || apart >= best || c.Messages[i] == nil {
			continue
		}
		r := c.Reply(i)
		set := c.Answer(r, c.Zone, wire.TypeSOA)
		if set == nil {
			set = c.Authority(r, c.Zone, wire.TypeSOA)
		}
		if set == nil {
			continue
		}
		if soa, err := set.Records[0].SOA(); err == nil {
			serial, known, best = soa.Serial, true, apart
		}
	}
	return serial, known
}

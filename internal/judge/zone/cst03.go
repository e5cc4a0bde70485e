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
		Summary:   "All servers with the same serial give the same NS, DNSKEY, NSEC3PARAM, CDS and CDNSKEY records, and the same MX, TXT, CSYNC and ZONEMD records at the apex.",
		Judge:     judgeAgreement,
	}
}

// compared are the apex's RRsets that all servers must give alike. empty says
// that a zone may do without: then the absence is compared as well. Addresses
// are not among them: zones below top-level domains may give others to each who
// asks.
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
	{holdfast.PurposeApex, wire.TypeMX, "MX", true, holdfast.SeverityWarning},
	{holdfast.PurposeApex, wire.TypeTXT, "TXT", true, holdfast.SeverityWarning},
	{holdfast.PurposeApex, wire.TypeCSYNC, "CSYNC", true, holdfast.SeverityWarning},
	{holdfast.PurposeApex, wire.TypeZONEMD, "ZONEMD", true, holdfast.SeverityWarning},
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
			r, ok := askedFor(c, server, what.purpose, what.t)
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
			if f.Severity > holdfast.SeverityNotice && bySigner(c, what.class) {
				f.Severity = holdfast.SeverityNotice
				f.Text += "; each validates, as where several signers share a zone"
			}
			out = append(out, f)
		}
	}
	return out
}

// askedFor is what a server said to a question of a purpose for a type of the
// apex.
func askedFor(c *judge.Case, server holdfast.Server, purpose holdfast.Purpose, t wire.Type) (judge.Reply, bool) {
	if purpose != holdfast.PurposeApex {
		return c.At(server, purpose)
	}
	for _, r := range c.Replies(c.Zone, purpose) {
		if r.Exchange.Server == server && wire.Type(r.Exchange.Question.Type) == t {
			return r, true
		}
	}
	return judge.Reply{}, false
}

// bySigner says that servers may differ in a class because each signs by
// itself (RFC 8901 sections 2.1 and 4): keys, and how names are hashed. All
// that answer must be secure, and some sign with other keys than others;
// whether the signers know one another's keys is ROL-09's.
func bySigner(c *judge.Case, class holdfast.Class) bool {
	if class != holdfast.ClassDNSKEY && class != holdfast.ClassNSEC3PARAM {
		return false
	}
	var signers [][]uint16
	for i := range c.Chain.Servers {
		s := &c.Chain.Servers[i]
		if !s.Reachable {
			continue
		}
		if s.Status != holdfast.Secure {
			return false
		}
		if tags := signersOf(s); len(tags) > 0 {
			signers = append(signers, tags)
		}
	}
	for _, tags := range signers {
		if len(without(tags, signers[0])) == len(tags) {
			return true
		}
	}
	return false
}

// signersOf are the tags of the keys that a server's SOA is signed with.
func signersOf(s *judge.ServerChain) []uint16 {
	var out []uint16
	for _, set := range s.Sets {
		if set.Class != holdfast.ClassSOA {
			continue
		}
		for _, sig := range set.Signatures {
			if sig.Verifies && !slices.Contains(out, sig.KeyTag) {
				out = append(out, sig.KeyTag)
			}
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
	for _, shown := range serialsShown(c)[server] {
		if apart := shown.sent.Sub(sent).Abs(); apart < best {
			serial, known, best = shown.serial, true, apart
		}
	}
	return serial, known
}

// serialShown is the serial in a reply, answer or proof.
type serialShown struct {
	sent   time.Time
	serial uint32
}

type serialsKey struct{}

// serialsShown are those of all replies, by server.
func serialsShown(c *judge.Case) map[holdfast.Server][]serialShown {
	return judge.Shared(c, serialsKey{}, func() map[holdfast.Server][]serialShown {
		out := map[holdfast.Server][]serialShown{}
		for i := range c.Measurement.Exchanges {
			e := &c.Measurement.Exchanges[i]
			if e.Zone != c.Zone || c.Messages[i] == nil {
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
				out[e.Server] = append(out[e.Server], serialShown{e.Sent, soa.Serial})
			}
		}
		return out
	})
}

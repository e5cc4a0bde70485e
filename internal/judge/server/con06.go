package server

import (
	"encoding/binary"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func instanceUntold() judge.Check {
	return judge.Check{
		Code: "CON-06", Name: "instance-untold", Severity: holdfast.SeverityInfo,
		Reference: "RFC 5001, RFC 4892, RFC 9660",
		Summary:   "Each server says which of its instances has answered, and with which version of the zone.",
		Judge:     judgeInstance,
	}
}

func judgeInstance(c *judge.Case) []holdfast.Finding {
	var untold, wrong []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		usual, ok := plain(c, server)
		if !ok || usual.Message.EDNS == nil {
			continue
		}
		of++
		f := holdfast.Finding{Severity: holdfast.SeverityInfo, Server: server}
		if r, ok := said(c, server, holdfast.PurposeIdentity); ok && len(usual.Message.EDNS.NSID) == 0 && textOf(r.Message.Answer) == "" {
			f.Text = "does not say which of its instances has answered (no NSID, no id.server)"
			f.Evidence = []int{usual.Index, r.Index}
			untold = append(untold, f)
		}
		if r, ok := said(c, server, holdfast.PurposeManners); ok && otherVersion(c, r) {
			f.Text = "says by ZONEVERSION that it answers from another serial than the SOA beside it has"
			f.RRset = holdfast.ClassSOA
			f.Evidence = []int{r.Index}
			wrong = append(wrong, f)
		}
	}
	return append(rolled(untold, of, holdfast.SeverityInfo), rolled(wrong, of, holdfast.SeverityInfo)...)
}

// otherVersion says whether the reply has a ZONEVERSION of the SOA-SERIAL type
// (RFC 9660 section 3) for this zone that is not its SOA's serial.
func otherVersion(c *judge.Case, r judge.Reply) bool {
	opt, _ := wire.ReadOPT(r.Exchange.Reply)
	version, ok := opt.Option(wire.OptionZoneVersion)
	set := c.Answer(r, c.Zone, wire.TypeSOA)
	if !ok || set == nil || len(version) != 6 || int(version[0]) != c.Zone.Labels() || version[1] != 0 {
		return false
	}
	soa, err := set.Records[0].SOA()
	return err == nil && binary.BigEndian.Uint32(version[2:]) != soa.Serial
}

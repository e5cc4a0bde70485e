package zone

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// What RFC 8976 sections 5.2 and 5.3 define.
const (
	schemeSimple = 1
	hashSHA384   = 1
	hashSHA512   = 2
)

func zonemdWrong() judge.Check {
	return judge.Check{
		Code: "INT-02", Name: "zonemd-wrong", Severity: holdfast.SeverityWarning,
		Reference: "RFC 8976 section 4",
		Summary:   "Where the apex has ZONEMD records, one is of a known scheme and hash, their serial is the SOA's, and in a signed zone they are signed.",
		Judge:     judgeZONEMD,
	}
}

// judgeZONEMD says what keeps the digest from being used, as far as single
// records show it; whether it fits the zone takes the whole zone.
func judgeZONEMD(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	for _, r := range apexReplies(c, wire.TypeZONEMD) {
		set := c.Answer(r, c.Zone, wire.TypeZONEMD)
		if set == nil {
			continue
		}
		of++
		if severity, fault := zonemdFault(c, r, set); fault != "" {
			out = append(out, holdfast.Finding{
				Severity: severity, Server: r.Exchange.Server, RRset: "ZONEMD", Evidence: []int{r.Index}, Text: fault,
			})
		}
	}
	if of == 0 {
		return nil
	}
	worst, text := holdfast.SeverityInfo, ""
	for _, f := range out {
		if text == "" || f.Severity > worst {
			worst, text = f.Severity, f.Text
		}
	}
	return judge.Spread(out, of, worst, "the zone "+text)
}

func zonemdFault(c *judge.Case, r judge.Reply, set *judge.RRset) (holdfast.Severity, string) {
	if isSigned(c, r.Exchange.Server) && len(set.RRSIGs) == 0 {
		return holdfast.SeverityWarning, "gives ZONEMD records without a signature: nobody can trust the digest"
	}
	serial, steady := c.SteadySerial(r.Exchange.Server, r.Exchange.Sent, instant)
	known, seen := false, make(map[[2]uint8]int)
	for _, record := range set.Records {
		md, err := record.ZONEMD()
		if err != nil {
			return holdfast.SeverityWarning, "gives a ZONEMD record that cannot be read"
		}
		if steady && md.Serial != serial {
			return holdfast.SeverityWarning, "gives a ZONEMD record whose serial is not the SOA's: the digest is of another version of the zone"
		}
		pair := [2]uint8{md.Scheme, md.Hash}
		if seen[pair]++; seen[pair] > 1 {
			return holdfast.SeverityWarning, fmt.Sprintf("gives two ZONEMD records of scheme %d and hash %d: neither can be used", md.Scheme, md.Hash)
		}
		known = known || md.Scheme == schemeSimple && (md.Hash == hashSHA384 || md.Hash == hashSHA512)
	}
	if !known {
		return holdfast.SeverityNotice, "gives ZONEMD records of no scheme and hash that RFC 8976 defines"
	}
	return 0, ""
}

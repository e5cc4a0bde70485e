package zone

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
)

func serialMisused() judge.Check {
	return judge.Check{
		Code: "CST-06", Name: "serial-misused", Severity: holdfast.SeverityError,
		Reference: "RFC 1982 section 3.2, RFC 1035 section 3.3.13",
		Summary:   "The zone's serial does not go back, and its NS records and SOA do not change while the serial stays.",
		Unless:    []string{"ZON-05"},
		Judge: func(c *judge.Case) []holdfast.Finding {
			return append(serialBack(c), sameSerial(c)...)
		},
	}
}

// serialBack says that the zone as a whole went back. That a single server did
// may be another instance of an anycast address, or a copy that was put back:
// while any server has the peak, CST-01 speaks of those that do not.
func serialBack(c *judge.Case) []holdfast.Finding {
	now, ok := newestSOA(c)
	if !ok {
		return nil
	}
	var peak holdfast.ServerPast
	var fell []int
	for _, v := range versions(c) {
		p, known := past.ServerOf(c, v.server)
		if !known || p.PeakUntil.IsZero() || !older(now.soa.Serial, p.Peak) {
			continue
		}
		fell = append(fell, v.reply.Index)
		if peak.PeakUntil.IsZero() || older(peak.Peak, p.Peak) || peak.Peak == p.Peak && p.PeakUntil.After(peak.PeakUntil) {
			peak = p
		}
	}
	if len(fell) == 0 {
		return nil
	}
	// One address of several may have another instance behind it now, while
	// those that had the peak are silent.
	severity := holdfast.SeverityWarning
	if len(fell) > 1 || len(fell) == len(c.Servers) {
		severity = holdfast.SeverityError
	}
	return []holdfast.Finding{{
		Severity: severity, RRset: holdfast.ClassSOA, Evidence: fell, Count: len(fell),
		Text: fmt.Sprintf("the serial of the zone went back: it was %d until %s, and a secondary that has that takes nothing older",
			peak.Peak, peak.PeakUntil.Format(time.DateTime+" UTC")),
	}}
}

// sameSerial says that servers give another SOA or other NS records than they
// did under the same serial. Records that a signer makes are left out: one that
// signs while it answers changes them as it likes.
func sameSerial(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	for _, v := range versions(c) {
		p, known := past.ServerOf(c, v.server)
		if !known || p.Serial != v.soa.Serial {
			continue
		}
		of++
		if p.Changed.IsZero() {
			continue
		}
		out = append(out, holdfast.Finding{
			Severity: holdfast.SeverityWarning, Server: v.server, RRset: holdfast.ClassNS, Evidence: []int{v.reply.Index},
			Text: fmt.Sprintf("gives other NS records or another SOA since %s than before, under the same serial %d",
				p.Changed.Format(time.DateTime+" UTC"), p.Serial),
		})
	}
	return judge.Spread(out, of, holdfast.SeverityWarning,
		"the zone's NS records or its SOA changed while its serial stayed: a secondary that has the serial does not take the change")
}

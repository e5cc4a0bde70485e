package zone

import (
	"fmt"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func soaDiffers() judge.Check {
	return judge.Check{
		Code: "CST-02", Name: "soa-differs", Severity: holdfast.SeverityNotice,
		Reference: "RFC 1034 section 4.3.5",
		Summary:   "All servers with the same serial give the same SOA in its other fields.",
		Unless:    []string{"ZON-05"},
		Judge:     judgeSOAs,
	}
}

func judgeSOAs(c *judge.Case) []holdfast.Finding {
	bySerial := make(map[uint32][]copyOf)
	var serials []uint32
	for _, v := range versions(c) {
		set := c.Answer(v.reply, c.Zone, wire.TypeSOA)
		if bySerial[v.soa.Serial] == nil {
			serials = append(serials, v.soa.Serial)
		}
		bySerial[v.soa.Serial] = append(bySerial[v.soa.Serial],
			copyOf{v.server, v.reply, strings.Join(content(set), "\x00"), v.soa.Serial, true})
	}
	soas := make(map[holdfast.Server]wire.SOA)
	for _, v := range versions(c) {
		soas[v.server] = v.soa
	}
	var out []holdfast.Finding
	for _, serial := range serials {
		copies := bySerial[serial]
		reference, tied := common(copies)
		for _, x := range copies {
			if x.key == reference.key || !together(x.reply.Exchange.Sent, reference.reply.Exchange.Sent) {
				continue
			}
			than := "most servers"
			if tied {
				than = reference.server.String()
			}
			out = append(out, holdfast.Finding{
				Severity: holdfast.SeverityNotice, Server: x.server, RRset: holdfast.ClassSOA,
				Text:     fmt.Sprintf("gives an SOA of the same serial with %s than %s", join(otherFields(soas[x.server], soas[reference.server])), than),
				Evidence: []int{x.reply.Index, reference.reply.Index},
			})
		}
	}
	return out
}

// otherFields names the fields in which two SOAs differ, and what is in the
// first.
func otherFields(a, b wire.SOA) []string {
	var out []string
	note := func(differs bool, what string, value any) {
		if differs {
			out = append(out, fmt.Sprintf("another %s (%v)", what, value))
		}
	}
	note(a.MName != b.MName, "MNAME", a.MName)
	// Whose mailbox it is need not be in every report.
	if a.RName != b.RName {
		out = append(out, "another RNAME")
	}
	note(a.Refresh != b.Refresh, "refresh", a.Refresh)
	note(a.Retry != b.Retry, "retry", a.Retry)
	note(a.Expire != b.Expire, "expire", a.Expire)
	note(a.NegativeMinTTL != b.NegativeMinTTL, "minimum", a.NegativeMinTTL)
	return out
}
